"""Bulk orders of a merchant, and the account that opens its Strapi."""

from dataclasses import dataclass, field

from sandbox.store import Record


@dataclass(slots=True)
class Recipient:
    """One delivery address; ``row`` is the last part of its order number and never changes."""

    row: int
    customer: int
    street: str = ""
    company: str | None = None
    country: str = ""
    order_id: str = ""
    products: list[tuple[int, int, float | None]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class BulkOrder(Record):
    """One entry: products are (item index, quantity, price); prices are rarely given."""

    prefix: str
    status: str
    customer: int
    ship_on: str | None
    products: list[tuple[int, int, float | None]]
    recipients: list[Recipient]
    saves: int = field(default=0, kw_only=True)

    def order_id(self, recipient: Recipient) -> str:
        """The order number of a recipient, as a lifecycle hook computes it."""
        return recipient.order_id or f"{self.prefix}-{self.id}-{recipient.row}"


@dataclass(slots=True)
class Editor:
    """The side of a merchant's Strapi that is not data.

    Attributes:
        token: API token.
        version: of the server: 4 nests REST fields below ``attributes``, 5 does not.
        is_revoked: the token was deleted.
        is_forbidden: the token may not find entries of the content type.
    """

    token: str
    version: int = 4
    is_revoked: bool = False
    is_forbidden: bool = False
