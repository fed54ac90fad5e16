"""core/prices: one list price per variant, sales channel and app."""

from schemabase_dagster.engine.entity import Entity, FieldGroup, Reference
from schemabase_dagster.tables.catalogue import prices

PRICES = Entity(
    name="price",
    table=prices,
    group="products",
    description=(
        "List prices with what the variant costs the tenant: one row per variant, sales channel "
        "and app. The ERP's price holds in every channel and names no currency: it is the "
        "tenant's."
    ),
    number_column=None,
    sample=("id", "currency", "amount", "cost_amount"),
    groups=(
        FieldGroup("amounts", ("currency", "amount", "cost_amount"), atomic=True),
        FieldGroup("place", ("variant_id", "sales_channel_id")),
    ),
    references=(Reference("variant", "variant_id"), Reference("sales_channel", "sales_channel_id")),
    rank=-3,
)
