"""Control of what stands in Zoho: what its users do there."""

from collections.abc import Sequence

from sandbox import changes
from sandbox.aftersales import book_refund, close_if_used, come_back, payment_amount
from sandbox.mutations import Changes, mutation
from sandbox.store import (
    BookedRefund,
    CreditNote,
    Payment,
    Receive,
    SalesReturn,
    ZohoOrder,
)


class BooksChanges(Changes):
    """Changes of a merchant's books."""

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
