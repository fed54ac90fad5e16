"""Which chargeback of a shop is which dispute of the gateway: of one payment, by amount and turn.

Both tell of the same money, mostly without a common reference. Counted twice it would look as if
the bank had taken more than was paid.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from schemabase_dagster.engine.entity import Pairing


def pair_disputes(groups: Sequence[Sequence[Mapping[str, Any]]]) -> list[tuple[int, int]]:
    """Pair the shop's chargebacks of a payment with the gateway's disputes of the same amount.

    The first with the first and so on; a case that goes on from another one comes after those
    that do not, and one that moved no money is none.
    """
    told: dict[tuple[str, object], list[int]] = defaultdict(list)
    for place in sorted(range(len(groups)), key=lambda place: _turn(groups[place])):
        said = groups[place][0]["attrs"]
        roles = {record["role"] for record in groups[place]}
        if len(roles) == 1 and said.get("kind") != "retrieval":
            money = (Decimal(said["amount"]), said["currency"])
            told[roles.pop(), money].append(place)
    return [
        pair
        for (role, money), places in list(told.items())
        if role == "shop"
        for pair in zip(places, told["gateway", money], strict=False)
    ]


def _turn(group: Sequence[Mapping[str, Any]]) -> tuple[bool, str, str]:
    said = group[0]["attrs"]
    return said.get("kind") == "pre_arbitration", str(said.get("at")), str(group[0]["external_id"])


DISPUTE_PAIRS: Final = Pairing(
    series=(
        "SELECT DISTINCT d.payment_id AS series FROM core.disputes AS d"
        " WHERE d.id = ANY(%(rows)s) AND d.payment_id IS NOT NULL AND d.deleted_at IS NULL"
    ),
    records="""
SELECT d.payment_id AS series, x.stream, x.app_id, x.external_id, x.match_key, x.other_key, x.attrs
FROM core.disputes AS d
JOIN core.external_ref AS x
    ON x.entity = 'dispute' AND x.core_id = d.id AND x.deleted_at IS NULL
WHERE d.payment_id = ANY(%(series)s) AND d.deleted_at IS NULL
ORDER BY d.payment_id
""",
    pair=pair_disputes,
)
"""Series are payments: a dispute whose payment is not known is paired with nothing."""
