"""How the three kinds of Braintree records are read: the ``source`` of their streams."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TransactionSearch:
    """Transactions, searched by the times at which something happened to them.

    There is no search by modified time: what changed since an instant is what one of these times
    lies behind.

    Attributes:
        whole: field by which a whole listing is cut into windows; every record has it.
        changed: fields whose times tell of a change.
    """

    whole: str
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DisputeSearch:
    """Disputes, by the day they were received."""


@dataclass(frozen=True, slots=True)
class FeeReport:
    """The payment-level fee report: one CSV per merchant account and day of disbursement."""
