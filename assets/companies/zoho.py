"""raw/zoho_companies: companies that contacts of Zoho work for."""

from collections.abc import Iterator
from typing import Final

from pydantic import Field

from resources.zoho import ZOHO
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.fields import SourceModel, Text
from schemabase_dagster.normalise.text import clean, normalized_name
from schemabase_dagster.normalise.vat import vat_id
from schemabase_dagster.streams import JsonObject, Part, Stream

TAX_NUMBERS: Final = ("vat_reg_no", "tax_reg_no", "gst_no")
"""What the tax number is called in Zoho's editions for Europe, the Gulf and Mexico, and India."""

KEYS: Final = ("contact_id", "company_name", "status", "last_modified_time", *TAX_NUMBERS)


def split_company(contact: JsonObject) -> Iterator[JsonObject]:
    """Return the company of a business contact, if it names one."""
    if contact.get("customer_sub_type") == "business" and clean(contact.get("company_name")):
        yield {key: contact[key] for key in KEYS if key in contact}


class _Company(SourceModel):
    company_name: str = Field(min_length=1)
    status: Text = None
    vat_reg_no: Text = None
    tax_reg_no: Text = None
    gst_no: Text = None


def map_company(record: SourceRecord) -> Candidate:
    """Map the company of a contact; contacts of one name or VAT id are of one company."""
    company = record.read(_Company)
    name = company.company_name.strip()
    vat = vat_id(company.vat_reg_no or company.tax_reg_no or company.gst_no)
    return Candidate(
        match_key=normalized_name(name),
        other_key=f"vat:{vat}" if vat else None,
        number=name,
        status=company.status,
        values={"name": name, "normalized_name": normalized_name(name), "vat_id": vat},
        attrs={"vat_id": vat},
    )


ZOHO_COMPANIES = Stream(
    name="zoho_companies",
    system=ZOHO,
    group="contacts",
    entity="company",
    description=(
        "Companies as the business contacts of Zoho name them, with their VAT or GST number: one "
        "record per contact."
    ),
    source=None,
    part=Part("zoho_contact_details", split_company, "contact_id", is_whole=True),
    id_field="contact_id",
    modified_field="last_modified_time",
    mapper=map_company,
)
