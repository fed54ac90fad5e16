"""Zoho documents: invoices as list rows and as details."""

from typing import Any

from sandbox.money import total_up
from sandbox.people import COUNTRY_NAMES
from sandbox.store import Invoice
from sandbox.times import zoho_date, zoho_time
from sandbox.world import DAY, World
from sandbox.zoho.documents import line_items, money_block
from sandbox.zoho.parties import address_block, amount, currency, party

JsonObject = dict[str, Any]


def invoice_row(world: World, invoice: Invoice) -> JsonObject:
    """A row of ``GET /invoices``."""
    order, zone = invoice.order, world.merchant.timezone
    content = world.content(invoice)
    totals = total_up(content)
    customer = world.customer(order.sale.customer)
    balance = 0 if invoice.status in {"paid", "void"} else totals.total
    return {
        "invoice_id": invoice.id,
        "ach_payment_initiated": False,
        **party(world.merchant, customer, order),
        "status": invoice.status,
        "invoice_number": invoice.number,
        "reference_number": invoice.reference,
        "date": zoho_date(invoice.created, zone),
        "due_date": zoho_date(invoice.created + 14 * DAY, zone),
        "due_days": "",
        **currency(world.merchant),
        "billing_address": address_block(customer.address),
        "shipping_address": address_block(customer.address),
        "country": COUNTRY_NAMES[customer.address.country],
        "total": amount(totals.total),
        "balance": amount(balance),
        "created_time": zoho_time(invoice.created, zone),
        "last_modified_time": zoho_time(invoice.modified, zone),
        "is_emailed": True,
        "is_viewed_by_client": False,
        "has_attachment": False,
        "last_payment_date": "" if balance else zoho_date(invoice.modified, zone),
        "shipping_charge": amount(content.shipping_minor),
        "adjustment": amount(content.adjustment_minor),
        "write_off_amount": 0.0,
        "exchange_rate": 1.0,
        "custom_fields": [],
    }


def invoice_detail(world: World, invoice: Invoice) -> JsonObject:
    """The answer of ``GET /invoices/{id}`` below its key."""
    content = world.content(invoice)
    totals = total_up(content)
    row = invoice_row(world, invoice)
    stub = {
        "salesorder_id": invoice.order.id,
        "salesorder_number": invoice.order.number,
    }
    return {
        **row,
        **money_block(world.merchant, content, totals),
        "line_items": line_items(world, invoice.order, content, totals),
        "payment_made": round(row["total"] - row["balance"], 2),
        "credits_applied": 0.0,
        **stub,
        "salesorders": [stub],
        "allow_partial_payments": False,
    }
