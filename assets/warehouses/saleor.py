"""raw/saleor_warehouses: warehouses of a Saleor shop."""

from assets.named import named_mapper
from resources.saleor import SALEOR, connection
from schemabase_dagster.streams import Stream

SALEOR_WAREHOUSES = Stream(
    name="saleor_warehouses",
    system=SALEOR,
    group="stock",
    entity="warehouse",
    description="Warehouses of a Saleor shop; Zoho's of the same name are the same.",
    source=connection(
        "warehouses", "Warehouse", "id name slug externalReference", id_kind="uuid",
        ids="filter: {ids: $ids}",
    ),
    id_field="id",
    mapper=named_mapper("name"),
)  # fmt: skip
