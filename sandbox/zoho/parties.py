"""Zoho's way to show parties: contacts, persons, addresses, and small values they share."""

from typing import Any

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
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "email": customer.email,
        "phone": phone,
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
    person = contact_person(world.merchant, customer, customer.email) | {
        "phone": row["phone"],
        "salutation": "",
        "designation": "",
        "department": "",
        "is_primary_contact": True,
        "is_added_in_portal": False,
    }
    return {
        **row,
        "contact_persons": [person],
        "primary_contact_id": person["contact_person_id"],
        "addresses": [],
        "billing_address": {"address_id": party_id(world.merchant, customer, 2), **address},
        "shipping_address": {"address_id": party_id(world.merchant, customer, 3), **address},
        "credit_limit": 0.0,
        "contact_number": f"CUS-{customer.index:05d}",
        "notes": "",
    }


def party(merchant: Merchant, customer: Customer, order: ZohoOrder) -> JsonObject:
    """Who a document is for, as its row says it."""
    return {
        "customer_name": customer.display_name,
        "customer_id": party_id(merchant, customer, 0),
        "email": "" if order.is_email_hidden else customer.email,
        "company_name": customer.company,
    }


def order_person(merchant: Merchant, customer: Customer, order: ZohoOrder) -> JsonObject:
    """The contact person of an order."""
    return contact_person(merchant, customer, "" if order.is_email_hidden else customer.email)


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
