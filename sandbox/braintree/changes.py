"""Control of what stands at Braintree: what becomes of payments."""

from collections.abc import Sequence

from sandbox import changes
from sandbox.aftersales import add_refund, charged
from sandbox.mutations import Changes, mutation
from sandbox.payments import settle
from sandbox.saleor.payments import is_legacy
from sandbox.scenes import find_scenes


class GatewayChanges(Changes):
    """Changes at a merchant's payment gateway."""

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
    def tell_chargeback(self, merchant: str) -> str:
        """Let the shop tell of a chargeback, too; return the dispute's id at the gateway."""
        world = self._world(merchant)
        for dispute in world.disputes.by_id.values():
            order = dispute.sale.order
            if order is not None and dispute.kind == "chargeback" and not is_legacy(order):
                order.chargebacks.append(dispute)
                changes.bump(world, "saleor", "orders", order, self.at)
                return dispute.id
        raise ValueError("no dispute of an order whose payment is a transaction")

    @mutation
    def delete_transaction(self, merchant: str, transaction: str) -> None:
        """Take a transaction out of what the payment gateway shows."""
        self._world(merchant).transactions.remove(transaction)

    @mutation
    def set_search_limit(self, merchant: str, most_ids: int) -> None:
        """Let a search of the payment gateway give at most so many ids."""
        self._account(merchant).gateway.most_ids = most_ids

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
