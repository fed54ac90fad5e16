"""What was mapped before its turn is used only where it is still true."""

from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from schemabase_dagster.engine import merge as merging
from schemabase_dagster.engine import todo
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import at, zoho_order
from tests.schemabase_dagster.engine.conftest import Merge, Put
from tests.support.rows import count

ZOHO = "zoho_sales_orders"


def foresee(conn: Connection[Any], tenant: Tenant, config: object, app: App) -> Any:
    coming = todo.peek(conn, tenant.id, [ZOHO], 0, 100)
    return todo.foresee(conn, coming, registry.streams(), {app.id: config})


def config_of(app: App, **changed: object) -> Any:
    return registry.streams()[ZOHO].system.config.model_validate({**app.config, **changed})


@pytest.fixture
def never_mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("mapped again")

    monkeypatch.setattr(todo, "_map", refuse)


def test_an_unchanged_record_is_not_mapped_again(
    conn: Connection[Any], tenant: Tenant, books: App, put: Put, request: pytest.FixtureRequest
):
    put(books, ZOHO, zoho_order("1"))
    config = config_of(books)
    foreseen = foresee(conn, tenant, config, books)
    request.getfixturevalue("never_mapped")

    read = todo.read(conn, foreseen, registry.streams(), {books.id: config}, foreseen)

    assert [item.external_id for item in read.mapped] == ["1"]


def test_a_record_that_changed_since_is_mapped_again(
    conn: Connection[Any], tenant: Tenant, books: App, put: Put
):
    put(books, ZOHO, zoho_order("1", order_status="confirmed"))
    config = config_of(books)
    foreseen = foresee(conn, tenant, config, books)
    put(books, ZOHO, zoho_order("1", order_status="void", modified=at(1)))

    read = todo.read(conn, foreseen, registry.streams(), {books.id: config}, foreseen)

    assert [item.candidate.status for item in read.mapped] == ["void"]


def test_a_record_that_was_deleted_since_is_deleted(
    conn: Connection[Any], tenant: Tenant, books: App, put: Put
):
    put(books, ZOHO, zoho_order("1"))
    config = config_of(books)
    foreseen = foresee(conn, tenant, config, books)
    conn.execute("UPDATE raw.zoho_sales_orders SET deleted_at = now()")

    read = todo.read(conn, foreseen, registry.streams(), {books.id: config}, foreseen)

    assert (read.mapped, read.deleted) == ([], [(ZOHO, books.id, "1")])


def test_another_configuration_of_the_app_maps_again(
    conn: Connection[Any], tenant: Tenant, books: App, put: Put
):
    put(books, ZOHO, zoho_order("1", cf_note="call first"))
    foreseen = foresee(conn, tenant, config_of(books), books)
    config = config_of(books, custom_fields={"customer_note": "cf_note"})

    read = todo.read(conn, foreseen, registry.streams(), {books.id: config}, foreseen)

    assert [item.candidate.values["customer_note"] for item in read.mapped] == ["call first"]


def test_batches_that_are_foreseen_merge_every_record_once(
    conn: Connection[Any],
    tenant: Tenant,
    books: App,
    put: Put,
    merge: Merge,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(merging, "FIRST_RECORDS", 3)
    monkeypatch.setattr(merging, "BATCH_RECORDS", 3)
    put(books, ZOHO, *(zoho_order(str(n)) for n in range(10)))

    result = merge(tenant, "order")

    assert (result.read, result.changed) == (10, 10)
    assert count(conn, "core.orders") == 10
