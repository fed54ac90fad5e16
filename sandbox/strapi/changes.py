"""Control of what stands in Strapi: what its editors do."""

from collections.abc import Mapping
from typing import Any

from sandbox import changes
from sandbox.mutations import Changes, mutation
from sandbox.strapi.desk import BulkOrder
from sandbox.strapi.documents import entry
from sandbox.strapi.seeding import add_bulk_order, edit_bulk_order
from sandbox.world import SECOND


class EditorChanges(Changes):
    """Changes by the editors of bulk orders."""

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
