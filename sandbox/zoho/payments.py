"""Zoho documents: customer payments, their refunds, and the accounts they are booked on."""

from typing import Any

from sandbox.aftersales import payment_amount, payment_fee
from sandbox.merchants import Merchant
from sandbox.store import BookedRefund, Payment
from sandbox.times import zoho_date, zoho_time
from sandbox.world import World
from sandbox.zoho.parties import amount, currency, party

JsonObject = dict[str, Any]

ACCOUNTS = (("Braintree Clearing", "bank", True), ("Giro", "bank", True), ("Old", "cash", False))


def payment_row(world: World, payment: Payment) -> JsonObject:
    """A row of ``GET /customerpayments``: no invoice ids, no bank charges (zoho.md 1.11)."""
    merchant, zone = world.merchant, world.merchant.timezone
    invoice = payment.invoice
    customer = world.customer(invoice.order.sale.customer)
    value = payment_amount(world, payment)
    refunded = sum(refund.amount_minor for refund in payment.refunds)
    unused = payment.unused_minor - refunded
    who = party(merchant, customer, invoice.order)
    return {
        "payment_id": payment.id,
        "payment_number": payment.number,
        "invoice_numbers": invoice.number,
        "date": zoho_date(payment.created, zone),
        "payment_mode": payment.mode,
        "amount": amount(value),
        "bcy_amount": amount(value),
        "unused_amount": amount(unused),
        "bcy_unused_amount": amount(unused),
        "bcy_refunded_amount": amount(refunded),
        "account_id": account_id(merchant, 0 if payment.reference else 1),
        "account_name": ACCOUNTS[0 if payment.reference else 1][0],
        "description": "",
        "reference_number": payment.reference,
        "customer_id": who["customer_id"],
        "customer_name": who["customer_name"],
        "created_time": zoho_time(payment.created, zone),
        "last_modified_time": zoho_time(payment.modified, zone),
        "gateway_transaction_id": "",
        "payment_gateway": "",
        "has_attachment": False,
        "settlement_status": "",
        "payment_type": "Rechnungszahlung",
    }


def payment_detail(world: World, payment: Payment) -> JsonObject:
    """The answer of ``GET /customerpayments/{id}`` below its key: ``updated_time`` it is there."""
    row = payment_row(world, payment)
    row["updated_time"] = row.pop("last_modified_time")
    applied = payment_amount(world, payment) - payment.unused_minor
    return {
        **row,
        **currency(world.merchant),
        "exchange_rate": 1.0,
        "bank_charges": amount(payment_fee(world, payment)),
        "tax_amount_withheld": 0.0,
        "invoices": [
            {
                "invoice_id": payment.invoice.id,
                "invoice_number": payment.invoice.number,
                "invoice_payment_id": str(int(payment.id) + 1),
                "amount_applied": amount(applied),
                "date": zoho_date(payment.created, world.merchant.timezone),
            }
        ],
        "custom_fields": [],
    }


def payment_refunds(world: World, payment: Payment) -> JsonObject:
    """The answer of ``GET /customerpayments/{id}/refunds``: a single one is no list (1.4)."""
    rows = [_refund(world, payment, refund) for refund in payment.refunds]
    return {"payment_refunds": rows[0] if len(rows) == 1 else rows}


def _refund(world: World, payment: Payment, refund: BookedRefund) -> JsonObject:
    customer = world.customer(payment.invoice.order.sale.customer)
    return {
        "payment_refund_id": refund.id,
        "payment_id": payment.id,
        "payment_number": payment.number,
        "date": zoho_date(refund.at, world.merchant.timezone),
        "refund_mode": refund.mode,
        "reference_number": refund.reference,
        "customer_name": customer.display_name,
        "amount_bcy": amount(refund.amount_minor),
        "amount_fcy": amount(refund.amount_minor),
    }


def account_rows(merchant: Merchant) -> list[JsonObject]:
    """The rows of ``GET /bankaccounts``."""
    return [
        {
            "account_id": account_id(merchant, index),
            "account_name": name,
            "account_code": "",
            **currency(merchant),
            "account_type": kind,
            "account_number": "",
            "is_active": is_active,
            "balance": 0.0,
            "bank_name": "",
            "is_primary_account": index == 1,
            "is_paypal_account": False,
        }
        for index, (name, kind, is_active) in enumerate(ACCOUNTS)
    ]


def account_id(merchant: Merchant, index: int) -> str:
    """Id of a bank account."""
    return merchant.zoho_id(23, index)
