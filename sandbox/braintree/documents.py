"""Braintree documents: transactions, disputes and rows of the fee report, as the vendor shows them.

Shapes: official SDK and its tests. A field without value is nil; numbers are texts.
"""

from sandbox.aftersales import charged
from sandbox.braintree.wire import array, day, group, instant, text, typed
from sandbox.payments import CARDS, DAY, TELLS_FEE, as_credit, charge_fee, returned_fee
from sandbox.store import Dispute, Payout, Transaction
from sandbox.times import utc_time
from sandbox.world import World

WITHOUT_MINOR_UNITS = frozenset({"JPY", "KRW", "CLP"})
PAYS_OUT_AFTER = 2 * DAY
"""Card money is paid out, and reported, two days after it settled."""

DETAILS = {
    "paypal_account": "paypal",
    "local_payment": "local-payment",
    "sepa_debit_account": "sepa-debit-account-detail",
}
REPORT_COLUMNS = (
    "Merchant Account ID",
    "Transaction ID",
    "Original Transaction ID",
    "Transaction Type",
    "Presentment Currency",
    "Settlement Currency",
    "Settlement Amount",
    "Exchange Rate",
    "Settlement Date",
    "Disbursement Date",
    "Payment Instrument",
    "Card Brand",
    "Card Type",
    "First 6 of CC",
    "Refunded Amount",
    "Order ID",
    "Discount",
    "Discount Credit",
    "Per Transaction Fee",
    "Per Transaction Fee Credit",
    "Total Fee Amount",
)


def account_of(world: World, transaction: Transaction) -> str:
    """The merchant account: one per currency."""
    return f"{world.merchant.name}_{transaction.currency.lower()}"


def minor_of(world: World, transaction: Transaction) -> int:
    """The amount in minor units: a sale costs what its order costs."""
    if transaction.minor is not None:
        return transaction.minor
    return charged(world, transaction.order) if transaction.order else 0


def transactions(world: World) -> dict[str, Transaction]:
    """Sales and credits by id."""
    credits_ = filter(None, map(as_credit, world.refunds.by_id.values()))
    return {**world.transactions.by_id, **{each.id: each for each in credits_}}


def transaction(world: World, one: str) -> Transaction | None:
    """The sale or credit with an id."""
    if one in world.transactions.by_id:
        return world.transactions.by_id[one]
    refund = world.refunds.by_id.get(one)
    return as_credit(refund) if refund is not None else None


def paid_out(transaction: Transaction) -> int | None:
    """When card money is paid out; PayPal's does not pass through the gateway."""
    if transaction.settled is None or transaction.instrument == "paypal_account":
        return None
    return transaction.settled + PAYS_OUT_AFTER


def transaction_element(world: World, each: Transaction) -> str:
    """One transaction."""
    minor = minor_of(world, each)
    amount = money(minor, each.currency)
    sale = each.sale
    return group(
        "transaction",
        text("id", each.id),
        text("global-id", f"dHJhbnNhY3Rpb25f{each.id}"),
        text("type", each.kind),
        text("status", each.status),
        text("amount", amount),
        text("currency-iso-code", each.currency),
        text("merchant-account-id", account_of(world, each)),
        text("order-id", order_id(world, each)),
        instant("created-at", each.created),
        instant("updated-at", each.modified),
        text("payment-instrument-type", each.instrument),
        text("refunded-transaction-id", sale.id if sale else None),
        array("refund-ids", (text("item", one) for one in _refund_ids(each))),
        array("status-history", _history(each, amount)),
        _disbursement(world, each, minor),
        _details(each, minor),
        group("credit-card", text("bin", "411111"), text("last-4", "1111")),
        group(
            "customer",
            text("first-name", "Personal"),
            text("email", "never-stored@example.org"),
        ),
        array("disputes", ()),
        text("processor-response-code", "2000" if each.status.endswith("declined") else "1000"),
        text("gateway-rejection-reason", None),
    )


def dispute_element(world: World, dispute: Dispute) -> str:
    """One dispute."""
    sale = dispute.sale
    won = money(dispute.minor, sale.currency) if dispute.won else "0.00"
    return group(
        "dispute",
        text("id", dispute.id),
        text("kind", dispute.kind),
        text("status", dispute.status),
        text("reason", "fraud"),
        text("reason-code", "83"),
        text("amount-disputed", money(dispute.minor, sale.currency)),
        text("amount-won", won),
        text("currency-iso-code", sale.currency),
        text("case-number", f"CB{dispute.id.upper()}"),
        text("original-dispute-id", dispute.original or None),
        text("merchant-account-id", account_of(world, sale)),
        day("received-date", dispute.created),
        day("reply-by-date", dispute.created + 14 * DAY),
        day("date-opened", dispute.created),
        day("date-won", dispute.won),
        instant("created-at", dispute.created),
        instant("updated-at", dispute.modified),
        array("status-history", ()),
        group(
            "transaction",
            text("id", sale.id),
            text("amount", money(minor_of(world, sale), sale.currency)),
            instant("created-at", sale.created),
            text("order-id", order_id(world, sale)),
        ),
    )


def account_element(world: World, currency: str, *, is_default: bool) -> str:
    """One merchant account."""
    return group(
        "merchant-account",
        text("id", f"{world.merchant.name}_{currency.lower()}"),
        text("status", "active"),
        text("currency-iso-code", currency),
        typed("default", "boolean", str(is_default).lower()),
    )


def report_row(world: World, each: Transaction) -> dict[str, str]:
    """One row of the fee report, as flat pricing has it."""
    minor = minor_of(world, each)
    cost = -returned_fee(minor) if each.kind == "credit" else charge_fee(minor)
    settled = utc_time(each.settled or each.created)[:10]
    values = (
        account_of(world, each),
        each.id,
        each.sale.id if each.sale else "",
        each.kind,
        each.currency,
        each.currency,
        money(minor, each.currency),
        "1.0",
        settled,
        utc_time(paid_out(each) or 0)[:10],
        "credit_card",
        "Visa",
        "Credit",
        "411111",
        "",
        order_id(world, each) or "",
        "0.019",
        "",
        "0.30",
        "",
        money(cost, each.currency),
    )
    return dict(zip(REPORT_COLUMNS, values, strict=True))


def is_reported(each: Transaction) -> bool:
    """Whether the fee report shows it: settled card payments."""
    return each.instrument in CARDS and each.settled is not None


def money(minor: int, currency: str) -> str:
    """An amount as the gateway writes it: with two digits, or with none."""
    return str(minor) if currency in WITHOUT_MINOR_UNITS else f"{minor / 100:.2f}"


def order_id(world: World, each: Transaction) -> str | None:
    """What the shop called its order."""
    return f"{world.merchant.prefix}-{each.order.number}" if each.order else None


def _refund_ids(each: Transaction) -> list[str]:
    refunds = each.order.refunds if each.order is not None and each is each.order.payment else []
    return [refund.id for refund in refunds if as_credit(refund) is not None]


def _history(each: Transaction, amount: str) -> list[str]:
    steps = [(each.created, "authorized")] if each.status != "processor_declined" else []
    if each.status not in {"authorized", "voided", "processor_declined"}:
        steps.append((each.created, "submitted_for_settlement"))
    if each.settled is not None:
        steps.append((each.settled, "settled"))
    if not steps or steps[-1][1] != each.status:
        steps.append((each.modified, each.status))
    return [
        group(
            "status-event",
            instant("timestamp", at),
            text("status", status),
            text("amount", amount),
            text("user", "api_user"),
        )
        for at, status in steps
    ]


def _disbursement(world: World, each: Transaction, minor: int) -> str:
    at = paid_out(each)
    is_out = at is not None and at <= max(world.now, each.modified)
    payout = each.payout or Payout(each.currency, "1", minor)
    return group(
        "disbursement-details",
        day("disbursement-date", at if is_out else None),
        text("settlement-amount", money(payout.minor, payout.currency) if is_out else None),
        text("settlement-currency-iso-code", payout.currency if is_out else None),
        text("settlement-currency-exchange-rate", payout.rate if is_out else None),
        typed("funds-held", "boolean", "false") if is_out else text("funds-held", None),
        typed("success", "boolean", "true") if is_out else text("success", None),
    )


def _details(each: Transaction, minor: int) -> str:
    """What PayPal, SEPA and local methods tell beside: their fee, once it is known."""
    name = DETAILS.get(each.instrument)
    if name is None:
        return ""
    is_told = each.fee_known is not None and each.instrument in TELLS_FEE
    cost, back = None, None
    if is_told and each.sale is not None:
        back = money(returned_fee(minor), each.currency)
    elif is_told:
        cost = money(charge_fee(minor), each.currency)
    currency = each.currency
    return group(
        name,
        text("authorization-id", f"AUTH{each.id.upper()}" if name == "paypal" else None),
        text("capture-id", f"CAP{each.id.upper()}" if name == "paypal" else None),
        text("payer-email", "never-stored@example.org" if name == "paypal" else None),
        text("transaction-fee-amount", cost),
        text("transaction-fee-currency-iso-code", currency if cost else None),
        text("refund-from-transaction-fee-amount", back),
        text("refund-from-transaction-fee-currency-iso-code", currency if back else None),
    )
