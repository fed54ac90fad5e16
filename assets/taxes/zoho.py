"""raw/zoho_taxes: tax rates of Zoho."""

from assets.taxes.rates import rate
from resources.zoho import ZOHO, ZohoList
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.text import clean
from schemabase_dagster.streams import Stream


def map_tax(record: SourceRecord) -> Candidate:
    """Map a tax of Zoho, which holds everywhere."""
    tax = record.payload
    return rate(tax.get("tax_percentage"), None, clean(tax.get("tax_name")))


ZOHO_TAXES = Stream(
    name="zoho_taxes",
    system=ZOHO,
    group="taxes",
    entity="tax_rate",
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
    mapper=map_tax,
)
