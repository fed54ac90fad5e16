"""Control of the data: every change that a merchant's systems can be made to make."""

from collections.abc import Sequence
from random import Random
from typing import Any

from sandbox import changes
from sandbox.braintree.changes import GatewayChanges
from sandbox.disagreements import plant_disagreements, standing_disagreements
from sandbox.elasticsearch.changes import SearchControl
from sandbox.mutations import mutation
from sandbox.reviewsio.changes import ReviewsChanges
from sandbox.store import ShopOrder
from sandbox.strapi.changes import EditorChanges
from sandbox.world import World
from sandbox.xentral.changes import WarehouseChanges
from sandbox.zoho.changes import BooksChanges


class DataControl(
    BooksChanges, GatewayChanges, WarehouseChanges, EditorChanges, ReviewsChanges, SearchControl
):
    """Changes of one system each, and those of orders and articles, which several systems hold."""

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
    def delete_order(self, merchant: str, system: str, order_id: str) -> None:
        """Delete an order in one system."""
        world = self._world(merchant)
        order = changes.find_record(world, system, "orders", order_id)
        changes.delete_order(world, system, order)

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
    def plant_disagreements(self, merchant: str, each: int = 1) -> list[dict[str, Any]]:
        """Let systems disagree in every way that a reconciliation must find, ``each`` times.

        Returns what is to be found, also what every merchant has from the start. What is planted
        lies in the past: do it before the data is read.
        """
        world = self._world(merchant)
        standing = standing_disagreements(world, self.at)
        return [*standing, *plant_disagreements(world, each, self.at)]

    @mutation
    def align_modified(
        self, merchant: str, system: str, start: int, count: int, entity: str = "orders"
    ) -> list[str]:
        """Give ``count`` records from ``start`` of the newest-first listing one modified time."""
        return changes.align_modified(self._world(merchant), system, entity, start, count)


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
