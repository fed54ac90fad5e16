"""Checks of transaction costs: does everybody name the same fee."""

from typing import Final

from assets.checking import Check, none_found

ASSET: Final = ("core", "transaction_costs")

# What the books noted as bank charges of a payment is told with the payment.
_DISAGREEMENTS: Final = """
WITH told AS (
    SELECT r.core_id AS cost_id, r.app_id, r.external_id,
        (r.attrs ->> 'amount')::numeric AS amount, r.attrs ->> 'currency' AS currency
    FROM core.external_ref AS r
    WHERE r.entity = 'transaction_cost' AND r.tenant_id = %(tenant_id)s AND r.deleted_at IS NULL
    UNION ALL
    SELECT c.id, r.app_id, r.external_id,
        (r.attrs ->> 'bank_charges')::numeric, r.attrs ->> 'currency'
    FROM core.external_ref AS r
    JOIN core.transaction_costs AS c
        ON c.payment_id = r.core_id AND c.kind = 'transaction' AND c.deleted_at IS NULL
    WHERE r.entity = 'payment' AND r.tenant_id = %(tenant_id)s AND r.deleted_at IS NULL
      AND (r.attrs ->> 'bank_charges')::numeric <> 0
)
SELECT c.cost_key, x.amount::text || ' ' || x.currency AS one_amount,
       y.amount::text || ' ' || y.currency AS other_amount,
       a.key || ' ' || x.external_id AS one, b.key || ' ' || y.external_id AS other,
       count(*) OVER () AS found
FROM told AS x
JOIN told AS y
    ON y.cost_id = x.cost_id AND (y.app_id, y.external_id) > (x.app_id, x.external_id)
JOIN core.transaction_costs AS c ON c.id = x.cost_id AND c.deleted_at IS NULL
JOIN platform.app AS a ON a.id = x.app_id
JOIN platform.app AS b ON b.id = y.app_id
WHERE x.currency <> y.currency OR abs(x.amount - y.amount) > 0.01
ORDER BY c.as_of DESC NULLS LAST
LIMIT 10
"""


CHECKS: Final = (
    Check(
        "fees_agree",
        ASSET,
        "A fee that several records tell, of the gateway or of the books, is the same in all of "
        "them within a cent. The row keeps what the gateway says; correct the books.",
        none_found(
            _DISAGREEMENTS, "fee that is told differently", "fees that are told differently"
        ),
    ),
)
