"""``schemabase explain``: the story of a row that two systems know."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from sandbox.runner import Sandbox
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.tenancy import App, Tenant
from tests.schemabase_dagster.commands.conftest import Run
from tests.support import shops
from tests.support.deliveries import put_delivery, serve
from tests.support.pulls import pull
from tests.support.rows import one, value
from tests.support.shops import Filled


@pytest.fixture(scope="module")
def synced(filled: Filled) -> Iterator[str]:
    """A database with the orders of shop and ERP."""

    def fill(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> None:
        apps = {"saleor_orders": shops.add_saleor(conn, tenant, sandbox),
                "zoho_sales_orders": shops.add_zoho(conn, tenant, sandbox)}  # fmt: skip
        for name, app in apps.items():
            pull(app, name)
        for entity in registry.entities().values():
            merge_entity(entity, tenant, registry.streams())

    with filled(fill) as name:
        yield name


@pytest.fixture
def order(conn: Connection[Any], synced: str) -> dict[str, Any]:
    """An order that the shop and the ERP know, after one sync of both."""
    return one(
        conn,
        "SELECT o.id, o.order_number, o.total_gross FROM core.orders AS o "
        "JOIN core.external_ref AS r ON r.core_id = o.id AND r.entity = 'order' "
        "GROUP BY o.id HAVING count(*) = 2 ORDER BY o.order_number LIMIT 1",
    )


def told(run: Run, *words: str) -> dict[str, Any]:
    ran = run("explain", *words, "--json")
    assert ran.status == 0, ran.err
    story: dict[str, Any] = json.loads(ran.out)
    return story


def fields(story: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for group in story["groups"]:
        for field in group["fields"]:
            yield field["column"], field


def test_order_is_explained_by_both_of_its_records(run: Run, order: dict[str, Any]):
    story = told(run, "order", order["order_number"])

    assert (story["tenant"], story["owner"]) == ("acme", "shop")
    assert {each["app"] for each in story["records"]} == {"shop", "books"}
    assert all(each["versions"] == 1 and each["via"] == "pull" for each in story["records"])


def test_every_column_that_sources_decide_is_told(run: Run, order: dict[str, Any]):
    story = told(run, "order", order["order_number"])

    groups = registry.entities()["order"].groups
    assert [name for name, _ in fields(story)] == [name for each in groups for name in each.columns]


def test_groups_name_who_decided_and_why(run: Run, order: dict[str, Any]):
    groups = {each["name"]: each for each in told(run, "order", order["order_number"])["groups"]}

    assert groups["totals"]["app"] == "shop"
    assert groups["totals"]["why"] == "owns the row (owner > erp)"
    assert groups["invoice_status"]["app"] == "books"
    assert groups["invoice_status"]["why"] == "is the erp (erp > owner)"
    assert "owner cancel" in groups["status"]["why"]


def test_other_opinion_is_shown_beside_the_value(
    run: Run, conn: Connection[Any], order: dict[str, Any]
):
    conn.execute(
        "UPDATE raw.zoho_sales_orders SET payload = payload || '{\"total\": 1.5}' "
        "WHERE external_id IN (SELECT external_id FROM core.external_ref WHERE core_id = %s)",
        (order["id"],),
    )

    field = dict(fields(told(run, "order", order["order_number"])))["total_gross"]

    assert (field["app"], field["others"]) == ("shop", {"books": "1.5"})


@pytest.mark.parametrize("by", ["external_id", "core_id"])
def test_row_is_found_by_any_of_its_ids(
    run: Run, conn: Connection[Any], order: dict[str, Any], by: str
):
    names = one(
        conn,
        "SELECT r.external_id, r.core_id FROM core.external_ref AS r "
        "WHERE r.entity = 'order' AND r.core_id = %s AND r.stream = 'saleor_orders'",
        (order["id"],),
    )

    assert told(run, "order", str(names[by]))["number"] == order["order_number"]


def test_webhook_that_named_the_record_is_shown(
    run: Run,
    conn: Connection[Any],
    saleor_app: App,
    sandbox: Sandbox,
    order: dict[str, Any],
):
    external_id = value(
        conn,
        "SELECT external_id FROM core.external_ref "
        "WHERE entity = 'order' AND core_id = %s AND stream = 'saleor_orders'",
        (order["id"],),
    )
    put_delivery(conn, saleor_app, sandbox, body=f'{{"order": {{"id": "{external_id}"}}}}'.encode())
    put_delivery(conn, saleor_app, sandbox, body=b'{"order": {"id": "another"}}')

    story = told(run, "order", order["order_number"])

    assert [each["status"] for each in story["deliveries"]] == ["received"]
    serve("saleor")
    (delivery,) = told(run, "order", order["order_number"])["deliveries"]
    assert delivery["event_type"] == "order_updated"
    assert (delivery["stream"], delivery["raw"]) == ("saleor_orders", "equal")
    shown = run("explain", "order", order["order_number"]).out
    assert f"processed, saleor_orders equal; delivery {delivery['id']}" in shown


def test_change_that_waits_is_shown(run: Run, conn: Connection[Any], order: dict[str, Any]):
    conn.execute(
        "INSERT INTO platform.todo (tenant_id, stream, app_id, external_id) "
        "SELECT tenant_id, stream, app_id, external_id FROM core.external_ref "
        "WHERE entity = 'order' AND core_id = %s AND stream = 'zoho_sales_orders'",
        (order["id"],),
    )

    waiting = {
        each["app"]: each["waits"] for each in told(run, "order", order["order_number"])["records"]
    }

    assert waiting == {"shop": False, "books": True}
    assert "a change waits" in run("explain", "order", order["order_number"]).out


def test_free_texts_are_hidden_unless_asked_for(
    run: Run, conn: Connection[Any], order: dict[str, Any]
):
    name = value(conn, "SELECT last_name FROM core.orders WHERE id = %s", (order["id"],))
    assert name

    hidden = run("explain", "order", order["order_number"])
    shown = run("explain", "order", order["order_number"], "--personal")

    assert name not in hidden.out
    assert name in shown.out
    assert str(order["total_gross"]) in hidden.out
    assert name not in run("explain", "order", order["order_number"], "--json").out


def test_every_entity_can_be_explained(run: Run, conn: Connection[Any], order: dict[str, Any]):
    explained = []
    for entity in registry.entities().values():
        row = conn.execute(f"SELECT id::text FROM core.{entity.table.name} LIMIT 1").fetchone()
        if row is not None:
            assert told(run, entity.name, row[0])["entity"] == entity.name
            explained.append(entity.name)

    assert {"order", "contact"} <= set(explained)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("pizza", "1"), "There is no entity 'pizza'"),
        (("order", "NOBODY-1"), "No order goes by 'NOBODY-1'"),
    ],
)
def test_mistake_is_one_line(run: Run, tenant: Tenant, words: tuple[str, ...], message: str):
    ran = run("explain", *words)

    assert (ran.status, message in ran.err) == (2, True)
