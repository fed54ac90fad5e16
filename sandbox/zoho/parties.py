"""Zoho's way to show parties: contacts, persons, addresses, and small values they share."""

from typing import Any
from zlib import crc32

from sandbox.merchants import Merchant
from sandbox.people import COUNTRY_NAMES, Address, Customer
from sandbox.store import Contact, ZohoOrder
from sandbox.times import zoho_time
from sandbox.world import KIND_CONTACT, World

JsonObject = dict[str, Any]


def contact_row(world: World, contact: Contact) -> JsonObject:
    """A row of ``GET /contacts``: name, e-mail and phone are the primary person's."""
    customer, zone = world.customer(contact.customer), world.merchant.timezone
    phone = customer.address.phone if contact.phone is None else contact.phone
    is_known = customer.has_person
    return {
        "contact_id": contact.id,
        "contact_name": customer.display_name,
        "customer_name": customer.display_name,
        "company_name": customer.company,
        "website": "",
        "language_code": world.merchant.language,
        "contact_type": "vendor" if customer.is_vendor else "customer",
        "status": "active",
        "customer_sub_type": "business" if customer.company else "individual",
        "source": "api",
        "is_linked_with_zohocrm": False,
        "payment_terms": 14,
        "payment_terms_label": "Net 14",
        **currency(world.merchant),
        "outstanding_receivable_amount": 0.0,
        "unused_credits_receivable_amount": 0.0,
        "first_name": customer.first_name if is_known else "",
        "last_name": customer.last_name if is_known else "",
        "email": customer.email if is_known else "",
        "phone": phone if is_known else "",
        "mobile": "",
        "is_portal_enabled": False,
        "portal_status": "disabled",
        "created_time": zoho_time(contact.created, zone),
        "last_modified_time": zoho_time(contact.modified, zone),
        "custom_fields": [],
        "ach_supported": False,
        "has_attachment": False,
    }


def contact_detail(world: World, contact: Contact) -> JsonObject:
    """The answer of ``GET /contacts/{id}`` below its key."""
    customer = world.customer(contact.customer)
    address = address_block(customer.address)
    row = contact_row(world, contact)
    persons = _persons(world, customer, row["phone"])
    document = {
        **row,
        "contact_persons": persons,
        "primary_contact_id": persons[0]["contact_person_id"] if persons else "",
        # Additional ones only, neither the billing nor the shipping address (zoho.md 1.8).
        "addresses": [_second_address(world.merchant, customer)] if customer.index % 5 == 2 else [],
        "billing_address": {"address_id": party_id(world.merchant, customer, 2), **address},
        "shipping_address": {"address_id": party_id(world.merchant, customer, 3), **address},
        "credit_limit": 0.0,
        "contact_number": f"CUS-{customer.index:05d}",
        "notes": "",
    }
    if world.merchant.country == "DE":
        document["vat_reg_no"] = _vat_number(customer.company)
    return document


def _persons(world: World, customer: Customer, phone: str) -> list[JsonObject]:
    """Persons of a contact, the primary one first; who works for a company may buy for himself."""
    merchant = world.merchant
    if not customer.has_person:
        return []
    persons = [contact_person(merchant, customer, customer.email) | {"phone": phone}]
    neighbour = world.customer(customer.index + 1)
    if customer.company and customer.index % 3 == 0:
        name = {"first_name": "Robin", "last_name": customer.last_name}
        email = f"robin{customer.index}@{merchant.name}.example"
        persons.append(_colleague(merchant, customer, 4, email, name))
    if customer.company and customer.index % 3 == 1:
        persons.append(_colleague(merchant, customer, 4, "", {"first_name": "Einkauf"}))
    if customer.company and customer.index % 4 == 1 and not neighbour.company:
        name = {"first_name": neighbour.first_name, "last_name": neighbour.last_name}
        persons.append(_colleague(merchant, customer, 5, neighbour.email, name))
    return [
        {
            **person,
            "salutation": "",
            "designation": "",
            "department": "",
            "is_primary_contact": place == 0,
            "is_added_in_portal": False,
        }
        for place, person in enumerate(persons)
    ]


def _colleague(
    merchant: Merchant, customer: Customer, offset: int, email: str, name: JsonObject
) -> JsonObject:
    return {
        "contact_person_id": party_id(merchant, customer, offset),
        "first_name": "",
        "last_name": "",
        **name,
        "email": email,
        "phone": "",
        "mobile": "",
    }


def _second_address(merchant: Merchant, customer: Customer) -> JsonObject:
    block = address_block(customer.address) | {"address": f"Lager {customer.index}", "phone": ""}
    return {"address_id": party_id(merchant, customer, 6), **block}


def _vat_number(company: str) -> str:
    """A number as people type it, the same for the same name."""
    if not company:
        return ""
    digits = f"{crc32(company.encode()) % 10**9:09d}"
    return f"DE {digits[:3]} {digits[3:6]} {digits[6:]}"


def party(merchant: Merchant, customer: Customer, order: ZohoOrder) -> JsonObject:
    """Who a document is for, as its row says it."""
    return {
        "customer_name": customer.display_name,
        "customer_id": party_id(merchant, customer, 0),
        "email": "" if order.is_email_hidden else customer.email,
        "company_name": customer.company,
    }


def order_persons(merchant: Merchant, customer: Customer, order: ZohoOrder) -> list[JsonObject]:
    """The contact persons of an order: the primary one, if there is any."""
    email = "" if order.is_email_hidden else customer.email
    return [contact_person(merchant, customer, email)] if customer.has_person else []


def contact_person(merchant: Merchant, customer: Customer, email: str) -> JsonObject:
    """A contact person."""
    return {
        "contact_person_id": party_id(merchant, customer, 1),
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "email": email,
        "phone": customer.address.phone,
        "mobile": "",
    }


def party_id(merchant: Merchant, customer: Customer, offset: int) -> str:
    """Id of a contact (0), its person (1), its billing (2) or shipping address (3)."""
    return merchant.zoho_id(KIND_CONTACT, customer.index * 10 + offset)


def currency(merchant: Merchant) -> JsonObject:
    """The organisation's currency."""
    return {"currency_id": merchant.zoho_id(5, 71), "currency_code": merchant.currency}


def address_block(address: Address) -> JsonObject:
    """An address without an id; ``country`` is the name in the organisation's language."""
    document = {
        "attention": address.name,
        "address": address.street,
        "street2": address.street2,
        "city": address.city,
        "state": address.state,
        "zip": address.zip,
        "country": COUNTRY_NAMES[address.country],
        "phone": address.phone,
        "fax": "",
    }
    if not address.street2:
        # Not always present (zoho.md 1.8).
        document["country_code"] = address.country
    return document


def amount(minor: int) -> float:
    """Minor units as the JSON number Zoho prints."""
    return minor / 100


def percentage(rate_bp: int) -> float | int:
    """A rate in hundredths of a per cent as the number Zoho prints."""
    return rate_bp // 100 if rate_bp % 100 == 0 else rate_bp / 100
