"""raw/zoho_prices: selling and purchase rate inside the items of Zoho."""

from collections.abc import Iterator

from resources.zoho import ZOHO
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.fields import Amount, OptionalAmount, SourceModel
from schemabase_dagster.streams import JsonObject, Part, Stream


class _Price(SourceModel):
    item_id: str
    rate: Amount
    purchase_rate: OptionalAmount = None


def split_price(item: JsonObject) -> Iterator[JsonObject]:
    """Return the price of an item; one that is only bought has none."""
    if item.get("rate") not in {None, ""}:
        yield {
            "item_id": item.get("item_id"),
            "rate": item["rate"],
            "purchase_rate": item.get("purchase_rate"),
        }


def map_price(record: SourceRecord) -> Candidate:
    """Map the rate of an item, which is in the organisation's currency; no cost is no cost of 0."""
    price = record.read(_Price)
    return Candidate(
        match_key=None,
        values={"amount": price.rate, "cost_amount": price.purchase_rate or None},
        parents={"variant": [f"#{price.item_id}"]},
    )


ZOHO_PRICES = Stream(
    name="zoho_prices",
    system=ZOHO,
    group="products",
    entity="price",
    description="Selling and purchase rate inside the items of Zoho, without price lists.",
    source=None,
    id_field="item_id",
    mapper=map_price,
    part=Part("zoho_items", split_price, "item_id", is_whole=True),
)
