"""What a merchant's warehouse knows beyond the orders and parcels that it was given."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Label:
    """A shipment row that was made besides a parcel's own; without number when it failed."""

    note: int
    tracking: str
    is_return: bool = False


@dataclass(slots=True)
class Depot:
    """The warehouse side of a merchant.

    Attributes:
        canceled: ids of delivery notes that were canceled.
        labels: further shipment rows.
        typed: order number of every Auftrag that was typed by hand; a split one repeats its
            order's.
        numbers: id of an Auftrag -> order number that somebody gave it instead.
        gone: ids that the API shows no more, with the name of their list.
    """

    canceled: set[int] = field(default_factory=set)
    labels: list[Label] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    numbers: dict[int, str] = field(default_factory=dict)
    gone: set[tuple[str, int]] = field(default_factory=set)
