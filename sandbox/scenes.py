"""Scenes: orders of which nothing came back yet, and what a disagreement about one is made of."""

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.aftersales import add_credit_note, add_refund, book_refund, charged
from sandbox.changes import may_come_back
from sandbox.saleor.payments import shop_ids
from sandbox.saleor.shapes import global_id
from sandbox.store import (
    BookedRefund,
    CreditLine,
    CreditNote,
    Payment,
    Refund,
    ShopOrder,
    Transaction,
    ZohoOrder,
)
from sandbox.world import DAY, MINUTE, World

PART_MINOR = 3000
LEAST_MINOR = 7000
"""A planted part is smaller than every order that it is planted in, and a second one fits."""


@dataclass(frozen=True, slots=True)
class Planted:
    """One planted disagreement as it is to be found.

    Amounts are texts; sources are ``<system> <id>``, several in alphabetical order.
    """

    kind: str
    form: str
    order: str
    expected: str
    actual: str
    unit: str
    expected_source: str
    actual_source: str


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

    @property
    def sale(self) -> Transaction:
        """How it was paid."""
        if self.shop.payment is None:
            raise ValueError(f"order {self.shop.number} is not paid")
        return self.shop.payment

    @property
    def booked(self) -> Payment:
        """Its payment in the books."""
        if self.order.invoice is None or self.order.invoice.payment is None:
            raise ValueError(f"order {self.order.number} is not paid in the books")
        return self.order.invoice.payment

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

    def transfer(self, minor: int, days: float) -> BookedRefund:
        """Credit an amount and pay it out by bank transfer."""
        note = self.credit(minor, days)
        return book_refund(self.world, note, minor, note.created, "")

    def book_overpaid(self, minor: int, days: float, reference: str) -> BookedRefund:
        """Note in the books that a part of the payment was too much and went back."""
        payment = self.booked
        refund_id = str(int(payment.id) + 2 + len(payment.refunds))
        at = self.now - int(days * DAY)
        booked = BookedRefund(refund_id, at, minor, "creditcard", reference)
        payment.unused_minor += minor
        payment.refunds.append(booked)
        self.world.payments.rendered_anew(payment)
        return booked

    def give_back(self, minor: int, days: float) -> Refund:
        """Refund, credit and book an amount, as it should be."""
        refund = self.refund(minor, days)
        self.book(self.credit(minor, days), minor, refund.id)
        return refund

    def shop_order(self) -> str:
        """The order in the shop, as a source."""
        return sources("saleor", global_id("Order", self.shop.id))

    def shop_refund(self, refund: Refund) -> str:
        """What the shop shows of a refund, as a source."""
        return sources("saleor", *shop_ids(self.shop, refund))

    def found(
        self, kind: str, form: str, amounts: tuple[int, int], sides: tuple[str, str], unit: str = ""
    ) -> Planted:
        """What is to be found; amounts in minor units, quantities and per cents in hundredths."""
        expected, actual = (f"{amount / 100:.2f}" for amount in amounts)
        currency = unit or self.world.merchant.currency
        return Planted(kind, form, self.number, expected, actual, currency, *sides)


def sources(system: str, *ids: str) -> str:
    """Name records of a system as sources."""
    return ", ".join(sorted(f"{system} {each}" for each in ids))


def find_scenes(world: World, now: int) -> Iterator[Scene]:
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
