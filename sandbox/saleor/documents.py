"""Saleor documents: an order as the selection ``OrderSync`` of saleor.md 8.11 shows it."""

import base64
from collections import Counter
from uuid import UUID

from sandbox.money import Amounts, Content, Line, half_up, total_up
from sandbox.parcels import carrier_of, parcel_lines
from sandbox.payments import PAID_STAGES
from sandbox.people import Address, Customer
from sandbox.saleor.payments import granted_refunds, money_back, payments, transactions
from sandbox.saleor.shapes import JsonObject, Money, global_id
from sandbox.store import ShopOrder
from sandbox.times import saleor_time
from sandbox.world import World

STATUSES = {
    "open": "UNFULFILLED",
    "paid": "UNFULFILLED",
    "partial": "PARTIALLY_FULFILLED",
    "done": "FULFILLED",
    "canceled": "CANCELED",
}


def order_key(gid: str) -> str | None:
    """The uuid inside an order's global id; None when it is not an id at all."""
    try:
        kind, _, key = base64.b64decode(gid, validate=True).decode().partition(":")
    except ValueError:
        return None
    return key if kind == "Order" else "" if kind.isidentifier() and key else None


def order_node(world: World, order: ShopOrder) -> JsonObject:
    """One order with everything a sync asks for."""
    content = world.content(order)
    totals = total_up(content)
    money = Money(world.merchant.currency)
    customer = world.customer(order.sale.customer)
    address = saleor_address(customer.address)
    is_paid = order.stage in PAID_STAGES
    shipping_gross = totals.shipping_net + totals.shipping_tax
    list_net = sum(line.list_net for line in totals.lines)
    list_gross = sum(line.list_gross for line in totals.lines)
    return {
        "id": global_id("Order", order.id),
        "number": order.number,
        "externalReference": f"EXT-{order.number}" if order.has_external_reference else None,
        "created": saleor_time(order.created),
        "updatedAt": saleor_time(order.modified),
        "status": _status(order, content),
        "origin": "CHECKOUT",
        "userEmail": _email(order, customer),
        "user": _user(order, customer),
        "channel": _channel(world),
        "languageCodeEnum": world.merchant.language.upper(),
        "billingAddress": address,
        "shippingAddress": address,
        "shippingMethodName": carrier_of(order.sale),
        "deliveryMethod": {
            "__typename": "ShippingMethod",
            "id": global_id("ShippingMethod", 4),
            "name": carrier_of(order.sale),
        },
        "shippingPrice": money.taxed(totals.shipping_net, shipping_gross),
        "shippingTaxRate": content.shipping_tax_bp / 10_000,
        "total": money.taxed(
            totals.goods_net + totals.shipping_net, totals.goods_gross + shipping_gross
        ),
        "undiscountedTotal": money.taxed(
            list_net + totals.shipping_net, list_gross + shipping_gross
        ),
        "subtotal": money.taxed(totals.goods_net, totals.goods_gross),
        "paymentStatus": "FULLY_CHARGED" if is_paid else "NOT_CHARGED",
        "chargeStatus": "FULL" if is_paid else "NONE",
        "authorizeStatus": "FULL" if is_paid else "NONE",
        "isPaid": is_paid,
        "voucherCode": "WELCOME" if content.discount_minor else None,
        "voucher": _voucher(content),
        "discounts": _discounts(content, order),
        "customerNote": content.note,
        "metadata": [{"key": k, "value": v} for k, v in sorted(order.attributes.items())],
        "lines": [
            _line(world, order, index, line, amounts)
            for index, (line, amounts) in enumerate(zip(content.lines, totals.lines, strict=True))
        ],
        "fulfillments": _fulfillments(order, content),
        "totalRefunded": money.plain(money_back(order)),
        "grantedRefunds": granted_refunds(order, money),
        "payments": payments(order, money, totals.goods_gross + shipping_gross),
        "transactions": transactions(order, money, totals.goods_gross + shipping_gross),
    }


def _email(order: ShopOrder, customer: Customer) -> str | None:
    return None if order.is_guest_unknown or not customer.email else customer.email


def _user(order: ShopOrder, customer: Customer) -> JsonObject | None:
    if order.is_guest_unknown or not customer.has_account or not customer.email:
        return None
    return {"id": global_id("User", customer.index + 1)}


def _channel(world: World) -> JsonObject:
    merchant = world.merchant
    return {
        "id": global_id("Channel", 1),
        "slug": merchant.country.lower(),
        "currencyCode": merchant.currency,
    }


def saleor_address(address: Address) -> JsonObject:
    """An address; blanks are empty texts."""
    return {
        "firstName": address.first_name,
        "lastName": address.last_name,
        "companyName": address.company,
        "streetAddress1": address.street,
        "streetAddress2": address.street2,
        "postalCode": address.zip,
        # Saleor's validation turns cities into upper case (saleor-live.md 4.1).
        "city": address.city.upper(),
        "countryArea": address.state,
        "country": {"code": address.country},
        "phone": address.phone,
    }


def _voucher(content: Content) -> JsonObject | None:
    if not content.discount_minor:
        return None
    return {"id": global_id("Voucher", 1), "type": "ENTIRE_ORDER"}


def _discounts(content: Content, order: ShopOrder) -> list[JsonObject]:
    if not content.discount_minor:
        return []
    discount_id = UUID(int=UUID(order.id).int ^ 1)
    return [
        {
            "id": global_id("OrderDiscount", discount_id),
            "type": "VOUCHER",
            "name": "WELCOME",
            "valueType": "FIXED",
            "value": content.discount_minor / 100,
        }
    ]


def _line(world: World, order: ShopOrder, index: int, line: Line, amounts: Amounts) -> JsonObject:
    money = Money(world.merchant.currency)
    item, count = world.items[line.item], line.quantity
    discount = half_up(line.discount_minor, count)
    fulfilled = count if index in _shipped(order, world.content(order)) else 0
    return {
        "id": global_id("OrderLine", _line_key(order, index)),
        "productName": item.name,
        "variantName": item.form,
        "productSku": item.sku,
        "quantity": count,
        "quantityFulfilled": fulfilled,
        "quantityToFulfill": count - fulfilled,
        "unitPrice": money.taxed(half_up(amounts.net, count), half_up(amounts.gross, count)),
        "undiscountedUnitPrice": money.taxed(
            half_up(amounts.list_net, count), half_up(amounts.list_gross, count)
        ),
        "totalPrice": money.taxed(amounts.net, amounts.gross),
        "unitDiscount": money.plain(discount),
        "unitDiscountType": (
            None if not discount else "PERCENTAGE" if line.discount_percent else "FIXED"
        ),
        "taxRate": line.tax_bp / 10_000,
        "sku": None,
        "variant": {"id": global_id("ProductVariant", item.index + 1), "sku": item.sku},
    }


def _line_key(order: ShopOrder, index: int) -> UUID:
    return UUID(int=UUID(order.id).int ^ ((index + 1) << 64))


def _shipped(order: ShopOrder, content: Content) -> set[int]:
    """The lines that have left, by index."""
    return {i for place, _ in enumerate(order.parcels, 1) for i in _lies_in(order, content, place)}


def _lies_in(order: ShopOrder, content: Content, position: int) -> list[int]:
    is_last = order.stage != "partial" and position == len(order.parcels)
    return parcel_lines(content, position, takes_rest=is_last)


def _status(order: ShopOrder, content: Content) -> str:
    """The order's status: what came back counts once everything was shipped."""
    back = sum(sum(lines.values()) for lines, status, _ in order.returned if status != "REPLACED")
    if not back or order.stage != "done":
        return STATUSES[order.stage]
    is_all = back >= sum(line.quantity for line in content.lines)
    return "RETURNED" if is_all else "PARTIALLY_RETURNED"


def _fulfillments(order: ShopOrder, content: Content) -> list[JsonObject]:
    """Parcels, and what came back of them: those lines move, an emptied parcel is gone (2.4)."""
    sent = [
        _fulfillment(order, position, "FULFILLED", tracking, lines, 0)
        for position, tracking in enumerate(order.parcels, 1)
        if (lines := _left_in(order, content, position))
    ]
    start = len(order.parcels) + 1
    return sent + [
        _fulfillment(order, position, status, "", lines, at)
        for position, (lines, status, at) in enumerate(order.returned, start)
    ]


def _fulfillment(  # noqa: PLR0917 - the columns of a row
    order: ShopOrder, position: int, status: str, tracking: str, lines: dict[int, int], at: int
) -> JsonObject:
    return {
        "id": global_id("Fulfillment", order.number_key * 10 + position),
        "fulfillmentOrder": position,
        "status": status,
        "trackingNumber": tracking,
        "created": saleor_time(at or order.created + position * 3_600_000_000),
        "lines": [
            {
                "id": global_id(
                    "FulfillmentLine", order.number_key * 100 + index + (50 if at else 0)
                ),
                "quantity": quantity,
                "orderLine": {"id": global_id("OrderLine", _line_key(order, index))},
            }
            for index, quantity in lines.items()
        ],
    }


def _left_in(order: ShopOrder, content: Content, position: int) -> dict[int, int]:
    """What is left in a parcel after returns, by line index."""
    back: Counter[int] = Counter()
    for lines, _, _ in order.returned:
        back.update(lines)
    left = {
        index: content.lines[index].quantity - back[index]
        for index in _lies_in(order, content, position)
    }
    return {index: quantity for index, quantity in left.items() if quantity > 0}
