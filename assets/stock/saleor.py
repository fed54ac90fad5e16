"""raw/saleor_stocks: stock by warehouse inside the variants of a Saleor shop."""

from collections.abc import Iterator

from resources.saleor import SALEOR
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.fields import Amount, SourceModel
from schemabase_dagster.streams import JsonObject, Part, Stream


class _Id(SourceModel):
    id: str


class _Stock(SourceModel):
    quantity: Amount
    quantityAllocated: Amount
    warehouse: _Id
    variant: _Id


def split_stocks(variant: JsonObject) -> Iterator[JsonObject]:
    """Return the stock levels of a variant."""
    listed = variant.get("stocks")
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict):
            yield {**each, "variant": {"id": variant.get("id")}}


def map_stock(record: SourceRecord) -> Candidate:
    """Map a stock level: the shop's quantity counts what is allocated to orders, too."""
    level = record.read(_Stock)
    return Candidate(
        match_key=None,
        values={
            "on_hand": level.quantity,
            "committed": level.quantityAllocated,
            "available": level.quantity - level.quantityAllocated,
        },
        parents={
            "variant": [f"#{level.variant.id}"],
            "warehouse": [f"#{level.warehouse.id}"],
        },
    )


SALEOR_STOCKS = Stream(
    name="saleor_stocks",
    system=SALEOR,
    group="stock",
    entity="stock",
    description="Stock by warehouse inside the variants of a Saleor shop.",
    source=None,
    id_field="id",
    mapper=map_stock,
    part=Part("saleor_variants", split_stocks, "variant.id", is_whole=True),
)
