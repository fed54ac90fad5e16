"""raw/saleor_orders: orders of a Saleor shop, and what they say about a canonical order."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from resources.saleor import ORDERS as SALEOR_ORDERS_SOURCE
from resources.saleor import SALEOR
from resources.saleor.addresses import SaleorAddress
from resources.saleor.hints import hinted
from schemabase_dagster.candidate import Candidate, Party, SourceRecord
from schemabase_dagster.normalise.carrier import carrier
from schemabase_dagster.normalise.fields import (
    Amount,
    Currency,
    Instant,
    OptionalAmount,
    SourceModel,
    Text,
)
from schemabase_dagster.normalise.lines import numbered
from schemabase_dagster.normalise.money import rounded
from schemabase_dagster.normalise.text import email, sku
from schemabase_dagster.streams import Stream, Undated

STATUS = {
    "DRAFT": "draft",
    "UNCONFIRMED": "unconfirmed",
    "UNFULFILLED": "confirmed",
    "PARTIALLY_FULFILLED": "confirmed",
    "FULFILLED": "confirmed",
    "PARTIALLY_RETURNED": "confirmed",
    "RETURNED": "confirmed",
    "CANCELED": "canceled",
    "EXPIRED": "canceled",
}
PAYMENT_STATUS = {
    "FULLY_CHARGED": "fully_paid",
    "PARTIALLY_CHARGED": "partially_paid",
    "FULLY_REFUNDED": "fully_refunded",
    "PARTIALLY_REFUNDED": "partially_refunded",
}
SHIPMENT_STATUS = {
    "PARTIALLY_FULFILLED": "partially_shipped",
    "FULFILLED": "shipped",
    "PARTIALLY_RETURNED": "shipped",
    "RETURNED": "shipped",
}


class _Money(SourceModel):
    amount: Amount
    currency: Currency


class _Taxed(SourceModel):
    gross: _Money
    net: _Money


class _Variant(SourceModel):
    sku: Text = None


class _Line(SourceModel):
    id: str
    productName: Text = None
    variantName: Text = None
    productSku: Text = None
    quantity: Amount
    unitPrice: _Taxed
    undiscountedUnitPrice: _Taxed
    totalPrice: _Taxed
    unitDiscount: _Money | None = None
    taxRate: OptionalAmount = None
    sku: Text = None
    variant: _Variant | None = None


class _Channel(SourceModel):
    slug: Text = None


class _Order(SourceModel):
    id: str
    number: str
    externalReference: Text = None
    created: Instant
    status: str
    userEmail: Text = None
    channel: _Channel | None = None
    languageCodeEnum: Text = None
    billingAddress: SaleorAddress | None = None
    shippingAddress: SaleorAddress | None = None
    shippingMethodName: Text = None
    shippingPrice: _Taxed
    total: _Taxed
    subtotal: _Taxed
    paymentStatus: Text = None
    voucherCode: Text = None
    customerNote: Text = None
    metadata: tuple[Mapping[str, Any], ...] = ()
    lines: list[_Line]


def map_order(record: SourceRecord) -> Candidate:
    """Map a Saleor order (specification section 16.1, defects of section 28 mended)."""
    order = record.read(_Order)
    prefixed = f"{record.config.order_prefix}-{order.number}"
    number = order.externalReference or prefixed
    discount = _order_discount(order)
    billing = order.billingAddress
    status = STATUS.get(order.status, "unconfirmed")
    payment = PAYMENT_STATUS.get(order.paymentStatus or "", "unpaid")
    return Candidate(
        match_key=number,
        # An ERP that took the order over by its number knows it by that.
        other_key=prefixed if order.externalReference else None,
        number=order.number,
        status=order.status,
        values={
            "order_number": number,
            "reference_number": order.id,
            "ordered_at": order.created,
            "currency": order.total.gross.currency,
            "shipping_net": order.shippingPrice.net.amount,
            "shipping_gross": order.shippingPrice.gross.amount,
            "discount_code": order.voucherCode,
            "discount_net": discount[0],
            "discount_gross": discount[1],
            "total_net": order.total.net.amount,
            "total_gross": order.total.gross.amount,
            "status": status,
            "payment_status": payment,
            "shipment_status": SHIPMENT_STATUS.get(order.status, "pending"),
            "carrier": carrier(order.shippingMethodName),
            "shipping_method_name": order.shippingMethodName,
            "ready_to_fulfill": status == "confirmed" and payment == "fully_paid",
            "first_name": billing.firstName if billing else None,
            "last_name": billing.lastName if billing else None,
            "language": _language(order.languageCodeEnum),
            "customer_note": _note(order),
        },
        children={"lines": numbered(_line(line) for line in order.lines)},
        contact=_contact(order),
        channel=order.channel.slug if order.channel else None,
        addresses={
            column: address.fields()
            for column, address in (
                ("shipping_address_id", order.shippingAddress),
                ("billing_address_id", billing),
            )
            if address is not None
        },
        attrs={
            "total": str(order.total.gross.amount),
            "currency": order.total.gross.currency,
            "status": status,
        },
    )


def _order_discount(order: _Order) -> tuple[Decimal, Decimal]:
    """Return what the order as a whole was reduced by, beyond its lines (net, gross)."""
    net = order.subtotal.net.amount + order.shippingPrice.net.amount - order.total.net.amount
    gross = order.subtotal.gross.amount + order.shippingPrice.gross.amount
    return net, gross - order.total.gross.amount


def _line(line: _Line) -> dict[str, Any]:
    names = (line.productName, line.variantName)
    return {
        "source_id": line.id,
        "sku": sku((line.variant.sku if line.variant else None) or line.sku or line.productSku),
        "description": " - ".join(name for name in names if name) or None,
        "quantity": line.quantity,
        "tax_percentage": None if line.taxRate is None else rounded(line.taxRate * 100),
        "unit_net": line.unitPrice.net.amount,
        "unit_gross": line.unitPrice.gross.amount,
        "undiscounted_unit_net": line.undiscountedUnitPrice.net.amount,
        "undiscounted_unit_gross": line.undiscountedUnitPrice.gross.amount,
        "total_net": line.totalPrice.net.amount,
        "total_gross": line.totalPrice.gross.amount,
        "discount_net": rounded(
            (line.undiscountedUnitPrice.net.amount - line.unitPrice.net.amount) * line.quantity
        ),
    }


def _contact(order: _Order) -> Party | None:
    address = order.billingAddress
    return Party(
        email=email(order.userEmail),
        first_name=address.firstName if address else None,
        last_name=address.lastName if address else None,
        phone=address.phone if address else None,
        company_name=address.companyName if address else None,
    )


def _language(code: str | None) -> str | None:
    """Turn ``EN_US`` into ``en-US``; scripts (``ZH_HANS``) are left out."""
    if code is None:
        return None
    language, _, region = code.partition("_")
    is_region = len(region) == 2  # noqa: PLR2004 - ISO 3166-1 alpha-2
    return f"{language.lower()}-{region.upper()}" if is_region else language.lower()


def _note(order: _Order) -> str | None:
    """Return the delivery notes that the storefront keeps in metadata, else the order's note."""
    notes = (item.get("value") for item in order.metadata if item.get("key") == "deliveryNotes")
    return next((note for note in notes if isinstance(note, str) and note.strip()), None) or (
        order.customerNote
    )


SALEOR_ORDERS = Stream(
    name="saleor_orders",
    system=SALEOR,
    group="orders",
    entity="order",
    description=(
        "Orders of a Saleor shop with lines, addresses, totals, discounts, shipping, fulfilments "
        "and transactions, as the shop gives them. Drafts are left out by Saleor. A webhook is "
        "taken as a hint to read the order again. Saleor does not date a second parcel or a "
        "changed tracking number: shipped orders of the last 60 days are read again, the newest "
        "1,000 on every pull, all by the nightly full sync."
    ),
    source=SALEOR_ORDERS_SOURCE,
    id_field="id",
    modified_field="updatedAt",
    order="ascending",
    webhook=hinted("order", plural="orders", kind="Order"),
    undated=Undated(
        "payload ->> 'status' IN ('PARTIALLY_FULFILLED', 'FULFILLED', 'PARTIALLY_RETURNED')",
        within=timedelta(days=60),
        most=1000,
    ),
    overlap=timedelta(minutes=5),
    mapper=map_order,
)
