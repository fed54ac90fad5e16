"""core/warehouses: one row per name."""

from assets.named import named_entity
from schemabase_dagster.tables.catalogue import warehouses

WAREHOUSES = named_entity(
    "warehouse",
    warehouses,
    "Places goods are kept: one row per name, whatever number of systems know it. One that is out "
    "of use stays, as old lines name it.",
    group="stock",
    rank=-12,
    columns=("active",),
)
