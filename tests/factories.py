"""Builders of minimal valid source records; a test states only the fields it is about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from schemabase_dagster.streams import JsonObject

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Return an instant, counted from ``NOON``."""
    return NOON + timedelta(seconds=seconds)


def zoho_order(
    order_id: str = "1", number: str | None = None, *, modified: datetime = NOON, **fields: Any
) -> JsonObject:
    """Return the detail of a Zoho sales order with one line."""
    return {
        "salesorder_id": order_id,
        "salesorder_number": number or f"SO-{order_id}",
        "date": "2026-03-01",
        "created_time": "2026-03-01T09:00:00+0100",
        "last_modified_time": zoho_time(modified),
        "currency_code": "EUR",
        "total": 11.9,
        "tax_total": 1.9,
        "order_status": "confirmed",
        "line_items": [zoho_line()],
        **fields,
    }


def zoho_line(line_id: str = "11", sku: str = "A-1", **fields: Any) -> JsonObject:
    """Return a line of a Zoho sales order."""
    return {
        "line_item_id": line_id,
        "sku": sku,
        "name": "Cup",
        "rate": 10,
        "quantity": 1,
        "tax_percentage": 19,
        "item_total": 10,
        "item_total_inclusive_of_tax": 11.9,
        **fields,
    }


def zoho_contact(
    contact_id: str = "7", email: str = "", *, modified: datetime = NOON, **fields: Any
) -> JsonObject:
    """Return a row of Zoho's contact list."""
    return {
        "contact_id": contact_id,
        "contact_name": "Jana Beispiel",
        "contact_type": "customer",
        "first_name": "Jana",
        "last_name": "Beispiel",
        "email": email,
        "status": "active",
        "last_modified_time": zoho_time(modified),
        **fields,
    }


def zoho_invoice(
    invoice_id: str = "9",
    order_number: str = "",
    *,
    modified: datetime = NOON,
    **fields: Any,
) -> JsonObject:
    """Return a row of Zoho's invoice list."""
    return {
        "invoice_id": invoice_id,
        "invoice_number": f"INV-{invoice_id}",
        "reference_number": order_number,
        "date": "2026-03-02",
        "status": "sent",
        "currency_code": "EUR",
        "total": 11.9,
        "balance": 11.9,
        "last_modified_time": zoho_time(modified),
        **fields,
    }


def product_review(
    review_id: int | str = 11,
    sku: str = "A-1",
    order: object = "1",
    *,
    written: datetime = NOON,
    **fields: Any,
) -> JsonObject:
    """Return a row of REVIEWS.io's list of product reviews, as an API key shows it."""
    return {
        "product_review_id": review_id,
        "sku": sku,
        "order_id": order,
        "rating": 4,
        "review": "Does what it should.",
        "date_created": reviewsio_time(written),
        "reviewer": {"first_name": "Mara", "last_name": "K", "email": "mara@example.org"},
        **fields,
    }


def merchant_review(
    review_id: int | str = 11, order: object = "1", *, written: datetime = NOON, **fields: Any
) -> JsonObject:
    """Return a row of REVIEWS.io's list of merchant reviews, as an API key shows it."""
    return {
        "store_review_id": review_id,
        "order_number": order,
        "rating": 5,
        "comments": "Arrived next day.",
        "date_created": reviewsio_time(written),
        "reviewer": {"first_name": "Mara", "last_name": "K", "email": "mara@example.org"},
        **fields,
    }


def reviewsio_time(instant: datetime) -> str:
    """Write an instant as REVIEWS.io does: UTC without saying so."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def saleor_order(
    order_id: str = "T3JkZXI6MQ==", number: str = "1", *, modified: datetime = NOON, **fields: Any
) -> JsonObject:
    """Return an order of a Saleor shop with one line."""
    return {
        "id": order_id,
        "number": number,
        "created": "2026-03-01T08:00:00+00:00",
        "updatedAt": modified.isoformat(),
        "status": "UNFULFILLED",
        "paymentStatus": "FULLY_CHARGED",
        "shippingPrice": saleor_price("0", "0"),
        "subtotal": saleor_price("10", "11.9"),
        "total": saleor_price("10", "11.9"),
        "lines": [saleor_line()],
        **fields,
    }


def saleor_line(line_id: str = "L1", sku: str = "A-1", **fields: Any) -> JsonObject:
    """Return a line of a Saleor order."""
    return {
        "id": line_id,
        "productName": "Cup",
        "productSku": sku,
        "quantity": 1,
        "unitPrice": saleor_price("10", "11.9"),
        "undiscountedUnitPrice": saleor_price("10", "11.9"),
        "totalPrice": saleor_price("10", "11.9"),
        **fields,
    }


def saleor_price(net: str, gross: str, currency: str = "EUR") -> JsonObject:
    """Return a taxed amount of Saleor."""
    return {
        "net": {"amount": net, "currency": currency},
        "gross": {"amount": gross, "currency": currency},
    }


def zoho_time(instant: datetime) -> str:
    """Write an instant as Zoho does: full seconds and an offset without colon."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def zoho_package(package_id: str = "73518000000501001", **fields: Any) -> JsonObject:
    """Return the detail of a Zoho package that is not shipped, with one line."""
    return {
        "package_id": package_id,
        "package_number": "LS-2207",
        "salesorder_id": "73518000000500011",
        "salesorder_number": "STORE-1042",
        "status": "not_shipped",
        "shipment_id": "",
        "tracking_number": "",
        "quantity": "2.000000",
        "shipment_date": "",
        "created_time": "2024-03-10T09:00:01+0100",
        "last_modified_time": "2024-03-10T09:00:01+0100",
        "line_items": [{"line_item_id": "1", "sku": "A-1", "name": "Cup", "quantity": 2.0}],
        "shipment_order": {},
        **fields,
    }


def saleor_fulfillment(**fields: Any) -> JsonObject:
    """Return a fulfilment of a Saleor order with one line."""
    return {
        "id": "RnVsZmlsbG1lbnQ6MQ==",
        "fulfillmentOrder": 1,
        "status": "FULFILLED",
        "trackingNumber": "",
        "created": "2026-03-02T09:00:00+00:00",
        "lines": [
            {"id": "FL1", "quantity": 1, "orderLine": {"id": "L1", "productSku": "A-1"}},
        ],
        **fields,
    }


def zoho_credit_note(note_id: str = "73518000000611001", **fields: Any) -> JsonObject:
    """Return the detail of an open Zoho credit note with one line of 50.00 and 19 % tax."""
    return {
        "creditnote_id": note_id,
        "creditnote_number": "CN-00041",
        "status": "open",
        "reference_number": "INV-000871",
        "date": "2024-03-20",
        "total": 59.5,
        "balance": 59.5,
        "customer_id": "73518000000412007",
        "currency_code": "EUR",
        "created_time": "2024-03-20T10:12:44+0100",
        "updated_time": "2024-03-20T10:14:02+0100",
        "line_items": [
            {
                "line_item_id": "1",
                "code": "A-1",
                "name": "Cup",
                "quantity": 1,
                "item_total": 50,
                "tax_percentage": 19,
            }
        ],
        "taxes": [{"tax_name": "Standard", "tax_amount": "9.50"}],
        "invoices": [],
        **fields,
    }


def zoho_sales_return(return_id: str = "73518000000610002", **fields: Any) -> JsonObject:
    """Return the detail of a Zoho sales return whose one piece came and was credited."""
    line = {"line_item_id": "73518000000610004", "item_id": "73518000000203041"}
    return {
        "salesreturn_id": return_id,
        "salesreturn_number": "RMA-00017",
        "date": "2024-03-17",
        "reason": "too small",
        "salesorder_id": "73518000000500011",
        "salesorder_number": "STORE-1042",
        "salesreturn_status": "closed",
        "receive_status": "received",
        "refund_status": "refunded",
        "line_items": [
            {**line, "sku": "A-1", "name": "Cup", "quantity": 1, "non_receive_quantity": 0}
        ],
        "salesreturnreceives": [
            {
                "receive_id": "73518000000610020",
                "receive_number": "PR-00009",
                "date": "2024-03-19",
                "notes": "",
                "line_items": [{**line, "quantity": 1}],
            }
        ],
        "creditnotes": [{"creditnote_id": "73518000000611001", "creditnote_number": "CN-00041"}],
        **fields,
    }


def zoho_payment(payment_id: str = "73518000000503001", **fields: Any) -> JsonObject:
    """Return the detail of a Zoho customer payment of one invoice, booked from the gateway."""
    return {
        "payment_id": payment_id,
        "payment_number": "2712",
        "date": "2024-03-12",
        "payment_mode": "Kreditkarte",
        "amount": 48.7,
        "unused_amount": 0.0,
        "bank_charges": 1.28,
        "reference_number": "k9x2m1ab",
        "customer_id": "73518000000412007",
        "currency_code": "EUR",
        "created_time": "2024-03-12T10:00:00+0100",
        "updated_time": "2024-03-12T10:00:00+0100",
        "invoices": [
            {
                "invoice_id": "73518000000502001",
                "invoice_number": "INV-000871",
                "amount_applied": 48.7,
            }
        ],
        **fields,
    }
