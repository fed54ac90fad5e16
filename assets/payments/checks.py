"""Checks of payments: does each pay something, do the systems agree, is no more paid back."""

from typing import Final

from assets.checking import Check, none_found

ASSET: Final = ("core", "payments")

_WITHOUT_ORDER: Final = """
SELECT p.reference_number, p.gateway, p.amount::text AS amount, p.currency,
       p.paid_at::date::text AS paid_on, count(*) OVER () AS found
FROM core.payments AS p
WHERE p.tenant_id = %(tenant_id)s
  AND p.deleted_at IS NULL
  AND p.status = 'paid'
  AND NOT EXISTS (SELECT FROM core.payment_allocations AS al WHERE al.payment_id = p.id)
ORDER BY p.paid_at DESC NULLS LAST, p.reference_number
LIMIT 10
"""

_DISAGREEMENTS: Final = """
SELECT p.reference_number,
       concat_ws(' ', x.attrs ->> 'amount', x.attrs ->> 'currency') AS one_amount,
       concat_ws(' ', y.attrs ->> 'amount', y.attrs ->> 'currency') AS other_amount,
       a.key || ' ' || x.external_id AS one, b.key || ' ' || y.external_id AS other,
       count(*) OVER () AS found
FROM core.external_ref AS x
JOIN core.external_ref AS y
    ON y.entity = 'payment' AND y.core_id = x.core_id AND y.tenant_id = x.tenant_id
    AND (y.app_id, y.external_id) > (x.app_id, x.external_id)
    AND y.deleted_at IS NULL
JOIN core.payments AS p ON p.id = x.core_id AND p.deleted_at IS NULL
JOIN platform.app AS a ON a.id = x.app_id
JOIN platform.app AS b ON b.id = y.app_id
WHERE x.entity = 'payment'
  AND x.tenant_id = %(tenant_id)s
  AND x.deleted_at IS NULL
  AND coalesce(x.attrs ->> 'state', 'done') = 'done'
  AND coalesce(y.attrs ->> 'state', 'done') = 'done'
  AND (x.attrs ->> 'currency' <> y.attrs ->> 'currency'
       OR abs((x.attrs ->> 'amount')::numeric - (y.attrs ->> 'amount')::numeric) > 0.01)
ORDER BY p.paid_at DESC NULLS LAST
LIMIT 10
"""

_OVERPAID_BACK: Final = """
SELECT p.reference_number, p.amount::text AS paid, sum(f.amount)::text AS paid_back, p.currency,
       count(*) OVER () AS found
FROM core.payments AS p
JOIN core.refunds AS f
    ON f.payment_id = p.id AND f.deleted_at IS NULL AND f.currency = p.currency
    AND f.status IN ('pending', 'succeeded')
WHERE p.tenant_id = %(tenant_id)s AND p.deleted_at IS NULL
GROUP BY p.id
HAVING sum(f.amount) > p.amount + 0.01
ORDER BY sum(f.amount) - p.amount DESC
LIMIT 10
"""


CHECKS: Final = (
    Check(
        "payments_have_orders",
        ASSET,
        "Every payment that was captured pays an order or an invoice that is here. One that does "
        "not waits for its order, or was taken beside the shop: assign it in the books.",
        none_found(_WITHOUT_ORDER, "payment without an order", "payments without an order"),
    ),
    Check(
        "payments_agree",
        ASSET,
        "Systems that know one payment name the same amount (within a cent) and currency. The row "
        "keeps what the gateway says; correct the other system.",
        none_found(
            _DISAGREEMENTS,
            "payment that two systems disagree about",
            "payments that two systems disagree about",
        ),
    ),
    Check(
        "refunds_within_payment",
        ASSET,
        "No more goes back than was paid: refunds that succeeded or are under way, per payment.",
        none_found(
            _OVERPAID_BACK,
            "payment of which more went back",
            "payments of which more went back",
            severity="ERROR",
        ),
    ),
)
