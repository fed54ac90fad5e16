"""core/sales_channels: one row per name by which orders call it."""

from assets.named import named_entity
from schemabase_dagster.tables.parties import sales_channels

SALES_CHANNELS = named_entity(
    "sales_channel",
    sales_channels,
    "Where orders are placed: one row per slug. A channel that only orders name is a row, too.",
    group="orders",
    rank=-9,
    columns=("currency",),
    priority=("shop", "erp", "owner"),
)
