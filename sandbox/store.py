"""Records of a stand-in and the sorted views that its listings are cut from."""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sandbox.money import Content


@dataclass(frozen=True, slots=True)
class Sale:
    """One purchase as it really happened; systems hold their own record of it.

    ``seed`` makes its lines on demand: 50,000 orders start in a second because nothing is
    rendered before it is asked for.
    """

    index: int
    seed: int
    created: int
    customer: int


@dataclass(slots=True, eq=False)
class Record:
    """One record; times are microseconds since the epoch, ``row`` its rendered list entry."""

    id: str
    created: int
    modified: int
    row: bytes | None = field(default=None, kw_only=True)


@dataclass(slots=True, eq=False)
class Order(Record):
    """An order in one system; ``content`` is set once it differs from what the sale's seed says."""

    number: str
    sale: Sale
    stage: str
    content: Content | None = field(default=None, kw_only=True)
    twin: "Order | None" = field(default=None, kw_only=True)


@dataclass(slots=True, eq=False)
class ZohoOrder(Order):
    """A Zoho sales order; ``invoice`` is the one made from it."""

    reference: str
    is_email_hidden: bool = field(default=False, kw_only=True)
    invoice: "Invoice | None" = field(default=None, kw_only=True)
    packages: "list[Package]" = field(default_factory=list, kw_only=True)


@dataclass(slots=True, eq=False)
class ShopOrder(Order):
    """A Saleor order; parcels are (quantity share, tracking number) in the order of shipping."""

    number_key: int
    is_guest_unknown: bool = field(default=False, kw_only=True)
    has_external_reference: bool = field(default=False, kw_only=True)
    parcels: list[str] = field(default_factory=list, kw_only=True)
    attributes: dict[str, str] = field(default_factory=dict, kw_only=True)


@dataclass(slots=True, eq=False)
class Invoice(Record):
    """A Zoho invoice of a sales order; it keeps the order's number and content of its making."""

    number: str
    order: ZohoOrder
    status: str
    reference: str
    content: Content | None = field(default=None, kw_only=True)


@dataclass(slots=True, eq=False)
class Package(Record):
    """A Zoho package of a sales order; without a tracking number it is not shipped yet.

    It keeps number and content of the order as they were when it was packed; ``takes_rest`` tells
    that nothing of the order was to follow.
    """

    number: str
    order: ZohoOrder
    position: int
    tracking: str
    status: str
    order_number: str
    takes_rest: bool
    content: Content | None = field(default=None, kw_only=True)
    shipped: int | None = field(default=None, kw_only=True)
    delivered: int | None = field(default=None, kw_only=True)


@dataclass(slots=True, eq=False)
class Contact(Record):
    """A Zoho contact; the customer's data is made on demand."""

    customer: int
    phone: str | None = field(default=None, kw_only=True)


@dataclass(slots=True, eq=False)
class Review(Record):
    """A review; ``sku`` is empty where it is of the merchant. Listed by ``created``.

    ``modified`` tells when it last changed, which the API never shows.
    """

    sku: str
    product: str
    order_number: str
    customer: int
    rating: int
    title: str
    body: str
    reply: str = field(default="", kw_only=True)


R = TypeVar("R", bound=Record)
SortKey = Callable[[Any], Any]


class Table(Generic[R]):
    """All records of one kind, with views that are sorted again only after a change."""

    def __init__(self, records: Iterable[R] = ()) -> None:
        self.by_id: dict[str, R] = {record.id: record for record in records}
        self._version = 0
        self._views: dict[str, tuple[int, list[R]]] = {}

    def __len__(self) -> int:
        return len(self.by_id)

    def view(self, name: str, key: SortKey) -> list[R]:
        """Records in ascending order of ``key``; ``name`` identifies the key."""
        version, records = self._views.get(name, (-1, []))
        if version != self._version:
            # The old order is nearly right, so this sort is about linear.
            known = records if len(records) == len(self.by_id) else list(self.by_id.values())
            records = sorted(known, key=key)
            self._views[name] = (self._version, records)
        return records

    def newest(self) -> list[R]:
        """Records by modified time, oldest first."""
        return self.view("modified", modified_key)

    def position(self, modified: int) -> int:
        """Index in ``newest`` of the first record modified at or after a time."""
        return bisect_left(self.newest(), modified, key=lambda record: record.modified)

    def add(self, record: R) -> None:
        """Add a record."""
        self.by_id[record.id] = record
        self._forget()

    def remove(self, record_id: str) -> R:
        """Take a record out and return it."""
        record = self.by_id.pop(record_id)
        self._forget()
        return record

    def rendered_anew(self, record: R, modified: int | None = None) -> None:
        """Drop the rendering after a change of ``record``, and give it a new modified time."""
        record.row = None
        if modified is not None:
            record.modified = modified
        self._version += 1

    def _forget(self) -> None:
        self._version += 1
        self._views.clear()


def modified_key(record: Record) -> tuple[int, str]:
    """Sort key: modified time, ties by id."""
    return (record.modified, record.id)
