"""raw/zoho_items: items of Zoho, and what they say about a canonical variant."""

from datetime import timedelta
from typing import Final

from resources.zoho import ZOHO, ZohoList
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.article import grams, split_name
from schemabase_dagster.normalise.fields import OptionalAmount, SourceModel, Text
from schemabase_dagster.normalise.text import sku
from schemabase_dagster.streams import Stream, Undated, Watch

STOCK_FIELDS: Final = ("stock_on_hand", "available_stock", "actual_available_stock")
"""Absent where an item is not tracked in inventory."""

OPTIONS: Final = (1, 2, 3)


class _Item(SourceModel):
    item_id: str
    sku: Text = None
    name: Text = None
    status: Text = None
    unit: Text = None
    group_id: Text = None
    is_combo_product: bool | None = None
    stock_on_hand: OptionalAmount = None
    weight: OptionalAmount = None
    weight_unit: Text = None
    tax_percentage: OptionalAmount = None
    ean: Text = None
    upc: Text = None
    isbn: Text = None
    attribute_name1: Text = None
    attribute_name2: Text = None
    attribute_name3: Text = None
    attribute_option_name1: Text = None
    attribute_option_name2: Text = None
    attribute_option_name3: Text = None


def map_item(record: SourceRecord) -> Candidate:
    """Map an item of Zoho (specification 2.6); one without SKU is a row of its own."""
    item = record.read(_Item)
    known = sku(item.sku) or None
    return Candidate(
        match_key=known,
        number=item.sku,
        status=item.status,
        values={
            "sku": known,
            "name": split_name(item.name)[1],
            "active": item.status != "inactive",
            "is_tracked": item.stock_on_hand is not None,
            "is_bundle": item.is_combo_product,
            "unit": item.unit,
            "gtin": item.ean or item.upc or item.isbn,
            "weight_g": grams(item.weight, item.weight_unit),
            "tax_percentage": item.tax_percentage,
            "attributes": _options(item) or None,
        },
        parents={"product": [f"#{item.item_id}"]},
        attrs={"status": item.status},
    )


def _options(item: _Item) -> dict[str, str]:
    pairs = (
        (getattr(item, f"attribute_name{n}"), getattr(item, f"attribute_option_name{n}"))
        for n in OPTIONS
    )
    return {name: option for name, option in pairs if name and option}


ZOHO_ITEMS = Stream(
    name="zoho_items",
    system=ZOHO,
    group="products",
    entity="variant",
    description=(
        "Items of Zoho, composite and inactive ones included, with stock by warehouse; details "
        "come 100 in a call. A stock move leaves the modified time alone: the 500 items changed "
        "last are read again on every pull, all whose listed stock differs by the nightly full "
        "sync."
    ),
    source=ZohoList(path="items", list_key="items", detail_key="item", bulk="itemdetails"),
    id_field="item_id",
    modified_field="last_modified_time",
    order="descending",
    detail=True,
    watch=Watch(STOCK_FIELDS),
    undated=Undated("payload ? 'stock_on_hand'", within=timedelta(days=3650), most=500),
    overlap=timedelta(minutes=2),
    mapper=map_item,
)
