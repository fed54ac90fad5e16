"""``schemabase sync`` and ``status``: a tenant's own assets, in this process."""

import json

from psycopg import Connection

from assets import registry
from tests.support import shops


def test_sync_brings_a_tenant_up_to_date_and_tells_the_counts(
    run, conn: Connection, tenant, zoho_app, saleor_app
):
    ran = run("sync", "acme", "--json")

    assert ran.status == 0
    assert ran.err == ""
    told = {row["asset"]: row for row in json.loads(ran.out)}
    assert told["raw/zoho_sales_orders"]["changed"] == 200
    pulled = {name for name in told if name.startswith("raw/")}
    assert pulled == {
        f"raw/{name}" for system in ("zoho", "saleor") for name in registry.streams_of(system)
    }, "systems without an app are left alone"
    matched = conn.execute(
        "SELECT count(*) > 200 FROM analytics.fct_order WHERE tenant = 'acme'"
    ).fetchone()
    assert matched == (True,)


def test_unknown_tenant_is_one_line_with_the_next_step(run, postgres: str):
    ran = run("sync", "nobody")

    assert ran.status == 2
    assert "There is no tenant 'nobody'" in ran.err
    assert ran.err.count("\n") == 1


def test_sync_of_a_tenant_without_apps_is_one_line_with_the_next_step(run, tenant):
    ran = run("sync", "acme")

    assert ran.status == 2
    assert "schemabase app add acme TYPE" in ran.err
    assert ran.err.count("\n") == 1


def test_refused_credentials_are_one_line_with_the_next_step(
    run, conn: Connection, tenant, zoho_app, sandbox
):
    sandbox.control.revoke_credentials("acme", "zoho")

    ran = run("sync", "acme")

    assert ran.status == 3
    assert "schemabase app set-credentials acme books" in ran.err
    assert ran.err.count("\n") == 1


def test_status_names_what_was_never_synced(run, conn: Connection, zoho_app):
    ran = run("status", "acme")

    assert ran.status == 0
    assert "zoho_sales_orders" in ran.out
    assert "never synced" in ran.out
    assert "Nothing waits." in ran.out


def test_sync_says_why_nothing_was_read_and_how_many_rows_there_are(
    run, conn: Connection, tenant, saleor_app
):
    run("sync", "acme", "--asset", "saleor_orders")
    run("app", "disable", "acme", "shop")

    ran = run("sync", "acme", "--asset", "saleor_orders")

    assert "raw/saleor_orders: No app that may be pulled delivers this stream." in ran.out
    (orders,) = [line for line in ran.out.splitlines() if line.startswith("core/orders ")]
    shown = conn.execute("SELECT count(*) FROM core.orders WHERE deleted_at IS NULL").fetchone()
    assert shown == (int(orders.split()[-1]),)


def test_sync_that_ran_out_of_calls_says_what_is_left(
    run, conn: Connection, tenant, sandbox, monkeypatch
):
    monkeypatch.setattr("schemabase_dagster.engine.batches.BATCH_RECORDS", 20)
    shops.add_zoho(conn, tenant, sandbox, streams=["zoho_sales_orders"], calls_per_day=100)

    ran = run("sync", "acme", "--asset", "zoho_sales_orders")
    status = run("status", "acme")

    assert ran.status == 0
    assert "raw/zoho_sales_orders is not complete yet, about 3 days left" in ran.out
    assert "about 3 days left" in status.out
