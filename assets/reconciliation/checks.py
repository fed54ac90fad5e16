"""Checks of what systems tell about one order: money, goods, tax, references."""

from dataclasses import replace
from typing import Any, Final

from psycopg import Connection

from assets.checking import SHOWN_ROWS, Check, Verdict, fetch_rows, none_found, none_of
from schemabase_dagster.tenancy import Tenant

LOST: Final = frozenset({2, 4, 11, 12, 13})
"""Kinds in which money may be lost, or a customer waits for it: somebody must look."""

_KINDS: Final = """
SELECT no, kind, count(*) AS found,
       sum(abs(difference)) FILTER (WHERE unit NOT IN ('pcs', '%%')) AS amount
FROM analytics.reconciliation_defect
WHERE tenant = %(tenant)s AND accepted_at IS NULL
GROUP BY no, kind
ORDER BY no
"""

_DEFECTS: Final = """
SELECT kind, coalesce(order_number, '') AS order_number, record, expected::text AS expected,
       actual::text AS actual, unit, expected_source AS one, actual_source AS other
FROM analytics.reconciliation_defect
WHERE tenant = %(tenant)s AND accepted_at IS NULL
ORDER BY no, abs(difference) DESC, record
LIMIT 10
"""

_QUERY: Final = (
    "SELECT * FROM analytics.reconciliation_defect "
    "WHERE tenant = '{}' AND accepted_at IS NULL ORDER BY no"
)

_DUPLICATES: Final = """
SELECT x.entity, a.key AS app, string_agg(x.external_id, ', ' ORDER BY x.external_id) AS records,
       count(*) OVER () AS found
FROM core.external_ref AS x
JOIN platform.app AS a ON a.id = x.app_id
WHERE x.tenant_id = %(tenant_id)s
  AND x.deleted_at IS NULL
  AND x.entity IN ('order', 'invoice', 'credit_note', 'return', 'package', 'payment')
GROUP BY x.entity, a.key, x.core_id
HAVING count(*) > 1
ORDER BY x.entity, records
LIMIT 10
"""

_TAXES: Final = """
SELECT n.credit_note_number, n.total_net::text AS net, n.total_tax::text AS tax,
       n.total_gross::text AS gross, sum(l.total_gross)::text AS lines,
       count(*) OVER () AS found
FROM core.credit_notes AS n
JOIN core.credit_note_lines AS l ON l.credit_note_id = n.id AND l.deleted_at IS NULL
WHERE n.tenant_id = %(tenant_id)s AND n.deleted_at IS NULL AND n.status <> 'void'
GROUP BY n.id
HAVING bool_and(l.total_gross IS NOT NULL)
   AND (abs(n.total_net + n.total_tax - n.total_gross) >= 0.02
        OR abs(sum(l.total_gross) - n.total_gross) >= 0.02)
ORDER BY n.credit_note_number
LIMIT 10
"""

_WITHOUT_ORDER: Final = """
SELECT v.invoice_number, v.issued_on::text AS issued_on, v.currency, v.total_gross::text AS total,
       count(*) OVER () AS found
FROM core.invoices AS v
WHERE v.tenant_id = %(tenant_id)s
  AND v.deleted_at IS NULL
  AND coalesce(v.status, '') <> 'void'
  AND NOT EXISTS (SELECT FROM core.invoice_orders AS io WHERE io.invoice_id = v.id)
ORDER BY v.issued_on DESC NULLS LAST, v.invoice_number
LIMIT 10
"""

_PAYOUTS: Final = """
SELECT p.payout_reference, p.settled_on::text AS settled_on, p.currency,
       (p.paid - p.refunded - p.fees)::text AS paid_out, p.booked::text AS booked,
       p.difference::text AS difference, count(*) OVER () AS found
FROM analytics.payout AS p
WHERE p.tenant = %(tenant)s AND abs(p.difference) >= 0.01
ORDER BY p.settled_on DESC, p.payout_reference
LIMIT 10
"""

_PAYOUT_QUERY: Final = (
    "SELECT * FROM analytics.payout WHERE tenant = '{}' AND abs(difference) >= 0.01"
)


def _check_defects(conn: Connection[Any], tenant: Tenant) -> Verdict:
    kinds = fetch_rows(conn, _KINDS, {"tenant": tenant.slug})
    count = sum(row["found"] for row in kinds)
    facts: dict[str, int | float | str] = {"count": count, "query": _QUERY.format(tenant.slug)}
    for row in kinds:
        money = f", {row['amount']:.2f}" if row["amount"] is not None else ""
        facts[row["kind"]] = f"{row['found']}{money}"
    shown = fetch_rows(conn, _DEFECTS, {"tenant": tenant.slug}) if count else []
    lost = any(row["no"] in LOST for row in kinds)
    summary = f"{count or 'no'} {'disagreement' if count == 1 else 'disagreements'}"
    return Verdict(not count, summary, "ERROR" if lost else "WARN", facts, shown[:SHOWN_ROWS])


def _check_payouts(conn: Connection[Any], tenant: Tenant) -> Verdict:
    rows = fetch_rows(conn, _PAYOUTS, {"tenant": tenant.slug})
    verdict = none_of(rows, "payout that is booked otherwise", "payouts that are booked otherwise")
    return replace(verdict, facts={**verdict.facts, "query": _PAYOUT_QUERY.format(tenant.slug)})


CHECKS: Final = (
    Check(
        "reconciliation",
        ("analytics", "reconciliation_defect"),
        "Shop, books, gateway and warehouse agree about every order, in 14 ways "
        "(docs/reconciliation.md). The metadata has count and sum of each kind and the query that "
        "lists all. What a person accepted is left out. An error means: money may be lost, or a "
        "customer waits for it.",
        _check_defects,
    ),
    Check(
        "payouts_add_up",
        ("analytics", "payout"),
        "What a gateway pays out of payments and refunds, less its fees, is what the books noted "
        "of the same ones, less bank charges (docs/reconciliation.md, equations). Payouts of which "
        "the books do not know everything are left out; the view counts what is missing.",
        _check_payouts,
    ),
    Check(
        "duplicate_references",
        ("analytics", "reconciliation"),
        "No row of an entity that every system has once is two records of one app.",
        none_found(
            _DUPLICATES, "row with two records of one app", "rows with two records of one app"
        ),
    ),
    Check(
        "credit_note_taxes",
        ("core", "credit_notes"),
        "Net and tax of a credit note give its total within 0.02, and so do its lines.",
        none_found(
            _TAXES,
            "credit note whose parts do not add up",
            "credit notes whose parts do not add up",
        ),
    ),
    Check(
        "invoices_have_orders",
        ("core", "invoices"),
        "Every invoice bills an order that is here. Else its reference was typed by hand, or the "
        "order is rejected.",
        none_found(_WITHOUT_ORDER, "invoice without an order", "invoices without an order"),
    ),
)
