"""core/stock: one level per warehouse, variant and app."""

from schemabase_dagster.engine.entity import Entity, FieldGroup, Reference
from schemabase_dagster.tables.catalogue import stock

STOCK = Entity(
    name="stock",
    table=stock,
    group="stock",
    description=(
        "Stock levels: one row per warehouse, variant and app, since each system counts for "
        "itself. `analytics.stock_current` shows the level of the best one."
    ),
    number_column=None,
    sample=("id", "on_hand", "committed", "available"),
    groups=(
        FieldGroup("level", ("on_hand", "committed", "available")),
        FieldGroup("place", ("warehouse_id", "variant_id")),
    ),
    references=(Reference("warehouse", "warehouse_id"), Reference("variant", "variant_id")),
    rank=-4,
)
