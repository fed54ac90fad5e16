"""raw/zoho_bank_accounts: bank and clearing accounts of Zoho Books."""

from resources.zoho import ZOHO, ZohoList
from schemabase_dagster.streams import Stream

ZOHO_BANK_ACCOUNTS = Stream(
    name="zoho_bank_accounts",
    system=ZOHO,
    group="payments",
    description=(
        "Bank, card and clearing accounts of Zoho Books as the list gives them, active and "
        "inactive ones. Payments and refunds name the account they were booked on."
    ),
    source=ZohoList(
        path="bankaccounts",
        list_key="bankaccounts",
        api="books",
        sort_column=None,
        modified_filter=False,
        filters={"filter_by": "Status.All"},
    ),
    id_field="account_id",
    deletes="never",
)
