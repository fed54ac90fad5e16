"""Reconciliation of what shop, books and gateway tell: what is planted is found, nothing else."""

from decimal import Decimal
from typing import Any

import pytest
from psycopg import Connection

from assets.reconciliation.checks import CHECKS
from sandbox.runner import Sandbox
from schemabase_dagster.engine.accepted import accept_difference
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.tenancy import Tenant
from tests.assets.test_aftersales import synced
from tests.support.rows import one, rows, value

__all__ = ["synced"]

DEFECTS = "SELECT * FROM analytics.reconciliation_defect ORDER BY no, record"


def test_a_merchant_whose_systems_differ_about_one_order(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, synced: str
):
    odd = sandbox.control.planted("acme")["totals_differ"]
    (defect,) = rows(conn, DEFECTS)

    assert (defect["kind"], defect["order_number"]) == ("billing_mismatch", odd["number"])
    assert (defect["difference"], defect["unit"]) == (Decimal("-5.00"), "EUR")
    assert defect["expected_source"] == f"shop {odd['saleor']}"
    assert defect["actual_source"].startswith("books ")
    found = one(conn, "SELECT * FROM analytics.reconciliation WHERE kinds IS NOT NULL")
    assert (found["order_number"], found["difference"]) == (odd["number"], 5)
    assert (found["shop_record"], found["books_record"]) == (
        f"shop {odd['saleor']}", f"books {odd['zoho']}",
    )  # fmt: skip


def test_the_check_tells_count_and_sum_of_each_kind_and_the_query(
    conn: Connection[Any], tenant: Tenant, synced: str
):
    verdicts = {check.name: check.evaluate(conn, tenant) for check in CHECKS}

    reconciliation = verdicts.pop("reconciliation")

    assert not reconciliation.passed
    assert (reconciliation.severity, reconciliation.summary) == ("WARN", "1 disagreement")
    assert reconciliation.facts["billing_mismatch"] == "1, 5.00"
    assert len(conn.execute(str(reconciliation.facts["query"]).encode()).fetchall()) == 1
    assert all(verdict.passed for verdict in verdicts.values())


def test_paid_orders_owe_nothing(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, synced: str
):
    query = """
        SELECT b.order_number FROM analytics.order_balance AS b WHERE b.open_receivable <> 0
        AND b.invoiced > 0 AND NOT EXISTS (
            SELECT FROM core.invoice_orders AS io JOIN core.invoices AS i ON i.id = io.invoice_id
            WHERE io.order_id = b.order_id AND i.status <> 'paid')
    """
    odd = sandbox.control.planted("acme")["totals_differ"]["number"]
    assert [row["order_number"] for row in rows(conn, query)] == [odd]


def test_what_a_person_accepts_is_open_no_more_while_it_stays_as_it_is(
    conn: Connection[Any], tenant: Tenant, synced: str
):
    (check,) = (each for each in CHECKS if each.name == "reconciliation")
    (found,) = rows(conn, DEFECTS)

    accept_difference(tenant, found["kind"], found["record"], note="agreed by telephone")

    assert check.evaluate(conn, tenant).passed
    assert value(conn, "SELECT count(*) FROM analytics.reconciliation WHERE kinds <> '{}'") == 0
    assert one(conn, DEFECTS)["accepted_note"] == "agreed by telephone"
    conn.execute("UPDATE core.orders SET invoiced_amount = invoiced_amount + 1")
    assert not check.evaluate(conn, tenant).passed


def test_an_acceptance_is_taken_back(conn: Connection[Any], tenant: Tenant, synced: str):
    (found,) = rows(conn, DEFECTS)
    accept_difference(tenant, found["kind"], found["record"])

    accept_difference(tenant, found["kind"], found["record"], is_accepted=False)

    assert one(conn, DEFECTS)["accepted_at"] is None
    with pytest.raises(ConfigurationError, match="no accepted disagreement"):
        accept_difference(tenant, found["kind"], found["record"], is_accepted=False)
    with pytest.raises(ConfigurationError, match="no disagreement 'refund_stuck'"):
        accept_difference(tenant, "refund_stuck", found["record"])
