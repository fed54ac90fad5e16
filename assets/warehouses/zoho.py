"""raw/zoho_warehouses: warehouses of Zoho."""

from assets.named import named_mapper
from resources.zoho import ZOHO, ZohoList
from schemabase_dagster.streams import Stream

ZOHO_WAREHOUSES = Stream(
    name="zoho_warehouses",
    system=ZOHO,
    group="stock",
    entity="warehouse",
    description=(
        "Warehouses of Zoho, active and inactive, in one call. Organisations that Zoho has moved "
        "to locations list none."
    ),
    source=ZohoList(
        path="settings/warehouses",
        list_key="warehouses",
        sort_column=None,
        modified_filter=False,
    ),
    id_field="warehouse_id",
    deletes="never",
    mapper=named_mapper("warehouse_name", active=lambda row: row.get("status") != "inactive"),
)
