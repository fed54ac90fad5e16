"""raw/saleor_channels: channels of a Saleor shop."""

from assets.named import named_mapper
from resources.saleor import SALEOR, plain_list
from schemabase_dagster.streams import Stream

SALEOR_CHANNELS = Stream(
    name="saleor_channels",
    system=SALEOR,
    group="orders",
    entity="sales_channel",
    description="Channels of a Saleor shop, in one call; orders name them by their slugs.",
    source=plain_list("channels", "Channel", "id name slug isActive currencyCode"),
    id_field="id",
    deletes="never",
    mapper=named_mapper("name", key="slug", currency=lambda node: node.get("currencyCode")),
)
