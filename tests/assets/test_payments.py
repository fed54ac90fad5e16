"""Payments from the stand-ins to the views: shop and gateway meet in one row, fees arrive late."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, LiteralString

import pandas as pd
import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from assets import registry
from assets.checking import Verdict
from assets.payments.canonical import clash
from assets.transaction_costs.report import by_method, report_costs
from sandbox.runner import Sandbox
from schemabase_dagster import database
from schemabase_dagster.engine.land import mark_deleted
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.tenancy import App, Tenant
from tests.support import shops
from tests.support.pulls import pull
from tests.support.rows import count, one, rows, value, versions
from tests.support.shops import Filled

MERCHANT = "acme"
MONEY = ("payment", "refund", "dispute", "transaction_cost")
TABLES = ("core.payments", "core.payment_allocations", "core.refunds", "core.refund_allocations",
          "core.disputes", "core.transaction_costs")  # fmt: skip
SHOP_STREAMS = ("saleor_orders", "saleor_payments", "saleor_transactions", "saleor_refunds")


def merge(tenant: Tenant, *entities: str) -> SyncResult:
    result = SyncResult()
    for entity in entities or ("order", *MONEY):
        result += merge_entity(registry.entities()[entity], tenant, registry.streams())
    return result


def check(conn: Connection[Any], tenant: Tenant, name: str) -> Verdict:
    (found,) = [each for each in registry.checks() if each.name == name]
    return found.evaluate(conn, tenant)


@pytest.fixture
def shop(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> App:
    """The merchant's shop with what lies in its orders."""
    return shops.add_saleor(conn, tenant, sandbox, streams=SHOP_STREAMS)


@pytest.fixture(scope="module")
def synced(filled: Filled) -> Iterator[str]:
    """A database with orders, payments and fees in core."""

    def fill(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> None:
        pull(shops.add_saleor(conn, tenant, sandbox, streams=SHOP_STREAMS), *SHOP_STREAMS)
        pull(shops.add_braintree(conn, tenant, sandbox), *shops.BRAINTREE_STREAMS)
        merge(tenant)

    with filled(fill) as name:
        yield name


@pytest.fixture
def everything(synced: str, shop: App, braintree_app: App) -> App:
    """Orders, payments and fees in core; the gateway's app."""
    return braintree_app


def table_of(conn: Connection[Any], query: LiteralString) -> list[tuple[Any, ...]]:
    return conn.execute(query).fetchall()


def content(conn: Connection[Any], table: str) -> list[tuple[Any, ...]]:
    """Rows of a table without what tells when they were written."""
    hidden = "'{id,created_at,updated_at,deleted_at,payment_id,refund_id,dispute_id,order_id}'"
    query = f"SELECT (to_jsonb(t) - {hidden}::text[])::text FROM {table} AS t ORDER BY 1"
    return conn.execute(query).fetchall()


def test_a_payment_of_shop_and_gateway_is_one_row(conn: Connection[Any], everything: App):
    paid = rows(conn, """
        SELECT p.reference_number
        FROM core.payments AS p
        JOIN core.external_ref AS r ON r.entity = 'payment' AND r.core_id = p.id
        GROUP BY p.id HAVING count(DISTINCT r.app_id) = 2""")  # fmt: skip
    by_shop = count(conn, "raw.saleor_payments") + count(conn, "raw.saleor_transactions")

    assert len(paid) == by_shop > 100
    assert value(conn, "SELECT count(*) FROM core.payments WHERE gateway <> 'braintree'") == 0


def test_a_payment_names_the_systems_that_know_it(
    conn: Connection[Any], tenant: Tenant, everything: App
):
    query = "SELECT systems FROM core.payments WHERE reference_number = %s"
    known = value(conn, """
        SELECT min(p.reference_number) FROM core.payments AS p
        JOIN core.external_ref AS r ON r.entity = 'payment' AND r.core_id = p.id
        GROUP BY p.id HAVING count(DISTINCT r.app_id) = 2 LIMIT 1""")  # fmt: skip
    assert value(conn, query, (known,)) == ["braintree", "saleor"]

    with database.transaction() as own:
        stream = registry.streams()["braintree_transactions"]
        mark_deleted(own, stream, everything, [known], via="pull", run_id=None)
    merge(tenant)

    assert value(conn, query, (known,)) == ["saleor"]


def test_every_payment_of_the_shop_pays_its_order_in_full(conn: Connection[Any], everything: App):
    wrong = rows(conn, """
        SELECT o.order_number FROM analytics.fct_order AS o
        WHERE o.payment_status <> 'unpaid' AND o.paid_amount <> o.total_gross""")  # fmt: skip

    assert wrong == []
    assert value(conn, "SELECT count(*) FROM analytics.fct_order WHERE paid_amount > 0") > 100


def test_refunds_of_both_systems_are_one_row_with_grant_and_order(
    conn: Connection[Any], everything: App
):
    (refunds,) = table_of(conn, """
        SELECT count(*), count(f.payment_id), count(al.order_id), count(r.shop), count(r.gateway)
        FROM core.refunds AS f
        LEFT JOIN core.refund_allocations AS al ON al.refund_id = f.id
        LEFT JOIN LATERAL (
            SELECT min(x.stream) FILTER (WHERE x.stream LIKE 'saleor%') AS shop,
                min(x.stream) FILTER (WHERE x.stream LIKE 'braintree%') AS gateway
            FROM core.external_ref AS x WHERE x.entity = 'refund' AND x.core_id = f.id
        ) AS r ON true""")  # fmt: skip

    assert refunds[0] > 3
    assert set(refunds) == {refunds[0]}
    assert value(conn, "SELECT count(*) FROM core.refunds WHERE reason = 'Returned'") > 0


def test_orders_tell_that_money_went_back(conn: Connection[Any], everything: App):
    found = table_of(conn, """
        SELECT DISTINCT payment_status, refunded_amount > 0, refunded_amount >= paid_amount
        FROM analytics.fct_order WHERE refunded_amount > 0 OR payment_status LIKE '%refunded'
        """)  # fmt: skip

    assert set(found) <= {("fully_refunded", True, True), ("partially_refunded", True, False)}
    assert found


def test_fees_come_from_the_transaction_or_from_the_report(conn: Connection[Any], everything: App):
    found = dict(table_of(conn, """
        SELECT p.method_type, min(c.source) FROM core.transaction_costs AS c
        JOIN core.payments AS p ON p.id = c.payment_id
        WHERE c.kind = 'transaction' GROUP BY 1"""))  # fmt: skip

    assert found == {"card": "fee_report", "paypal": "paypal_fee",
                     "sepa_debit": "sepa_fee", "local_payment": "local_payment_fee"}  # fmt: skip
    lost = "SELECT count(*) FROM core.transaction_costs WHERE payment_id IS NULL"
    assert value(conn, lost) == 0
    returned = table_of(conn, """
        SELECT amount < 0, refund_id IS NOT NULL FROM core.transaction_costs
        WHERE kind = 'fee_return'""")  # fmt: skip
    assert set(returned) == {(True, True)}


def test_the_margin_is_what_refunds_disputes_and_fees_leave(conn: Connection[Any], everything: App):
    row = one(conn, """
        SELECT revenue_net, refunded_net, disputed_net, transaction_fees, margin_net
        FROM analytics.order_margin WHERE refunded_net > 0 AND transaction_fees > 0
        ORDER BY order_number LIMIT 1""")  # fmt: skip

    left = row["revenue_net"] - row["refunded_net"] - row["disputed_net"] - row["transaction_fees"]
    assert row["margin_net"] == left
    assert Decimal(0) <= row["refunded_net"] <= row["revenue_net"]


def test_the_views_hold_every_row_once(conn: Connection[Any], everything: App):
    for view, table in (("fct_payment", "payments"), ("fct_refund", "refunds"),
                        ("fct_transaction_cost", "transaction_costs")):  # fmt: skip
        assert count(conn, f"analytics.{view}") == count(conn, f"core.{table}") > 0


def test_any_order_of_arrival_gives_the_same_rows(
    conn: Connection[Any], tenant: Tenant, everything: App, shop: App
):
    before = {table: content(conn, table) for table in TABLES}
    statuses = content(conn, "analytics.fct_order")
    with conn.transaction():
        conn.execute("DELETE FROM core.external_ref")
        conn.execute("DELETE FROM platform.parent_key")
        for table in ("core.transaction_costs", "core.disputes", "core.refunds", "core.payments",
                      "core.orders"):  # fmt: skip
            conn.execute(f"DELETE FROM {table}")
        for stream in (*shops.BRAINTREE_STREAMS, *SHOP_STREAMS):
            if registry.streams()[stream].entity:
                conn.execute(f"""
                    INSERT INTO platform.todo (tenant_id, stream, app_id, external_id)
                    SELECT tenant_id, '{stream}', app_id, external_id FROM raw.{stream}""")

    merge(tenant, "transaction_cost", "dispute", "refund", "payment", "order")
    merge(tenant, "payment", "refund", "dispute", "transaction_cost")

    assert {table: content(conn, table) for table in TABLES} == before
    assert [row[0] for row in statuses] == [row[0] for row in content(conn, "analytics.fct_order")]


def test_a_second_sync_writes_nothing(
    conn: Connection[Any], tenant: Tenant, everything: App, shop: App
):
    before = {table: versions(conn, table) for table in (*TABLES, "core.orders")}

    pull(shop, *SHOP_STREAMS, full=True)
    pull(everything, *shops.BRAINTREE_STREAMS, full=True)
    merge(tenant)

    assert {table: versions(conn, table) for table in before} == before


def test_a_replay_writes_nothing(conn: Connection[Any], tenant: Tenant, everything: App):
    before = {table: versions(conn, table) for table in TABLES}

    replay(tenant, [registry.streams()[name] for name in shops.BRAINTREE_STREAMS])
    merge(tenant)

    assert {table: versions(conn, table) for table in TABLES} == before


def test_a_fee_that_is_told_late_is_read_again(
    conn: Connection[Any], tenant: Tenant, sandbox: Sandbox, shop: App, braintree_app: App
):
    sandbox.control.change_orders(MERCHANT, "saleor", 12, "status")
    sandbox.control.settle_payments(MERCHANT, fee=False)
    pull(braintree_app, *shops.BRAINTREE_STREAMS)
    unknown = value(conn, """
        SELECT external_id FROM raw.braintree_payments
        WHERE payload ->> 'payment_instrument_type' = 'paypal_account'
          AND payload #>> '{paypal,transaction_fee_amount}' IS NULL LIMIT 1""")  # fmt: skip

    sandbox.control.tell_fee(MERCHANT, unknown)
    pull(braintree_app, "braintree_transactions")
    merge(tenant)

    fees = "SELECT count(*) FROM core.transaction_costs WHERE cost_key = %s"
    assert value(conn, fees, (f"{unknown}:transaction",)) == 1


def test_a_settlement_that_the_bank_declines_late_makes_the_order_unpaid(
    conn: Connection[Any], tenant: Tenant, sandbox: Sandbox, everything: App
):
    paid = one(conn, """
        SELECT p.reference_number, al.order_id FROM core.payments AS p
        JOIN core.payment_allocations AS al ON al.payment_id = p.id
        JOIN core.orders AS o ON o.id = al.order_id AND o.payment_status = 'fully_paid'
        ORDER BY p.paid_at DESC LIMIT 1""")  # fmt: skip
    sandbox.control.fail_settlement(MERCHANT, paid["reference_number"])

    pull(everything, "braintree_transactions", full=True)
    merge(tenant)

    status = "SELECT status FROM core.payments WHERE reference_number = %s"
    assert value(conn, status, (paid["reference_number"],)) == "failed"
    shown = one(conn, "SELECT paid_amount FROM analytics.fct_order WHERE order_id = %s",
                (paid["order_id"],))  # fmt: skip
    assert shown["paid_amount"] == 0


def test_a_refund_reaches_order_and_payment_by_an_incremental_sync(
    conn: Connection[Any], tenant: Tenant, sandbox: Sandbox, everything: App, shop: App
):
    (credit,) = sandbox.control.refund_orders(MERCHANT, 1, share=1.0)

    pull(shop, "saleor_orders")
    pull(everything, "braintree_transactions")
    merge(tenant)

    refund = one(conn, "SELECT id, status, payment_id FROM core.refunds WHERE refund_key = %s",
                 (credit,))  # fmt: skip
    assert refund["status"] == "succeeded"
    assert refund["payment_id"] is not None
    order = one(conn, """
        SELECT o.payment_status FROM core.orders AS o
        JOIN core.refund_allocations AS al ON al.order_id = o.id WHERE al.refund_id = %s""",
                (refund["id"],))  # fmt: skip
    assert order["payment_status"] == "fully_refunded"
    assert check(conn, tenant, "refunds_within_payment").passed


def test_a_transaction_that_is_gone_takes_its_rows_along(
    conn: Connection[Any], tenant: Tenant, sandbox: Sandbox, everything: App
):
    sandbox.control.delete_transaction(MERCHANT, "jpy00001")

    pull(everything, "braintree_transactions", full=True)
    merge(tenant)

    gone = "SELECT deleted_at IS NOT NULL FROM core.payments WHERE reference_number = 'jpy00001'"
    assert value(conn, gone) is True


def test_a_dispute_that_is_won_gives_the_money_back(
    conn: Connection[Any], tenant: Tenant, sandbox: Sandbox, everything: App
):
    dispute = sandbox.control.ids(MERCHANT, "braintree", "disputes")[0]
    sandbox.control.win_dispute(MERCHANT, dispute)

    pull(everything, "braintree_disputes")
    merge(tenant)

    row = one(conn, "SELECT * FROM core.disputes WHERE dispute_key = %s", (dispute,))
    assert (row["status"], row["funds_returned"]) == ("won", row["funds_withdrawn"])
    assert row["payment_id"] is not None


def test_checks_find_the_planted_payment_and_nothing_else(
    conn: Connection[Any], tenant: Tenant, everything: App
):
    without_order = check(conn, tenant, "payments_have_orders")

    assert [row["reference_number"] for row in without_order.rows] == ["jpy00001"]
    for name in ("payments_agree", "refunds_within_payment", "refunds_have_payments",
                 "refunds_agree", "refunds_told_once", "fees_agree"):  # fmt: skip
        assert check(conn, tenant, name).passed, name


SAY_CENT = """
UPDATE core.external_ref SET attrs = attrs || '{"amount": "0.01"}' WHERE entity = '%s' AND %s
"""
CHANGES = {
    "payments_agree": SAY_CENT % ("payment", "stream = 'saleor_transactions'"),
    "refunds_agree": SAY_CENT % ("refund", "attrs ->> 'kind' = 'events'"),
    "refunds_within_payment": "UPDATE core.payments SET amount = 0.01",
    "refunds_have_payments": "UPDATE core.refunds SET payment_id = NULL",
}


@pytest.mark.parametrize(("failing", "change"), CHANGES.items(), ids=CHANGES)
def test_checks_see_what_does_not_fit(
    conn: Connection[Any], tenant: Tenant, everything: App, change: str, failing: str
):
    conn.execute(change)

    assert not check(conn, tenant, failing).passed


def test_a_fee_that_two_records_tell_differently_is_found(
    conn: Connection[Any], tenant: Tenant, everything: App, shop: App
):
    conn.execute(
        """
        INSERT INTO core.external_ref (tenant_id, app_id, entity, external_id, core_id, stream,
            attrs)
        SELECT tenant_id, %s, entity, 'x', core_id, 'books', attrs || '{"amount": "9.99"}'
        FROM core.external_ref WHERE entity = 'transaction_cost' LIMIT 1""",
        (shop.id,),
    )

    assert check(conn, tenant, "fees_agree").summary == "1 fee that is told differently"


def test_one_refund_under_two_references_is_suggested(
    conn: Connection[Any], tenant: Tenant, everything: App
):
    conn.execute("""
        WITH own AS (
            SELECT f.* FROM core.refunds AS f
            JOIN core.external_ref AS x ON x.entity = 'refund' AND x.core_id = f.id
            JOIN raw.saleor_refunds AS r ON r.external_id = x.external_id LIMIT 1
        ), made AS (
            INSERT INTO core.refunds (tenant_id, refund_key, payment_id, status, amount, currency,
                requested_at, refunded_at)
            SELECT tenant_id, 'by hand', payment_id, status, amount, currency, requested_at,
                refunded_at FROM own RETURNING id
        )
        UPDATE core.external_ref AS x SET core_id = made.id FROM made, own
        WHERE x.entity = 'refund' AND x.core_id = own.id AND x.stream LIKE 'saleor%'""")

    found = check(conn, tenant, "refunds_told_once")
    assert found.summary == "1 pair of refunds that may be one"


def test_the_cost_report_tells_every_method_by_month_with_a_picture(
    conn: Connection[Any], tenant: Tenant, everything: App
):
    told = report_costs(conn, tenant)

    assert told.keys() >= {"costs_EUR", "costs_EUR_per_month"}
    assert told["costs_EUR"].startswith(
        "| month | card | local_payment | paypal | sepa_debit | all"
    )
    assert told["costs_EUR_per_month"].startswith("![Transaction costs per month, EUR](data:image")
    fees = value(conn, "SELECT sum(fees) FROM analytics.transaction_cost_monthly "
                       "WHERE currency = 'EUR'")  # fmt: skip
    assert fees == value(conn, "SELECT sum(fees) FROM analytics.fct_payment WHERE status = 'paid' "
                               "AND currency = 'EUR'")  # fmt: skip


def test_costs_are_summed_exactly_and_a_month_without_a_method_has_none():
    costs = pd.DataFrame(
        [
            (date(2026, 1, 1), "card", Decimal("100.00"), Decimal("0.10")),
            (date(2026, 1, 1), "card", Decimal("100.00"), Decimal("0.20")),
            (date(2026, 2, 1), "paypal", Decimal("50.00"), None),
        ],
        columns=["month", "method_type", "volume", "fees"],
    )

    fees, percent = by_method(costs)

    assert fees["card"].tolist() == [Decimal("0.30"), Decimal(0)]
    assert percent["card"].tolist() == [Decimal("0.15"), Decimal(0)]
    assert fees["paypal"].tolist() == [Decimal(0), Decimal(0)]


def test_a_transfer_whose_reference_a_customer_typed_is_another_payment():
    card = {"amount": "84.90", "currency": "EUR", "gateway": "braintree"}
    transfer = {"amount": "10.00", "currency": "EUR", "gateway": "banktransfer"}

    assert clash(card, transfer)
    assert not clash(card, {**transfer, "amount": "84.9"})
    assert not clash(card, {**transfer, "gateway": "braintree"})
    assert not clash(card, {**transfer, "gateway": "other"})


def test_two_payments_of_one_reference_stay_two(
    conn: Connection[Any], tenant: Tenant, sandbox: Sandbox, everything: App
):
    other = shops.add_saleor(conn, tenant, sandbox, merchant="globex", key="second",
                             streams=SHOP_STREAMS)  # fmt: skip
    known: dict[str, Any] = value(conn, "SELECT payload FROM raw.saleor_transactions LIMIT 1")
    twin = {**known, "createdBy": {"name": "Stripe"}, "chargedAmount": money("1.00")}
    twin["events"] = [{**twin["events"][0], "amount": money("1.00")}]
    conn.execute("INSERT INTO raw.saleor_transactions (tenant_id, app_id, external_id, payload, "
                 "payload_hash, read_at, via) VALUES (%s, %s, 'x', %s, '', now(), 'pull')",
                 (tenant.id, other.id, Jsonb(twin)))  # fmt: skip
    conn.execute("INSERT INTO platform.todo (tenant_id, stream, app_id, external_id) "
                 "VALUES (%s, 'saleor_transactions', %s, 'x')", (tenant.id, other.id))  # fmt: skip
    merge(tenant, "payment")

    reference = twin["pspReference"]
    query = (
        "SELECT reference_number FROM core.payments WHERE reference_number LIKE %s ORDER BY amount"
    )
    found = rows(conn, query, (f"{reference}%",))
    assert [row["reference_number"] for row in found] == [f"{reference}~second", reference]


def money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}
