"""The worked queries of ``docs/queries``: they run, for whoever may ask, and the sums are right."""

import secrets
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from benchmarks import volume
from schemabase_dagster import tenancy
from schemabase_dagster.settings import ROOT
from schemabase_dagster.tenancy import analysts
from tests.support import server
from tests.support.rows import rows, value

FOLDER = ROOT / "docs" / "queries"
FILES = sorted(FOLDER.glob("*.sql"))
ORDERS = 800
LIVE = "status NOT IN ('canceled', 'draft')"


@pytest.fixture(scope="module")
def analyst(postgres_server: str) -> Iterator[Connection[Any]]:
    """Session of an analyst of ``acme``, in a database that is full of two tenants' rows."""
    url = server.clone(postgres_server)
    name = f"ask_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as owner:
        volume.fill(owner, orders=ORDERS)
        link = analysts.add(owner, name, [tenancy.get_tenant(owner, "acme")])
        assert link is not None
        with psycopg.connect(link, autocommit=True) as session:
            yield session
        analysts.remove(owner, name)
    server.drop(postgres_server, url)


def ask(analyst: Connection[Any], number: int) -> list[dict[str, Any]]:
    """Return the answer to a worked query."""
    (file,) = FOLDER.glob(f"{number:02}_*.sql")
    return rows(analyst, file.read_text("utf-8"))


def of_orders(analyst: Connection[Any], expression: str) -> Any:
    query = f"SELECT {expression} FROM core.orders WHERE deleted_at IS NULL AND {LIVE}"
    return value(analyst, query)


def test_there_are_ten_and_all_are_listed():
    index = (FOLDER / "README.md").read_text("utf-8")

    assert len(FILES) == 10
    for file in FILES:
        assert f"({file.name}) | {question(file)} |" in index


def question(file: Path) -> str:
    return file.read_text("utf-8").splitlines()[0].removeprefix("-- ")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_query_asks_a_question_and_answers_for_the_own_tenant(analyst: Connection[Any], file: Path):
    answer = rows(analyst, file.read_text("utf-8"))

    assert question(file).endswith("?")
    assert answer
    assert {row["tenant"] for row in answer} == {"acme"}


def test_revenue_of_the_months_is_that_of_all_orders(analyst: Connection[Any]):
    months = ask(analyst, 1)

    assert sum(row["revenue_gross"] for row in months) == of_orders(analyst, "sum(total_gross)")
    assert sum(row["orders"] for row in months) == of_orders(analyst, "count(*)")
    assert len(months) == len({(row["month"], row["currency"]) for row in months})


def test_best_seller_comes_first_and_nothing_is_older_than_90_days(analyst: Connection[Any]):
    articles = ask(analyst, 2)
    best = articles[0]

    sold = value(
        analyst,
        "SELECT sum(l.quantity) FROM core.order_lines AS l JOIN core.orders AS o "
        "ON o.id = l.order_id WHERE l.sku = %s AND o.status NOT IN ('canceled', 'draft') "
        "AND o.ordered_at > (SELECT max(ordered_at) FROM core.orders) - interval '90 days'",
        (best["sku"],),
    )
    assert best["revenue_gross"] == max(row["revenue_gross"] for row in articles)
    assert best["quantity"] == sold


def test_customers_who_came_back_are_some_of_all(analyst: Connection[Any]):
    (answer,) = ask(analyst, 3)

    assert answer["customers"] == of_orders(analyst, "count(DISTINCT contact_id)")
    assert 0 < answer["came_back"] < answer["customers"]
    assert 0 < answer["percent_of_revenue"] <= 100


def test_parcels_are_not_faster_than_their_median(analyst: Connection[Any]):
    carriers = ask(analyst, 4)

    shipped = value(analyst, "SELECT count(*) FROM core.packages WHERE active")
    assert sum(row["packages"] for row in carriers) == shipped
    assert all(row["median_hours_in_transit"] == 48 for row in carriers)
    assert all(row["p90_hours_to_ship"] >= row["median_hours_to_ship"] for row in carriers)


def test_open_amounts_are_those_of_unpaid_invoices(analyst: Connection[Any]):
    unpaid = value(
        analyst,
        "SELECT sum(open_amount) FROM core.invoices "
        "WHERE status IN ('open', 'overdue', 'partially_paid')",
    )

    assert sum(row["open_amount"] for row in ask(analyst, 5)) == unpaid


def test_waiting_orders_have_no_parcel_that_counts(analyst: Connection[Any]):
    waiting = ask(analyst, 6)

    parcels = value(
        analyst,
        "SELECT count(*) FROM core.packages AS k JOIN core.orders AS o ON o.id = k.order_id "
        "WHERE k.active AND o.order_number = ANY(%s)",
        ([row["order_number"] for row in waiting],),
    )
    assert parcels == 0
    assert all(row["days"] > 3 for row in waiting)


def test_shares_of_the_countries_make_a_whole(analyst: Connection[Any]):
    countries = ask(analyst, 7)

    assert abs(sum(row["percent"] for row in countries) - 100) < Decimal("0.5")
    assert sum(row["orders"] for row in countries) == of_orders(analyst, "count(*)")


def test_badly_reviewed_articles_are_bad_and_sold(analyst: Connection[Any]):
    assert all(row["average_rating"] < 3 and row["sold"] > 0 for row in ask(analyst, 8))


def test_every_payment_is_counted_once_with_its_costs(analyst: Connection[Any]):
    answer = ask(analyst, 9)

    assert sum(row["payments"] for row in answer) == value(
        analyst, "SELECT count(*) FROM core.payments"
    )
    assert sum(row["costs"] for row in answer) == value(
        analyst, "SELECT sum(amount) FROM core.transaction_costs WHERE payment_id IS NOT NULL"
    )


def test_orders_known_by_one_system_have_one_reference(analyst: Connection[Any]):
    assert all(len(row["systems"]) == 1 for row in ask(analyst, 10))
