"""What an order keeps of itself: sums of money and lines follow whoever comes, changes and goes."""

from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from schemabase_dagster import database
from schemabase_dagster.engine.land import mark_deleted
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import at, zoho_credit_note, zoho_invoice, zoho_line, zoho_order, zoho_payment
from tests.support.rows import one, rows, value

ORDERS, INVOICES, NOTES = "zoho_sales_orders", "zoho_invoices", "zoho_credit_notes"
PAYMENTS = "zoho_customer_payments"
ENTITIES = ("order", "invoice", "payment", "credit_note")
KEPT = """
SELECT invoiced_amount, credited_amount, credit_used_amount, paid_amount FROM core.orders
"""
LINK = """
INSERT INTO core.invoice_orders (tenant_id, invoice_id, order_id)
SELECT o.tenant_id, v.id, o.id
FROM core.orders AS o, core.invoices AS v
WHERE o.order_number = 'SO-2'
"""


def sync(tenant: Tenant, merge: Any) -> None:
    for entity in ENTITIES:
        merge(tenant, entity)


def money(*amounts: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, amounts))


INVOICE = zoho_invoice("9", "SO-1", total=11.9)
NOTE = zoho_credit_note(
    "8",
    total=5,
    reference_number="INV-9",
    invoices=[{"invoice_id": "9", "invoice_number": "INV-9", "amount": 2}],
)
PAYMENT = zoho_payment(
    "7",
    amount=11.9,
    invoices=[{"invoice_id": "9", "invoice_number": "INV-9", "amount_applied": 11.9}],
)


@pytest.mark.parametrize("arrival", list(permutations(range(4))))
def test_any_order_of_arrival_gives_the_same_sums(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge, arrival
):
    steps = [(ORDERS, zoho_order("1")), (INVOICES, INVOICE), (PAYMENTS, PAYMENT), (NOTES, NOTE)]

    for place in arrival:
        put(books, *steps[place])
        sync(tenant, merge)
    sync(tenant, merge)

    assert tuple(one(conn, KEPT).values()) == money("11.9", "5", "2", "11.9")


def test_an_invoice_that_goes_is_billed_no_more(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1"))
    put(books, INVOICES, INVOICE)
    sync(tenant, merge)

    with database.transaction() as own:
        mark_deleted(own, registry.streams()[INVOICES], books, ["9"], via="pull", run_id=None)
    sync(tenant, merge)

    assert value(conn, "SELECT invoiced_amount FROM core.orders") == 0


@pytest.mark.parametrize("status", ["draft", "void"])
def test_an_invoice_that_bills_nothing_counts_for_nothing(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge, status
):
    put(books, ORDERS, zoho_order("1"))
    put(books, INVOICES, {**INVOICE, "status": status})
    sync(tenant, merge)

    assert value(conn, "SELECT invoiced_amount FROM core.orders") == 0


def test_an_invoice_that_moves_to_another_order_leaves_the_first(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1"), zoho_order("2"))
    put(books, INVOICES, INVOICE)
    put(books, PAYMENTS, PAYMENT)
    sync(tenant, merge)

    put(books, INVOICES, zoho_invoice("9", "SO-2", modified=at(1)))
    sync(tenant, merge)

    query = "SELECT invoiced_amount, paid_amount FROM core.orders ORDER BY order_number"
    found = [tuple(row.values()) for row in rows(conn, query)]
    assert found == [money("0", "0"), money("11.9", "11.9")]


def test_money_of_another_currency_is_not_added(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1"))
    put(books, INVOICES, INVOICE)
    put(books, PAYMENTS, {**PAYMENT, "currency_code": "USD"})
    sync(tenant, merge)

    assert value(conn, "SELECT paid_amount FROM core.orders") == 0


def test_orders_share_an_invoice_by_their_totals_whichever_changes(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1", total=10), zoho_order("2", total=30))
    put(books, INVOICES, zoho_invoice("9", "SO-1", total=40))
    sync(tenant, merge)
    with database.transaction() as own:
        own.execute(LINK)

    put(books, ORDERS, zoho_order("1", total=30, modified=at(1)))
    merge(tenant, "order")

    query = "SELECT invoiced_amount FROM core.orders ORDER BY order_number"
    assert [row["invoiced_amount"] for row in rows(conn, query)] == [20, 20]


def test_an_order_counts_the_lines_that_it_has_left(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    cups, jars = zoho_line("11", "A-1", quantity=2), zoho_line("12", "B-1", quantity=3)
    query = "SELECT line_count, quantity, systems FROM core.orders"
    put(books, ORDERS, zoho_order("1", line_items=[cups, jars]))
    sync(tenant, merge)
    assert tuple(one(conn, query).values()) == (2, 5, ["zoho"])

    put(books, ORDERS, zoho_order("1", line_items=[jars], modified=at(1)))
    sync(tenant, merge)

    assert tuple(one(conn, query).values()) == (1, 3, ["zoho"])
