"""Bulk orders that every merchant has; those that were confirmed are in the books, too."""

from random import Random
from typing import Any

from sandbox.strapi.desk import BulkOrder, Recipient
from sandbox.times import zoho_date
from sandbox.world import DAY, SECOND, World

FIRST_ID = 84
PREFIX = "XMAS25"
STATUSES = ("Finished", "ReadyToFulfill", "Confirmed", "Draft")
RECIPIENTS = 3


def seed_bulk_orders(world: World) -> None:
    """Turn orders that were typed into the ERP into recipients of bulk orders.

    They take the numbers of the bulk orders, in what was made of them, too. The draft has no
    order in the books yet.
    """
    rng = Random(f"{world.seed}/bulk/{world.merchant.name}")
    planted = {record_id for odd in world.planted.values() for record_id in odd.values()}
    typed = [
        order
        for order in world.zoho_orders.by_id.values()
        if order.twin is None and not order.reference and order.id not in planted
    ]
    for place, status in enumerate(STATUSES):
        chosen = typed[place * RECIPIENTS : (place + 1) * RECIPIENTS] if status != "Draft" else []
        if len(chosen) < RECIPIENTS and status != "Draft":
            continue
        created = min((order.created for order in chosen), default=world.now - DAY)
        bulk = add_bulk_order(
            world, rng, status, created, customers=[order.sale.customer for order in chosen]
        )
        for order, recipient in zip(chosen, bulk.recipients, strict=False):
            number = bulk.order_id(recipient)
            order.number = number
            if order.invoice is not None:
                order.invoice.reference = number
            for package in order.packages:
                package.order_number = number


def add_bulk_order(
    world: World, rng: Random, status: str, at: int, *, customers: list[int] | None = None
) -> BulkOrder:
    """Add an entry whose recipients are these customers, or three of all."""
    chosen = customers or [rng.randrange(world.customers) for _ in range(RECIPIENTS)]
    number = FIRST_ID + world.bulk_orders_made
    world.bulk_orders_made += 1
    moment = at // SECOND * SECOND + 1_000 * (number % 1000)
    bulk = BulkOrder(
        str(number),
        moment - 60 * SECOND,
        moment,
        PREFIX,
        status,
        chosen[0],
        zoho_date(at + 7 * DAY, world.merchant.timezone),
        [(rng.randrange(len(world.items)), 3, None)],
        [Recipient(row, customer) for row, customer in enumerate(chosen, start=1)],
    )
    bulk.recipients[-1].products = [(rng.randrange(len(world.items)), 10, 6.2)]
    world.bulk_orders.add(bulk)
    return bulk


def edit_bulk_order(
    order: BulkOrder,
    *,
    status: str = "",
    add: int = 0,
    remove: int = 0,
    rows: dict[str, dict[str, Any]] | None = None,
    reverse: bool = False,
) -> None:
    """Edit an entry as an editor would; every save makes its components anew.

    Args:
        order: the entry.
        status: its new status.
        add: how many recipients are added.
        remove: how many are taken out, the first ones.
        rows: row of a recipient -> fields of ``Recipient`` to change.
        reverse: turn the list of recipients around.
    """
    order.saves += 1
    order.status = status or order.status
    order.recipients = order.recipients[remove:]
    last = max((recipient.row for recipient in order.recipients), default=0)
    order.recipients += [Recipient(last + place + 1, place + 1) for place in range(add)]
    for recipient in order.recipients:
        for name, value in (rows or {}).get(str(recipient.row), {}).items():
            setattr(recipient, name, value)
    if reverse:
        order.recipients.reverse()
