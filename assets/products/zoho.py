"""raw/zoho_products: what the items of Zoho say about products."""

from collections.abc import Iterator

from assets.products.keys import sku_key
from resources.zoho import ZOHO
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.article import split_name
from schemabase_dagster.normalise.fields import SourceModel, Text
from schemabase_dagster.streams import JsonObject, Part, Stream

FIELDS = ("item_id", "sku", "name", "group_id", "group_name", "status", "brand", "manufacturer")


class _Item(SourceModel):
    item_id: str
    sku: Text = None
    name: Text = None
    group_id: Text = None
    group_name: Text = None
    brand: Text = None
    manufacturer: Text = None


def split_item(item: JsonObject) -> Iterator[JsonObject]:
    """Return the one product that an item is a variant of."""
    yield {key: item[key] for key in FIELDS if key in item}


def map_item(record: SourceRecord) -> Candidate:
    """Map an item to its product: items of a group are one."""
    item = record.read(_Item)
    shared = sku_key(item.sku)
    return Candidate(
        match_key=shared,
        other_key=f"zoho-group:{item.group_id}" if item.group_id else None,
        number=item.name,
        values={
            "match_key": shared or f"zoho:{item.item_id}",
            "name": item.group_name or split_name(item.name)[0],
            "brand": item.brand or item.manufacturer,
        },
    )


ZOHO_PRODUCTS = Stream(
    name="zoho_products",
    system=ZOHO,
    group="products",
    entity="product",
    description=(
        "What the items of Zoho say about products: the group of an item, else the item itself. "
        "They lie inside the items and land with them."
    ),
    source=None,
    id_field="item_id",
    mapper=map_item,
    part=Part("zoho_items", split_item, "item_id", is_whole=True),
)
