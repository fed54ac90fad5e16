"""raw/zoho_taxes: tax rates of Zoho."""

from resources.zoho import ZOHO, ZohoList
from schemabase_dagster.streams import Stream

ZOHO_TAXES = Stream(
    name="zoho_taxes",
    system=ZOHO,
    group="taxes",
    description=(
        "Tax rates of Zoho as the settings list them. Zoho lists active rates only, so a rate "
        "that is not listed any more is kept as it was."
    ),
    source=ZohoList(
        path="settings/taxes",
        list_key="taxes",
        sort_column=None,
        modified_filter=False,
    ),
    id_field="tax_id",
    deletes="never",
)
