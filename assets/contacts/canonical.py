"""core/contacts: what a contact row is made of, and which source decides which of its columns."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemabase_dagster.engine.entity import AddressLink, Child, Claim, Entity, FieldGroup
from schemabase_dagster.tables.parties import contact_addresses, contact_identifiers, contacts
from schemabase_dagster.tables.sales import invoices, orders


def decide_flags(claims: Sequence[Claim]) -> Mapping[str, Any]:
    """Unite the flags: a contact is a customer or vendor if any live record says so."""
    return {
        column: any(bool(claim.values.get(column)) for claim in claims)
        for column in ("is_customer", "is_vendor")
    }


CONTACTS = Entity(
    name="contact",
    table=contacts,
    group="contacts",
    description=(
        "People and companies a tenant deals with: one row per e-mail address. A customer and a "
        "vendor of one address are one contact with both flags. Contacts that only appear inside "
        "orders are rows too, named by their latest order. Addresses that accounts and contact "
        "records keep are in `core.contact_addresses`, customer codes in "
        "`core.contact_identifiers`."
    ),
    number_column="email",
    sample=("id", "is_customer", "is_vendor"),
    groups=(
        FieldGroup("identity", ("email",), ("shop", "erp")),
        FieldGroup("names", ("first_name", "last_name", "phone"), ("shop", "erp")),
        FieldGroup("flags", ("is_customer", "is_vendor"), decide=decide_flags),
        FieldGroup("company", ("company_id", "company_key"), ("erp", "shop")),
    ),
    children=(
        Child(
            kind="identifiers",
            table=contact_identifiers,
            parent_column="contact_id",
            key=("scheme",),
            priority=("erp", "shop"),
        ),
    ),
    addresses=AddressLink(contact_addresses, "contact_id"),
    exclusive=False,
    kept_by=((orders, "contact_id"), (invoices, "contact_id")),
)
