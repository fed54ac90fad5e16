"""raw/zoho_sales_orders: sales orders of Zoho, and what they say about a canonical order."""

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from pydantic import Field

from resources.zoho import ZOHO, ZohoList
from resources.zoho.addresses import ZohoAddress
from schemabase_dagster.candidate import Candidate, Party, SourceRecord
from schemabase_dagster.normalise.carrier import carrier
from schemabase_dagster.normalise.day import instant_of
from schemabase_dagster.normalise.fields import (
    Amount,
    Currency,
    LocalInstant,
    OptionalAmount,
    OptionalDate,
    SourceModel,
    Text,
)
from schemabase_dagster.normalise.lines import numbered
from schemabase_dagster.normalise.money import rounded
from schemabase_dagster.normalise.text import clean, email, sku
from schemabase_dagster.streams import Stream, WebhookFeed

ZERO = Decimal(0)
CENT = Decimal("0.01")

STATUS = {
    "draft": "draft",
    "confirmed": "confirmed",
    "open": "confirmed",
    "onhold": "confirmed",
    "closed": "closed",
    "void": "canceled",
}
INVOICE_STATUS = {
    "not_invoiced": "not_invoiced",
    "partially_invoiced": "partially_invoiced",
    "invoiced": "invoiced",
}
PAYMENT_STATUS = {"paid": "fully_paid", "partially_paid": "partially_paid"}
SHIPMENT_STATUS = {
    "pending": "pending",
    "partially_shipped": "partially_shipped",
    "shipped": "shipped",
    "fulfilled": "delivered",
}


class _Line(SourceModel):
    line_item_id: str
    sku: Text = None
    name: Text = None
    rate: Amount
    quantity: Amount
    tax_percentage: OptionalAmount = None
    item_total: Amount
    item_sub_total: OptionalAmount = None
    item_total_inclusive_of_tax: OptionalAmount = None
    discount_amount: OptionalAmount = None
    warehouse_id: str | None = None


class _Person(SourceModel):
    first_name: Text = None
    last_name: Text = None
    email: Text = None
    phone: Text = None


class _Order(SourceModel):
    salesorder_id: str
    salesorder_number: str = Field(min_length=1)
    reference_number: Text = None
    customer_id: Text = None
    customer_name: Text = None
    company_name: Text = None
    email: Text = None
    date: date
    shipment_date: OptionalDate = None
    created_time: LocalInstant
    currency_code: Currency
    total: Amount
    order_status: Text = None
    invoiced_status: Text = None
    paid_status: Text = None
    shipped_status: Text = None
    delivery_method: Text = None
    is_inclusive_tax: bool = False
    discount_type: Text = None
    discount_amount: OptionalAmount = None
    shipping_charge: OptionalAmount = None
    shipping_charge_tax_percentage: OptionalAmount = None
    adjustment: OptionalAmount = None
    tax_total: OptionalAmount = None
    line_items: list[_Line]
    billing_address: ZohoAddress | None = None
    shipping_address: ZohoAddress | None = None
    contact_person_details: tuple[_Person, ...] = ()


def map_order(record: SourceRecord) -> Candidate:
    """Map a Zoho sales order (specification 2.8, quirks of 2.14 mended)."""
    order = record.read(_Order)
    person = order.contact_person_details[0] if order.contact_person_details else _Person()
    status = STATUS.get(order.order_status or "", "unconfirmed")
    reference = order.reference_number
    address = email(order.email) or email(person.email)
    return Candidate(
        match_key=order.salesorder_number.strip(),
        other_key=reference,
        number=order.salesorder_number,
        status=order.order_status,
        values={
            "order_number": order.salesorder_number.strip(),
            "reference_number": reference,
            "ordered_at": _ordered_at(order),
            "expected_ship_date": order.shipment_date,
            "carrier": carrier(order.delivery_method) if order.delivery_method else None,
            "shipping_method_name": order.delivery_method,
            "status": status,
            "payment_status": PAYMENT_STATUS.get(order.paid_status or "", "unpaid"),
            "shipment_status": SHIPMENT_STATUS.get(order.shipped_status or ""),
            "invoice_status": INVOICE_STATUS.get(order.invoiced_status or ""),
            "first_name": person.first_name,
            "last_name": person.last_name,
            **_custom_fields(record),
            **_totals(order),
        },
        children={"lines": numbered(_line(line, order) for line in order.line_items)},
        contact=Party(
            email=address,
            first_name=person.first_name,
            last_name=person.last_name,
            phone=person.phone,
            company_name=order.company_name,
            external_id=order.customer_id,
        ),
        addresses={
            column: block.fields(order.customer_name, record.config.org_language)
            for column, block in (
                ("shipping_address_id", order.shipping_address),
                ("billing_address_id", order.billing_address),
            )
            if block is not None
        },
        parents={} if address or not order.customer_id else {"contact": [f"#{order.customer_id}"]},
        attrs={"total": str(order.total), "currency": order.currency_code, "status": status},
    )


def _ordered_at(order: _Order) -> datetime:
    """Return the time of creation when the order is dated on that day, else the day's start.

    Zoho dates an order by day, in the organisation's zone; the record's own times carry its offset.
    """
    return instant_of(order.date, order.created_time)


def _totals(order: _Order) -> dict[str, Any]:
    shipping = order.shipping_charge or ZERO
    percent = order.shipping_charge_tax_percentage or ZERO
    factor = 1 + percent / 100
    inclusive = order.is_inclusive_tax
    discount_net, discount_gross = _order_discount(order)
    return {
        "currency": order.currency_code,
        "prices_include_tax": inclusive,
        "shipping_net": _cents(shipping / factor) if inclusive else shipping,
        "shipping_gross": shipping if inclusive else _cents(shipping * factor),
        "discount_net": discount_net,
        "discount_gross": discount_gross,
        "adjustment": order.adjustment,
        "total_net": order.total - order.tax_total if order.tax_total is not None else None,
        "total_gross": order.total,
    }


def _order_discount(order: _Order) -> tuple[Decimal, Decimal]:
    """Spread the discount of the whole order over the lines, with each line's tax."""
    discount = order.discount_amount
    if order.discount_type != "entity_level" or not discount:
        return ZERO, ZERO
    goods = sum((line.item_total for line in order.line_items), ZERO)
    if not goods:
        return ZERO, ZERO
    gross = sum(
        (
            _cents(discount * line.item_total / goods * (1 + (line.tax_percentage or ZERO) / 100))
            for line in order.line_items
        ),
        ZERO,
    )
    return discount, gross


def _line(line: _Line, order: _Order) -> dict[str, Any]:
    factor = 1 + (line.tax_percentage or ZERO) / 100
    gross = line.item_total_inclusive_of_tax
    if gross is None:
        gross = _cents(line.item_total * factor)
    quantity = line.quantity or Decimal(1)
    listed_net = line.rate / factor if order.is_inclusive_tax else line.rate
    listed_gross = line.rate if order.is_inclusive_tax else line.rate * factor
    return {
        "source_id": line.line_item_id,
        "sku": sku(line.sku),
        "description": line.name,
        "quantity": line.quantity,
        "tax_percentage": line.tax_percentage,
        "unit_net": rounded(line.item_total / quantity),
        "unit_gross": rounded(gross / quantity),
        "undiscounted_unit_net": rounded(listed_net),
        "undiscounted_unit_gross": rounded(listed_gross),
        "total_net": line.item_total,
        "total_gross": gross,
        "discount_net": line.discount_amount,
        "warehouse": f"#{line.warehouse_id}" if line.warehouse_id else None,
    }


def _custom_fields(record: SourceRecord) -> dict[str, Any]:
    """Return the columns whose custom fields the app's configuration names."""
    names = record.config.custom_fields
    if not (names.ready_to_fulfill or names.customer_note or names.voucher_code):
        return {}
    payload = record.payload
    values: dict[str, Any] = {}
    if names.ready_to_fulfill:
        values["ready_to_fulfill"] = _flag(payload, names.ready_to_fulfill)
    if names.customer_note:
        values["customer_note"] = clean(payload.get(names.customer_note))
    if names.voucher_code:
        values["discount_code"] = clean(payload.get(names.voucher_code))
    return values


def _flag(payload: dict[str, Any], name: str) -> bool | None:
    value = payload.get(f"{name}_unformatted", payload.get(name))
    known = {True: True, False: False, "true": True, "false": False, "1": True, "0": False}
    return known.get(value) if isinstance(value, (bool, str)) else None


def _cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def webhook_orders(_event_type: str, payload: Any) -> list[dict[str, Any]]:
    """Return the order of a webhook's default payload, which is the whole detail (1.13).

    A payload without lines or modified time was made by hand and is of no use: the next pull
    brings the order.
    """
    order = payload.get("salesorder") if isinstance(payload, dict) else None
    whole = isinstance(order, dict) and "line_items" in order and "last_modified_time" in order
    return [order] if isinstance(order, dict) and whole else []


ZOHO_SALES_ORDERS = Stream(
    name="zoho_sales_orders",
    system=ZOHO,
    group="orders",
    entity="order",
    description=(
        "Sales orders of Zoho Inventory in full detail: lines, addresses, charges, custom fields. "
        "Listed newest first; the detail is fetched only for orders that changed. A webhook with "
        "the default payload carries the whole order."
    ),
    source=ZohoList(
        path="salesorders",
        list_key="salesorders",
        detail_key="salesorder",
        ids_filter="salesorder_ids",
    ),
    id_field="salesorder_id",
    modified_field="last_modified_time",
    order="descending",
    detail=True,
    webhook=WebhookFeed("data", webhook_orders),
    overlap=timedelta(minutes=2),
    mapper=map_order,
)
