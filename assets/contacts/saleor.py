"""raw/saleor_customers: customers of a Saleor shop, and what they say about a contact."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from resources.saleor import SALEOR, changes
from resources.saleor.addresses import SaleorAddress
from resources.saleor.hints import hinted
from schemabase_dagster.candidate import AddressFields, Candidate, Party, SourceRecord
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.normalise.fields import SourceModel, Text
from schemabase_dagster.normalise.text import clean, email
from schemabase_dagster.streams import Stream

CODES: Final = {"customerCode": "customer_code", "avataxCustomerCode": "avatax_customer_code"}
"""Key of a customer's metadata -> scheme of the identifier it is."""


class _Customer(SourceModel):
    id: str
    email: Text = None
    firstName: Text = None
    lastName: Text = None
    isActive: bool | None = None
    metadata: tuple[Mapping[str, Any], ...] | None = None
    addresses: tuple[SaleorAddress, ...] | None = None


def map_customer(record: SourceRecord) -> Candidate:
    """Map an account of the shop; what it leaves blank is no reason to forget what others say."""
    customer = record.read(_Customer)
    address = email(customer.email)
    if address is None:
        raise RecordRejected("type", "email", "The customer has no e-mail address.")
    listed = customer.addresses or ()
    main = next((each for each in listed if each.isDefaultBillingAddress), None)
    names = {
        "first_name": customer.firstName,
        "last_name": customer.lastName,
        "phone": main.phone if main else None,
    }
    return Candidate(
        match_key=address,
        number=customer.email,
        values={
            "email": address,
            "is_customer": True,
            "is_vendor": False,
            **{column: name for column, name in names.items() if name},
        },
        children={"identifiers": _identifiers(customer)},
        contact=Party(company_name=main.companyName if main else None),
        addresses=_addresses(listed),
    )


def _identifiers(customer: _Customer) -> list[dict[str, Any]]:
    notes = {each.get("key"): clean(each.get("value")) for each in customer.metadata or ()}
    return [
        {"scheme": scheme, "value": notes[key]} for key, scheme in CODES.items() if notes.get(key)
    ]


def _addresses(listed: tuple[SaleorAddress, ...]) -> dict[str, AddressFields]:
    found: dict[str, AddressFields] = {}
    for place, each in enumerate(listed):
        if each.isDefaultBillingAddress:
            found["billing"] = each.fields()
        if each.isDefaultShippingAddress:
            found["shipping"] = each.fields()
        if not (each.isDefaultBillingAddress or each.isDefaultShippingAddress):
            found[f"other:{place}"] = each.fields()
    return found


SALEOR_CUSTOMERS = Stream(
    name="saleor_customers",
    system=SALEOR,
    group="contacts",
    entity="contact",
    description=(
        "Customers of a Saleor shop with their addresses and customer codes; guests are in the "
        "orders only."
    ),
    source=changes(
        "customers",
        "User",
        "id email firstName lastName isActive languageCode dateJoined updatedAt "
        "externalReference metadata { key value } addresses { id firstName lastName companyName "
        "streetAddress1 streetAddress2 postalCode city countryArea country { code } phone "
        "isDefaultBillingAddress isDefaultShippingAddress }",
        ids="filter: {ids: $ids}",
        sort="LAST_MODIFIED_AT",
    ),
    id_field="id",
    modified_field="updatedAt",
    order="ascending",
    overlap=timedelta(minutes=5),
    webhook=hinted("user"),
    mapper=map_customer,
)
