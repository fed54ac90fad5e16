"""raw/zoho_stock: stock by warehouse inside the items of Zoho."""

from collections.abc import Iterator
from decimal import Decimal

from resources.zoho import ZOHO
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.money import decimal
from schemabase_dagster.streams import JsonObject, Part, Stream

LEVELS = {
    "on_hand": "actual_available_stock",
    "committed": "actual_committed_stock",
    "available": "actual_available_for_sale_stock",
}
"""Column -> physical stock: what was received and sent, not what was billed (specification 1.9)."""


def split_stock(item: JsonObject) -> Iterator[JsonObject]:
    """Return the levels of an item; organisations with locations spell the fields otherwise."""
    for kind in ("warehouse", "location"):
        listed = item.get(f"{kind}s")
        for each in listed if isinstance(listed, list) else ():
            place = each.get(f"{kind}_id") if isinstance(each, dict) else None
            if place:
                yield {
                    "id": f"{item.get('item_id')}/{place}",
                    "item_id": item.get("item_id"),
                    "warehouse_id": place,
                    **{name: each.get(f"{kind}_{name}") for name in LEVELS.values()},
                }


def map_stock(record: SourceRecord) -> Candidate:
    """Map a stock level; numbers come as texts at times."""
    level = record.payload
    return Candidate(
        match_key=None,
        values={column: _quantity(level.get(name)) for column, name in LEVELS.items()},
        parents={
            "variant": [f"#{level['item_id']}"],
            "warehouse": [f"#{level['warehouse_id']}"],
        },
    )


def _quantity(value: object) -> Decimal:
    return decimal(value) or Decimal(0)


ZOHO_STOCK = Stream(
    name="zoho_stock",
    system=ZOHO,
    group="stock",
    entity="stock",
    description=(
        "Physical stock by warehouse inside the items of Zoho. Items that are not tracked have "
        "none."
    ),
    source=None,
    id_field="id",
    mapper=map_stock,
    part=Part("zoho_items", split_stock, "item_id", is_whole=True),
)
