"""Control of the data: every change that a merchant's systems can be made to make."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from random import Random
from typing import Any, Concatenate, ParamSpec, TypeVar

from sandbox import changes
from sandbox.aftersales import (
    add_refund,
    book_refund,
    charged,
    close_if_used,
    come_back,
    payment_amount,
)
from sandbox.disagreements import plant_disagreements, standing_disagreements
from sandbox.payments import settle
from sandbox.reviewsio.seeding import add_review
from sandbox.scenes import find_scenes
from sandbox.state import Account, State
from sandbox.store import (
    BookedRefund,
    CreditNote,
    Payment,
    Receive,
    Review,
    SalesReturn,
    ShopOrder,
    ZohoOrder,
)
from sandbox.strapi.desk import BulkOrder
from sandbox.strapi.documents import entry
from sandbox.strapi.seeding import add_bulk_order, edit_bulk_order
from sandbox.times import now_us
from sandbox.world import SECOND, World
from sandbox.xentral.depot import Label
from sandbox.xentral.documents import FIRST_TYPED
from sandbox.xentral.listing import ENTITIES as XENTRAL_PATHS

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound="DataControl")

MUTATIONS: set[str] = set()
"""Names of the methods that change what the systems answer; the journal keeps their calls."""


def mutation(
    method: Callable[Concatenate[C, P], T],
) -> Callable[Concatenate[C, P], T]:
    """Run a method under the lock and keep its call in the journal."""
    MUTATIONS.add(method.__name__)

    @wraps(method)
    def locked(self: C, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self.state.lock:
            at = self.at or now_us()
            self.at = at
            self.state.is_pristine = False
            try:
                result = method(self, *args, **kwargs)
            finally:
                self.at = 0
            self.state.changes += 1
            if self.journal is not None:
                self.journal({"do": method.__name__, "args": args, "with": kwargs, "at": at})
        return result

    return locked


class DataControl:
    """Changes of data; each is kept in the journal, so that a later sandbox can repeat it.

    Attributes:
        at: the time of the change that is being made; 0 = now. A replay sets it.
        journal: receives every change.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.at = 0
        self.journal: Callable[[dict[str, Any]], None] | None = None

    @mutation
    def change_orders(
        self, merchant: str, system: str, n: int, kind: str = "mixed", ids: Sequence[str] = ()
    ) -> list[str]:
        """Change ``n`` orders (or those of ``ids``) now; return their ids.

        Args:
            merchant: whose orders.
            system: ``zoho`` or ``saleor``.
            n: how many, chosen at random among those the change fits.
            kind: mixed, note, status, quantity, cancel, metadata, tracking or second_parcel.
            ids: change exactly these instead.
        """
        world, rng = self._world(merchant), self._rng()
        chosen = [changes.find_record(world, system, "orders", i) for i in ids] or _sample(
            world, system, kind, n, rng
        )
        for order in chosen:
            changes.change_order(world, order, kind, at=self.at, rng=rng)
        return [changes.shown_id(order) for order in chosen]

    @mutation
    def new_orders(self, merchant: str, system: str, n: int, twin: bool = False) -> list[str]:
        """Place ``n`` orders now; ``twin`` also pushes shop orders to the ERP."""
        world, rng = self._world(merchant), self._rng()
        made = [changes.new_order(world, system, self.at + i, rng, has_twin=twin) for i in range(n)]
        return [changes.shown_id(order) for order in made]

    @mutation
    def push_orders(self, merchant: str, ids: Sequence[str]) -> list[str]:
        """Push shop orders to the ERP; return the ids of the sales orders."""
        world = self._world(merchant)
        shops = [changes.find_record(world, "saleor", "orders", i) for i in ids]
        return [changes.push_order(world, shop, self.at).id for shop in shops]

    @mutation
    def edit_number(self, merchant: str, order_id: str, number: str) -> str:
        """Give a Zoho order another number; return the old one."""
        world = self._world(merchant)
        order: ZohoOrder = changes.find_record(world, "zoho", "orders", order_id)
        if any(other.number == number for other in world.zoho_orders.by_id.values()):
            raise ValueError("This sales order number already exists.")
        before, order.number = order.number, number
        changes.bump(world, "zoho", "orders", order, self.at)
        return before

    @mutation
    def set_reference(self, merchant: str, order_id: str, reference: str) -> str:
        """Give a Zoho order another reference number; return the old one."""
        world = self._world(merchant)
        order: ZohoOrder = changes.find_record(world, "zoho", "orders", order_id)
        before, order.reference = order.reference, reference
        changes.bump(world, "zoho", "orders", order, self.at)
        return before

    @mutation
    def delete_order(self, merchant: str, system: str, order_id: str) -> None:
        """Delete an order in one system."""
        world = self._world(merchant)
        order = changes.find_record(world, system, "orders", order_id)
        changes.delete_order(world, system, order)

    @mutation
    def new_reviews(self, merchant: str, entity: str, n: int) -> list[str]:
        """Write ``n`` reviews now: product_reviews or merchant_reviews."""
        world, rng = self._world(merchant), self._rng()
        return [add_review(world, rng, entity, self.at + i * SECOND).id for i in range(n)]

    @mutation
    def edit_review(
        self, merchant: str, entity: str, review_id: str, rating: int = 1, reply: str = ""
    ) -> None:
        """Edit a review and answer it; its date stays, as the real one's does."""
        world = self._world(merchant)
        review: Review = changes.find_record(world, "reviewsio", entity, review_id)
        review.rating, review.reply = rating, reply
        changes.bump(world, "reviewsio", entity, review, self.at)

    @mutation
    def delete_review(self, merchant: str, entity: str, review_id: str) -> None:
        """Take a review out of what the API shows."""
        changes.entity_table(self._world(merchant), "reviewsio", entity).remove(review_id)

    @mutation
    def change_article(
        self, merchant: str, system: str, sku: str, fields: dict[str, Any], is_dated: bool = True
    ) -> str:
        """Change an article of one system (``sku``, ``levels``, ...); return its id there.

        Without ``is_dated`` its modified time stays, as it does when stock moves.
        """
        world = self._world(merchant)
        return changes.change_article(world, system, sku, self.at, fields, is_dated=is_dated)

    @mutation
    def delete_article(self, merchant: str, system: str, sku: str) -> None:
        """Take an article out of one system."""
        world = self._world(merchant)
        article = changes.find_article(world, system, sku)
        table = world.erp_articles if system == "zoho" else world.shop_articles
        table.remove(article.id)

    @mutation
    def touch(
        self,
        merchant: str,
        system: str,
        n: int = 1,
        entity: str = "orders",
        ids: Sequence[str] = (),
    ) -> list[str]:
        """Move the modified time of ``n`` records (or of ``ids``) to now, changing nothing else."""
        world, rng = self._world(merchant), self._rng()
        table = changes.entity_table(world, system, entity)
        chosen = [changes.find_record(world, system, entity, i) for i in ids] or rng.sample(
            table.newest(), n
        )
        for record in chosen:
            changes.bump(world, system, entity, record, self.at)
        return [changes.shown_id(record) for record in chosen]

    @mutation
    def refund_orders(self, merchant: str, n: int, share: float = 0.5) -> list[str]:
        """Pay a share of paid shop orders back that were not yet; return the gateway's ids."""
        world, rng = self._world(merchant), self._rng()
        paid = [o for o in world.shop_orders.newest() if o.payment and not o.refunds]
        made = []
        for order in rng.sample([o for o in paid if o.stage == "done"], n):
            minor = max(1, int(charged(world, order) * share))
            made.append(add_refund(world, order, minor, self.at).id)
            changes.bump(world, "saleor", "orders", order, self.at)
        return made

    @mutation
    def settle_payments(self, merchant: str, ids: Sequence[str] = (), fee: bool = True) -> int:
        """Let transactions settle that have not, and their fees be told; return how many."""
        world = self._world(merchant)
        waiting = [
            each
            for each in world.transactions.by_id.values()
            if each.status == "submitted_for_settlement" and (not ids or each.id in ids)
        ]
        for each in waiting:
            settle(each, self.at)
            each.fee_known = self.at if fee else None
            if each.order is not None:
                changes.bump(world, "saleor", "orders", each.order, self.at)
        return len(waiting)

    @mutation
    def tell_fee(self, merchant: str, transaction: str) -> None:
        """Let PayPal tell the fee of a transaction late: nothing else of it changes."""
        changes.find_record(self._world(merchant), "braintree", "transactions", transaction)
        self._world(merchant).transactions.by_id[transaction].fee_known = self.at

    @mutation
    def fail_settlement(self, merchant: str, transaction: str) -> None:
        """Let the bank decline the settlement of a transaction that was captured."""
        world = self._world(merchant)
        record = changes.find_record(world, "braintree", "transactions", transaction)
        record.status, record.settled = "settlement_declined", None
        changes.bump(world, "braintree", "transactions", record, self.at)

    @mutation
    def win_dispute(self, merchant: str, dispute: str) -> None:
        """Let the merchant win a dispute."""
        world = self._world(merchant)
        record = changes.find_record(world, "braintree", "disputes", dispute)
        record.status, record.won = "won", self.at
        changes.bump(world, "braintree", "disputes", record, self.at)

    @mutation
    def delete_transaction(self, merchant: str, transaction: str) -> None:
        """Take a transaction out of what the payment gateway shows."""
        self._world(merchant).transactions.remove(transaction)

    @mutation
    def set_search_limit(self, merchant: str, most_ids: int) -> None:
        """Let a search of the payment gateway give at most so many ids."""
        self._account(merchant).gateway.most_ids = most_ids

    @mutation
    def change_contacts(self, merchant: str, n: int) -> list[str]:
        """Give ``n`` Zoho contacts another phone number."""
        world, rng = self._world(merchant), self._rng()
        chosen = rng.sample(world.contacts.newest(), n)
        for contact in chosen:
            contact.phone = f"+4930{rng.randrange(10**6):06d}"
            changes.bump(world, "zoho", "contacts", contact, self.at)
        return [contact.id for contact in chosen]

    @mutation
    def change_invoices(self, merchant: str, n: int) -> list[str]:
        """Turn the status of ``n`` Zoho invoices between paid and sent."""
        world, rng = self._world(merchant), self._rng()
        chosen = rng.sample(world.invoices.newest(), n)
        for invoice in chosen:
            invoice.status = "sent" if invoice.status == "paid" else "paid"
            changes.bump(world, "zoho", "invoices", invoice, self.at)
            changes.settle_invoice(world, invoice)  # a payment is as new as the change
        return [invoice.id for invoice in chosen]

    @mutation
    def refund_credit(
        self, merchant: str, note_id: str, amount_minor: int, *, moves: bool = True
    ) -> str:
        """Refund a part of a credit note in the books; ``moves`` its modified time, too."""
        world = self._world(merchant)
        note: CreditNote = changes.find_record(world, "zoho", "creditnotes", note_id)
        modified = note.modified
        refund = book_refund(world, note, amount_minor, self.at, "")
        if not moves:
            world.credit_notes.rendered_anew(note, modified)
        return refund.id

    @mutation
    def delete_refund(self, merchant: str, note_id: str, refund_id: str) -> None:
        """Delete a refund of a credit note, which opens it again."""
        world = self._world(merchant)
        note: CreditNote = changes.find_record(world, "zoho", "creditnotes", note_id)
        note.refunds = [each for each in note.refunds if each.id != refund_id]
        close_if_used(world, note, self.at)

    @mutation
    def new_returns(self, merchant: str, n: int) -> list[str]:
        """Let a line of ``n`` finished and paid orders come back; return the ids of the returns."""
        world = self._world(merchant)
        fits = [o for o in world.zoho_orders.newest() if changes.may_come_back(world, o)]
        chosen = self._rng().sample(fits, n)
        return [come_back(world, order, self.at).goods.id for order in chosen]

    @mutation
    def receive_return(self, merchant: str, return_id: str, quantity: int) -> None:
        """Take in goods of a return once more; nothing in its list row tells when."""
        world = self._world(merchant)
        goods: SalesReturn = changes.find_record(world, "zoho", "salesreturns", return_id)
        number = f"{goods.number.replace('RMA', 'PR')}-{len(goods.receives) + 1}"
        receive_id = str(int(goods.id) + 50 + len(goods.receives))
        goods.receives.append(Receive(receive_id, number, self.at, {0: quantity}))
        world.sales_returns.rendered_anew(goods)

    @mutation
    def reopen_return(self, merchant: str, return_id: str) -> None:
        """Let a return be approved and not closed yet."""
        world = self._world(merchant)
        goods: SalesReturn = changes.find_record(world, "zoho", "salesreturns", return_id)
        goods.status = "approved"
        world.sales_returns.rendered_anew(goods)

    @mutation
    def refund_payment(self, merchant: str, payment_id: str, amount_minor: int) -> str:
        """Note that a payment was too high, and that the excess went back by bank transfer."""
        world = self._world(merchant)
        payment: Payment = changes.find_record(world, "zoho", "customerpayments", payment_id)
        payment.amount_minor = payment_amount(world, payment) + amount_minor
        payment.unused_minor += amount_minor
        refund_id = str(int(payment.id) + 2 + len(payment.refunds))
        refund = BookedRefund(refund_id, self.at, amount_minor, "banktransfer", "")
        payment.refunds.append(refund)
        changes.bump(world, "zoho", "customerpayments", payment, self.at)
        return refund.id

    @mutation
    def refund_without_reference(self, merchant: str, parts: Sequence[Sequence[int]]) -> list[str]:
        """Refund an order for each list of parts, which the books note without a reference.

        Shop and gateway tell of one refund of the sum, in minor units, the books of every part.
        The orders are old, paid and shipped ones; returns the refunds' ids at the gateway.
        """
        scenes = find_scenes(self._world(merchant), self.at)
        made = []
        for each, scene in zip(parts, scenes, strict=False):
            made.append(scene.refund(sum(each), 5).id)
            for part in each:
                scene.book(scene.credit(part, 4), part, "")
        return made

    @mutation
    def repeat_refund(self, merchant: str, refund_id: str) -> str:
        """Send the money of a refund once more; return the id of the second one."""
        world = self._world(merchant)
        refund = world.refunds.by_id[refund_id]
        world.shop_orders.rendered_anew(refund.order, self.at)
        return add_refund(world, refund.order, refund.amount_minor, self.at).id

    @mutation
    def plant_disagreements(self, merchant: str, each: int = 1) -> list[dict[str, Any]]:
        """Let systems disagree in every way that a reconciliation must find, ``each`` times.

        Returns what is to be found, also what every merchant has from the start. What is planted
        lies in the past: do it before the data is read.
        """
        world = self._world(merchant)
        standing = standing_disagreements(world, self.at)
        return [*standing, *plant_disagreements(world, each, self.at)]

    @mutation
    def delete_record(self, merchant: str, entity: str, record_id: str) -> None:
        """Delete a credit note, a sales return or a customer payment of Zoho."""
        changes.entity_table(self._world(merchant), "zoho", entity).remove(record_id)

    @mutation
    def ignore_modified_filter(self, merchant: str, entity: str, *, ignored: bool = True) -> None:
        """Let a Zoho list ignore ``last_modified_time``, as it may."""
        unfiltered = self._world(merchant).unfiltered
        (unfiltered.add if ignored else unfiltered.discard)(entity)

    @mutation
    def new_packages(self, merchant: str, n: int) -> list[str]:
        """Pack ``n`` Zoho orders that are paid; nothing is shipped yet."""
        world = self._world(merchant)
        paid = [o for o in world.zoho_orders.newest() if o.stage == "paid" and not o.packages]
        chosen = self._rng().sample(paid, n)
        return [changes.pack(world, order, self.at).id for order in chosen]

    @mutation
    def change_packages(
        self, merchant: str, n: int, kind: str = "tracking", ids: Sequence[str] = ()
    ) -> list[str]:
        """Change ``n`` Zoho packages (or those of ``ids``): kind tracking or status."""
        world, rng = self._world(merchant), self._rng()
        fits = [p for p in world.packages.newest() if kind != "status" or p.status != "delivered"]
        chosen = [changes.find_record(world, "zoho", "packages", i) for i in ids] or rng.sample(
            fits, n
        )
        for package in chosen:
            changes.change_package(world, package, kind, at=self.at, rng=rng)
        return [package.id for package in chosen]

    @mutation
    def delete_package(self, merchant: str, package_id: str) -> None:
        """Delete a Zoho package."""
        world = self._world(merchant)
        changes.delete_package(world, changes.find_record(world, "zoho", "packages", package_id))

    @mutation
    def type_auftrag(self, merchant: str, number: str) -> str:
        """Type an Auftrag of an order number into Xentral; return its id."""
        depot = self._world(merchant).depot
        depot.typed.append(number)
        return str(FIRST_TYPED + len(depot.typed) - 1)

    @mutation
    def renumber_auftrag(self, merchant: str, row_id: str, number: str) -> None:
        """Give an Auftrag another order number."""
        self._world(merchant).depot.numbers[int(row_id)] = number

    @mutation
    def cancel_note(self, merchant: str, row_id: str) -> None:
        """Cancel a Lieferschein."""
        self._world(merchant).depot.canceled.add(int(row_id))

    @mutation
    def print_label(
        self, merchant: str, row_id: str, tracking: str, *, is_return: bool = False
    ) -> None:
        """Print one more label for a Lieferschein; without a number when it failed."""
        self._world(merchant).depot.labels.append(Label(int(row_id), tracking, is_return))

    @mutation
    def remove_from_warehouse(self, merchant: str, entity: str, row_id: str) -> None:
        """Take a record out of what Xentral shows."""
        self._world(merchant).depot.gone.add((XENTRAL_PATHS[entity], int(row_id)))

    @mutation
    def new_bulk_orders(self, merchant: str, n: int, status: str = "Draft") -> list[str]:
        """Save ``n`` new bulk orders of three recipients each."""
        world, rng = self._world(merchant), self._rng()
        return [add_bulk_order(world, rng, status, self.at + i * SECOND).id for i in range(n)]

    @mutation
    def save_bulk_order(
        self, merchant: str, order_id: str, edits: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Save a bulk order with some edits, see ``edit_bulk_order``; return the entry."""
        world = self._world(merchant)
        order: BulkOrder = changes.find_record(world, "strapi", "bulk_orders", order_id)
        edit_bulk_order(order, **edits)
        changes.bump(world, "strapi", "bulk_orders", order, self.at)
        return entry(world, order)

    @mutation
    def delete_bulk_order(self, merchant: str, order_id: str) -> None:
        """Delete a bulk order; its orders stay in the books."""
        self._world(merchant).bulk_orders.remove(order_id)

    @mutation
    def align_modified(
        self, merchant: str, system: str, start: int, count: int, entity: str = "orders"
    ) -> list[str]:
        """Give ``count`` records from ``start`` of the newest-first listing one modified time."""
        return changes.align_modified(self._world(merchant), system, entity, start, count)

    def _account(self, merchant: str) -> Account:
        account = self.state.accounts.get(merchant)
        if account is None:
            raise ValueError(
                f"no merchant {merchant!r}, there are {', '.join(self.state.accounts)}"
            )
        return account

    def _world(self, merchant: str) -> World:
        return self._account(merchant).world

    def _rng(self) -> Random:
        return Random(f"{self.state.options.seed}/change/{self.state.changes}")


def _sample(world: World, system: str, kind: str, n: int, rng: Random) -> list[Any]:
    planted = {record_id for odd in world.planted.values() for record_id in odd.values()}
    table = changes.entity_table(world, system, "orders")
    fits = [o for o in table.newest() if o.id not in planted and _fits(o, kind)]
    if len(fits) < n:
        raise ValueError(f"only {len(fits)} {system} orders fit the change {kind!r}")
    return rng.sample(fits, n)


def _fits(order: Any, kind: str) -> bool:
    if kind == "status":
        return order.stage in changes.NEXT_STAGE
    if kind in {"tracking", "second_parcel"}:
        return isinstance(order, ShopOrder) and bool(order.parcels)
    if kind == "cancel":
        return bool(order.stage != "canceled")
    return True
