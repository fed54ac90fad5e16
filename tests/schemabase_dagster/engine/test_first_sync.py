"""A first sync of both systems of a tenant: what lands, what meets, what adds up."""

from decimal import Decimal

from psycopg import Connection

from assets import registry
from schemabase_dagster.engine.replay import replay

_ROWS = """
SELECT o.id, o.currency, o.total_gross,
    max(r.external_id) FILTER (WHERE a.type = 'zoho') AS zoho_id,
    max(r.external_id) FILTER (WHERE a.type = 'saleor') AS saleor_id
FROM core.orders AS o
JOIN core.external_ref AS r ON r.core_id = o.id AND r.entity = 'order' AND r.deleted_at IS NULL
JOIN platform.app AS a ON a.id = r.app_id
WHERE o.deleted_at IS NULL
GROUP BY o.id
"""


def _expected(truth):
    rows = set()
    for row in truth:
        minor = row.get("saleor_total_minor", row.get("zoho_total_minor"))
        total = (Decimal(minor) / 100).quantize(Decimal("0.0001"))
        rows.add((row["currency"], total, row.get("zoho_id"), row.get("saleor_id")))
    return rows


def test_both_systems_give_one_row_per_real_order(
    conn: Connection, sandbox, tenant, zoho_app, saleor_app, pull, merge
):
    pull(zoho_app, "zoho_sales_orders")
    pull(saleor_app, "saleor_orders")

    result = merge(tenant, "order")

    assert result.rejected == 0
    rows = {tuple(row[1:]) for row in conn.execute(_ROWS)}
    assert rows == _expected(sandbox.control.truth("acme"))


def test_arrival_in_the_other_order_gives_the_same_rows(
    conn: Connection, sandbox, tenant, zoho_app, saleor_app, pull, merge
):
    pull(saleor_app, "saleor_orders")
    merge(tenant, "order")
    pull(zoho_app, "zoho_sales_orders")
    merge(tenant, "order")

    rows = {tuple(row[1:]) for row in conn.execute(_ROWS)}
    assert rows == _expected(sandbox.control.truth("acme"))


def test_second_full_sync_reads_everything_and_writes_nothing(
    conn: Connection, tenant, zoho_app, saleor_app, pull, merge
):
    streams = [
        (zoho_app, "zoho_sales_orders"),
        (zoho_app, "zoho_invoices"),
        (zoho_app, "zoho_contacts"),
        (saleor_app, "saleor_orders"),
    ]

    def sync_all():
        pulled = [pull(app, stream, full=True) for app, stream in streams]
        return pulled, [merge(tenant, entity) for entity in ("contact", "order", "invoice")]

    sync_all()
    before = _versions(conn)
    pulled, merged = sync_all()

    assert all(result.read == result.unchanged > 0 for result in pulled)
    assert all(result.read == 0 for result in merged)
    assert _versions(conn) == before


def _versions(conn: Connection) -> set[tuple[str, ...]]:
    """Return table, writing transaction and place of every row."""
    tables = ("raw.zoho_sales_orders", "raw.zoho_invoices", "raw.zoho_contacts",
              "raw.saleor_orders", "core.orders", "core.order_lines", "core.contacts",
              "core.addresses", "core.invoices", "core.external_ref")  # fmt: skip
    return {
        (table, *row)
        for table in tables
        for row in conn.execute(f"SELECT xmin::text, ctid::text FROM {table}")
    }


def test_order_lines_add_up_to_totals(
    conn: Connection, sandbox, tenant, zoho_app, saleor_app, pull, merge
):
    pull(zoho_app, "zoho_sales_orders")
    pull(saleor_app, "saleor_orders")
    merge(tenant, "order")

    off = conn.execute(
        """
        SELECT o.order_number, o.total_gross, o.prices_include_tax, o.discount_gross,
            sum(l.total_gross) + o.shipping_gross - coalesce(o.discount_gross, 0)
                + coalesce(o.adjustment, 0) AS parts
        FROM core.orders AS o
        JOIN core.order_lines AS l ON l.order_id = o.id AND l.deleted_at IS NULL
        GROUP BY o.id
        HAVING abs(sum(l.total_gross) + o.shipping_gross - coalesce(o.discount_gross, 0)
            + coalesce(o.adjustment, 0) - o.total_gross) > 0.02
        """
    ).fetchall()
    assert off == []


def test_invoices_link_to_their_orders_whatever_comes_first(
    conn: Connection, tenant, zoho_app, pull, merge
):
    pull(zoho_app, "zoho_invoices")
    merge(tenant, "invoice")
    assert conn.execute("SELECT count(*) FROM core.invoice_orders").fetchone() == (0,)

    pull(zoho_app, "zoho_sales_orders")
    merge(tenant, "order")
    merge(tenant, "invoice")

    unlinked = conn.execute(
        "SELECT invoice_number FROM analytics.fct_invoice WHERE order_numbers IS NULL"
    ).fetchall()
    assert unlinked == []
    assert conn.execute("SELECT count(*) > 0 FROM core.invoice_orders").fetchone() == (True,)


def test_replay_maps_in_place_and_changes_nothing(
    conn: Connection, tenant, zoho_app, saleor_app, pull, merge
):
    pull(zoho_app, "zoho_sales_orders")
    pull(saleor_app, "saleor_orders")
    merge(tenant, "order")
    before = _versions(conn)

    queued = replay(tenant, registry.streams_feeding("order").values())
    result = merge(tenant, "order")

    assert result.read == result.unchanged == queued > 0
    assert _versions(conn) == before
