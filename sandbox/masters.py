"""Master data: what the systems list whole, by the ids they show."""

from sandbox.saleor.catalogue import ROOTS
from sandbox.world import World
from sandbox.zoho.entities import COMPOSITE_ITEMS
from sandbox.zoho.items import warehouse_rows


def ids(world: World, system: str, entity: str) -> list[str] | None:
    """Ids of all records; None where records are kept in tables of their own."""
    if system == "saleor" and entity in ROOTS:
        return [str(node["id"]) for node in ROOTS[entity].nodes(world)]
    if system == "zoho" and entity == "taxes":
        return [tax.tax_id for tax in world.merchant.taxes]
    if system == "zoho" and entity == "warehouses":
        return [str(row["warehouse_id"]) for row in warehouse_rows(world.merchant)]
    if system == "zoho" and entity == COMPOSITE_ITEMS.plural:
        return list(COMPOSITE_ITEMS.table(world).by_id)
    if system == "reviewsio" and entity == "ratings":
        return sorted({review.sku for review in world.product_reviews.by_id.values()})
    return None
