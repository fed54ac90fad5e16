"""What happens to payments after they were made: disputes, failed attempts, and the odd ones."""

from random import Random

from sandbox.aftersales import charged
from sandbox.payments import DAY, HOUR, settle, void
from sandbox.store import Dispute, ShopOrder, Transaction
from sandbox.world import World

NEWEST_ORDERS = 5000
"""Older ones are not looked at: a sandbox of 50,000 orders must start at once."""
DISPUTE_SHARE, DECLINED_SHARE, VOIDED_SHARE = 0.01, 0.03, 0.5


def seed_payments(world: World, size: int) -> None:
    """Let some banks dispute what was paid, some cards fail, and what was canceled be voided."""
    rng = Random(f"{world.seed}/payments/{world.merchant.name}/{size}")
    for order in list(world.shop_orders.by_id.values())[-NEWEST_ORDERS:]:
        if order.stage == "canceled" and rng.random() < VOIDED_SHARE:
            void(_attempt(world, order, "v", order.created), order.created + HOUR)
        sale = order.payment
        if sale is None:
            continue
        if rng.random() < DECLINED_SHARE:
            # The customer paid at the second attempt.
            _attempt(world, order, "x", sale.created).status = "processor_declined"
        at = order.created + rng.randrange(6 * DAY, 20 * DAY)
        is_over = order.stage == "done" and sale.settled is not None and at < world.now - 2 * DAY
        if not is_over or order.refunds:
            continue
        if rng.random() < DISPUTE_SHARE or not len(world.disputes):
            dispute = Dispute(
                f"d{sale.id}", at, at, sale, "chargeback", "open", charged(world, order)
            )
            world.disputes.add(dispute)
    _plant(world)


def _attempt(world: World, order: ShopOrder, letter: str, at: int) -> Transaction:
    """A sale of an order beside the one that was paid."""
    sale = Transaction(
        f"{letter}{order.number_key:07d}",
        at,
        at,
        "sale",
        "credit_card",
        "authorized",
        order,
        world.merchant.currency,
        minor=charged(world, order),
    )
    world.transactions.add(sale)
    return sale


def _plant(world: World) -> None:
    """Place a payment that no order knows, in a currency without minor units."""
    at = world.now - 3 * DAY
    odd = Transaction("jpy00001", at, at, "sale", "credit_card", "settled", None, "JPY", minor=5200)
    settle(odd, at + DAY)
    world.transactions.add(odd)
    world.planted["payment_without_order"] = {"braintree": odd.id}
