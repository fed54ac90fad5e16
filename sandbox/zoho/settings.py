"""Zoho's settings: the organisation and its taxes."""

from typing import Any

from sandbox.merchants import Merchant
from sandbox.zoho.parties import currency, percentage

JsonObject = dict[str, Any]


def tax_rows(merchant: Merchant) -> list[JsonObject]:
    """The rows of ``GET /settings/taxes``."""
    return [
        {
            "tax_id": tax.tax_id,
            "tax_name": tax.name,
            "tax_percentage": percentage(tax.rate_bp),
            "tax_type": "tax",
            "tax_specific_type": "",
            "output_tax_account_name": "Tax Payable",
            "purchase_tax_account_name": "Tax Receivable",
            "is_value_added": True,
            "is_default_tax": index == 0,
            "is_editable": True,
            "tax_factor": "rate",
        }
        for index, tax in enumerate(merchant.taxes)
    ]


def organization(merchant: Merchant) -> JsonObject:
    """The one row of ``GET /organizations``."""
    return {
        "organization_id": merchant.organization_id,
        "name": merchant.title,
        "contact_name": "Office",
        "email": f"office@{merchant.name}.example",
        "is_default_org": True,
        "plan_name": "PROFESSIONAL",
        "language_code": merchant.language,
        "fiscal_year_start_month": 0,
        "account_created_date": "2019-05-02",
        "time_zone": merchant.timezone,
        "is_org_active": True,
        "price_precision": 2,
        **currency(merchant),
        "currency_format": "###,##0.00",
    }
