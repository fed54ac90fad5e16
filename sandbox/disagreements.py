"""Disagreements that a reconciliation must find: one planter per kind, each with what it expects.

The kinds and their numbers are those of docs/reconciliation.md. They are planted into the past, so
before anybody has read the merchant's data: no list of what changed shows them afterwards.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.aftersales import (
    add_credit_note,
    add_refund,
    book_refund,
    charged,
    come_back,
    credit_total,
    payment_fee,
)
from sandbox.changes import may_come_back
from sandbox.store import (
    BookedRefund,
    CreditLine,
    CreditNote,
    Dispute,
    Refund,
    ShopOrder,
    ZohoOrder,
)
from sandbox.world import DAY, MINUTE, World

PART_MINOR = 3000
LEAST_MINOR = 7000
"""A planted part is smaller than every order that it is planted in, and a second one fits."""


@dataclass(frozen=True, slots=True)
class Planted:
    """One planted disagreement as it is to be found; amounts as text, ids of both sides."""

    kind: str
    order: str
    expected: str
    actual: str
    unit: str
    expected_id: str
    actual_id: str


@dataclass(frozen=True, slots=True)
class Scene:
    """An order that was shipped and paid, of which nothing came back, and the present."""

    world: World
    order: ZohoOrder
    shop: ShopOrder
    total: int
    now: int

    @property
    def number(self) -> str:
        """The order's number: an external reference, else what the shop's prefix makes of it."""
        if self.shop.has_external_reference:
            return f"EXT-{self.shop.number}"
        return f"{self.world.merchant.prefix}-{self.shop.number}"

    def refund(self, minor: int, days: float, status: str = "settled") -> Refund:
        """Send money back through the gateway, so many days ago."""
        at = self.now - int(days * DAY)
        self.world.shop_orders.rendered_anew(self.shop)
        return add_refund(self.world, self.shop, minor, at, status)

    def credit(self, minor: int, days: float, tax_bp: int | None = None) -> CreditNote:
        """Credit an amount, so many days ago."""
        line = CreditLine(0, 1, gross_minor=minor, tax_bp=tax_bp)
        return add_credit_note(self.world, self.order, [line], self.now - int(days * DAY))

    def book(self, note: CreditNote, minor: int, reference: str) -> BookedRefund:
        """Pay a credit note out in the books, the way the customer had paid."""
        booked = book_refund(self.world, note, minor, note.created, reference)
        booked.mode = "creditcard"
        return booked

    def give_back(self, minor: int, days: float) -> Refund:
        """Refund, credit and book an amount, as it should be."""
        refund = self.refund(minor, days)
        self.book(self.credit(minor, days), minor, refund.id)
        return refund

    def found(
        self, kind: str, expected: int, actual: int, ids: tuple[str, str], unit: str = ""
    ) -> Planted:
        """What is to be found; amounts in minor units, quantities and per cents in hundredths."""
        currency = unit or self.world.merchant.currency
        amounts = (f"{expected / 100:.2f}", f"{actual / 100:.2f}")
        return Planted(kind, self.number, *amounts, currency, *ids)


def _missing_in_erp(scene: Scene) -> Planted:
    refund = scene.refund(PART_MINOR, 10)
    return scene.found("refund_missing_in_erp", PART_MINOR, 0, (refund.id, scene.order.id))


def _missing_at_gateway(scene: Scene) -> Planted:
    booked = scene.book(scene.credit(PART_MINOR, 10), PART_MINOR, "")
    ids = (booked.id, scene.shop.payment.id if scene.shop.payment else "")
    return scene.found("refund_missing_at_gateway", PART_MINOR, 0, ids)


def _duplicate(scene: Scene) -> Planted:
    first = scene.give_back(PART_MINOR, 10)
    second = scene.give_back(PART_MINOR, 10 - 1 / 48)
    return scene.found("refund_duplicate", 0, PART_MINOR, (first.id, second.id))


def _exceeds(scene: Scene) -> Planted:
    parts = (scene.total * 8 // 10, scene.total * 4 // 10)
    first = scene.give_back(parts[0], 12)
    scene.give_back(parts[1], 9)
    sale = scene.shop.payment.id if scene.shop.payment else ""
    return scene.found("refund_exceeds_payment", scene.total, sum(parts), (sale, first.id))


def _amounts_differ(scene: Scene) -> Planted:
    refund = scene.refund(PART_MINOR, 10)
    booked = scene.book(scene.credit(PART_MINOR - 25, 10), PART_MINOR - 25, refund.id)
    ids = (refund.id, booked.id)
    return scene.found("refund_amount_mismatch", PART_MINOR, PART_MINOR - 25, ids)


def _without_credit_note(scene: Scene) -> Planted:
    refund = scene.refund(PART_MINOR, 10)
    payment = scene.order.invoice.payment if scene.order.invoice else None
    if payment is None:
        raise ValueError(f"order {scene.order.number} is not paid in the books")
    payment.unused_minor = PART_MINOR
    booked = BookedRefund(
        str(int(payment.id) + 2), scene.now - 10 * DAY, PART_MINOR, "creditcard", refund.id
    )
    payment.refunds.append(booked)
    scene.world.payments.rendered_anew(payment)
    return scene.found("refund_without_credit_note", PART_MINOR, 0, (refund.id, booked.id))


def _unsettled(scene: Scene) -> Planted:
    note = scene.credit(PART_MINOR, 30)
    return scene.found("credit_note_unsettled", PART_MINOR, 0, (note.id, scene.order.id))


def _billed_wrongly(scene: Scene) -> Planted:
    refund = scene.refund(PART_MINOR, 5)
    scene.book(scene.credit(PART_MINOR + 1000, 5), PART_MINOR, refund.id)
    rest = scene.total - PART_MINOR
    invoice = scene.order.invoice.id if scene.order.invoice else ""
    return scene.found("billing_mismatch", rest, rest - 1000, ("", invoice))


def _over_credited(scene: Scene) -> Planted:
    sold = scene.world.content(scene.order).lines[0].tax_bp
    other = next(tax.rate_bp for tax in scene.world.merchant.taxes if tax.rate_bp != sold)
    refund = scene.refund(PART_MINOR, 10)
    note = scene.credit(PART_MINOR, 10, tax_bp=other)
    scene.book(note, PART_MINOR, refund.id)
    return scene.found("over_credited", sold, other, ("", note.id), "%")


def _return_and_credit_differ(scene: Scene) -> Planted:
    story = come_back(scene.world, scene.order, scene.now - 20 * DAY)
    quantity = story.note.lines[0].quantity
    whole = credit_total(scene.world, story.note)
    # The whole amount is credited for one piece less.
    story.note.lines = [CreditLine(0, quantity - 1, gross_minor=whole)]
    scene.world.credit_notes.rendered_anew(story.note)
    ids = (story.goods.id, story.note.id)
    amounts = (quantity * 100, (quantity - 1) * 100)
    return scene.found("return_credit_mismatch", *amounts, ids, "pcs")


def _stuck(scene: Scene) -> Planted:
    scene.refund(PART_MINOR, 10, "granted")
    ids = ("", scene.shop.payment.id if scene.shop.payment else "")
    return scene.found("refund_stuck", PART_MINOR, 0, ids)


def _failed_but_booked(scene: Scene) -> Planted:
    refund = scene.refund(PART_MINOR, 10, "settlement_declined")
    booked = scene.book(scene.credit(PART_MINOR, 10), PART_MINOR, refund.id)
    return scene.found("refund_failed_but_booked", 0, PART_MINOR, (refund.id, booked.id))


def _disputed(scene: Scene) -> Planted:
    sale = scene.shop.payment
    if sale is None:
        raise ValueError(f"order {scene.shop.number} is not paid")
    is_doubled = scene.order.sale.index % 2 == 0
    at = scene.now - (3 if is_doubled else 20) * DAY
    dispute = Dispute(f"d{sale.id}", at, at, sale, "chargeback", "open", scene.total)
    scene.world.disputes.add(dispute)
    if is_doubled:
        scene.give_back(scene.total, 20)
        ids = (sale.id, dispute.id)
        twice = 2 * scene.total
        return scene.found("dispute_doubled_or_unbooked", scene.total, twice, ids)
    return scene.found("dispute_doubled_or_unbooked", scene.total, 0, (dispute.id, scene.order.id))


def _fees_differ(scene: Scene) -> Planted:
    payment = scene.order.invoice.payment if scene.order.invoice else None
    if payment is None:
        raise ValueError(f"order {scene.order.number} is not paid in the books")
    told = payment_fee(scene.world, payment)
    payment.fee_minor = told - 29
    scene.world.payments.rendered_anew(payment)
    ids = (payment.reference, payment.id)
    return scene.found("settlement_fee_mismatch", told, told - 29, ids)


def _anywhere(_scene: Scene) -> bool:
    return True


def _of_several_pieces(scene: Scene) -> bool:
    return scene.world.content(scene.order).lines[0].quantity > 1


def _by_transactions(scene: Scene) -> bool:
    """The older way of a shop knows no refund before it is paid."""
    return bool(scene.shop.number_key % 6)


def _with_known_fee(scene: Scene) -> bool:
    """PayPal tells its fee with the transaction."""
    sale = scene.shop.payment
    return sale is not None and sale.instrument == "paypal_account" and sale.fee_known is not None


PLANTERS: tuple[tuple[Callable[[Scene], Planted], Callable[[Scene], bool]], ...] = (
    (_missing_in_erp, _anywhere),
    (_missing_at_gateway, _anywhere),
    (_duplicate, _anywhere),
    (_exceeds, _anywhere),
    (_amounts_differ, _anywhere),
    (_without_credit_note, _anywhere),
    (_unsettled, _anywhere),
    (_billed_wrongly, _anywhere),
    (_over_credited, _anywhere),
    (_return_and_credit_differ, _of_several_pieces),
    (_stuck, _by_transactions),
    (_failed_but_booked, _by_transactions),
    (_disputed, _anywhere),
    (_fees_differ, _with_known_fee),
)
"""Planters in the order of their numbers, each with the orders that it fits."""


def plant_disagreements(world: World, each: int, now: int) -> list[dict[str, Any]]:
    """Plant every kind ``each`` times into healthy orders; return what is to be found.

    Raises:
        ValueError: there are too few orders that fit.
    """
    scenes = list(_scenes(world, now))
    planted: list[dict[str, Any]] = []
    for _ in range(each):
        for planter, fits in PLANTERS:
            scene = next((scene for scene in scenes if fits(scene)), None)
            if scene is None:
                raise ValueError(f"only {len(planted)} disagreements fit into these orders")
            scenes.remove(scene)
            planted.append(asdict(planter(scene)))
    return planted


def standing_disagreements(world: World, now: int) -> list[dict[str, Any]]:
    """What every merchant has from the start: an order whose totals differ, unbooked disputes."""
    found = []
    if odd := world.planted.get("totals_differ"):
        order = world.zoho_orders.by_id[odd["zoho"]]
        invoice = order.invoice.id if order.invoice else ""
        found.append(
            Planted(
                "billing_mismatch",
                odd["number"],
                odd["shop_total"],
                odd["erp_total"],
                world.merchant.currency,
                "",
                invoice,
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
        ids = (dispute.id, scene.order.id)
        found.append(scene.found("dispute_doubled_or_unbooked", dispute.minor, 0, ids))
    return [asdict(each) for each in found]


def _scenes(world: World, now: int) -> Iterator[Scene]:
    """Orders that are old enough, worth enough and untouched, oldest first."""
    odd = {record_id for each in world.planted.values() for record_id in each.values()}
    disputed = {dispute.sale.id for dispute in world.disputes.by_id.values()}
    for order in sorted(world.zoho_orders.by_id.values(), key=lambda order: order.sale.index):
        shop = order.twin
        if not isinstance(shop, ShopOrder) or order.id in odd or shop.id in odd:
            continue
        if not may_come_back(world, order) or shop.refunds or shop.payment is None:
            continue
        is_old = order.modified < now - 40 * DAY and shop.modified < now - 40 * DAY
        if not is_old or shop.has_external_reference or shop.payment.id in disputed:
            continue
        total = charged(world, shop)
        if total >= LEAST_MINOR:
            yield Scene(world, order, shop, total, now // MINUTE * MINUTE)
