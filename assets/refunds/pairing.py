"""Which refunds without a common reference are one: by order, payment, amount and time.

Steps 4 and 5 of refunds-and-returns 4.4. Only what is certain is paired: one record that fits one
other, or two or three bookings of which exactly one choice adds up. What is paired does not depend
on the order of arrival, so that a second candidate that comes later parts a pair again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import combinations
from typing import Any, Final, TypeAlias

from schemabase_dagster.engine.entity import Pairing

DAYS: Final = 3
DAYS_OF_BOOKS: Final = 10
"""Books note a day, and often later: they may be further away from the money."""

MOST_BOOKINGS: Final = 12
"""Of more bookings of one order no sums are tried."""

LIVE: Final = frozenset({"requested", "pending", "done"})

Group: TypeAlias = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Telling:
    """What the records of one group say together."""

    place: int
    roles: frozenset[str]
    amount: Decimal
    currency: str
    day: date
    payments: frozenset[Any]
    is_live: bool
    is_original: bool

    def fits(self, other: "_Telling", days: int) -> bool:
        """Tell whether both may be one movement of money, their amounts aside."""
        known = self.payments | other.payments
        return (
            self.currency == other.currency
            and abs((self.day - other.day).days) <= days
            and len(known) <= 1
        )


Choice: TypeAlias = tuple[_Telling, tuple[_Telling, ...]]
"""(a refund, bookings that would be it)."""


def pair_refunds(groups: Sequence[Group]) -> list[tuple[int, int]]:
    """Pair what shop, gateway and books tell of the refunds of one order.

    Shop and gateway first, then the books with either, at last bookings that add up to one refund.
    Refunds that are under way or done come before those that failed. What the books paid another
    way than it came (a transfer) is money of its own.
    """
    told = [each for place, group in enumerate(groups) if (each := _telling(place, group))]
    shop = [each for each in told if each.roles == {"shop"} and each.is_live]
    gateway = [each for each in told if "shop" not in each.roles and "gateway" in each.roles]
    pairs = _singles(shop, [each for each in gateway if each.is_live], DAYS)
    books = [each for each in told if each.roles == {"erp"} and each.is_original]
    moves = [each for each in told if "erp" not in each.roles]
    taken = {joining for joining, _ in pairs}
    for is_live in (True, False):
        open_ = [each for each in moves if each.is_live == is_live and each.place not in taken]
        for choose in (_singles, _sums):
            found = choose(
                [each for each in books if each.place not in taken],
                [each for each in open_ if each.place not in taken],
                DAYS_OF_BOOKS,
            )
            taken |= {place for pair in found for place in pair}
            pairs += found
    return pairs


def _telling(place: int, group: Group) -> _Telling | None:
    """Return what a group says; None where it names no amount or day, or came to nothing."""
    records = [
        each["attrs"] | {"role": each["role"], "payment": each["payment_id"]}
        for each in group
        if each["attrs"].get("amount") and each["attrs"].get("at")
    ]
    records = [each for each in records if each.get("state") != "void"]
    if not records:
        return None
    leading = min(_rank(each["role"]) for each in records)
    own = [each for each in records if _rank(each["role"]) == leading]
    done = [each for each in own if each.get("state") == "done"]
    amounts = [Decimal(each["amount"]) for each in done or own]
    return _Telling(
        place,
        roles=frozenset(each["role"] for each in records),
        # Several bookings of one reference add up; a shop's grant and its payment do not.
        amount=sum(amounts, Decimal(0)) if done else max(amounts),
        currency=str(own[0].get("currency")),
        day=date.fromisoformat(min(str(each["at"]) for each in done or own)[:10]),
        payments=frozenset(each["payment"] for each in records) - {None},
        is_live=any(each.get("state") in LIVE for each in own),
        is_original=all(each.get("method", "original") == "original" for each in own),
    )


def _rank(role: str) -> int:
    return {"gateway": 0, "shop": 1}.get(role, 2)


def _singles(
    joining: Sequence[_Telling], targets: Sequence[_Telling], days: int
) -> list[tuple[int, int]]:
    """Return the pairs of equal amount of which neither side has another choice."""
    return _certain(
        (target, (one,))
        for one in joining
        for target in targets
        if one.amount == target.amount and one.fits(target, days)
    )


def _sums(
    joining: Sequence[_Telling], targets: Sequence[_Telling], days: int
) -> list[tuple[int, int]]:
    """Return two or three bookings that add up to one refund, where no other choice does."""
    if len(joining) > MOST_BOOKINGS:
        return []
    return _certain(
        (target, some)
        for target in targets
        for size in (2, 3)
        for some in combinations([one for one in joining if one.fits(target, days)], size)
        if sum((one.amount for one in some), Decimal(0)) == target.amount
    )


def _certain(choices: Iterable[Choice]) -> list[tuple[int, int]]:
    """Return the choices that nothing contradicts: none of their parts is in another one."""
    known = list(choices)
    uses = Counter(each.place for target, some in known for each in (target, *some))
    return [
        (one.place, target.place)
        for target, some in known
        if all(uses[each.place] == 1 for each in (target, *some))
        for one in some
    ]


_PLACED: Final = """
SELECT f.id, f.payment_id, o.orders[1] AS series
FROM core.refunds AS f
CROSS JOIN LATERAL (
    SELECT coalesce(
        (SELECT array_agg(DISTINCT al.order_id) FROM core.refund_allocations AS al
         WHERE al.refund_id = f.id AND al.order_id IS NOT NULL),
        (SELECT array_agg(DISTINCT al.order_id) FROM core.payment_allocations AS al
         WHERE al.payment_id = f.payment_id AND al.order_id IS NOT NULL)
    ) AS orders
) AS o
WHERE f.deleted_at IS NULL AND cardinality(o.orders) = 1
"""

REFUND_PAIRS: Final = Pairing(
    series="SELECT DISTINCT p.series FROM (" + _PLACED + ") AS p WHERE p.id = ANY(%(rows)s)",
    records=(
        "WITH concerned AS ("
        " SELECT al.refund_id AS id FROM core.refund_allocations AS al"
        " WHERE al.order_id = ANY(%(series)s)"
        " UNION"
        " SELECT f.id FROM core.payment_allocations AS al"
        " JOIN core.refunds AS f ON f.payment_id = al.payment_id"
        " WHERE al.order_id = ANY(%(series)s)"
        "), placed AS (" + _PLACED + " AND f.id IN (SELECT id FROM concerned)) "
        """
SELECT p.series, x.stream, x.app_id, x.external_id, x.match_key, x.other_key, x.attrs,
    -- What the record itself says: the row has the payment of all its records.
    CASE WHEN EXISTS (
        SELECT FROM platform.parent_key AS k
        WHERE k.entity = 'payment' AND k.app_id = x.app_id AND k.stream = x.stream
            AND k.external_id = x.external_id
    ) THEN p.payment_id END AS payment_id
FROM placed AS p
JOIN core.external_ref AS x
    ON x.entity = 'refund' AND x.core_id = p.id AND x.deleted_at IS NULL
WHERE p.series = ANY(%(series)s)
ORDER BY p.series
"""
    ),
    pair=pair_refunds,
)
"""Series are orders: a refund that concerns several of them, or none, is paired with nothing."""
