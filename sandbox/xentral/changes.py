"""Control of what stands in Xentral: what the warehouse does."""

from sandbox.mutations import Changes, mutation
from sandbox.xentral.depot import Label
from sandbox.xentral.documents import FIRST_TYPED
from sandbox.xentral.listing import ENTITIES as XENTRAL_PATHS


class WarehouseChanges(Changes):
    """Changes in a merchant's warehouse."""

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
