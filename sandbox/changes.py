"""Changes in the stand-ins' data, as the real systems would make them."""

from collections.abc import Sequence
from copy import deepcopy
from random import Random
from typing import Any

from sandbox.aftersales import pay_invoice, unpay_invoice
from sandbox.braintree.documents import transactions
from sandbox.parcels import has_more, tracking_number
from sandbox.payments import PAID_STAGES
from sandbox.saleor.documents import order_key
from sandbox.saleor.shapes import global_id
from sandbox.store import (
    Article,
    Invoice,
    Order,
    Package,
    Record,
    Sale,
    ShopOrder,
    Table,
    ZohoOrder,
)
from sandbox.world import (
    SECOND,
    World,
    add_invoice,
    add_package,
    add_shop_order,
    add_zoho_order,
    advance_packages,
    deliver,
    erp_number,
    pay,
    ship,
)

NEXT_STAGE = {"draft": "open", "open": "paid", "paid": "partial", "partial": "done"}
INVOICED_STAGES = frozenset({"paid", "partial", "done"})


def entity_table(world: World, system: str, entity: str) -> Table[Any]:
    """The records of a system's entity (``orders``, ``invoices``, ``contacts``, ``packages``)."""
    if (system, entity) == ("braintree", "transactions"):
        return Table(transactions(world).values())  # refunds are transactions there
    tables: dict[tuple[str, str], Table[Any]] = {
        ("zoho", "orders"): world.zoho_orders,
        ("zoho", "invoices"): world.invoices,
        ("zoho", "contacts"): world.contacts,
        ("zoho", "packages"): world.packages,
        ("zoho", "customerpayments"): world.payments,
        ("zoho", "creditnotes"): world.credit_notes,
        ("zoho", "salesreturns"): world.sales_returns,
        ("zoho", "items"): world.erp_articles,
        ("saleor", "productVariants"): world.shop_articles,
        ("saleor", "orders"): world.shop_orders,
        ("reviewsio", "product_reviews"): world.product_reviews,
        ("reviewsio", "merchant_reviews"): world.merchant_reviews,
        ("strapi", "bulk_orders"): world.bulk_orders,
        ("braintree", "disputes"): world.disputes,
    }
    if (system, entity) not in tables:
        raise ValueError(f"{system} has no {entity} here")
    return tables[system, entity]


def shown_id(record: Record) -> str:
    """The id as the system's API shows it."""
    return global_id("Order", record.id) if isinstance(record, ShopOrder) else record.id


def find_record(world: World, system: str, entity: str, record_id: str) -> Any:
    """The record with an id as the API shows it.

    Raises:
        ValueError: there is no such record.
    """
    key = (order_key(record_id) or record_id) if system == "saleor" else record_id
    record = entity_table(world, system, entity).by_id.get(key)
    if record is None:
        raise ValueError(f"{system} has no {entity} record {record_id}")
    return record


def bump(world: World, system: str, entity: str, record: Record, at: int) -> None:
    """Give a changed record its new modified time.

    Zoho has seconds, Strapi milliseconds, Saleor microseconds.
    """
    step = 1000 if system == "strapi" else 1
    moment = at // SECOND * SECOND if system == "zoho" else max(at, record.modified + step)
    entity_table(world, system, entity).rendered_anew(record, max(moment, record.modified))


def change_order(
    world: World, order: ZohoOrder | ShopOrder, kind: str, *, at: int, rng: Random
) -> None:
    """Change one order; ``mixed`` picks what is likely for it.

    ``tracking`` and ``second_parcel`` of a Saleor order leave ``updatedAt`` alone
    (saleor-live.md 3.4).
    """
    system = "saleor" if isinstance(order, ShopOrder) else "zoho"
    if kind == "mixed":
        kind = _likely(order, rng)
    if kind in {"tracking", "second_parcel"}:
        _change_parcels(world, order, kind, rng)
        return
    if kind == "note":
        world.own_content(order).note = f"Changed {rng.randrange(10**6):06d}"
    elif kind == "quantity":
        world.own_content(order).lines[0].quantity += 1
    elif kind == "status":
        _advance(world, order, at)
    elif kind == "cancel":
        order.stage = "canceled"
    elif kind == "metadata" and isinstance(order, ShopOrder):
        order.attributes["deliveryNotes"] = f"Ring {rng.randrange(100)} times"
    else:
        raise ValueError(f"no change {kind!r} for {system}")
    bump(world, system, "orders", order, at)


def new_order(world: World, system: str, at: int, rng: Random, *, has_twin: bool) -> Order:
    """Place an order: in the shop (and pushed to the ERP), or typed into the ERP by hand."""
    sale = Sale(
        world.next_index, rng.getrandbits(62), at, rng.randrange(world.customers // 20 * 19)
    )
    world.next_index += 1
    if system == "saleor":
        shop = add_shop_order(world, rng, sale, "open", at)
        if has_twin:
            push_order(world, shop, at)
        return shop
    second = at // SECOND * SECOND
    return add_zoho_order(
        world,
        sale,
        "open",
        number=erp_number(world),
        reference="",
        created=second,
        modified=second,
    )


def settle_invoice(world: World, invoice: Invoice) -> None:
    """Let the payments of the books follow the status of an invoice."""
    if invoice.status == "paid" and invoice.payment is None:
        pay_invoice(world, invoice)
    elif invoice.status != "paid":
        unpay_invoice(world, invoice)


def may_come_back(world: World, order: ZohoOrder) -> bool:
    """Whether an order was shipped and paid, and nothing of it came back yet."""
    is_paid = order.invoice is not None and order.invoice.status == "paid"
    is_back = any(goods.order is order for goods in world.sales_returns.by_id.values())
    return order.stage == "done" and is_paid and not is_back


def push_order(world: World, shop: ShopOrder, at: int) -> ZohoOrder:
    """Do what the ERP's import does: a sales order with the shop's number behind a prefix."""
    if shop.twin is not None:
        raise ValueError(f"order {shop.number} is in the ERP already")
    second = at // SECOND * SECOND
    zoho = add_zoho_order(
        world,
        shop.sale,
        shop.stage,
        number=f"{world.merchant.prefix}-{shop.number}",
        reference="",
        created=second,
        modified=second,
        content=deepcopy(shop.content),
    )
    zoho.twin, shop.twin = shop, zoho
    if zoho.invoice is not None:
        settle_invoice(world, zoho.invoice)
    for package, tracking in zip(zoho.packages, shop.parcels, strict=False):
        package.tracking = tracking
    return zoho


def change_article(
    world: World, system: str, sku: str, at: int, fields: dict[str, Any], *, is_dated: bool
) -> str:
    """Change an article in one system and return its id; a stock move is not dated by either."""
    entity = "items" if system == "zoho" else "productVariants"
    article = find_article(world, system, sku)
    for name, content in fields.items():
        setattr(article, name, [tuple(level) for level in content] if name == "levels" else content)
    if is_dated:
        bump(world, system, entity, article, at)
    else:
        entity_table(world, system, entity).rendered_anew(article)
    return article.id


def find_article(world: World, system: str, sku: str) -> Article:
    """The article with a SKU, as the system writes it but for blanks around it.

    Raises:
        ValueError: the system has none.
    """
    table = world.erp_articles if system == "zoho" else world.shop_articles
    for article in table.by_id.values():
        if article.sku.strip() == sku:
            return article
    raise ValueError(f"{system} has no article {sku}")


def delete_order(world: World, system: str, order: Order) -> None:
    """Take an order out of a system; the other system keeps its own."""
    entity_table(world, system, "orders").remove(order.id)
    if order.twin is not None:
        order.twin.twin = None
    if isinstance(order, ZohoOrder) and order.invoice is not None:
        unpay_invoice(world, order.invoice)
        world.invoices.remove(order.invoice.id)
    for table in (world.credit_notes, world.sales_returns):
        for record in [each for each in table.by_id.values() if each.order is order]:
            table.remove(record.id)
    for package in order.packages if isinstance(order, ZohoOrder) else ():
        world.packages.remove(package.id)


def change_package(world: World, package: Package, kind: str, *, at: int, rng: Random) -> None:
    """Change one package: ``status`` moves it on, ``tracking`` gives it another number."""
    moment = at // SECOND * SECOND
    if kind == "tracking":
        package.tracking = f"NEW{rng.randrange(10**8):08d}"
    elif kind == "status" and package.status == "not_shipped":
        ship(package, moment)
    elif kind == "status":
        deliver(package, moment)
    else:
        raise ValueError(f"no change {kind!r} for packages")
    bump(world, "zoho", "packages", package, at)


def pack(world: World, order: ZohoOrder, at: int) -> Package:
    """Pack a sales order that is paid and not shipped."""
    if order.stage != "paid" or order.packages:
        raise ValueError(f"order {order.number} is not waiting to be packed")
    return add_package(world, order, at // SECOND * SECOND)


def delete_package(world: World, package: Package) -> None:
    """Take a package out; its order is as if it had not been packed."""
    world.packages.remove(package.id)
    package.order.packages.remove(package)


def align_modified(world: World, system: str, entity: str, start: int, count: int) -> list[str]:
    """Give a stretch of the newest-first listing one modified time, its newest.

    The stretch may lie over a page border: that is what it is for.
    """
    table = entity_table(world, system, entity)
    chosen: Sequence[Record] = table.newest()[::-1][start : start + count]
    if not chosen:
        return []
    moment = max(record.modified for record in chosen)
    for record in chosen:
        table.rendered_anew(record, moment)
    return [shown_id(record) for record in chosen]


def move_rows(world: World, system: str, entity: str, rows: int, at: int) -> None:
    """Modify the oldest records just before a later page is cut: rows really move."""
    for record in entity_table(world, system, entity).newest()[:rows]:
        bump(world, system, entity, record, at)


def _likely(order: Order, rng: Random) -> str:
    choices = ["note"]
    if order.stage in NEXT_STAGE:
        choices += ["status", "status"]
        if order.twin is None:
            # A changed quantity on one side only would be a disagreement nobody planted.
            choices += ["quantity"]
    return rng.choice(choices)


def _advance(world: World, order: Order, at: int) -> None:
    order.stage = NEXT_STAGE.get(order.stage, order.stage)
    if isinstance(order, ShopOrder) and order.stage in PAID_STAGES and order.payment is None:
        pay(world, order, at)
    if isinstance(order, ZohoOrder):
        if order.stage in INVOICED_STAGES and order.invoice is None:
            settle_invoice(world, add_invoice(world, order, at // SECOND * SECOND))
        advance_packages(world, order, at // SECOND * SECOND)
    elif isinstance(order, ShopOrder) and order.stage in {"partial", "done"}:
        parcels = len(order.parcels)
        if not parcels or has_more(world.content(order), parcels):
            order.parcels.append(tracking_number(order.sale, parcels + 1))


def _change_parcels(world: World, order: Order, kind: str, rng: Random) -> None:
    if not isinstance(order, ShopOrder) or not order.parcels:
        raise ValueError("parcels are changed on a Saleor order that has one")
    tracking = f"NEW{rng.randrange(10**8):08d}"
    if kind == "tracking":
        order.parcels[-1] = tracking
    else:
        order.parcels.append(tracking)
    world.shop_orders.rendered_anew(order)
