"""Matching over the real engine: edited numbers, late references, wrong merges, two shops."""

from psycopg import Connection

from assets import registry
from schemabase_dagster.engine.decisions import decide, list_conflicts
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.tenancy import App
from tests.support import shops

_ROW = """
SELECT r.core_id, o.order_number
FROM core.external_ref AS r
JOIN core.orders AS o ON o.id = r.core_id AND o.deleted_at IS NULL
WHERE r.entity = 'order' AND r.app_id = %s AND r.external_id = %s
"""


def _row(conn, app, external_id):
    return conn.execute(_ROW, (app.id, external_id)).fetchone()


def _twin(sandbox):
    """Return an order that both systems know by the shop's number."""
    return next(
        row
        for row in sandbox.control.truth("acme")
        if row.get("saleor_id") and row.get("zoho_number") == row["number"]
    )


def _sync(pull, merge, tenant, *apps: App):
    for app in apps:
        pull(app, "zoho_sales_orders" if app.type == "zoho" else "saleor_orders")
    return merge(tenant, "order")


def test_number_edited_later_keeps_the_row_and_survives_replay(
    conn: Connection, sandbox, tenant, zoho_app, saleor_app, pull, merge
):
    _sync(pull, merge, tenant, zoho_app, saleor_app)
    twin = _twin(sandbox)
    before = _row(conn, saleor_app, twin["saleor_id"])

    sandbox.control.edit_number("acme", twin["zoho_id"], "SO-EDITED")
    _sync(pull, merge, tenant, zoho_app, saleor_app)
    replay(tenant, registry.streams().values())
    merge(tenant, "order")

    assert _row(conn, zoho_app, twin["zoho_id"]) == before
    assert _row(conn, saleor_app, twin["saleor_id"]) == before


def test_wrong_merge_is_split_for_good(
    conn: Connection, sandbox, tenant, zoho_app, saleor_app, pull, merge
):
    _sync(pull, merge, tenant, zoho_app, saleor_app)
    twin = _twin(sandbox)
    before = _row(conn, saleor_app, twin["saleor_id"])

    decide(
        tenant,
        "order",
        "split",
        record=("books", twin["zoho_id"]),
        other=("shop", twin["saleor_id"]),
    )
    merge(tenant, "order")
    replay(tenant, registry.streams().values())
    merge(tenant, "order")

    assert _row(conn, saleor_app, twin["saleor_id"]) == before
    other = _row(conn, zoho_app, twin["zoho_id"])
    assert other[0] != before[0]
    assert other[1] == f"{before[1]}~books"


def test_reference_set_later_brings_two_rows_together(
    conn: Connection, sandbox, tenant, zoho_app, saleor_app, pull, merge
):
    _sync(pull, merge, tenant, zoho_app, saleor_app)
    truth = sandbox.control.truth("acme")
    shop_only = next(row for row in truth if row.get("saleor_id") and not row.get("zoho_id"))
    typed = next(row for row in truth if row.get("zoho_id") and not row.get("saleor_id"))
    shop_row = _row(conn, saleor_app, shop_only["saleor_id"])

    sandbox.control.set_reference("acme", typed["zoho_id"], shop_only["number"])
    _sync(pull, merge, tenant, zoho_app)

    assert _row(conn, zoho_app, typed["zoho_id"]) == shop_row


def test_equal_numbers_of_two_shops_are_two_orders(
    conn: Connection, sandbox, tenant, saleor_app, pull, merge
):
    second = shops.add_saleor(conn, tenant, sandbox, merchant="globex", key="shop2")

    _sync(pull, merge, tenant, saleor_app, second)

    shared = conn.execute(
        "SELECT core_id FROM core.external_ref WHERE entity = 'order' "
        "GROUP BY core_id HAVING count(*) > 1"
    ).fetchall()
    assert shared == []
    # Both shops know some orders by the same external reference: told, and told apart.
    for conflict in list_conflicts("acme"):
        row = _row(conn, second, conflict.external_id)
        assert row[1].startswith("EXT-")
        assert row[1].endswith("~shop2")


def test_deleted_at_one_source_leaves_the_order_to_the_other(
    conn: Connection, sandbox, tenant, zoho_app, saleor_app, pull, merge
):
    _sync(pull, merge, tenant, zoho_app, saleor_app)
    twin = _twin(sandbox)
    before = _row(conn, saleor_app, twin["saleor_id"])

    sandbox.control.delete_order("acme", "zoho", twin["zoho_id"])
    result = pull(zoho_app, "zoho_sales_orders", full=True)
    merge(tenant, "order")

    assert result.deleted == 1
    assert _row(conn, saleor_app, twin["saleor_id"]) == before
    deleted = conn.execute(
        "SELECT deleted_at IS NOT NULL FROM core.external_ref WHERE external_id = %s",
        (twin["zoho_id"],),
    ).fetchone()
    assert deleted == (True,)
