"""Without these, a sender drops or renames a field and nobody knows why values are missing."""

from typing import Any

import orjson
import pytest
from psycopg import Connection

from assets.orders.zoho import ZOHO_SALES_ORDERS
from assets.shapes import ENOUGH, check_shape
from schemabase_dagster import inbox
from schemabase_dagster.inbox import shapes
from schemabase_dagster.inbox.shapes import note_shapes, shape_of
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import zoho_order
from tests.schemabase_dagster.engine.test_hints import deliver, land
from tests.support import shops
from tests.support.rows import count, rows, value
from tests.support.source import Source

USUAL = {"order": {"id": "1", "total": 1.5, "lines": [{"sku": "A"}], "note": None}}


def note(conn: Connection[Any], tenant: Tenant, *payloads: Any) -> None:
    """Record deliveries that came one after the other."""
    for payload in payloads:
        note_shapes(conn, tenant.id, "zoho", [("saved", payload)])


def order(**changes: Any) -> dict[str, Any]:
    return {"order": {**USUAL["order"], **changes}}


def without(*names: str) -> dict[str, Any]:
    return {"order": {key: item for key, item in USUAL["order"].items() if key not in names}}


def test_a_shape_has_paths_and_types_and_no_values():
    assert shape_of(USUAL) == {
        ("", "object"), (".order", "object"), (".order.id", "string"), (".order.total", "number"),
        (".order.lines", "array"), (".order.lines[]", "object"), (".order.lines[].sku", "string"),
        (".order.note", "null"),
    }  # fmt: skip
    assert shape_of({"jana@example.org": 1, "4711": 2}) == {("", "object"), (".*", "number")}


def test_a_bottomless_payload_is_looked_at_from_above_only():
    deep: Any = {}
    for _ in range(900):
        deep = {"a": [deep]}

    assert len(shape_of(deep)) == shapes.MOST_DEPTH + 1
    assert len(shape_of({"a": [{str(n): 1} for n in range(10**4)]})) == 4


def check(conn: Connection[Any], tenant: Tenant) -> list[tuple[str, str, str]]:
    """Return what the check shows, after a look at how bad it is."""
    verdict = check_shape(conn, tenant, ZOHO_SALES_ORDERS)
    vanished = any(row["change"] == "vanished" for row in verdict.rows)
    assert verdict.passed == (not verdict.rows)
    assert verdict.severity == ("ERROR" if vanished else "WARN")
    return [(row["change"], row["path"], row["type"]) for row in verdict.rows]


def test_a_field_that_all_had_and_none_has_any_more_is_an_error(
    conn: Connection[Any], tenant: Tenant
):
    note(conn, tenant, *[USUAL] * ENOUGH)
    note(conn, tenant, *[without("total")] * (ENOUGH - 1))
    assert check(conn, tenant) == []

    note(conn, tenant, without("total"))

    assert check(conn, tenant) == [("vanished", ".order.total", "number")]


def test_what_was_away_for_a_while_is_optional_from_then_on(conn: Connection[Any], tenant: Tenant):
    note(conn, tenant, *[USUAL] * ENOUGH)
    note(conn, tenant, *[without("total")] * ENOUGH, USUAL)
    assert check(conn, tenant) == []

    note(conn, tenant, *[without("total")] * ENOUGH)

    assert check(conn, tenant) == []


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(order(lines=[]), id="an empty array lacks nothing"),
        pytest.param(order(note="x"), id="a text where null was"),
        pytest.param(order(total=2), id="a whole number"),
        pytest.param(order(total=None), id="null where a number was"),
    ],
)
def test_usual_differences_are_no_drift(conn: Connection[Any], tenant: Tenant, payload: Any):
    note(conn, tenant, *[USUAL] * ENOUGH)

    note(conn, tenant, *[payload] * ENOUGH)

    assert check(conn, tenant) == []


def test_new_fields_and_types_are_warnings_for_a_day(conn: Connection[Any], tenant: Tenant):
    note(conn, tenant, *[USUAL] * ENOUGH)

    note(conn, tenant, order(total="1.50", tags=["a"]))

    assert check(conn, tenant) == [
        ("other type than number", ".order.total", "string"),
        ("new", ".order.tags", "array"), ("new", ".order.tags[]", "string"),
    ]  # fmt: skip
    conn.execute("UPDATE platform.webhook_shape SET first_seen_at = now() - interval '25 hours'")
    assert check(conn, tenant) == []


def test_events_without_a_name_are_told_apart_by_their_subject(
    conn: Connection[Any], tenant: Tenant
):
    for payload in [USUAL] * ENOUGH + [{"package": {"id": "1"}}] * ENOUGH:
        note_shapes(conn, tenant.id, "zoho", [("", payload)])

    assert check(conn, tenant) == []
    events = rows(conn, "SELECT event_type FROM platform.webhook_shape WHERE path = '' ORDER BY 1")
    assert [row["event_type"] for row in events] == ["order", "package"]


def test_what_a_new_sender_sends_is_no_drift(conn: Connection[Any], tenant: Tenant):
    note(conn, tenant, USUAL, without("total"), order(tags=["a"]))

    assert check(conn, tenant) == []


def test_a_usual_delivery_writes_its_count_only(conn: Connection[Any], tenant: Tenant):
    note(conn, tenant, USUAL)
    query = "SELECT path, xmin::text FROM platform.webhook_shape WHERE path <> '' ORDER BY 1"
    before = rows(conn, query)

    note(conn, tenant, USUAL)

    assert rows(conn, query) == before
    assert value(conn, "SELECT deliveries FROM platform.webhook_shape WHERE path = ''") == 2


def test_of_a_burst_some_deliveries_are_looked_at(conn: Connection[Any], tenant: Tenant):
    note_shapes(conn, tenant.id, "zoho", [("saved", USUAL)] * (shapes.SAMPLE + 1))

    query = "SELECT deliveries FROM platform.webhook_shape WHERE path = ''"
    assert value(conn, query) == shapes.SAMPLE


def test_keys_at_will_fill_no_table(
    conn: Connection[Any], tenant: Tenant, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shapes, "MOST_PATHS", 20)

    note(conn, tenant, *[{f"key_{n}": {"a": 1}} for n in range(30)])
    for number in range(30):
        note_shapes(conn, tenant.id, "zoho", [(f"event_{number}", USUAL)])

    assert count(conn, "platform.webhook_shape") <= 20


def test_deliveries_are_looked_at_and_replayed_copies_are_not(
    conn: Connection[Any], tenant: Tenant
):
    books: App = shops.unreachable_zoho(conn, tenant)
    deliver(conn, books, {"salesorder": zoho_order("1")}, {"package": {}}, b"{not json")
    land(Source(ZOHO_SALES_ORDERS), books)

    inbox.replay(conn, inbox.Selection(tenant="acme"))
    land(Source(ZOHO_SALES_ORDERS), books)

    seen = "SELECT deliveries FROM platform.webhook_shape WHERE path = ''"
    assert value(conn, seen) == 2
    paths = (
        "SELECT count(*) FROM platform.webhook_shape WHERE path = '.salesorder.line_items[].sku'"
    )
    assert value(conn, paths) == 1
    assert orjson.dumps(rows(conn, "SELECT path FROM platform.webhook_shape")).find(b"Jana") == -1
