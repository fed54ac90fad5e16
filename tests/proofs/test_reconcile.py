"""The short form of ``make reconcile``: every form of every kind of disagreement once."""

from typing import Any

from psycopg import Connection

from assets.reconciliation.checks import CHECKS
from proofs.reconcile import MERCHANT, compare, connect, merge, pull
from sandbox.runner import Sandbox
from tests.support.rows import rows, value

SIZE, KINDS = 300, 14


def test_every_planted_disagreement_is_found_and_nothing_else(conn: Connection[Any]):
    with Sandbox(size=SIZE, merchants=(MERCHANT,)) as sandbox:
        planted = sandbox.control.plant_disagreements(MERCHANT, 1)
        tenant, apps = connect(conn, sandbox)
        pull(apps)
        merge(tenant)

    outcome = compare(conn, planted, apps)

    assert (list(outcome.missing), list(outcome.extra)) == ([], [])
    assert outcome.found == outcome.planted
    assert len({each["kind"] for each in planted}) == KINDS
    several = """
        SELECT count(*) FROM (
            SELECT FROM analytics.order_balance GROUP BY order_id HAVING count(*) > 1) AS twice
    """
    assert value(conn, several) == 0
    verdict = next(each for each in CHECKS if each.name == "reconciliation").evaluate(conn, tenant)
    assert (verdict.passed, verdict.severity) == (False, "ERROR")
    assert {each["kind"] for each in planted} <= set(verdict.facts)
    shown = rows(conn, "SELECT order_number FROM analytics.reconciliation WHERE kinds IS NOT NULL")
    assert {row["order_number"] for row in shown} == {each["order"] for each in planted}
