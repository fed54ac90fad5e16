"""The data of one merchant in all systems, and how records come to be added to it."""

from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from uuid import UUID

from sandbox.merchants import Merchant
from sandbox.money import Content, Line
from sandbox.parcels import has_more, tracking_number
from sandbox.payments import PAID_STAGES, make_sale
from sandbox.people import Customer, Item, make_customer
from sandbox.store import (
    Article,
    Contact,
    CreditNote,
    Dispute,
    Invoice,
    Package,
    Payment,
    Refund,
    Review,
    Sale,
    SalesReturn,
    ShopOrder,
    Table,
    Transaction,
    ZohoOrder,
)
from sandbox.strapi.desk import BulkOrder
from sandbox.xentral.depot import Depot

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
HISTORY_DAYS = 400
UNDER_WAY_DAYS = 4
LINES = (1, 2, 2, 3, 3, 4, 5)
FIRST_SHOP_NUMBER = 1001
KIND_CONTACT, KIND_ORDER, KIND_INVOICE, KIND_ITEM, KIND_PACKAGE, KIND_SHIPMENT = 1, 2, 3, 4, 6, 9


@dataclass(slots=True)
class World:
    """Everything that exists for one merchant.

    Attributes:
        now: when the data was made, microseconds since the epoch; nothing is newer.
        planted: names of odd records that checks must find, to their ids.
        next_shop_number: the shop's number sequence; gaps are normal.
        lines: numbers of lines that an order may have, the likely ones more than once.
        unfiltered: Zoho lists that ignore ``last_modified_time``.
        reviews_written: kind of review -> how many were ever written.
        depot: what the warehouse knows besides.
        bulk_orders_made: how many entries were ever made.
    """

    merchant: Merchant
    seed: int
    now: int
    items: list[Item]
    customers: int
    zoho_orders: Table[ZohoOrder]
    shop_orders: Table[ShopOrder]
    invoices: Table[Invoice]
    packages: Table[Package]
    contacts: Table[Contact]
    payments: Table[Payment] = field(default_factory=Table)
    credit_notes: Table[CreditNote] = field(default_factory=Table)
    sales_returns: Table[SalesReturn] = field(default_factory=Table)
    refunds: Table[Refund] = field(default_factory=Table)
    erp_articles: Table[Article] = field(default_factory=Table)
    shop_articles: Table[Article] = field(default_factory=Table)
    product_reviews: Table[Review] = field(default_factory=Table)
    merchant_reviews: Table[Review] = field(default_factory=Table)
    transactions: Table[Transaction] = field(default_factory=Table)
    disputes: Table[Dispute] = field(default_factory=Table)
    planted: dict[str, dict[str, str]] = field(default_factory=dict)
    next_shop_number: int = FIRST_SHOP_NUMBER
    next_erp_number: int = 1
    next_index: int = 0
    next_credit_number: int = 1
    next_return_number: int = 1
    unfiltered: set[str] = field(default_factory=set)
    lines: tuple[int, ...] = LINES
    reviews_written: dict[str, int] = field(default_factory=dict)
    depot: Depot = field(default_factory=Depot)
    bulk_orders: Table[BulkOrder] = field(default_factory=Table)
    bulk_orders_made: int = 0

    def customer(self, index: int) -> Customer:
        """The party with this index."""
        return _customer(self.merchant, self.seed, index)

    def content(self, record: ZohoOrder | ShopOrder | Invoice | Package) -> Content:
        """Lines and money of a record: its own, or what the sale's seed says."""
        if record.content is not None:
            return record.content
        sale = record.order.sale if isinstance(record, (Invoice, Package)) else record.sale
        return self.make_content(sale)

    def own_content(self, order: ZohoOrder | ShopOrder) -> Content:
        """The content of an order, made its own so that it can be changed."""
        if order.content is None:
            order.content = self.make_content(order.sale)
        return order.content

    def make_content(self, sale: Sale) -> Content:
        """Make the lines of a sale; equal on every call."""
        rng = Random(sale.seed)
        taxes = self.merchant.taxes
        is_inclusive = rng.random() < self.merchant.inclusive_share
        lines = [_line(rng, self, is_inclusive) for _ in range(rng.choice(self.lines))]
        shipping_tax = lines[0].tax_index
        content = Content(
            is_inclusive=is_inclusive,
            lines=lines,
            shipping_minor=rng.choice((0, 490, 690, 1290)),
            shipping_tax_index=shipping_tax,
            shipping_tax_bp=taxes[shipping_tax].rate_bp,
        )
        has_line_discount = any(line.discount_minor for line in lines)
        if not is_inclusive and not has_line_discount and rng.random() < 0.2:
            content.discount_minor = min(500, lines[0].rate_minor // 2)
        return content


def add_shop_order(world: World, rng: Random, sale: Sale, stage: str, modified: int) -> ShopOrder:
    """Add a Saleor order with the next number of the shop's sequence."""
    number = world.next_shop_number
    world.next_shop_number += 1 + (rng.random() < 0.06) * rng.randrange(1, 4)
    order = ShopOrder(
        f"{UUID(int=rng.getrandbits(128), version=4)}",
        sale.created,
        modified,
        str(number),
        sale,
        stage,
        number,
        has_external_reference=rng.random() < 0.05,
    )
    if stage in {"partial", "done"}:
        order.parcels = [tracking_number(sale, 1)]
    world.shop_orders.add(order)
    if stage in PAID_STAGES:
        pay(world, order, sale.created + 7 * SECOND)
    return order


def pay(world: World, order: ShopOrder, at: int) -> Transaction:
    """Take the money for a shop order through the gateway."""
    order.payment = make_sale(order, at, world.merchant.currency, now=world.now)
    world.transactions.add(order.payment)
    return order.payment


def add_zoho_order(
    world: World,
    sale: Sale,
    stage: str,
    *,
    number: str,
    reference: str,
    created: int,
    modified: int,
    content: Content | None = None,
) -> ZohoOrder:
    """Add a Zoho sales order, with invoice and package when the stage has them."""
    order = ZohoOrder(
        world.merchant.zoho_id(KIND_ORDER, sale.index * 100),
        created,
        modified,
        number,
        sale,
        stage,
        reference,
        content=content,
    )
    world.zoho_orders.add(order)
    if stage in {"paid", "partial", "done"}:
        add_invoice(world, order, modified)
    if stage in {"partial", "done"}:
        add_shipped(world, order, modified)
    return order


def add_invoice(world: World, order: ZohoOrder, modified: int) -> Invoice:
    """Invoice a sales order; the invoice carries the order's number as its reference."""
    invoice = Invoice(
        world.merchant.zoho_id(KIND_INVOICE, order.sale.index * 10),
        modified,
        modified,
        f"INV-{order.sale.index + 1:06d}",
        order,
        "paid" if order.sale.index % 9 else "sent",
        order.number,
        content=deepcopy(order.content),
    )
    order.invoice = invoice
    world.invoices.add(invoice)
    return invoice


def add_shipped(world: World, order: ZohoOrder, modified: int) -> None:
    """Pack and ship a sales order as far as its stage says."""
    is_done = order.stage == "done"
    at = max(order.created, modified - 2 * DAY) // SECOND * SECOND if is_done else modified
    package = add_package(world, order, at, tracking=tracking_number(order.sale, 1))
    # of the newest ones only the carrier knows where they are
    if is_done and modified < world.now - UNDER_WAY_DAYS * DAY:
        deliver(package, modified)


def add_package(world: World, order: ZohoOrder, at: int, *, tracking: str = "") -> Package:
    """Pack what is left of a sales order; without a tracking number it is not shipped yet."""
    position = len(order.packages) + 1
    counter = order.sale.index * 10 + position
    package = Package(
        world.merchant.zoho_id(KIND_PACKAGE, counter),
        at,
        at,
        f"PKG-{counter:06d}",
        order,
        position,
        tracking,
        "shipped" if tracking else "not_shipped",
        order.number,
        order.stage != "partial",
        shipped=at if tracking else None,
        content=deepcopy(order.content),
    )
    order.packages.append(package)
    world.packages.add(package)
    return package


def ship(package: Package, at: int) -> None:
    """Give a package to the carrier, who gives it a tracking number."""
    package.tracking = tracking_number(package.order.sale, package.position)
    package.status, package.shipped = "shipped", at
    package.modified = max(at, package.modified)


def deliver(package: Package, at: int) -> None:
    """Let a package arrive; one that was not shipped is shipped first."""
    if package.shipped is None:
        ship(package, at)
    package.status, package.delivered = "delivered", at
    package.modified = max(at, package.modified)


def advance_packages(world: World, order: ZohoOrder, at: int) -> None:
    """Follow an order whose stage has moved: ship what is left, deliver what was shipped."""
    if order.stage not in {"partial", "done"}:
        return
    parcels = len(order.packages)
    may_follow = order.stage == "done" and not any(each.takes_rest for each in order.packages)
    if not parcels or (may_follow and has_more(world.content(order), parcels)):
        add_package(world, order, at, tracking=tracking_number(order.sale, parcels + 1))
    for package in order.packages if order.stage == "done" else ():
        deliver(package, at)
        world.packages.rendered_anew(package, package.modified)


def erp_number(world: World) -> str:
    """Next own number of the ERP."""
    number = f"SO-{world.next_erp_number:05d}"
    world.next_erp_number += 1
    return number


def _line(rng: Random, world: World, is_inclusive: bool) -> Line:
    item = rng.choice(world.items)
    quantity = rng.choice((1, 1, 1, 2, 2, 3, 4, 10))
    rate_bp = world.merchant.taxes[item.tax_index].rate_bp
    rate = item.price_minor if is_inclusive else item.price_minor * 10_000 // (10_000 + rate_bp)
    line = Line(item.index, quantity, rate, item.tax_index, rate_bp)
    dice = rng.random()
    if dice < 0.06:
        line.discount_percent = 10
        line.discount_minor = (rate * quantity * 10 + 50) // 100
    elif dice < 0.12:
        line.discount_minor = min(100, rate * quantity // 4)
    return line


@lru_cache(maxsize=4096)
def _customer(merchant: Merchant, seed: int, index: int) -> Customer:
    return make_customer(merchant, seed, index)
