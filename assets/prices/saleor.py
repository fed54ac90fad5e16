"""raw/saleor_prices: channel prices inside the variants of a Saleor shop."""

from collections.abc import Iterator

from resources.saleor import SALEOR
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.fields import Amount, Currency, SourceModel
from schemabase_dagster.streams import JsonObject, Part, Stream


class _Id(SourceModel):
    id: str


class _Money(SourceModel):
    amount: Amount
    currency: Currency


class _Listing(SourceModel):
    channel: _Id
    price: _Money
    costPrice: _Money | None = None
    variant: _Id


def split_listings(variant: JsonObject) -> Iterator[JsonObject]:
    """Return the channel listings of a variant that have a price."""
    listed = variant.get("channelListings")
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and each.get("price"):
            yield {**each, "variant": {"id": variant.get("id")}}


def map_listing(record: SourceRecord) -> Candidate:
    """Map the price of a variant in a channel."""
    listing = record.read(_Listing)
    return Candidate(
        match_key=None,
        values={
            "currency": listing.price.currency,
            "amount": listing.price.amount,
            "cost_amount": listing.costPrice.amount if listing.costPrice else None,
        },
        parents={
            "variant": [f"#{listing.variant.id}"],
            "sales_channel": [f"#{listing.channel.id}"],
        },
    )


SALEOR_PRICES = Stream(
    name="saleor_prices",
    system=SALEOR,
    group="products",
    entity="price",
    description="Channel prices inside the variants of a Saleor shop; one taken back is deleted.",
    source=None,
    id_field="id",
    mapper=map_listing,
    part=Part("saleor_variants", split_listings, "variant.id", is_whole=True),
)
