"""The data of one merchant in both systems, made from a seed: coherent, uneven and repeatable."""

from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from uuid import UUID

from sandbox.merchants import Merchant
from sandbox.money import Content, Line, total_up
from sandbox.people import Customer, Item, make_customer, make_items
from sandbox.store import Contact, Invoice, Sale, ShopOrder, Table, ZohoOrder

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
HISTORY_DAYS = 400
FIRST_SHOP_NUMBER = 1001
KIND_CONTACT, KIND_ORDER, KIND_INVOICE, KIND_ITEM = 1, 2, 3, 4


@dataclass(slots=True)
class World:
    """Everything that exists for one merchant.

    Attributes:
        now: when the data was made, microseconds since the epoch; nothing is newer.
        planted: names of odd records that checks must find, to their ids.
        next_shop_number: the shop's number sequence; gaps are normal.
    """

    merchant: Merchant
    seed: int
    now: int
    items: list[Item]
    customers: int
    zoho_orders: Table[ZohoOrder]
    shop_orders: Table[ShopOrder]
    invoices: Table[Invoice]
    contacts: Table[Contact]
    planted: dict[str, dict[str, str]] = field(default_factory=dict)
    next_shop_number: int = FIRST_SHOP_NUMBER
    next_erp_number: int = 1
    next_index: int = 0

    def customer(self, index: int) -> Customer:
        """The party with this index."""
        return _customer(self.merchant, self.seed, index)

    def content(self, record: ZohoOrder | ShopOrder | Invoice) -> Content:
        """Lines and money of a record: its own, or what the sale's seed says."""
        if record.content is not None:
            return record.content
        sale = record.order.sale if isinstance(record, Invoice) else record.sale
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
        lines = [_line(rng, self, is_inclusive) for _ in range(rng.choice((1, 2, 2, 3, 3, 4, 5)))]
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


def make_world(merchant: Merchant, *, seed: int, size: int, now: int) -> World:
    """Make a merchant's data: ``size`` Zoho orders and the shop orders most of them come from."""
    rng = Random(f"{seed}/world/{merchant.name}/{size}")
    customers = max(24, size // 4)
    world = World(
        merchant=merchant,
        seed=seed,
        now=now,
        items=make_items(merchant, seed),
        customers=customers,
        zoho_orders=Table(),
        shop_orders=Table(),
        invoices=Table(),
        contacts=Table(_make_contacts(merchant, rng, customers, now)),
    )
    buyers = [i for i in range(customers) if i % 20 != 19]
    for index, age in enumerate(_ages(rng, size)):
        sale = Sale(index, rng.getrandbits(62), now - age, rng.choice(buyers))
        _record_sale(world, rng, sale, age)
    world.next_index = size
    fresh = (rng.randrange(30 * SECOND, 15 * MINUTE) for _ in range(max(2, size // 50)))
    for age in sorted(fresh, reverse=True):
        sale = Sale(world.next_index, rng.getrandbits(62), now - age, rng.choice(buyers))
        add_shop_order(world, rng, sale, "open", sale.created)
        world.next_index += 1
    _plant(world)
    return world


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
        order.parcels = [f"TRK{sale.index:08d}"]
    world.shop_orders.add(order)
    return order


def add_zoho_order(
    world: World,
    sale: Sale,
    stage: str,
    *,
    number: str,
    reference: str,
    created: int,
    modified: int,
) -> ZohoOrder:
    """Add a Zoho sales order, and its invoice when the stage has one."""
    order = ZohoOrder(
        world.merchant.zoho_id(KIND_ORDER, sale.index * 100),
        created,
        modified,
        number,
        sale,
        stage,
        reference,
    )
    world.zoho_orders.add(order)
    if stage in {"paid", "partial", "done"}:
        add_invoice(world, order, modified)
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


def erp_number(world: World) -> str:
    """Next own number of the ERP."""
    number = f"SO-{world.next_erp_number:05d}"
    world.next_erp_number += 1
    return number


def _record_sale(world: World, rng: Random, sale: Sale, age: int) -> None:
    stage = _stage(rng, age)
    kind = rng.random()
    if kind < 0.2:
        _typed_by_hand(world, rng, sale, stage)
        return
    shop_modified = _later(rng, sale.created, age)
    shop = add_shop_order(world, rng, sale, stage, shop_modified)
    pushed = sale.created + rng.randrange(2 * MINUTE, 15 * MINUTE) // SECOND * SECOND
    number = f"{world.merchant.prefix}-{shop.number}"
    reference = ""
    if kind < 0.27:
        number, reference = erp_number(world), number
    pushed = pushed // SECOND * SECOND
    modified = max(pushed, _later(rng, pushed, world.now - pushed) // SECOND * SECOND)
    zoho = add_zoho_order(
        world, sale, stage, number=number, reference=reference, created=pushed, modified=modified
    )
    zoho.twin, shop.twin = shop, zoho


def _typed_by_hand(world: World, rng: Random, sale: Sale, stage: str) -> None:
    created = sale.created // SECOND * SECOND
    modified = _later(rng, created, world.now - created) // SECOND * SECOND
    reference = f"Mail {sale.index}" if rng.random() < 0.2 else ""
    order = add_zoho_order(
        world,
        sale,
        stage,
        number=erp_number(world),
        reference=reference,
        created=created,
        modified=max(created, modified),
    )
    if rng.random() < 0.1:
        world.own_content(order).adjustment_minor = rng.choice((-2, -1, 1, 3))


def _stage(rng: Random, age: int) -> str:
    dice = rng.random()
    if dice < 0.04:
        return "canceled"
    if age > 5 * DAY:
        return "done" if dice < 0.93 else "partial" if dice < 0.96 else "open"
    if age > DAY:
        return "done" if dice < 0.5 else "partial" if dice < 0.6 else "paid"
    return "paid" if dice < 0.6 else "open"


def _later(rng: Random, created: int, room: int) -> int:
    """A modified time up to six days after creation, never after now."""
    reach = min(6 * DAY, max(room - 20 * SECOND, 1))
    return created + int(reach * rng.random() ** 2)


def _ages(rng: Random, size: int) -> list[int]:
    """Ages of the orders, oldest first: the last week is denser than the year before."""
    week = max(size // 40, min(size // 4, 50))
    months = (size - week) // 3
    ages = [rng.randrange(20 * MINUTE, 7 * DAY) for _ in range(week)]
    ages += [rng.randrange(7 * DAY, 60 * DAY) for _ in range(months)]
    ages += [rng.randrange(60 * DAY, HISTORY_DAYS * DAY) for _ in range(size - week - months)]
    return sorted(ages, reverse=True)


def _make_contacts(merchant: Merchant, rng: Random, count: int, now: int) -> list[Contact]:
    contacts = []
    for index in range(count):
        created = (now - HISTORY_DAYS * DAY - rng.randrange(100 * DAY)) // SECOND * SECOND
        modified = created + int((now - created) * rng.random()) // SECOND * SECOND
        contact_id = merchant.zoho_id(KIND_CONTACT, index * 10)
        contacts.append(Contact(contact_id, created, modified, index))
    return contacts


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


def _plant(world: World) -> None:
    """Place the odd records that every merchant has, so that checks have something to find."""
    twins = [o for o in reversed(world.zoho_orders.newest()) if isinstance(o.twin, ShopOrder)]
    plain = [o for o in twins if o.number.startswith(world.merchant.prefix) and o.invoice]
    if len(plain) < 4:
        return
    odd = plain[1]
    content = world.own_content(odd)
    before = total_up(content).total
    content.shipping_minor += 500
    twin_id = odd.twin.id if odd.twin else ""
    world.planted["totals_differ"] = {
        "zoho": odd.id,
        "saleor": twin_id,
        "number": odd.number,
        "shop_total": f"{before / 100:.2f}",
        "erp_total": f"{total_up(content).total / 100:.2f}",
    }
    for name, order in (("without_email_1", plain[2]), ("without_email_2", plain[3])):
        order.is_email_hidden = True
        world.planted[name] = {"zoho": order.id, "number": order.number}
    guest = world.shop_orders.newest()[0]
    guest.is_guest_unknown = True
    world.planted["guest_without_email"] = {"saleor": guest.id, "number": guest.number}


@lru_cache(maxsize=4096)
def _customer(merchant: Merchant, seed: int, index: int) -> Customer:
    return make_customer(merchant, seed, index)
