"""raw/zoho_composite_items: composite items of Zoho with the items they are made of."""

from datetime import timedelta
from typing import Any

from resources.zoho import ZOHO, ZohoList
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.fields import Amount, SourceModel, Text
from schemabase_dagster.normalise.lines import numbered
from schemabase_dagster.normalise.text import sku
from schemabase_dagster.streams import Stream


class _Part(SourceModel):
    mapped_item_id: Text = None
    item_id: str
    sku: Text = None
    name: Text = None
    item_order: int | None = None
    quantity: Amount


class _Composite(SourceModel):
    composite_item_id: str
    status: Text = None
    combo_type: Text = None
    mapped_items: list[_Part]


def map_composite(record: SourceRecord) -> Candidate:
    """Map a composite item (specification 1.9); services it includes are no parts."""
    composite = record.read(_Composite)
    parts = sorted(composite.mapped_items, key=lambda part: part.item_order or 0)
    return Candidate(
        match_key=None,
        status=composite.status,
        values={"kind": composite.combo_type, "active": composite.status != "inactive"},
        children={"lines": numbered(_line(part) for part in parts)},
        parents={"variant": [f"#{composite.composite_item_id}"]},
    )


def _line(part: _Part) -> dict[str, Any]:
    return {
        "source_id": part.mapped_item_id,
        # A part without SKU is told from others by its item.
        "sku": sku(part.sku) or f"#{part.item_id}",
        "description": part.name,
        "quantity": part.quantity,
    }


ZOHO_COMPOSITE_ITEMS = Stream(
    name="zoho_composite_items",
    system=ZOHO,
    group="products",
    entity="bill_of_material",
    description=(
        "Composite items of Zoho with the items they are made of, one call for each that changed. "
        "The composite itself is one of the items."
    ),
    source=ZohoList(
        path="compositeitems",
        list_key="composite_items",
        detail_key="composite_item",
        modified_filter=False,
    ),
    id_field="composite_item_id",
    modified_field="last_modified_time",
    order="descending",
    detail=True,
    overlap=timedelta(minutes=2),
    mapper=map_composite,
)
