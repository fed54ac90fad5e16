"""Control of a sandbox: what tests, the demo and people can make happen to it."""

from collections.abc import Callable, Sequence
from functools import wraps
from random import Random
from typing import Any, Concatenate, ParamSpec, TypeVar

import orjson

from sandbox import changes
from sandbox.faults import Fault
from sandbox.money import total_up
from sandbox.saleor.documents import order_node
from sandbox.state import Account, State, make_state
from sandbox.store import ShopOrder, ZohoOrder
from sandbox.times import now_us
from sandbox.world import World
from sandbox.zoho.listing import ENTITIES

P = ParamSpec("P")
T = TypeVar("T")

MUTATIONS: set[str] = set()
"""Names of the methods that change what the systems answer; the journal keeps their calls."""


def _mutation(
    method: "Callable[Concatenate[Control, P], T]",
) -> "Callable[Concatenate[Control, P], T]":
    """Run a method under the lock and keep its call in the journal."""
    MUTATIONS.add(method.__name__)

    @wraps(method)
    def locked(self: "Control", /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self.state.lock:
            at = self.at or now_us()
            self.at = at
            try:
                result = method(self, *args, **kwargs)
            finally:
                self.at = 0
            self.state.changes += 1
            if self.journal is not None:
                self.journal({"do": method.__name__, "args": args, "with": kwargs, "at": at})
        return result

    return locked


class Control:
    """Everything that can be done to a sandbox; each method is also ``POST /<method>``.

    Ids are given and taken as the system's API shows them: Zoho's numbers, Saleor's global ids.
    A ``ValueError`` says what was wrong with an argument.

    Attributes:
        at: the time of the change that is being made; 0 = now. A replay sets it.
        journal: receives every change, so that a later sandbox can repeat it.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.at = 0
        self.journal: Callable[[dict[str, Any]], None] | None = None

    @_mutation
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

    @_mutation
    def new_orders(self, merchant: str, system: str, n: int, twin: bool = False) -> list[str]:
        """Place ``n`` orders now; ``twin`` also pushes shop orders to the ERP."""
        world, rng = self._world(merchant), self._rng()
        made = [changes.new_order(world, system, self.at + i, rng, has_twin=twin) for i in range(n)]
        return [changes.shown_id(order) for order in made]

    @_mutation
    def push_orders(self, merchant: str, ids: Sequence[str]) -> list[str]:
        """Push shop orders to the ERP; return the ids of the sales orders."""
        world = self._world(merchant)
        shops = [changes.find_record(world, "saleor", "orders", i) for i in ids]
        return [changes.push_order(world, shop, self.at).id for shop in shops]

    @_mutation
    def edit_number(self, merchant: str, order_id: str, number: str) -> str:
        """Give a Zoho order another number; return the old one."""
        world = self._world(merchant)
        order: ZohoOrder = changes.find_record(world, "zoho", "orders", order_id)
        if any(other.number == number for other in world.zoho_orders.by_id.values()):
            raise ValueError("This sales order number already exists.")
        before, order.number = order.number, number
        changes.bump(world, "zoho", "orders", order, self.at)
        return before

    @_mutation
    def set_reference(self, merchant: str, order_id: str, reference: str) -> str:
        """Give a Zoho order another reference number; return the old one."""
        world = self._world(merchant)
        order: ZohoOrder = changes.find_record(world, "zoho", "orders", order_id)
        before, order.reference = order.reference, reference
        changes.bump(world, "zoho", "orders", order, self.at)
        return before

    @_mutation
    def delete_order(self, merchant: str, system: str, order_id: str) -> None:
        """Delete an order in one system."""
        world = self._world(merchant)
        order = changes.find_record(world, system, "orders", order_id)
        changes.delete_order(world, system, order)

    @_mutation
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

    @_mutation
    def change_contacts(self, merchant: str, n: int) -> list[str]:
        """Give ``n`` Zoho contacts another phone number."""
        world, rng = self._world(merchant), self._rng()
        chosen = rng.sample(world.contacts.newest(), n)
        for contact in chosen:
            contact.phone = f"+4930{rng.randrange(10**6):06d}"
            changes.bump(world, "zoho", "contacts", contact, self.at)
        return [contact.id for contact in chosen]

    @_mutation
    def change_invoices(self, merchant: str, n: int) -> list[str]:
        """Turn the status of ``n`` Zoho invoices between paid and sent."""
        world, rng = self._world(merchant), self._rng()
        chosen = rng.sample(world.invoices.newest(), n)
        for invoice in chosen:
            invoice.status = "sent" if invoice.status == "paid" else "paid"
            changes.bump(world, "zoho", "invoices", invoice, self.at)
        return [invoice.id for invoice in chosen]

    @_mutation
    def align_modified(
        self, merchant: str, system: str, start: int, count: int, entity: str = "orders"
    ) -> list[str]:
        """Give ``count`` records from ``start`` of the newest-first listing one modified time."""
        return changes.align_modified(self._world(merchant), system, entity, start, count)

    @_mutation
    def revoke_credentials(self, merchant: str, system: str) -> None:
        """Take the app's rights away, tokens already handed out included."""
        self._set_revoked(merchant, system, is_revoked=True)

    @_mutation
    def restore_credentials(self, merchant: str, system: str) -> None:
        """Accept the same credentials again."""
        self._set_revoked(merchant, system, is_revoked=False)

    @_mutation
    def set_permissions(self, merchant: str, permissions: Sequence[str]) -> None:
        """Give the Saleor app exactly these permissions."""
        self._account(merchant).shop.permissions = tuple(permissions)

    def rotate_jwks(self, merchant: str) -> str:
        """Take a new webhook key; the old one is published no more. Return the new ``kid``."""
        with self.state.lock:
            return self._account(merchant).shop.keys.rotate()

    def expire_tokens(self, merchant: str) -> None:
        """Let every Zoho access token of the merchant be over."""
        with self.state.lock:
            self._account(merchant).tokens.expire_all()

    def set_limits(
        self,
        merchant: str,
        per_minute: int | None = None,
        per_day: int | None = None,
        concurrent: int | None = None,
    ) -> None:
        """Set Zoho's limits of one organisation; None is off. Counters start from zero."""
        with self.state.lock:
            limits = self._account(merchant).limits
            limits.per_minute, limits.per_day, limits.concurrent = per_minute, per_day, concurrent
            limits.recent.clear()
            limits.used_today, limits.blocked_until, limits.most_in_flight = 0, 0.0, 0

    def set_tokens(
        self, merchant: str, seconds: float | None = None, throttled: bool | None = None
    ) -> None:
        """Set the life of Zoho access tokens, and whether making them is throttled."""
        with self.state.lock:
            tokens = self._account(merchant).tokens
            tokens.seconds = tokens.seconds if seconds is None else seconds
            tokens.is_throttled = tokens.is_throttled if throttled is None else throttled

    def set_clock_scale(self, scale: float) -> None:
        """Let limit windows and token lives pass ``scale`` times as fast."""
        with self.state.lock:
            self.state.clock.scale = scale

    def add_fault(self, kind: str, merchant: str, system: str, **settings: Any) -> None:
        """Switch misbehaviour on; see ``sandbox.faults.Fault`` for the settings."""
        with self.state.lock:
            self.state.faults.add(Fault(kind, merchant, system, **settings))

    def clear_faults(self, merchant: str | None = None, system: str | None = None) -> int:
        """Switch misbehaviour off; return how many switches there were."""
        with self.state.lock:
            return self.state.faults.clear(merchant, system)

    def faults(self) -> list[dict[str, Any]]:
        """Switches that are on, with their counters."""
        with self.state.lock:
            return self.state.faults.shown()

    def calls(self) -> dict[str, Any]:
        """Calls received so far: merchant -> system -> kind -> count."""
        with self.state.lock:
            return self.state.calls.shown()

    def reset_calls(self) -> None:
        """Count calls from zero."""
        with self.state.lock:
            self.state.calls.clear()

    def planted(self, merchant: str) -> dict[str, dict[str, str]]:
        """Odd records that every merchant has, by what is odd about them."""
        return self._world(merchant).planted

    def ids(self, merchant: str, system: str, entity: str = "orders") -> list[str]:
        """Ids of all records, oldest modification first."""
        with self.state.lock:
            table = changes.entity_table(self._world(merchant), system, entity)
            return [changes.shown_id(record) for record in table.newest()]

    def document(
        self, merchant: str, system: str, record_id: str, entity: str = "orders"
    ) -> dict[str, Any]:
        """A record as its API would show it in detail, without a call being counted."""
        with self.state.lock:
            world = self._world(merchant)
            record = changes.find_record(world, system, entity, record_id)
            if isinstance(record, ShopOrder):
                return order_node(world, record)
            plural = "salesorders" if entity == "orders" else entity
            return ENTITIES[plural].detail(world, record)

    def truth(self, merchant: str) -> list[dict[str, Any]]:
        """One row per real order: its ids in both systems, numbers, totals in minor units."""
        with self.state.lock:
            world = self._world(merchant)
            alone = [o for o in world.shop_orders.by_id.values() if o.twin is None]
            return [_true_row(world, zoho) for zoho in world.zoho_orders.by_id.values()] + [
                _true_row(world, shop) for shop in alone
            ]

    def reset(self) -> None:
        """Make all data anew as it was at the start; switches off, counters at zero."""
        with self.state.lock:
            keys = {name: account.shop.keys for name, account in self.state.accounts.items()}
            urls = {name: account.shop.api_url for name, account in self.state.accounts.items()}
            fresh = make_state(self.state.options, keys)
            for name, account in fresh.accounts.items():
                account.shop.api_url = urls[name]
            self.state.accounts, self.state.clock = fresh.accounts, fresh.clock
            self.state.calls, self.state.faults = fresh.calls, fresh.faults
            self.state.changes = 0
            if self.journal is not None:
                self.journal({"do": "reset"})

    def replay(self, entry: dict[str, Any]) -> None:
        """Repeat a journalled change at the time it was made."""
        if entry["do"] == "reset":
            self.reset()
        elif entry["do"] in MUTATIONS:
            self.at = int(entry["at"])
            getattr(self, entry["do"])(*entry["args"], **entry["with"])

    def _set_revoked(self, merchant: str, system: str, *, is_revoked: bool) -> None:
        account = self._account(merchant)
        if system == "zoho":
            account.tokens.is_revoked = is_revoked
        elif system == "saleor":
            account.shop.is_revoked = is_revoked
        else:
            raise ValueError(f"no system {system!r}")

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


def _true_row(world: World, order: ZohoOrder | ShopOrder) -> dict[str, Any]:
    zoho = order if isinstance(order, ZohoOrder) else None
    shop = order if isinstance(order, ShopOrder) else order.twin
    row: dict[str, Any] = {
        "number": f"{world.merchant.prefix}-{shop.number}" if shop else order.number,
        "currency": world.merchant.currency,
    }
    if zoho:
        row |= {"zoho_id": zoho.id, "zoho_number": zoho.number}
        row["zoho_total_minor"] = total_up(world.content(zoho)).total
    if isinstance(shop, ShopOrder):
        row |= {"saleor_id": changes.shown_id(shop), "saleor_number": shop.number}
        row["saleor_total_minor"] = total_up(world.content(shop)).total
    return row


def dump_entry(entry: dict[str, Any]) -> bytes:
    """A journal entry as one line."""
    return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
