"""Control of a sandbox: what tests, the demo and people can make happen to it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sandbox import changes, masters
from sandbox.data_control import DataControl
from sandbox.faults import Fault
from sandbox.money import total_up
from sandbox.mutations import MUTATIONS, mutation
from sandbox.notices import Notices, Subscription
from sandbox.reviewsio.documents import review_row
from sandbox.saleor.documents import order_node
from sandbox.saleor.installer import Installer
from sandbox.saleor.listing import node_bytes
from sandbox.saleor.shapes import global_id
from sandbox.state import State, make_state
from sandbox.store import Review, ShopOrder, ZohoOrder
from sandbox.strapi.desk import BulkOrder
from sandbox.strapi.documents import entry
from sandbox.vercel.records import log_records
from sandbox.webhooks import RETRY_SECONDS, vercel_delivery
from sandbox.world import World
from sandbox.xentral.listing import ENTITIES as XENTRAL_PATHS
from sandbox.xentral.listing import records
from sandbox.zoho.entities import ENTITIES
from sandbox.zoho.listing import row_bytes


class Control(DataControl):
    """Everything that can be done to a sandbox; each method is also ``POST /<method>``.

    Ids are given and taken as the system's API shows them: Zoho's numbers, Saleor's global ids.
    A ``ValueError`` says what was wrong with an argument.
    """

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.notices = Notices(state)
        self.installer = Installer(state)

    @mutation
    def revoke_credentials(self, merchant: str, system: str) -> None:
        """Take the app's rights away, tokens already handed out included."""
        self._set_revoked(merchant, system, is_revoked=True)

    @mutation
    def restore_credentials(self, merchant: str, system: str) -> None:
        """Accept the same credentials again."""
        self._set_revoked(merchant, system, is_revoked=False)

    @mutation
    def set_permissions(self, merchant: str, permissions: Sequence[str]) -> None:
        """Give the Saleor app exactly these permissions."""
        self._account(merchant).shop.permissions = tuple(permissions)

    def set_warehouse(
        self, merchant: str, denied: Sequence[str] = (), *, empty_is_ok: bool = False
    ) -> None:
        """Take permissions from the Xentral account, and choose how empty lists are answered."""
        with self.state.lock:
            gate = self._account(merchant).warehouse
            gate.denied, gate.empty_is_ok = frozenset(denied), empty_is_ok

    def set_editor(self, merchant: str, version: int = 4, *, is_forbidden: bool = False) -> None:
        """Choose the version of Strapi, and whether the token may read bulk orders."""
        with self.state.lock:
            editor = self._account(merchant).editor
            editor.version, editor.is_forbidden = version, is_forbidden

    def rotate_jwks(self, merchant: str) -> str:
        """Take a new webhook key; the old one is published no more. Return the new ``kid``."""
        with self.state.lock:
            kid = self._account(merchant).shop.keys.rotate()
            if self.journal is not None:
                self.journal({"do": "keys"})
            return kid

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

    def pass_time(self, seconds: float) -> None:
        """Let seconds of limit windows and token lives pass at once."""
        with self.state.lock:
            self.state.clock.advance(seconds)

    def add_fault(self, kind: str, merchant: str, system: str, **settings: Any) -> None:
        """Switch misbehaviour on; see ``sandbox.faults.Fault`` for the settings."""
        with self.state.lock:
            self.state.faults.add(Fault(kind, merchant, system, **settings))

    def clear_faults(self, merchant: str | None = None, system: str | None = None) -> int:
        """Switch misbehaviour off; return how many switches there were."""
        with self.state.lock:
            return self.state.faults.clear(merchant, system)

    @mutation
    def subscribe(
        self,
        merchant: str,
        system: str,
        url: str,
        secret: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        form: bool = False,
    ) -> None:
        """Register a webhook, which ``notify`` and ``change_and_notify`` send to."""
        pairs = tuple((headers or {}).items())
        self._account(merchant)
        self.notices.subscribe(merchant, Subscription(system, url, secret, pairs, form))

    @mutation
    def unsubscribe(self, merchant: str) -> None:
        """Forget the merchant's webhooks."""
        self.notices.forget(merchant)

    def notify(
        self, merchant: str, system: str, ids: Sequence[str], kind: str = "mixed"
    ) -> list[dict[str, Any]]:
        """Send what subscribers are told about a kind of change of these orders."""
        return self.notices.notify(merchant, system, ids, kind)

    def change_and_notify(
        self, merchant: str, system: str, n: int, kind: str = "mixed"
    ) -> dict[str, Any]:
        """Change orders (kind ``new`` places them), then tell the subscribers."""
        if kind == "new":
            ids = self.new_orders(merchant, system, n)
        else:
            ids = self.change_orders(merchant, system, n, kind)
        return {"ids": ids, "outcomes": self.notify(merchant, system, ids, kind)}

    def send_saleor_webhook(
        self,
        merchant: str,
        url: str,
        ids: Sequence[str],
        event: str = "order_updated",
        *,
        wrapped: bool = False,
        secret: str = "",
        corrupt: bool = False,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
        **settings: Any,
    ) -> list[dict[str, Any]]:
        """Send Saleor webhooks; ``settings`` are those of ``sandbox.webhooks.send``."""
        deliveries = [
            self.notices.prepare(merchant, "saleor", i, event=event, wrapped=wrapped, secret=secret)
            for i in ids
        ]
        return self.notices.send(
            url, deliveries, corrupt=corrupt, retry_seconds=retry_seconds, **settings
        )

    def send_zoho_webhook(
        self,
        merchant: str,
        url: str,
        ids: Sequence[str],
        entity: str = "orders",
        *,
        form: bool = False,
        secret: str = "",
        corrupt: bool = False,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
        **settings: Any,
    ) -> list[dict[str, Any]]:
        """Send Zoho webhooks; ``settings`` are those of ``sandbox.webhooks.send``."""
        deliveries = [
            self.notices.prepare(
                merchant, "zoho", i, entity=entity, form=form, secret=secret, url=url
            )
            for i in ids
        ]
        return self.notices.send(
            url, deliveries, corrupt=corrupt, retry_seconds=retry_seconds, **settings
        )

    def send_vercel_logs(
        self, url: str, secret: str, n: int = 20, seed: int = 7, **shape: Any
    ) -> list[dict[str, Any]]:
        """Send a batch of log records; ``shape`` is that of ``webhooks.vercel_delivery``."""
        delivery = vercel_delivery(log_records(n, seed=seed), secret, **shape)
        return self.notices.send(url, [delivery])

    def install_app(self, merchant: str, manifest_url: str) -> dict[str, Any]:
        """Let the shop install an app by its manifest; a restarted sandbox has forgotten it."""
        return self.installer.install(merchant, manifest_url)

    def uninstall_app(self, merchant: str, app_id: str) -> list[dict[str, Any]]:
        """Let the shop delete an installed app, which is told so."""
        return self.installer.uninstall(merchant, app_id)

    def ask_app(
        self, merchant: str, event: str, question: Any, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Let the shop ask its payment app; return status and answer."""
        return self.installer.ask(merchant, event, question, **(headers or {}))

    def tell_apps(
        self,
        merchant: str,
        ids: Sequence[str],
        event: str = "order_updated",
        *,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
    ) -> list[dict[str, Any]]:
        """Send an event of orders to the installed apps; the shop keeps what fails for good."""
        prepared = [self.notices.prepare(merchant, "saleor", i, event=event) for i in ids]
        bodies = [delivery.body for delivery in prepared]
        return self.installer.tell(merchant, event, bodies, tuple(retry_seconds))

    def prepare_webhook(
        self, merchant: str, system: str, record_id: str, **settings: Any
    ) -> dict[str, Any]:
        """Headers and body (text) of a delivery, to be sent by the caller, now or when stale."""
        delivery = self.notices.prepare(merchant, system, record_id, **settings)
        return {"headers": dict(delivery.headers), "body": delivery.body.decode()}

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
        return {
            name: {key: global_id("Order", v) if key == "saleor" else v for key, v in odd.items()}
            for name, odd in self._world(merchant).planted.items()
        }

    def ids(self, merchant: str, system: str, entity: str = "orders") -> list[str]:
        """Ids of all records, oldest modification first."""
        with self.state.lock:
            world = self._world(merchant)
            if system == "xentral":
                return [str(row["id"]) for row in records(world, XENTRAL_PATHS[entity])]
            if (master := masters.ids(world, system, entity)) is not None:
                return master
            table = changes.entity_table(world, system, entity)
            return [changes.shown_id(record) for record in table.newest()]

    def document(
        self, merchant: str, system: str, record_id: str, entity: str = "orders"
    ) -> dict[str, Any]:
        """A record as its API would show it in detail, without a call being counted."""
        with self.state.lock:
            world = self._world(merchant)
            if system == "xentral":
                rows = records(world, XENTRAL_PATHS[entity])
                return next(row for row in rows if str(row["id"]) == record_id)
            record = changes.find_record(world, system, entity, record_id)
            if isinstance(record, ShopOrder):
                return order_node(world, record)
            if isinstance(record, BulkOrder):
                return entry(world, record)
            if isinstance(record, Review):
                return review_row(world, record, is_private=True)
            plural = "salesorders" if entity == "orders" else entity
            return ENTITIES[plural].detail(world, record)

    def prerender(self, merchant: str, system: str, entity: str = "orders") -> int:
        """Render every list row now, so that a benchmark measures the reader; return how many."""
        with self.state.lock:
            world, inline = self._world(merchant), self.state.options.inline_lines
            records = changes.entity_table(world, system, entity).newest()
            for record in records:
                if isinstance(record, ShopOrder):
                    node_bytes(world, record)
                    continue
                zoho = ENTITIES["salesorders" if entity == "orders" else entity]
                row_bytes(world, zoho, record, inline=inline and entity == "orders")
            return len(records)

    def truth(self, merchant: str) -> list[dict[str, Any]]:
        """One row per real order: its ids in both systems, numbers, totals in minor units."""
        with self.state.lock:
            world = self._world(merchant)
            alone = [o for o in world.shop_orders.by_id.values() if o.twin is None]
            return [_true_row(world, zoho) for zoho in world.zoho_orders.by_id.values()] + [
                _true_row(world, shop) for shop in alone
            ]

    def reset(self) -> None:
        """Make all data as it was at the start, anew if it changed; switches off, counters at 0."""
        with self.state.lock:
            accounts = self.state.accounts
            keys = {name: account.shop.keys for name, account in accounts.items()}
            urls = {name: account.shop.api_url for name, account in accounts.items()}
            worlds = {name: account.world for name, account in accounts.items()}
            fresh = make_state(self.state.options, keys, worlds if self.state.is_pristine else {})
            for name, account in fresh.accounts.items():
                account.shop.api_url = urls[name]
            self.state.accounts, self.state.clock = fresh.accounts, fresh.clock
            self.state.calls, self.state.faults = fresh.calls, fresh.faults
            self.state.changes, self.state.is_pristine = 0, True
            self.notices.forget_all()
            if self.journal is not None:
                self.journal({"do": "reset"})

    def replay(self, entry: dict[str, Any]) -> None:
        """Repeat a journalled change at the time it was made."""
        if entry["do"] == "reset":
            self.reset()
        elif entry["do"] in MUTATIONS:
            self.at = int(entry["at"])
            getattr(self, entry["do"])(*entry["args"], **entry["with"])

    def limit_scope(self, merchant: str, scope: str) -> None:
        """Say of Zoho's access tokens that they were granted only these scopes."""
        with self.state.lock:
            self._account(merchant).tokens.scope = scope.replace(",", " ")

    def _set_revoked(self, merchant: str, system: str, *, is_revoked: bool) -> None:
        account = self._account(merchant)
        if system == "zoho":
            account.tokens.is_revoked = is_revoked
        elif system == "saleor":
            account.shop.is_revoked = is_revoked
        elif system == "reviewsio":
            account.reviews.is_key_revoked = is_revoked
        elif system == "xentral":
            account.warehouse.is_inactive = is_revoked
        elif system == "strapi":
            account.editor.is_revoked = is_revoked
        elif system == "braintree":
            account.gateway.is_revoked = is_revoked
        elif system == "elasticsearch":
            account.cluster.is_revoked = is_revoked
        else:
            raise ValueError(f"no system {system!r}")


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
