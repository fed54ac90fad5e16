"""Contacts of Zoho and their persons: what they say about a canonical contact."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from resources.zoho import ZOHO, ZohoConfig, ZohoList
from resources.zoho.addresses import ZohoAddress
from schemabase_dagster import source_json
from schemabase_dagster.candidate import AddressFields, Candidate, Party, SourceRecord
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.normalise.fields import SourceModel, Text
from schemabase_dagster.normalise.text import clean, email
from schemabase_dagster.streams import JsonObject, Part, Stream

CONTACT_KEYS: Final = (
    "contact_id", "contact_name", "company_name", "contact_type", "customer_sub_type", "status",
    "last_modified_time",
)  # fmt: skip
ADDRESS_KEYS: Final = ("billing_address", "shipping_address", "addresses")


class _Account(SourceModel):
    contact_id: str
    contact_name: Text = None
    company_name: Text = None
    contact_type: Text = None
    customer_sub_type: Text = None
    status: Text = None

    def flags(self) -> dict[str, bool]:
        is_vendor = self.contact_type == "vendor"
        return {"is_customer": not is_vendor, "is_vendor": is_vendor}

    def party(self) -> Party:
        is_business = self.customer_sub_type == "business"
        return Party(company_name=self.company_name if is_business else None)


class _Contact(_Account):
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
    return Candidate(
        match_key=address,
        number=contact.contact_name,
        status=contact.status,
        values={
            "email": address,
            "first_name": contact.first_name,
            "last_name": contact.last_name,
            "phone": contact.phone or contact.mobile,
            **contact.flags(),
        },
        contact=contact.party(),
        attrs={"status": contact.status},
    )


def split_persons(contact: JsonObject) -> Iterator[JsonObject]:
    """Return the persons of a contact that have an e-mail, each with what the contact knows.

    The first of them, the primary one if it is there, also keeps the contact's addresses.
    """
    persons = source_json.objects(contact.get("contact_persons"))
    named = [person for person in persons if clean(person.get("email"))]
    named.sort(key=lambda person: person.get("is_primary_contact") is not True)
    for place, person in enumerate(named):
        addresses = {key: contact.get(key) for key in ADDRESS_KEYS} if place == 0 else {}
        about = {key: contact[key] for key in CONTACT_KEYS if key in contact}
        yield {**person, "contact": about, **addresses}


class _Person(SourceModel):
    contact: _Account
    first_name: Text = None
    last_name: Text = None
    email: Text = None
    phone: Text = None
    mobile: Text = None
    is_primary_contact: bool | None = None
    billing_address: ZohoAddress | None = None
    shipping_address: ZohoAddress | None = None
    addresses: tuple[ZohoAddress, ...] | None = None


def map_person(record: SourceRecord) -> Candidate:
    """Map a person of a contact (specification 2.7); what it leaves blank it does not know."""
    person = record.read(_Person)
    account = person.contact
    address = email(person.email)
    if address is None:
        raise RecordRejected("type", "email", "The e-mail is not an address.")
    names = {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "phone": person.phone or person.mobile,
    }
    return Candidate(
        match_key=address,
        number=account.contact_name,
        status=account.status,
        values={
            "email": address,
            **account.flags(),
            **{column: name for column, name in names.items() if name},
        },
        contact=account.party(),
        addresses=_addresses(person, record.config.org_language),
        attrs={
            "contact_id": account.contact_id,
            "is_primary": person.is_primary_contact is True,
            "status": account.status,
        },
    )


def _addresses(person: _Person, language: str) -> dict[str, AddressFields]:
    """Return the addresses by kind; those of an inactive contact lead nowhere any more."""
    if person.contact.status == "inactive":
        return {}
    more = {f"other:{place}": each for place, each in enumerate(person.addresses or ())}
    known = {"billing": person.billing_address, "shipping": person.shipping_address, **more}
    return {
        kind: block.fields(person.contact.contact_name, language)
        for kind, block in known.items()
        if block is not None and block.names_place()
    }


def has_details(row: JsonObject, config: Any) -> bool:
    """Tell whether the app wants to know persons and addresses of a contact."""
    assert isinstance(config, ZohoConfig)  # noqa: S101 - streams of Zoho are of its apps
    return config.contact_details == "all" or row.get("customer_sub_type") == "business"


ZOHO_CONTACTS = Stream(
    name="zoho_contacts",
    system=ZOHO,
    group="contacts",
    entity="contact",
    description=(
        "Customers and vendors of Zoho with their primary person, as the list gives them: active "
        "and inactive, 200 a call. Persons and addresses are in the details."
    ),
    source=ZohoList(path="contacts", list_key="contacts", detail_key="contact"),
    id_field="contact_id",
    modified_field="last_modified_time",
    order="descending",
    fetches_whole=False,
    overlap=timedelta(minutes=2),
    mapper=map_contact,
)

ZOHO_CONTACT_DETAILS = Stream(
    name="zoho_contact_details",
    system=ZOHO,
    group="contacts",
    description=(
        "Contacts of Zoho in full detail, with persons, addresses and tax numbers: one call for "
        "each that changed, after everything else is read. An app may keep to business contacts."
    ),
    source=ZohoList(path="contacts", list_key="contacts", detail_key="contact"),
    id_field="contact_id",
    modified_field="last_modified_time",
    order="descending",
    detail=True,
    wanted=has_details,
    patient=True,
    overlap=timedelta(minutes=2),
)

ZOHO_CONTACT_PERSONS = Stream(
    name="zoho_contact_persons",
    system=ZOHO,
    group="contacts",
    entity="contact",
    description=(
        "Persons of Zoho contacts that have an e-mail. The primary one also keeps the addresses "
        "of the contact. A person that the contact has no more is gone."
    ),
    source=None,
    part=Part("zoho_contact_details", split_persons, "contact.contact_id", is_whole=True),
    id_field="contact_person_id",
    modified_field="contact.last_modified_time",
    mapper=map_person,
)
