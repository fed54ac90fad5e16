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
    """A Saleor order; parcels are tracking numbers in the order of shipping.

    ``returned`` holds (line index -> quantity, status, time) of fulfilments that came back,
    ``chargebacks`` the disputes that the shop was told of.
    """

    number_key: int
    is_guest_unknown: bool = field(default=False, kw_only=True)
    has_external_reference: bool = field(default=False, kw_only=True)
    parcels: list[str] = field(default_factory=list, kw_only=True)
    returned: "list[tuple[dict[int, int], str, int]]" = field(default_factory=list, kw_only=True)
    refunds: "list[Refund]" = field(default_factory=list, kw_only=True)
    chargebacks: "list[Dispute]" = field(default_factory=list, kw_only=True)
    attributes: dict[str, str] = field(default_factory=dict, kw_only=True)
    payment: "Transaction | None" = field(default=None, kw_only=True)


@dataclass(slots=True, eq=False)
class Invoice(Record):
    """A Zoho invoice of a sales order; it keeps the order's number and content of its making."""

    number: str
    order: ZohoOrder
    status: str
    reference: str
    content: Content | None = field(default=None, kw_only=True)
    payment: "Payment | None" = field(default=None, kw_only=True)


@dataclass(slots=True, eq=False)
class Payment(Record):
    """A payment of an invoice as the books note it; amounts that are None follow the sale."""

    number: str
    invoice: Invoice
    mode: str
    reference: str
    amount_minor: int | None = field(default=None, kw_only=True)
    fee_minor: int | None = field(default=None, kw_only=True)
    unused_minor: int = field(default=0, kw_only=True)
    refunds: "list[BookedRefund]" = field(default_factory=list, kw_only=True)


@dataclass(slots=True)
class BookedRefund:
    """Money that the books say was paid back, of a credit note or of a payment's unused part."""

    id: str
    at: int
    amount_minor: int
    mode: str
    reference: str


@dataclass(slots=True)
class CreditLine:
    """A line of a credit note: a quantity of a line of its order; what is None follows that."""

    index: int
    quantity: int
    gross_minor: int | None = None
    tax_bp: int | None = None


@dataclass(slots=True, eq=False)
class CreditNote(Record):
    """A Zoho credit note; ``applied`` maps invoice ids to what it paid of them.

    ``balance_minor`` is a balance that does not follow from what it was used for.
    """

    number: str
    order: ZohoOrder
    invoice: Invoice | None
    lines: list[CreditLine]
    reference: str
    status: str = field(default="open", kw_only=True)
    applied: dict[str, int] = field(default_factory=dict, kw_only=True)
    refunds: list[BookedRefund] = field(default_factory=list, kw_only=True)
    balance_minor: int | None = field(default=None, kw_only=True)


@dataclass(slots=True)
class Receive:
    """What the warehouse took in at one time: line index -> quantity."""

    id: str
    number: str
    at: int
    lines: dict[int, int]


@dataclass(slots=True, eq=False)
class SalesReturn(Record):
    """A Zoho sales return; lines map an index to (quantity to come back, credit-only quantity)."""

    number: str
    order: ZohoOrder
    lines: dict[int, tuple[int, int]]
    reason: str
    credit_notes: list[CreditNote]
    receives: list[Receive] = field(default_factory=list, kw_only=True)
    status: str = field(default="closed", kw_only=True)


@dataclass(frozen=True, slots=True)
class Payout:
    """What the gateway pays out of a transaction, and at which rate it says it does."""

    currency: str
    rate: str
    minor: int


@dataclass(slots=True, eq=False)
class Refund(Record):
    """Money going back through the gateway; the id is the gateway's.

    ``status`` is the gateway's: submitted_for_settlement, settled, settlement_declined, voided; or
    ``granted`` while only the shop knows of it. ``shop_minor`` is another amount that the shop
    tells; one without reference is told by it with nothing but the payment's own.
    """

    order: ShopOrder
    amount_minor: int
    status: str
    is_in_shop: bool = field(default=True, kw_only=True)
    is_at_gateway: bool = field(default=True, kw_only=True)
    has_reference: bool = field(default=True, kw_only=True)
    shop_minor: int | None = field(default=None, kw_only=True)
    payout: Payout | None = field(default=None, kw_only=True)


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
class Transaction(Record):
    """A transaction of the payment gateway: a sale, or a credit that pays a sale back.

    ``minor`` is empty where the order says what it is; ``fee_known`` tells since when a method
    that tells its fee has done so; what is paid out is the amount, where ``payout`` says nothing.
    """

    kind: str
    instrument: str
    status: str
    order: ShopOrder | None
    currency: str
    minor: int | None = field(default=None, kw_only=True)
    sale: "Transaction | None" = field(default=None, kw_only=True)
    settled: int | None = field(default=None, kw_only=True)
    voided: int | None = field(default=None, kw_only=True)
    fee_known: int | None = field(default=None, kw_only=True)
    payout: Payout | None = field(default=None, kw_only=True)


@dataclass(slots=True, eq=False)
class Dispute(Record):
    """A dispute of a sale; ``won`` is when it was won, ``original`` what it goes on from."""

    sale: Transaction
    kind: str
    status: str
    minor: int
    won: int | None = field(default=None, kw_only=True)
    original: str = field(default="", kw_only=True)


@dataclass(slots=True, eq=False)
class Contact(Record):
    """A Zoho contact; the customer's data is made on demand."""

    customer: int
    phone: str | None = field(default=None, kw_only=True)


@dataclass(slots=True, eq=False)
class Article(Record):
    """One thing for sale as a system keeps it: a Zoho item, or a Saleor variant.

    ``index`` is the thing's place among what is for sale; ``levels`` holds what lies in each
    warehouse and what of it is promised. An article without levels is not counted.
    """

    index: int
    sku: str
    price_minor: int
    levels: list[tuple[int, int]]
    is_active: bool = field(default=True, kw_only=True)


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
