"""raw/zoho_contacts: contacts of Zoho, and what they say about a canonical contact."""

from datetime import timedelta

from resources.zoho import ZOHO, ZohoList
from schemabase_dagster.candidate import Candidate, Party, SourceRecord
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.normalise.fields import SourceModel, Text
from schemabase_dagster.normalise.text import email
from schemabase_dagster.streams import Stream


class _Contact(SourceModel):
    contact_id: str
    contact_name: Text = None
    company_name: Text = None
    contact_type: Text = None
    customer_sub_type: Text = None
    status: Text = None
    first_name: Text = None
    last_name: Text = None
    email: Text = None
    phone: Text = None
    mobile: Text = None


def map_contact(record: SourceRecord) -> Candidate:
    """Map a row of the contact list, which carries the primary person (specification 2.7).

    A contact without e-mail is a row of its own, known by its reference only.
    """
    contact = record.read(_Contact)
    address = email(contact.email)
    if contact.email is not None and address is None:
        raise RecordRejected("type", "email", "The e-mail is not an address.")
    is_business = contact.customer_sub_type == "business"
    return Candidate(
        match_key=address,
        number=contact.contact_name,
        status=contact.status,
        values={
            "email": address,
            "first_name": contact.first_name,
            "last_name": contact.last_name,
            "phone": contact.phone or contact.mobile,
            "is_customer": contact.contact_type != "vendor",
            "is_vendor": contact.contact_type == "vendor",
        },
        contact=Party(company_name=contact.company_name if is_business else None),
        attrs={"status": contact.status},
    )


ZOHO_CONTACTS = Stream(
    name="zoho_contacts",
    system=ZOHO,
    group="contacts",
    entity="contact",
    description=(
        "Customers and vendors of Zoho with their primary person, as the list gives them: active "
        "and inactive, without addresses and further persons."
    ),
    source=ZohoList(path="contacts", list_key="contacts", detail_key="contact"),
    id_field="contact_id",
    modified_field="last_modified_time",
    order="descending",
    fetches_whole=False,
    overlap=timedelta(minutes=2),
    mapper=map_contact,
)
