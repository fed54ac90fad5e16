"""What a Saleor order shows of money: payments, transactions and refunds granted.

The newer way (transactions with events) and the older one (payments) stand side by side in a shop.
"""

from random import Random
from uuid import UUID

from sandbox.payments import CARDS
from sandbox.saleor.shapes import JsonObject, Money, global_id
from sandbox.store import Refund, ShopOrder
from sandbox.times import saleor_time

MINUTE = 60_000_000
OUTCOMES = {"settled": "REFUND_SUCCESS", "settlement_declined": "REFUND_FAILURE"}


def known_refunds(order: ShopOrder) -> list[Refund]:
    """Refunds that the shop knows of."""
    return [each for each in order.refunds if each.is_in_shop]


def money_back(order: ShopOrder) -> int:
    """What went back to the customer as the shop knows it, in minor units."""
    return sum(_told(each) for each in known_refunds(order) if each.status == "settled")


def _told(refund: Refund) -> int:
    """What the shop says of its amount."""
    return refund.amount_minor if refund.shop_minor is None else refund.shop_minor


def shop_ids(order: ShopOrder, refund: Refund) -> list[str]:
    """Ids of all that a shop shows of one refund: its grant and its events, or its step."""
    known = known_refunds(order)
    place = next(place for place, each in enumerate(known, 1) if each is refund)
    if is_legacy(order):
        steps = [each for each in known if each.status == "settled"]
        step = next(place for place, each in enumerate(steps, 1) if each is refund)
        return [global_id("Transaction", order.number_key * 10 + step)]
    ids = [global_id("OrderGrantedRefund", order.number_key * 10 + place)]
    if refund.status != "granted":
        ids.append(f"{global_id('TransactionItem', _transaction_key(order))}/{refund.id}")
    return ids


def chargeback_id(order: ShopOrder) -> str:
    """Id of what the shop shows of a chargeback: its event names the payment, not the case."""
    reference = order.payment.id if order.payment else ""
    return f"{global_id('TransactionItem', _transaction_key(order))}/{reference}"


def _transaction_key(order: ShopOrder) -> UUID:
    return UUID(int=Random(order.id).getrandbits(128), version=4)


def granted_refunds(order: ShopOrder, money: Money) -> list[JsonObject]:
    """Refunds that were granted; one of the older way has none."""
    if order.payment is None or is_legacy(order):
        return []
    return [
        {
            "id": global_id("OrderGrantedRefund", order.number_key * 10 + place),
            "createdAt": saleor_time(refund.created - MINUTE),
            "updatedAt": saleor_time(refund.created - MINUTE),
            "amount": money.plain(_told(refund)),
            "reason": "Returned" if place == 1 else "",
            "shippingCostsIncluded": False,
        }
        for place, refund in enumerate(known_refunds(order), 1)
    ]


def is_legacy(order: ShopOrder) -> bool:
    """Whether the shop took the money by its older way."""
    return order.number_key % 6 == 0


def payments(order: ShopOrder, money: Money, gross: int) -> list[JsonObject]:
    """The payment by the older way: a refund's token is the gateway's id of it."""
    sale = order.payment
    if sale is None or not is_legacy(order):
        return []
    back = money_back(order)
    status = "PARTIALLY_REFUNDED" if back else "FULLY_CHARGED"
    steps = [("CAPTURE", sale.id, gross, sale.created)]
    steps += [
        ("REFUND", each.id if each.has_reference else sale.id, _told(each), each.modified)
        for each in known_refunds(order)
        if each.status == "settled"
    ]
    return [
        {
            "id": global_id("Payment", order.number_key),
            "gateway": "mirumee.payments.braintree",
            "paymentMethodType": "card" if sale.instrument in CARDS else "paypal",
            "pspReference": sale.id,
            "isActive": back < gross,
            "chargeStatus": "FULLY_REFUNDED" if back >= gross else status,
            "created": saleor_time(order.created),
            "modified": saleor_time(steps[-1][3]),
            "total": money.plain(gross),
            "capturedAmount": money.plain(gross - back),
            "creditCard": {"brand": "Visa"} if sale.instrument in CARDS else None,
            "transactions": [
                {
                    "id": global_id("Transaction", order.number_key * 10 + place),
                    "kind": kind,
                    "isSuccess": True,
                    "token": token,
                    "amount": money.plain(minor),
                    "created": saleor_time(at),
                }
                for place, (kind, token, minor, at) in enumerate(steps)
            ],
        }
    ]


def transactions(order: ShopOrder, money: Money, gross: int) -> list[JsonObject]:
    """The payment by the newer way: events that name the gateway's ids."""
    sale = order.payment
    if sale is None or is_legacy(order):
        return []
    key = _transaction_key(order)
    events = [("CHARGE_SUCCESS", sale.id, gross, sale.created), *_refund_events(order)]
    events += [("CHARGE_BACK", sale.id, each.minor, each.created) for each in order.chargebacks]
    taken = sum(each.minor for each in order.chargebacks)
    begun = [each for each in known_refunds(order) if each.status != "granted"]
    failed = [each for each in begun if each.status == "settlement_declined"]
    back = sum(map(_told, begun)) - sum(map(_told, failed))
    nothing = money.plain(0)
    return [
        {
            "id": global_id("TransactionItem", key),
            "token": str(key),
            "name": "Braintree",
            "message": "",
            "pspReference": sale.id,
            "createdAt": saleor_time(order.created),
            "modifiedAt": saleor_time(events[-1][3]),
            "actions": ["REFUND"],
            "authorizedAmount": nothing,
            "authorizePendingAmount": nothing,
            "chargedAmount": money.plain(gross - back - taken),
            "chargePendingAmount": nothing,
            "refundedAmount": money.plain(money_back(order)),
            "refundPendingAmount": money.plain(back - money_back(order)),
            "createdBy": {"__typename": "App", "id": global_id("App", 17), "name": "Payments"},
            "privateMetadata": [],
            "events": [
                {
                    "id": global_id("TransactionEvent", order.number_key * 10 + place),
                    "type": kind,
                    "createdAt": saleor_time(at),
                    "pspReference": reference,
                    "message": "",
                    "amount": money.plain(minor),
                }
                for place, (kind, reference, minor, at) in enumerate(events)
            ],
        }
    ]


def _refund_events(order: ShopOrder) -> list[tuple[str, str, int, int]]:
    """Type, reference, amount and time of the events of all refunds."""
    events = []
    for each in known_refunds(order):
        if each.status != "granted":
            events.append(("REFUND_REQUEST", each.id, _told(each), each.created))
        if each.status in OUTCOMES:
            at = max(each.modified, each.created + MINUTE)
            events.append((OUTCOMES[each.status], each.id, _told(each), at))
    return events
