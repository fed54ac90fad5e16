"""Payments of shop orders at the gateway: which method, when they settle, what they cost."""

from uuid import UUID

from sandbox.money import half_up
from sandbox.store import Refund, ShopOrder, Transaction

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

PAID_STAGES = frozenset({"paid", "partial", "done"})

CARDS = frozenset({"credit_card", "apple_pay_card", "android_pay_card"})
INSTRUMENTS = (
    *("credit_card",) * 11,
    *("paypal_account",) * 6,
    "apple_pay_card",
    "android_pay_card",
    "sepa_debit_account",
    "local_payment",
)
"""Each as often as it is used."""

SETTLES_AFTER = {
    "paypal_account": 5 * MINUTE,
    "local_payment": HOUR,
    "sepa_debit_account": 5 * DAY,
}
"""Cards settle after a day."""

TELLS_FEE = frozenset(SETTLES_AFTER)
"""Methods whose fee the transaction tells; that of cards stands in the report."""
FEE_BP, FEE_MINOR = 190, 35
"""Hundredths of a per cent, and a fixed part."""

LATE = 20
"""The fee of every so manyth payment comes days late."""


def charge_reference(order: ShopOrder) -> str:
    """The gateway's transaction id of the charge of a shop order: short, lower case."""
    return f"{UUID(order.id).int % 16**8:08x}"


def charge_fee(amount_minor: int) -> int:
    """What the gateway takes of a charge."""
    return half_up(amount_minor * FEE_BP, 10_000) + FEE_MINOR


def returned_fee(amount_minor: int) -> int:
    """What of a charge's fee is given back with a part of its money: never the fixed part."""
    return half_up(amount_minor * FEE_BP, 10_000)


def make_sale(order: ShopOrder, at: int, currency: str, *, now: int) -> Transaction:
    """Charge an order; what would have settled by now has."""
    instrument = INSTRUMENTS[order.number_key % len(INSTRUMENTS)]
    sale = Transaction(
        charge_reference(order),
        at,
        at,
        "sale",
        instrument,
        "submitted_for_settlement",
        order,
        currency,
    )
    settles = at + SETTLES_AFTER.get(instrument, DAY)
    if settles <= now:
        settle(sale, settles)
        if instrument in TELLS_FEE:
            late = 6 * DAY if order.number_key % LATE == 0 else HOUR
            sale.fee_known = settles + late if settles + late <= now else None
    return sale


def as_credit(refund: Refund) -> Transaction | None:
    """A refund as the gateway has it: a transaction of its own; None when it never heard of it."""
    sale = refund.order.payment
    if sale is None or not refund.is_at_gateway or refund.status == "granted":
        return None
    settled = refund.modified if refund.status == "settled" else None
    return Transaction(
        refund.id,
        refund.created,
        refund.modified,
        "credit",
        sale.instrument,
        refund.status,
        refund.order,
        sale.currency,
        minor=refund.amount_minor,
        sale=sale,
        settled=settled,
        fee_known=settled,
        payout=refund.payout,
    )


def settle(transaction: Transaction, at: int) -> None:
    """Let the money of a transaction move."""
    transaction.status, transaction.settled = "settled", at
    transaction.modified = max(transaction.modified, at)


def void(transaction: Transaction, at: int) -> None:
    """Take a sale back that has not settled: no money moves."""
    transaction.status, transaction.voided = "voided", at
    transaction.modified = max(transaction.modified, at)
