"""After the sale: goods come back, credit is given, money goes back; told once for all systems."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sandbox.money import half_up, tax_inside, total_up
from sandbox.payments import charge_fee, charge_reference
from sandbox.store import (
    BookedRefund,
    CreditLine,
    CreditNote,
    Invoice,
    Payment,
    Receive,
    Refund,
    Sale,
    SalesReturn,
    ShopOrder,
    ZohoOrder,
)
from sandbox.world import DAY, HOUR, SECOND, World

KIND_PAYMENT, KIND_CREDIT, KIND_RETURN = 20, 21, 22
RETURN_PER_CENT = 12
REASONS = ("too small", "damaged", "changed mind", "")


@dataclass(frozen=True, slots=True)
class Comeback:
    """What one return is made of, for those who go on telling its story."""

    order: ZohoOrder
    goods: SalesReturn
    note: CreditNote
    refund: Refund | None
    reference: str = field(default="", kw_only=True)


def charged(world: World, order: ShopOrder) -> int:
    """What the customer paid for a shop order."""
    totals = total_up(world.content(order))
    return totals.goods_gross + totals.shipping_net + totals.shipping_tax


def pay_invoice(world: World, invoice: Invoice) -> Payment:
    """Book the payment of an invoice: the gateway's charge, or a transfer to the bank."""
    shop = invoice.order.twin
    is_charge = isinstance(shop, ShopOrder)
    payment = Payment(
        world.merchant.zoho_id(KIND_PAYMENT, invoice.order.sale.index * 10),
        invoice.modified,
        invoice.modified,
        str(2000 + invoice.order.sale.index),
        invoice,
        "Kreditkarte" if is_charge else "Banküberweisung",
        charge_reference(shop) if isinstance(shop, ShopOrder) else "",
    )
    world.payments.add(payment)
    invoice.payment = payment
    return payment


def unpay_invoice(world: World, invoice: Invoice) -> None:
    """Take the payment of an invoice out of the books."""
    if invoice.payment is not None:
        world.payments.remove(invoice.payment.id)
        invoice.payment = None


def payment_amount(world: World, payment: Payment) -> int:
    """What a payment brought: what the shop charged, else what was billed."""
    if payment.amount_minor is not None:
        return payment.amount_minor
    shop = payment.invoice.order.twin
    if isinstance(shop, ShopOrder):
        return charged(world, shop)
    return total_up(world.content(payment.invoice)).total


def payment_fee(world: World, payment: Payment) -> int:
    """What the books say that the gateway took."""
    if payment.fee_minor is not None:
        return payment.fee_minor
    is_charge = isinstance(payment.invoice.order.twin, ShopOrder)
    return charge_fee(payment_amount(world, payment)) if is_charge else 0


def credit_amounts(world: World, note: CreditNote) -> list[tuple[int, int, int]]:
    """Net, tax and tax rate of the lines of a credit note."""
    content = world.content(note.order)
    totals = total_up(content)
    amounts = []
    for line in note.lines:
        sold, money = content.lines[line.index], totals.lines[line.index]
        rate = sold.tax_bp if line.tax_bp is None else line.tax_bp
        gross = line.gross_minor
        if gross is None:
            gross = half_up(money.gross * line.quantity, sold.quantity)
        tax = tax_inside(gross, rate)
        if line.gross_minor is None and line.quantity == sold.quantity and rate == sold.tax_bp:
            tax = money.tax
        amounts.append((gross - tax, tax, rate))
    return amounts


def credit_total(world: World, note: CreditNote) -> int:
    """Total of a credit note."""
    return sum(net + tax for net, tax, _ in credit_amounts(world, note))


def credit_balance(world: World, note: CreditNote) -> int:
    """What of a credit note is neither applied nor refunded (the invariant of Zoho), as told."""
    if note.status == "void":
        return 0
    if note.balance_minor is not None:
        return note.balance_minor
    used = sum(note.applied.values()) + sum(refund.amount_minor for refund in note.refunds)
    return credit_total(world, note) - used


def add_credit_note(
    world: World, order: ZohoOrder, lines: Sequence[CreditLine], at: int
) -> CreditNote:
    """Credit lines of an order against its invoice; nothing is paid back yet."""
    second = at // SECOND * SECOND
    number = world.next_credit_number
    world.next_credit_number += 1
    note = CreditNote(
        world.merchant.zoho_id(KIND_CREDIT, number * 10),
        second,
        second,
        f"CN-{number:05d}",
        order,
        order.invoice,
        list(lines),
        order.invoice.number if order.invoice else order.number,
    )
    world.credit_notes.add(note)
    return note


def book_refund(
    world: World, note: CreditNote, amount_minor: int, at: int, reference: str
) -> BookedRefund:
    """Pay a credit note out in the books; one that is used up is closed."""
    mode = "creditcard" if reference else "banktransfer"
    refund_id = str(int(note.id) + 1 + len(note.refunds))
    refund = BookedRefund(refund_id, at, amount_minor, mode, reference)
    note.refunds.append(refund)
    close_if_used(world, note, at)
    return refund


def close_if_used(world: World, note: CreditNote, at: int) -> None:
    """Follow the balance of a credit note."""
    note.status = "open" if credit_balance(world, note) else "closed"
    world.credit_notes.rendered_anew(note, max(note.modified, at // SECOND * SECOND))


def add_refund(
    world: World, order: ShopOrder, amount_minor: int, at: int, status: str = "settled"
) -> Refund:
    """Send money back through the gateway, told by shop and gateway."""
    number = sum(each.order is order for each in order.refunds) + 1
    key = f"r{charge_reference(order)[1:]}{number}"
    refund = Refund(key, at, at, order, amount_minor, status)
    order.refunds.append(refund)
    world.refunds.add(refund)
    return refund


def come_back(world: World, order: ZohoOrder, at: int, *, credit_only: bool = False) -> Comeback:
    """Let the first line of an order come back: return, receipt, credit note and refund."""
    second = at // SECOND * SECOND
    quantity = world.content(order).lines[0].quantity
    note = add_credit_note(world, order, [CreditLine(0, quantity)], second + HOUR)
    number = world.next_return_number
    world.next_return_number += 1
    goods = SalesReturn(
        world.merchant.zoho_id(KIND_RETURN, number * 100),
        second,
        second + HOUR,
        f"RMA-{number:05d}",
        order,
        {0: (0, quantity) if credit_only else (quantity, 0)},
        REASONS[order.sale.seed % len(REASONS)],
        [note],
    )
    if not credit_only:
        receive_id = str(int(goods.id) + 50)
        goods.receives.append(Receive(receive_id, f"PR-{number:05d}", second, {0: quantity}))
    world.sales_returns.add(goods)
    total = credit_total(world, note)
    refund: Refund | None = None
    shop = order.twin
    if isinstance(shop, ShopOrder):
        refund = add_refund(world, shop, total, second + HOUR)
        if not credit_only:
            shop.returned.append(({0: quantity}, "RETURNED", second))
        world.shop_orders.rendered_anew(shop, max(shop.modified, second + HOUR))
    reference = refund.id if refund else ""
    book_refund(world, note, total, second + HOUR, reference)
    return Comeback(order, goods, note, refund, reference=reference)


def seed_aftersales(world: World) -> None:
    """Pay what is paid, and let some of what arrived come back."""
    odd = {record_id for each in world.planted.values() for record_id in each.values()}
    for order in list(world.zoho_orders.by_id.values()):
        sale = order.sale
        if order.invoice is None or order.id in odd or not _comes_back(sale, order):
            continue
        at = order.modified + (1 + sale.seed // 100 % 3) * DAY
        if at < world.now - DAY:
            come_back(world, order, at, credit_only=sale.seed // 1000 % 4 == 0)


def _comes_back(sale: Sale, order: ZohoOrder) -> bool:
    is_paid = order.invoice is not None and order.invoice.status == "paid"
    return order.stage == "done" and is_paid and sale.seed % 100 < RETURN_PER_CENT
