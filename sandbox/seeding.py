"""Seeding: the data that a merchant starts with, coherent, uneven and repeatable."""

from copy import deepcopy
from random import Random

from sandbox.aftersales import seed_aftersales
from sandbox.articles import seed_articles
from sandbox.braintree.seeding import seed_payments
from sandbox.changes import settle_invoice
from sandbox.merchants import Merchant
from sandbox.money import total_up
from sandbox.people import make_items
from sandbox.reviewsio.seeding import seed_reviews
from sandbox.store import Contact, Sale, ShopOrder, Table
from sandbox.strapi.seeding import seed_bulk_orders
from sandbox.world import (
    DAY,
    HISTORY_DAYS,
    KIND_CONTACT,
    LINES,
    MINUTE,
    SECOND,
    World,
    add_shop_order,
    add_zoho_order,
    erp_number,
)


def make_world(
    merchant: Merchant, *, seed: int, size: int, now: int, lines: tuple[int, ...] = LINES
) -> World:
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
        packages=Table(),
        contacts=Table(_make_contacts(merchant, rng, customers, now)),
        lines=lines,
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
    seed_bulk_orders(world)
    for invoice in world.invoices.by_id.values():
        settle_invoice(world, invoice)
    seed_aftersales(world)
    seed_payments(world, size)
    seed_reviews(world, size)
    seed_articles(world)
    return world


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
    content = None
    if rng.random() < 0.1:
        content = world.make_content(sale)
        content.adjustment_minor = rng.choice((-2, -1, 1, 3))
    add_zoho_order(
        world,
        sale,
        stage,
        number=erp_number(world),
        reference=reference,
        created=created,
        modified=max(created, modified),
        content=content,
    )


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
    if odd.invoice:
        odd.invoice.content = deepcopy(content)
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
    alone = next((p for p in world.packages.newest() if p.order.twin is None), None)
    if alone is not None:
        alone.tracking = f"{alone.tracking}+{alone.tracking}B"
        world.planted["two_pieces"] = {"zoho": alone.id, "number": alone.number}
    guest = world.shop_orders.newest()[0]
    guest.is_guest_unknown = True
    world.planted["guest_without_email"] = {"saleor": guest.id, "number": guest.number}
