"""The check of unmatched records tells what ``analytics.unmatched_record`` shows of its entity."""

from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from assets.checks import core_checks
from schemabase_dagster.tenancy import App, Tenant
from tests.support import shops
from tests.support.rows import rows

RAW = """
INSERT INTO raw.zoho_sales_orders (
    tenant_id, app_id, external_id, payload, payload_hash, read_at, via)
VALUES (%s, %s, %s, '{}', '', now(), 'pull')
"""
REFUSED = """
INSERT INTO platform.rejects (
    tenant_id, app_id, stream, stage, external_id, payload, payload_sha256, code, path, reason)
VALUES (%s, %s, %s, 'land', '8', '{}', '', 'type', 'total', 'It is no number.')
"""
WAITING = """
INSERT INTO platform.todo (tenant_id, stream, app_id, external_id)
VALUES (%s, 'zoho_sales_orders', %s, '2')
"""
VIEW = """
SELECT app, stream, external_id, coalesce(reason, 'not mapped yet') AS reason
FROM analytics.unmatched_record
WHERE stream = ANY(%s) AND NOT waiting
"""


@pytest.fixture
def books(conn: Connection[Any], tenant: Tenant) -> App:
    """Zoho app with an order that is not mapped, one that waits to be, and two refused records."""
    app = shops.unreachable_zoho(conn, tenant)
    for external_id in ("1", "2"):
        conn.execute(RAW, (tenant.id, app.id, external_id))
    conn.execute(WAITING, (tenant.id, app.id))
    for stream in ("zoho_sales_orders", "zoho_invoices"):
        conn.execute(REFUSED, (tenant.id, app.id, stream))
    return app


def test_the_check_tells_what_the_view_shows(conn: Connection[Any], tenant: Tenant, books: App):
    streams = registry.streams_feeding("order")
    entity = registry.entities()["order"]
    (check,) = [
        each
        for each in core_checks(entity, tuple(streams.values()))
        if each.name == "unmatched_records"
    ]

    verdict = check.evaluate(conn, tenant)

    shown = rows(conn, VIEW, (list(streams),))
    assert {row["external_id"] for row in shown} == {"1", "8"}
    told = [{name: row[name] for name in shown[0]} for row in verdict.rows]
    assert sorted(told, key=str) == sorted(shown, key=str)
    assert not verdict.passed
