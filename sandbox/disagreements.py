"""Disagreements that a reconciliation must find, each kind in all its forms, and what is none.

The kinds and their numbers are those of docs/reconciliation.md. What is to be found is told by who
plants it, from what was planted. They are planted into the past, so before anybody has read the
merchant's data: no list of what changed shows them afterwards.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from sandbox.aftersales import come_back, credit_total, payment_fee
from sandbox.braintree.documents import is_reported, paid_out
from sandbox.money import half_up
from sandbox.saleor.payments import chargeback_id
from sandbox.saleor.shapes import global_id
from sandbox.scenes import PART_MINOR, Planted, Scene, find_scenes, sources
from sandbox.store import CreditLine, Dispute, Payout, ZohoOrder
from sandbox.world import DAY, World

PART = PART_MINOR
RATE = "1.085"
"""An exchange rate: units of the payout's currency for one of the payment's."""


def _missing_in_erp(scene: Scene) -> Planted:
    refund = scene.refund(PART, 10)
    sides = (sources("braintree", refund.id), sources("zoho", scene.order.id))
    return scene.found("refund_missing_in_erp", "shop and gateway", (PART, 0), sides)


def _made_in_console(scene: Scene) -> Planted:
    refund = scene.refund(PART, 10)
    refund.is_in_shop = False
    sides = (sources("braintree", refund.id), sources("zoho", scene.order.id))
    return scene.found("refund_missing_in_erp", "gateway alone", (PART, 0), sides)


def _missing_at_gateway(scene: Scene) -> Planted:
    booked = scene.book(scene.credit(PART, 10), PART, "")
    sides = (sources("zoho", booked.id), sources("braintree", scene.sale.id))
    return scene.found("refund_missing_at_gateway", "books alone", (PART, 0), sides)


def _answered_without_doing(scene: Scene) -> Planted:
    refund = scene.refund(PART, 10)
    refund.is_at_gateway = False
    booked = scene.book(scene.credit(PART, 10), PART, refund.id)
    sides = (sources("zoho", booked.id), scene.shop_refund(refund))
    return scene.found("refund_missing_at_gateway", "shop and books", (PART, 0), sides)


def _duplicate(scene: Scene) -> Planted:
    first = scene.give_back(PART, 10)
    second = scene.give_back(PART, 10 - 1 / 48)
    sides = (sources("braintree", first.id), sources("braintree", second.id))
    return scene.found("refund_duplicate", "gateway", (0, PART), sides)


def _transferred_twice(scene: Scene) -> Planted:
    first, second = scene.transfer(PART, 10), scene.transfer(PART, 10)
    sides = (sources("zoho", first.id), sources("zoho", second.id))
    return scene.found("refund_duplicate", "transfers", (0, PART), sides)


def _exceeds(scene: Scene) -> Planted:
    parts = (scene.total * 8 // 10, scene.total * 4 // 10)
    first, second = scene.give_back(parts[0], 12), scene.give_back(parts[1], 9)
    sides = (sources("braintree", scene.sale.id), sources("braintree", first.id, second.id))
    return scene.found("refund_exceeds_payment", "gateway", (scene.total, sum(parts)), sides)


def _exceeds_by_transfer(scene: Scene) -> Planted:
    parts = (scene.total * 8 // 10, scene.total * 4 // 10)
    first, second = scene.give_back(parts[0], 12), scene.transfer(parts[1], 9)
    both = f"{sources('braintree', first.id)}, {sources('zoho', second.id)}"
    sides = (sources("braintree", scene.sale.id), both)
    return scene.found("refund_exceeds_payment", "second channel", (scene.total, sum(parts)), sides)


def _amounts_differ(scene: Scene) -> Planted:
    refund = scene.refund(PART, 10)
    booked = scene.book(scene.credit(PART - 25, 10), PART - 25, refund.id)
    sides = (sources("braintree", refund.id), sources("zoho", booked.id))
    return scene.found("refund_amount_mismatch", "books", (PART, PART - 25), sides)


def _shop_differs(scene: Scene) -> Planted:
    refund = scene.give_back(PART, 10)
    refund.shop_minor = PART - 25
    sides = (sources("braintree", refund.id), scene.shop_refund(refund))
    return scene.found("refund_amount_mismatch", "shop", (PART, PART - 25), sides)


def _without_credit_note(scene: Scene) -> Planted:
    refund = scene.refund(PART, 10)
    booked = scene.book_overpaid(PART, 10, refund.id)
    sides = (sources("braintree", refund.id), sources("zoho", f"payment:{booked.id}"))
    return scene.found("refund_without_credit_note", "booked as overpaid", (PART, 0), sides)


def _credited_in_part(scene: Scene) -> Planted:
    refund = scene.refund(PART, 10)
    first = scene.book(scene.credit(PART - 1000, 10), PART - 1000, refund.id)
    second = scene.book_overpaid(1000, 10, refund.id)
    sides = (
        sources("braintree", refund.id), sources("zoho", first.id, f"payment:{second.id}"),
    )  # fmt: skip
    amounts = (PART, PART - 1000)
    return scene.found("refund_without_credit_note", "credited in part", amounts, sides)


def _shop_alone(scene: Scene) -> Planted:
    refund = scene.refund(PART, 10)
    refund.is_at_gateway = False
    sides = (scene.shop_refund(refund), sources("zoho", scene.order.id))
    return scene.found("refund_without_credit_note", "shop alone", (PART, 0), sides)


def _unsettled(scene: Scene) -> Planted:
    note = scene.credit(PART, 30)
    sides = (sources("zoho", note.id), sources("zoho", scene.order.id))
    return scene.found("credit_note_unsettled", "open", (PART, 0), sides)


def _settled_in_part(scene: Scene) -> Planted:
    refund = scene.refund(PART - 1000, 30)
    note = scene.credit(PART, 30)
    scene.book(note, PART - 1000, refund.id)
    sides = (sources("zoho", note.id), sources("zoho", scene.order.id))
    return scene.found("credit_note_unsettled", "used in part", (PART, PART - 1000), sides)


def _balance_wrong(scene: Scene) -> Planted:
    scene.refund(PART, 3, "submitted_for_settlement")
    note = scene.credit(PART, 3)
    note.balance_minor = PART - 1000
    sides = (sources("zoho", note.id), sources("zoho", scene.order.id))
    return scene.found("credit_note_unsettled", "balance", (PART - 1000, PART), sides)


def _billed_wrongly(scene: Scene) -> Planted:
    refund = scene.refund(PART, 5)
    scene.book(scene.credit(PART + 1000, 5), PART, refund.id)
    rest = scene.total - PART
    sides = (scene.shop_order(), sources("zoho", _invoice_of(scene.order)))
    return scene.found("billing_mismatch", "credited too much", (rest, rest - 1000), sides)


def _canceled_but_billed(scene: Scene) -> Planted:
    scene.order.stage = scene.shop.stage = "canceled"
    scene.world.zoho_orders.rendered_anew(scene.order)
    scene.world.shop_orders.rendered_anew(scene.shop)
    sides = (scene.shop_order(), sources("zoho", _invoice_of(scene.order)))
    return scene.found("billing_mismatch", "canceled", (0, scene.total), sides)


def _taxed_otherwise(scene: Scene) -> Planted:
    sold = scene.world.content(scene.order).lines[0].tax_bp
    other = next(tax.rate_bp for tax in scene.world.merchant.taxes if tax.rate_bp != sold)
    refund = scene.refund(PART, 10)
    note = scene.credit(PART, 10, tax_bp=other)
    scene.book(note, PART, refund.id)
    sides = (scene.shop_order(), sources("zoho", note.id))
    return scene.found("over_credited", "tax", (sold, other), sides, "%")


def _credited_twice(scene: Scene) -> Planted:
    scene.give_back(scene.total, 10)
    surplus = scene.credit(1000, 5)
    sides = (sources("zoho", _invoice_of(scene.order)), sources("zoho", surplus.id))
    return scene.found("over_credited", "sum", (scene.total, scene.total + 1000), sides)


def _credited_and_left(scene: Scene) -> Planted:
    scene.give_back(scene.total, 40)
    surplus = scene.credit(1000, 30)
    sides = (sources("zoho", _invoice_of(scene.order)), sources("zoho", surplus.id))
    return scene.found("over_credited", "long ago", (scene.total, scene.total + 1000), sides)


def _credited_for_less(scene: Scene) -> Planted:
    return _credit_one_less(scene, "received", credit_only=False)


def _kept_goods_credited_for_less(scene: Scene) -> Planted:
    return _credit_one_less(scene, "credit only", credit_only=True)


def _credit_one_less(scene: Scene, form: str, *, credit_only: bool) -> Planted:
    """Credit the whole amount for one piece less than came back, or need not."""
    story = come_back(scene.world, scene.order, scene.now - 20 * DAY, credit_only=credit_only)
    quantity = story.note.lines[0].quantity
    whole = credit_total(scene.world, story.note)
    story.note.lines = [CreditLine(0, quantity - 1, gross_minor=whole)]
    scene.world.credit_notes.rendered_anew(story.note)
    sides = (sources("zoho", story.goods.id), sources("zoho", story.note.id))
    amounts = (quantity * 100, (quantity - 1) * 100)
    return scene.found("return_credit_mismatch", form, amounts, sides, "pcs")


def _credited_before_it_came(scene: Scene) -> Planted:
    story = come_back(scene.world, scene.order, scene.now - 20 * DAY)
    story.goods.receives.clear()
    story.goods.status = "approved"
    scene.shop.returned.clear()
    sides = (sources("zoho", story.goods.id), sources("zoho", story.note.id))
    amounts = (0, story.note.lines[0].quantity * 100)
    return scene.found("return_credit_mismatch", "nothing came", amounts, sides, "pcs")


def _came_without_credit(scene: Scene) -> Planted:
    story = come_back(scene.world, scene.order, scene.now - 20 * DAY)
    if story.refund is not None:
        scene.world.refunds.remove(story.refund.id)
        scene.shop.refunds.remove(story.refund)
    scene.world.credit_notes.remove(story.note.id)
    story.goods.credit_notes.clear()
    sides = (sources("zoho", story.goods.id), sources("zoho", scene.order.id))
    amounts = (story.note.lines[0].quantity * 100, 0)
    return scene.found("return_credit_mismatch", "no credit", amounts, sides, "pcs")


def _stuck(scene: Scene) -> Planted:
    refund = scene.refund(PART, 10, "granted")
    sides = (scene.shop_refund(refund), sources("braintree", scene.sale.id))
    return scene.found("refund_stuck", "granted", (PART, 0), sides)


def _pending(scene: Scene) -> Planted:
    refund = scene.refund(PART, 10, "submitted_for_settlement")
    sides = (scene.shop_refund(refund), sources("braintree", refund.id))
    return scene.found("refund_stuck", "under way", (PART, 0), sides)


def _failed_but_booked(scene: Scene) -> Planted:
    return _not_paid_but_booked(scene, "declined", "settlement_declined")


def _voided_but_booked(scene: Scene) -> Planted:
    return _not_paid_but_booked(scene, "voided", "voided")


def _not_paid_but_booked(scene: Scene, form: str, status: str) -> Planted:
    refund = scene.refund(PART, 10, status)
    booked = scene.book(scene.credit(PART, 10), PART, refund.id)
    sides = (sources("braintree", refund.id), sources("zoho", booked.id))
    return scene.found("refund_failed_but_booked", form, (0, PART), sides)


def _dispute(scene: Scene, days: int) -> Dispute:
    at = scene.now - days * DAY
    dispute = Dispute(f"d{scene.sale.id}", at, at, scene.sale, "chargeback", "open", scene.total)
    scene.world.disputes.add(dispute)
    return dispute


def _doubled(scene: Scene) -> Planted:
    dispute = _dispute(scene, 3)
    scene.give_back(scene.total, 20)
    sides = (sources("braintree", scene.sale.id), sources("braintree", dispute.id))
    amounts = (scene.total, 2 * scene.total)
    return scene.found("dispute_doubled_or_unbooked", "doubled", amounts, sides)


def _doubled_by_transfer(scene: Scene) -> Planted:
    dispute = _dispute(scene, 3)
    scene.transfer(scene.total, 20)
    sides = (sources("braintree", scene.sale.id), sources("braintree", dispute.id))
    amounts = (scene.total, 2 * scene.total)
    return scene.found("dispute_doubled_or_unbooked", "doubled by transfer", amounts, sides)


def _unbooked(scene: Scene) -> Planted:
    dispute = _dispute(scene, 20)
    sides = (sources("braintree", dispute.id), sources("zoho", scene.order.id))
    return scene.found("dispute_doubled_or_unbooked", "unbooked", (scene.total, 0), sides)


def _unbooked_as_both_tell(scene: Scene) -> Planted:
    dispute = _dispute(scene, 20)
    _tell_shop(scene, dispute)
    sides = (sources("braintree", dispute.id), sources("zoho", scene.order.id))
    return scene.found("dispute_doubled_or_unbooked", "both tell", (scene.total, 0), sides)


def _unbooked_as_shop_tells(scene: Scene) -> Planted:
    at = scene.now - 20 * DAY
    dispute = Dispute("", at, at, scene.sale, "chargeback", "open", scene.total)
    _tell_shop(scene, dispute)
    sides = (sources("saleor", chargeback_id(scene.shop)), sources("zoho", scene.order.id))
    return scene.found("dispute_doubled_or_unbooked", "shop alone", (scene.total, 0), sides)


def _tell_shop(scene: Scene, dispute: Dispute) -> None:
    scene.shop.chargebacks.append(dispute)
    scene.world.shop_orders.rendered_anew(scene.shop)


def _fees_differ(scene: Scene) -> Planted:
    return _book_less_fee(scene, "told by the transaction", f"{scene.sale.id}-transaction")


def _reported_fees_differ(scene: Scene) -> Planted:
    return _book_less_fee(scene, "reported", scene.sale.id)


def _book_less_fee(scene: Scene, form: str, record: str) -> Planted:
    payment = scene.booked
    told = payment_fee(scene.world, payment)
    payment.fee_minor = told - 29
    scene.world.payments.rendered_anew(payment)
    sides = (sources("braintree", record), sources("zoho", f"charge:{payment.id}"))
    return scene.found("settlement_fee_mismatch", form, (told, told - 29), sides)


def _paid_out_at_other_rate(scene: Scene) -> Planted:
    due = half_up(scene.total * 1085, 1000)
    scene.sale.payout = Payout("USD", RATE, due - 112)
    side = sources("braintree", scene.sale.id)
    amounts = (due, due - 112)
    return scene.found("settlement_fee_mismatch", "rate of payment", amounts, (side, side), "USD")


def _taken_at_other_rate(scene: Scene) -> Planted:
    refund = scene.give_back(PART, 10)
    due = half_up(PART * 1085, 1000)
    refund.payout = Payout("USD", RATE, due + 50)
    side = sources("braintree", refund.id)
    return scene.found(
        "settlement_fee_mismatch", "rate of refund", (due, due + 50), (side, side), "USD"
    )


def _booked_without_reference(scene: Scene) -> None:
    scene.refund(PART, 10)
    scene.book(scene.credit(PART, 8), PART, "")


def _booked_in_parts(scene: Scene) -> None:
    scene.refund(PART, 10)
    for part in (1000, PART - 1000):
        scene.book(scene.credit(part, 9), part, "")


def _told_without_reference(scene: Scene) -> None:
    refund = scene.give_back(PART, 10)
    refund.has_reference = False


def _retried(scene: Scene) -> None:
    scene.refund(PART, 12, "settlement_declined")
    scene.refund(PART, 10)
    scene.book(scene.credit(PART, 10), PART, "")


def _transferred(scene: Scene) -> None:
    scene.transfer(PART, 10)


def _paid_out_in_dollars(scene: Scene) -> None:
    scene.sale.payout = Payout("USD", RATE, half_up(scene.total * 1085, 1000))


def _anywhere(_scene: Scene) -> bool:
    return True


def _of_several_pieces(scene: Scene) -> bool:
    return scene.world.content(scene.order).lines[0].quantity > 1


def _by_transactions(scene: Scene) -> bool:
    """The older way of a shop knows no refund before it is paid."""
    return bool(scene.shop.number_key % 6)


def _by_older_way(scene: Scene) -> bool:
    return not _by_transactions(scene)


def _with_known_fee(scene: Scene) -> bool:
    """PayPal tells its fee with the transaction."""
    return scene.sale.instrument == "paypal_account" and scene.sale.fee_known is not None


def _by_card(scene: Scene) -> bool:
    """The fee of cards is told by a report, and their money is paid out."""
    return is_reported(scene.sale) and paid_out(scene.sale) is not None


Fits = Callable[[Scene], bool]

PLANTERS: tuple[tuple[Callable[[Scene], Planted | None], Fits], ...] = (
    (_missing_in_erp, _anywhere),
    (_made_in_console, _anywhere),
    (_missing_at_gateway, _anywhere),
    (_answered_without_doing, _anywhere),
    (_duplicate, _anywhere),
    (_transferred_twice, _anywhere),
    (_exceeds, _anywhere),
    (_exceeds_by_transfer, _anywhere),
    (_amounts_differ, _anywhere),
    (_shop_differs, _anywhere),
    (_without_credit_note, _anywhere),
    (_credited_in_part, _anywhere),
    (_shop_alone, _anywhere),
    (_unsettled, _anywhere),
    (_settled_in_part, _anywhere),
    (_balance_wrong, _by_transactions),
    (_billed_wrongly, _anywhere),
    (_canceled_but_billed, _anywhere),
    (_taxed_otherwise, _anywhere),
    (_credited_twice, _anywhere),
    (_credited_and_left, _anywhere),
    (_credited_for_less, _of_several_pieces),
    (_kept_goods_credited_for_less, _of_several_pieces),
    (_credited_before_it_came, _anywhere),
    (_came_without_credit, _anywhere),
    (_stuck, _by_transactions),
    (_pending, _by_transactions),
    (_failed_but_booked, _by_transactions),
    (_voided_but_booked, _by_transactions),
    (_doubled, _anywhere),
    (_doubled_by_transfer, _anywhere),
    (_unbooked, _anywhere),
    (_unbooked_as_both_tell, _by_transactions),
    (_unbooked_as_shop_tells, _by_transactions),
    (_fees_differ, _with_known_fee),
    (_reported_fees_differ, _by_card),
    (_paid_out_at_other_rate, _by_card),
    (_taken_at_other_rate, _by_card),
    (_booked_without_reference, _anywhere),
    (_booked_in_parts, _anywhere),
    (_told_without_reference, _by_older_way),
    (_retried, _by_transactions),
    (_transferred, _anywhere),
    (_paid_out_in_dollars, _by_card),
)
"""In the order of their numbers, each with the orders that it fits; at the end what agrees."""


def plant_disagreements(world: World, each: int, now: int) -> list[dict[str, Any]]:
    """Plant every form of every kind ``each`` times into healthy orders, and what is none.

    Returns:
        What is to be found.

    Raises:
        ValueError: there are too few orders that fit.
    """
    scenes = list(find_scenes(world, now))
    planted: list[dict[str, Any]] = []
    for _ in range(each):
        for planter, fits in PLANTERS:
            scene = next((scene for scene in scenes if fits(scene)), None)
            if scene is None:
                raise ValueError(f"only {len(planted)} disagreements fit into these orders")
            scenes.remove(scene)
            found = planter(scene)
            planted += [asdict(found)] if found is not None else []
    return planted


def standing_disagreements(world: World, now: int) -> list[dict[str, Any]]:
    """What every merchant has from the start: an order whose totals differ, unbooked disputes."""
    found = []
    if odd := world.planted.get("totals_differ"):
        found.append(
            Planted(
                "billing_mismatch",
                "totals differ",
                odd["number"],
                odd["shop_total"],
                odd["erp_total"],
                world.merchant.currency,
                sources("saleor", global_id("Order", odd["saleor"])),
                sources("zoho", _invoice_of(world.zoho_orders.by_id[odd["zoho"]])),
            )
        )
    for dispute in world.disputes.by_id.values():
        shop = dispute.sale.order
        is_lost = dispute.won is None and dispute.kind != "retrieval"
        if shop is None or not is_lost or dispute.created > now - 8 * DAY:
            continue
        if not isinstance(shop.twin, ZohoOrder):
            continue
        scene = Scene(world, shop.twin, shop, dispute.minor, now)
        sides = (sources("braintree", dispute.id), sources("zoho", scene.order.id))
        amounts = (dispute.minor, 0)
        found.append(scene.found("dispute_doubled_or_unbooked", "standing", amounts, sides))
    return [asdict(each) for each in found]


def _invoice_of(order: ZohoOrder) -> str:
    return order.invoice.id if order.invoice else ""
