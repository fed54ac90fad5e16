"""raw/zoho_organizations: the organisations that an app's credentials see."""

from resources.zoho import ZOHO, ZohoList
from schemabase_dagster.streams import Stream

ZOHO_ORGANIZATIONS = Stream(
    name="zoho_organizations",
    system=ZOHO,
    group="organizations",
    description=(
        "Organisations that the credentials of the app see, with time zone, language and currency. "
        "Only the configured one is synced."
    ),
    source=ZohoList(
        path="organizations",
        list_key="organizations",
        sort_column=None,
        modified_filter=False,
    ),
    id_field="organization_id",
    deletes="never",
)
