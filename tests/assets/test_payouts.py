"""Payouts of the gateway beside what the books noted of the same money."""

from decimal import Decimal
from typing import Any

from psycopg import Connection

from assets.reconciliation.checks import CHECKS
from schemabase_dagster.tenancy import App, Tenant
from tests.assets.test_refund_pairing import apps, merge, pull
from tests.support.rows import one, value

__all__ = ["apps"]


def test_a_payout_is_what_the_books_noted_of_it(
    conn: Connection[Any], tenant: Tenant, apps: dict[str, App]
):
    pull(apps)
    merge(tenant)
    (check,) = (each for each in CHECKS if each.name == "payouts_add_up")
    agreed = check.evaluate(conn, tenant)
    compared = value(conn, "SELECT count(*) FROM analytics.payout WHERE difference = 0")
    charged = """
        UPDATE core.external_ref AS x SET attrs = attrs || '{"bank_charges": "0.10"}'
        FROM core.payments AS p
        WHERE x.entity = 'payment' AND x.core_id = p.id AND x.attrs ? 'bank_charges'
          AND p.payout_reference = (
            SELECT payout_reference FROM analytics.payout
            WHERE difference = 0 AND payments = 1 AND refunds = 0 ORDER BY settled_on LIMIT 1)
    """
    conn.execute(charged)

    differing = check.evaluate(conn, tenant)
    found = one(conn, "SELECT * FROM analytics.payout WHERE difference <> 0")

    assert (agreed.passed, differing.passed, differing.facts["count"]) == (True, False, 1)
    assert compared > 10
    assert found["difference"] == found["paid"] - found["fees"] - found["booked"]
    assert found["booked"] == found["paid"] - Decimal("0.10")
