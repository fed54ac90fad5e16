"""Credit notes, returns, payments and refunds of the books, from the stand-ins."""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from sandbox.runner import Sandbox
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.tenancy import App, Tenant
from tests.support import shops
from tests.support.pulls import Pull, pulling
from tests.support.rows import count, one, rows, value, versions
from tests.support.shops import Filled

PULLED = (
    "saleor_orders", "zoho_sales_orders", "zoho_invoices", "zoho_credit_notes",
    "zoho_sales_returns", "zoho_customer_payments",
)  # fmt: skip
TABLES = (
    "raw.zoho_credit_notes", "raw.zoho_credit_note_refunds", "raw.zoho_sales_returns",
    "raw.zoho_customer_payments", "raw.saleor_returns", "core.credit_notes",
    "core.credit_note_lines", "core.credit_note_orders", "core.credit_note_allocations",
    "core.returns", "core.return_lines", "core.return_receipts", "core.return_receipt_lines",
    "core.return_credit_notes", "core.payments", "core.payment_allocations", "core.refunds",
    "core.refund_allocations", "core.external_ref",
)  # fmt: skip
CONTENT = """
SELECT n.credit_note_number, n.status, n.total_gross, n.balance, i.invoice_number,
    (SELECT array_agg(o.order_number ORDER BY o.order_number) FROM core.credit_note_orders AS co
     JOIN core.orders AS o ON o.id = co.order_id WHERE co.credit_note_id = n.id) AS orders,
    (SELECT array_agg((r.return_number, r.status, x.order_number)::text ORDER BY r.return_number)
     FROM core.return_credit_notes AS rn JOIN core.returns AS r ON r.id = rn.return_id
     LEFT JOIN core.orders AS x ON x.id = r.order_id WHERE rn.credit_note_id = n.id) AS returns,
    (SELECT array_agg((f.refund_key, a.amount, f.method)::text ORDER BY f.refund_key)
     FROM core.refund_allocations AS a JOIN core.refunds AS f ON f.id = a.refund_id
     WHERE a.credit_note_id = n.id AND f.deleted_at IS NULL) AS refunds
FROM core.credit_notes AS n
LEFT JOIN core.invoices AS i ON i.id = n.corrects_invoice_id
WHERE n.deleted_at IS NULL
ORDER BY n.credit_note_number
"""


@pytest.fixture
def pull(zoho_app: App, saleor_app: App) -> Pull:
    """Pull one stream of ``acme``."""
    return pulling({"zoho": zoho_app, "saleor": saleor_app})


def merge(tenant: Tenant) -> dict[str, SyncResult]:
    return {
        name: merge_entity(entity, tenant, registry.streams())
        for name, entity in registry.entities().items()
    }


def sync(pull: Pull, tenant: Tenant, **options: Any) -> dict[str, SyncResult]:
    results = {stream: pull(stream, **options) for stream in PULLED}
    return results | merge(tenant)


def note(sandbox: Sandbox, place: int = 0) -> dict[str, Any]:
    ids = sandbox.control.ids("acme", "zoho", "creditnotes")
    return sandbox.control.document("acme", "zoho", ids[place], "creditnotes")


@pytest.fixture(scope="module")
def synced(filled: Filled) -> Iterator[str]:
    """A database in which everything was pulled and merged once."""

    def fill(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> None:
        apps = {
            "zoho": shops.add_zoho(conn, tenant, sandbox),
            "saleor": shops.add_saleor(conn, tenant, sandbox),
        }
        sync(pulling(apps), tenant)

    with filled(fill) as name:
        yield name


def test_every_credit_note_knows_invoice_order_return_and_refund(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull, synced: str
):
    found = rows(conn, CONTENT)
    assert len(found) == len(sandbox.control.ids("acme", "zoho", "creditnotes")) > 3
    for row in found:
        linked = ("invoice_number", "orders", "returns", "refunds")
        assert all(row[name] for name in linked)
        assert (row["status"], row["balance"]) == ("closed", 0)
    taxed = """
        SELECT count(*) FROM core.credit_notes AS n WHERE n.total_gross <> n.total_net + n.total_tax
        OR n.total_gross <> (SELECT sum(l.total_gross) FROM core.credit_note_lines AS l
                             WHERE l.credit_note_id = n.id)
    """
    assert value(conn, taxed) == 0


def test_a_return_of_shop_and_books_is_one_row(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull, synced: str
):
    assert count(conn, "core.returns") == len(sandbox.control.ids("acme", "zoho", "salesreturns"))
    both = """
        SELECT count(*) FROM (SELECT core_id FROM core.external_ref WHERE entity = 'return'
        GROUP BY core_id HAVING count(DISTINCT app_id) = 2) AS known
    """
    assert value(conn, both) == count(conn, "raw.saleor_returns") > 3
    apart = """
        SELECT count(*) FROM core.return_lines AS l JOIN core.returns AS r ON r.id = l.return_id
        LEFT JOIN core.return_receipt_lines AS c USING (return_id, action, sku, sku_occurrence)
        WHERE l.quantity <> coalesce(c.quantity, 0)
    """
    assert value(conn, apart) == 0


def test_an_article_of_a_return_is_a_line_of_its_order(conn: Connection[Any], synced: str):
    found = rows(conn, """
        SELECT r.sku, o.sku AS ordered, r.order_id = o.order_id AS is_same
        FROM analytics.fct_return AS r LEFT JOIN core.order_lines AS o ON o.id = r.order_line_id
        WHERE r.order_id IS NOT NULL""")  # fmt: skip

    assert len(found) > 3
    assert all(row["sku"] == row["ordered"] and row["is_same"] for row in found)


def test_a_payment_says_which_invoice_it_settles_and_by_how_much(
    conn: Connection[Any], tenant: Tenant, pull: Pull, synced: str
):
    unsettled = """
        SELECT count(*) FROM raw.zoho_customer_payments AS r
        JOIN core.external_ref AS x ON x.entity = 'payment' AND x.external_id = r.external_id
        LEFT JOIN core.payment_allocations AS a
            ON a.payment_id = x.core_id AND a.invoice_id IS NOT NULL
        WHERE a.amount IS DISTINCT FROM (r.payload ->> 'amount')::numeric
    """
    assert count(conn, "raw.zoho_customer_payments") > 100
    assert value(conn, unsettled) == 0


def test_every_order_of_arrival_gives_the_same_rows(
    conn: Connection[Any], tenant: Tenant, synced: str
):
    late = ("zoho_credit_notes", "zoho_sales_returns", "saleor_returns", "zoho_invoices")
    outcomes = []
    for order in list(permutations(late))[::3]:  # each comes first twice
        conn.execute(
            "TRUNCATE core.credit_notes, core.returns, core.invoices, core.orders, core.refunds, "
            "core.external_ref, platform.todo, platform.parent_key CASCADE"
        )
        for stream in (*order, "zoho_credit_note_refunds", "saleor_orders", "zoho_sales_orders"):
            replay(tenant, [registry.streams()[stream]])
            merge(tenant)
        outcomes.append(rows(conn, CONTENT))

    assert len(outcomes[0]) > 3
    assert all(outcome == outcomes[0] for outcome in outcomes)


def test_second_full_sync_reads_everything_and_writes_nothing(
    conn: Connection[Any], tenant: Tenant, pull: Pull, synced: str
):
    conn.execute("UPDATE raw.zoho_credit_notes SET read_at = read_at - interval '1 minute'")
    before = {table: versions(conn, table) for table in TABLES}

    results = sync(pull, tenant, full=True)

    assert results["zoho_credit_notes"].read > 3
    assert sum(result.changed for result in results.values()) == 0
    assert {table: versions(conn, table) for table in TABLES} == before


def test_replay_maps_in_place_and_changes_nothing(
    conn: Connection[Any], tenant: Tenant, pull: Pull, synced: str
):
    before = {table: versions(conn, table) for table in TABLES}

    replay(tenant, registry.streams().values())
    merge(tenant)

    assert {table: versions(conn, table) for table in TABLES} == before


def test_known_credit_notes_cost_one_call(
    sandbox: Sandbox, tenant: Tenant, pull: Pull, conn: Connection[Any]
):
    del tenant
    pull("zoho_credit_notes")
    sandbox.control.ignore_modified_filter("acme", "creditnotes")

    result = pull("zoho_credit_notes")

    assert (result.api_calls, result.changed) == (1, 0)
    assert result.unchanged == count(conn, "raw.zoho_credit_notes")


@pytest.mark.parametrize("moves", [True, False], ids=["dated", "undated"])
def test_a_refund_is_found_whether_or_not_it_moves_the_credit_note(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull, synced: str, moves: bool
):
    sandbox.control.ignore_modified_filter("acme", "creditnotes")
    known = note(sandbox)
    before = count(conn, "raw.zoho_credit_note_refunds")

    sandbox.control.refund_credit("acme", known["creditnote_id"], -100, moves=moves)
    pull("zoho_credit_notes")

    assert count(conn, "raw.zoho_credit_note_refunds") == before + 1


def test_a_deleted_refund_opens_the_credit_note_and_is_gone(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull, synced: str
):
    known = note(sandbox)
    (refund,) = rows(conn, "SELECT external_id FROM raw.zoho_credit_note_refunds WHERE "
                     f"payload ->> 'creditnote_id' = '{known['creditnote_id']}'")  # fmt: skip

    sandbox.control.delete_refund("acme", known["creditnote_id"], refund["external_id"])
    pull("zoho_credit_notes")
    merge(tenant)

    query = "SELECT status, balance FROM core.credit_notes WHERE credit_note_number = %s"
    assert one(conn, query, (known["creditnote_number"],))["status"] == "open"
    gone = "SELECT deleted_at IS NOT NULL FROM core.external_ref WHERE external_id = %s"
    assert value(conn, gone, (refund["external_id"],))


@pytest.mark.parametrize(
    ("stream", "entity", "table"),
    [
        ("zoho_credit_notes", "creditnotes", "core.credit_notes"),
        ("zoho_customer_payments", "customerpayments", "raw.zoho_customer_payments"),
        ("zoho_sales_returns", "salesreturns", "raw.zoho_sales_returns"),
    ],
)
def test_what_was_deleted_is_proved_gone_by_a_full_sync(
    conn: Connection[Any],
    sandbox: Sandbox,
    tenant: Tenant,
    pull: Pull,
    synced: str,
    stream: str,
    entity: str,
    table: Any,
):
    gone = sandbox.control.ids("acme", "zoho", entity)[0]
    sandbox.control.delete_record("acme", entity, gone)

    result = pull(stream, full=True)
    merge(tenant)

    assert result.deleted == 1
    assert value(conn, f"SELECT count(*) FROM {table} WHERE deleted_at IS NOT NULL") == 1


def test_a_new_return_comes_with_the_next_pull_of_both_systems(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull, synced: str
):
    (made,) = sandbox.control.new_returns("acme", 1)

    sync(pull, tenant)

    query = "SELECT core_id FROM core.external_ref WHERE entity = 'return' AND external_id = %s"
    row = one(conn, "SELECT * FROM core.returns WHERE id = %s", (value(conn, query, (made,)),))
    assert (row["status"], row["refund_status"]) == ("closed", "refunded")
    assert row["order_id"] is not None


def test_an_open_return_is_read_again_though_its_row_shows_nothing(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    (made,) = sandbox.control.new_returns("acme", 1)
    sandbox.control.reopen_return("acme", made)
    sync(pull, tenant)
    before = count(conn, "core.return_receipts")

    sandbox.control.receive_return("acme", made, 1)
    sync(pull, tenant)

    assert count(conn, "core.return_receipts") == before + 1


def test_what_was_paid_too_much_goes_back_without_a_credit_note(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    (paid, *_) = sandbox.control.ids("acme", "zoho", "customerpayments")
    sandbox.control.refund_payment("acme", paid, 300)
    sync(pull, tenant)

    (refund,) = rows(conn, "SELECT * FROM core.refunds WHERE purpose = 'overpayment'")
    assert (refund["amount"], refund["status"]) == (3, "succeeded")
    assert refund["payment_id"] is not None


def test_bank_accounts_land_from_a_list_without_pages(conn: Connection[Any], pull: Pull):
    result = pull("zoho_bank_accounts")

    assert (result.read, result.api_calls) == (3, 2)
    assert pull("zoho_bank_accounts").changed == 0
