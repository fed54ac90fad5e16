"""Checks of refunds: what is paid back, is it one refund, do the systems agree about it."""

from typing import Final

from assets.checking import Check, none_found

ASSET: Final = ("core", "refunds")

_WITHOUT_PAYMENT: Final = """
SELECT f.refund_key, f.status, f.amount::text AS amount, f.currency, count(*) OVER () AS found
FROM core.refunds AS f
WHERE f.tenant_id = %(tenant_id)s AND f.deleted_at IS NULL
  AND f.status IN ('pending', 'succeeded')
  AND f.payment_id IS NULL
ORDER BY f.refunded_at DESC NULLS LAST, f.refund_key
LIMIT 10
"""

_DISAGREEMENTS: Final = """
WITH claims AS (
    SELECT r.core_id, r.app_id, a.key, sum((r.attrs ->> 'amount')::numeric) AS amount,
        string_agg(a.key || ' ' || r.external_id, ', ' ORDER BY r.external_id) AS records
    FROM core.external_ref AS r
    JOIN platform.app AS a ON a.id = r.app_id
    WHERE r.entity = 'refund' AND r.tenant_id = %(tenant_id)s AND r.deleted_at IS NULL
      AND r.attrs ->> 'state' = 'done'
    GROUP BY r.core_id, r.app_id, a.key
)
SELECT f.refund_key, f.currency, x.amount::text AS one_amount, y.amount::text AS other_amount,
       x.records AS one, y.records AS other, count(*) OVER () AS found
FROM claims AS x
JOIN claims AS y ON y.core_id = x.core_id AND y.app_id > x.app_id
JOIN core.refunds AS f ON f.id = x.core_id AND f.deleted_at IS NULL
WHERE abs(x.amount - y.amount) > 0.01
ORDER BY f.refunded_at DESC NULLS LAST
LIMIT 10
"""

# Two rows of one payment and one amount, told by different systems at about one time, each of
# which nobody else knows (refunds-and-returns 4.4, step 4).
_TOLD_TWICE: Final = """
WITH alone AS (
    SELECT f.id, f.refund_key, f.payment_id, f.amount, f.currency,
        coalesce(f.refunded_at, f.requested_at) AS at, r.app_id, r.key
    FROM core.refunds AS f
    JOIN LATERAL (
        SELECT min(x.app_id::text) AS app_id, min(a.key) AS key
        FROM core.external_ref AS x
        JOIN platform.app AS a ON a.id = x.app_id
        WHERE x.entity = 'refund' AND x.core_id = f.id AND x.deleted_at IS NULL
        HAVING count(DISTINCT x.app_id) = 1
    ) AS r ON true
    WHERE f.tenant_id = %(tenant_id)s AND f.deleted_at IS NULL AND f.payment_id IS NOT NULL
      AND f.status IN ('pending', 'succeeded')
)
SELECT x.refund_key AS one, x.key AS one_app, y.refund_key AS other, y.key AS other_app,
       x.amount::text AS amount, x.currency, count(*) OVER () AS found
FROM alone AS x
JOIN alone AS y
    ON y.payment_id = x.payment_id AND y.amount = x.amount AND y.currency = x.currency
    AND y.app_id > x.app_id AND y.at BETWEEN x.at - interval '10 days' AND x.at + interval '10 days'
ORDER BY x.at DESC
LIMIT 10
"""


CHECKS: Final = (
    Check(
        "refunds_have_payments",
        ASSET,
        "Every refund pays back a payment that is here. A credit of the gateway that names no sale "
        "was made by hand: who got it, and for what?",
        none_found(_WITHOUT_PAYMENT, "refund without a payment", "refunds without a payment"),
    ),
    Check(
        "refunds_agree",
        ASSET,
        "Systems that know one refund name the same amount within a cent; several records of one "
        "system are summed up.",
        none_found(
            _DISAGREEMENTS,
            "refund that two systems disagree about",
            "refunds that two systems disagree about",
        ),
    ),
    Check(
        "refunds_told_once",
        ASSET,
        "No two systems tell of one payment, one amount and about one day under two references. "
        "Such a pair is most likely one refund: link the two records.",
        none_found(
            _TOLD_TWICE, "pair of refunds that may be one", "pairs of refunds that may be one"
        ),
    ),
)
