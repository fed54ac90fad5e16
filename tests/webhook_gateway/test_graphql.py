"""Without these, a reader gets half an answer, pages that skip orders, or the server's time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from schemabase_dagster import api_tokens
from schemabase_dagster.tenancy import Tenant
from schemabase_dagster.webhooks import Created
from tests.support.core_rows import put, put_order, put_package
from tests.support.rows import value
from tests.webhook_gateway.conftest import Start
from tests.webhook_gateway.nonsense import DOCUMENTS
from tests.webhook_gateway.test_intake import post
from webhook_gateway.api.rows import Rows

Ask = Callable[..., httpx.Response]


@pytest.fixture
def token(conn: Connection[Any], tenant: Tenant) -> str:
    """A token that reads everything of ``acme``."""
    return api_tokens.create(conn, "test", [tenant], list(api_tokens.SCOPES)).token


@pytest.fixture
def ask(gateway: httpx.Client, token: str) -> Ask:
    """Send a document with the token and variables."""

    def send(query: str, **variables: Any) -> httpx.Response:
        return gateway.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={"Authorization": f"Bearer {token}"},
        )

    return send


def data(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    assert "errors" not in answer.json()
    return answer.json()["data"]


def code(answer: httpx.Response) -> str:
    return str(answer.json()["errors"][0]["extensions"]["code"])


def test_package_by_tracking_id_with_order_events_and_lines(
    conn: Connection[Any], tenant: Tenant, ask: Ask
):
    order_id = put_order(conn, tenant, "STORE-1")
    put_package(conn, tenant, "P1", order_id=order_id, events=2)

    found = data(
        ask(
            '{ packages(trackingId: "TP1") { tenant packageNumber carrier state '
            "order { orderNumber totalGross lines { sku quantity } } "
            "events { eventAt message } lines { sku } } }"
        )
    )

    assert found == {
        "packages": [
            {
                "tenant": "acme",
                "packageNumber": "P1",
                "carrier": "dpd",
                "state": "in_transit",
                "order": {
                    "orderNumber": "STORE-1",
                    "totalGross": "10.0000",
                    "lines": [{"sku": "STORE-1-sku-1", "quantity": "1.000000"}],
                },
                "events": [
                    {"eventAt": "2026-01-06T01:00:00+00:00", "message": "P1 event 1"},
                    {"eventAt": "2026-01-06T02:00:00+00:00", "message": "P1 event 2"},
                ],
                "lines": [{"sku": "P1-sku"}],
            }
        ]
    }


@pytest.mark.parametrize(
    "given", ["A1", "b2", " B2 ", "a1"], ids=["first", "case", "blanks", "low"]
)
def test_package_is_found_by_each_of_its_tracking_ids(
    conn: Connection[Any], tenant: Tenant, ask: Ask, given: str
):
    put_package(conn, tenant, "P1", tracking_id="A1", tracking_ids=["A1", "B2"])

    found = data(
        ask("query ($id: String!) { packages(trackingId: $id) { packageNumber } }", id=given)
    )

    assert found == {"packages": [{"packageNumber": "P1"}]}


def test_order_by_number_with_customer_and_addresses(
    conn: Connection[Any], tenant: Tenant, ask: Ask
):
    contact_id = put(conn, "core.contacts", tenant, email="ada@shop.example", first_name="Ada")
    address_id = put(conn, "core.addresses", tenant, fingerprint=b"1", city="Bonn")
    put_order(
        conn, tenant, "STORE-1", contact_id=contact_id, shipping_address_id=address_id,
        last_name="Lovelace",
    )  # fmt: skip

    found = data(
        ask(
            '{ order(number: "STORE-1") { customer { firstName lastName email } '
            "shippingAddress { city } billingAddress { city } } }"
        )
    )

    assert found["order"] == {
        "customer": {"firstName": "Ada", "lastName": "Lovelace", "email": "ada@shop.example"},
        "shippingAddress": {"city": "Bonn"},
        "billingAddress": None,
    }


def test_what_is_deleted_is_not_there(conn: Connection[Any], tenant: Tenant, ask: Ask):
    put_order(conn, tenant, "STORE-1", deleted_at="2026-01-06T00:00Z")
    put_package(conn, tenant, "P1", deleted_at="2026-01-06T00:00Z")

    found = data(
        ask(
            '{ order(number: "STORE-1") { id } packages(trackingId: "TP1") { id } '
            "orders { edges { cursor } } }"
        )
    )

    assert found == {"order": None, "packages": [], "orders": {"edges": []}}


@pytest.mark.parametrize("sort", ["NEWEST", "OLDEST"])
def test_pages_hold_every_order_once_although_times_are_equal(
    conn: Connection[Any], tenant: Tenant, ask: Ask, sort: str
):
    for number in range(7):
        put_order(conn, tenant, f"S-{number}", ordered_at=f"2026-01-0{1 + number // 3}T09:00Z")
    query = (
        f"query ($after: String) {{ orders(first: 3, after: $after, sort: {sort}) "
        "{ edges { node { orderNumber orderedAt } } pageInfo { endCursor hasNextPage } } }"
    )

    pages, after = [], None
    while True:
        page = data(ask(query, after=after))["orders"]
        pages.append([edge["node"] for edge in page["edges"]])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert [len(page) for page in pages] == [3, 3, 1]
    listed = [node for page in pages for node in page]
    assert {node["orderNumber"] for node in listed} == {f"S-{number}" for number in range(7)}
    times = [node["orderedAt"] for node in listed]
    assert times == sorted(times, reverse=sort == "NEWEST")


def test_last_full_page_has_no_next(conn: Connection[Any], tenant: Tenant, ask: Ask):
    for number in range(2):
        put_order(conn, tenant, f"S-{number}")

    found = data(ask("{ orders(first: 2) { edges { cursor } pageInfo { hasNextPage } } }"))

    assert len(found["orders"]["edges"]) == 2
    assert found["orders"]["pageInfo"] == {"hasNextPage": False}


def test_number_of_statements_does_not_grow_with_the_rows(
    conn: Connection[Any], tenant: Tenant, ask: Ask, monkeypatch: pytest.MonkeyPatch
):
    for number in range(5):
        order_id = put_order(conn, tenant, f"S-{number}", lines=2)
        for piece in range(2):
            put_package(conn, tenant, f"P-{number}-{piece}", order_id=order_id, events=2)
    nested = "lines { sku } packages { lines { sku } events { message } order { orderNumber } }"
    fetched: list[str] = []
    fetch = Rows._fetch

    def counted(self: Rows, query: Any, *args: Any, **values: Any) -> Any:
        fetched.append(query)
        return fetch(self, query, *args, **values)

    monkeypatch.setattr(Rows, "_fetch", counted)

    found = data(ask(f"{{ orders {{ edges {{ node {{ {nested} }} }} }} }}"))

    assert len(found["orders"]["edges"]) == 5
    assert len(fetched) == len(set(fetched)) == 6


LIMITED = {
    "QUERY_TOO_DEEP": "{ orders { edges { node { packages { order { packages { order { packages "
    "{ order { id } } } } } } } } } }",
    "QUERY_TOO_COSTLY": "{ orders(first: 100) { edges { node { packages { events { state } "
    "lines { sku } } lines { sku } } } } "
    "more: orders(first: 100) { edges { node { packages { events { state } lines { sku } } } } } }",
    "QUERY_TOO_COSTLY by many roots": "{ "
    + " ".join(f'a{n}: order(number: "x") {{ id }}' for n in range(41))
    + " }",
    "DOCUMENT_TOO_LARGE": "{ " + "orders { edges { cursor } } " * 200 + "}",
    "GRAPHQL_PARSE_FAILED": "{ orders ",
    "BAD_USER_INPUT": "{ orders(first: 101) { edges { cursor } } }",
}


@pytest.mark.parametrize("expected", LIMITED)
def test_document_beyond_a_limit_is_refused(ask: Ask, expected: str):
    answer = ask(LIMITED[expected])

    assert (answer.status_code, code(answer)) == (400, expected.partition(" ")[0])


BOMBS = {
    "nested braces": "{ orders " * 5000,
    "nested lists": "{ order(number: " + "[" * 20_000 + ") { id } }",
    "fragments that double": "{ orders { edges { node { ...f0 } } } } "
    + " ".join(
        f"fragment f{n} on Order {{ packages {{ order {{ ...f{n + 1} }} }} ...f{n + 1} }}"
        for n in range(30)
    )
    + " fragment f30 on Order { id }",
    "fragment of itself": "{ orders { edges { node { ...f } } } } "
    "fragment f on Order { packages { order { ...f } } }",
    "many aliases": "{ "
    + " ".join(
        f'a{n}: order(number: "x") {{ lines {{ sku }} packages {{ id }} }}' for n in range(70)
    )
    + " }",
    "schema of the schema": "{ __schema { types { fields { type { fields { type { fields "
    "{ type { fields { type { name } } } } } } } } } } }",
    "endless number": "{ orders(first: " + "9" * 20_000 + ") { edges { cursor } } }",
    "unknown everything": "{ a { b(c: $d) @e { ... on F { g } ...h } } }",
    "subscription": "subscription { orders { edges { cursor } } }",
    "mutation": "mutation { orders { edges { cursor } } }",
    "nothing": "",
    "a fragment alone": "fragment f on Order { id }",
    "another operation": "query a { __typename } query b { __typename }",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_malicious_document_is_refused(ask: Ask, bomb: str):
    answer = ask(BOMBS[bomb])

    assert answer.status_code == 400
    assert answer.json().keys() == {"errors"}


@pytest.mark.parametrize(
    "text",
    ["\x00", "\ud800", "%", "'; DROP TABLE core.orders --", "x" * 50_000],
    ids=["null", "surrogate", "wildcard", "statement", "long"],
)
def test_odd_text_finds_nothing(conn: Connection[Any], tenant: Tenant, ask: Ask, text: str):
    put_order(conn, tenant, "STORE-1")
    query = "query ($t: String!) { order(number: $t) { id } packages(trackingId: $t) { id } }"

    answer = ask(query, t=text.encode("utf-8", "ignore").decode() or "x")

    assert data(answer) == {"order": None, "packages": []}


@pytest.mark.parametrize("cursor", ["x", "", "MjAyNi0wMS0wMQ==", "\U0001f600", "AA=="])
def test_cursor_of_nothing_is_told(ask: Ask, cursor: str):
    answer = ask("query ($c: String!) { orders(after: $c) { edges { cursor } } }", c=cursor)

    if cursor:
        assert (answer.status_code, code(answer)) == (400, "BAD_USER_INPUT")
    else:
        assert data(answer) == {"orders": {"edges": []}}


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(document=DOCUMENTS, variables=st.dictionaries(st.text(max_size=5), st.text(max_size=9)))
def test_no_document_is_our_fault(ask: Ask, document: str, variables: dict[str, Any]):
    answer = ask(document, **variables)

    assert answer.status_code in {200, 400}
    assert "Traceback" not in answer.text


BODIES: dict[str, tuple[bytes, int]] = {
    "not JSON": (b"{", 400),
    "a batch": (b'[{"query": "{ __typename }"}]', 400),
    "no document": (b"{}", 400),
    "a document of another type": (b'{"query": 1}', 400),
    "variables of another type": (b'{"query": "{ __typename }", "variables": []}', 400),
    "not text": (b"\xff\xfe", 400),
    "too large": (b" " * 65_537, 413),
}


@pytest.mark.parametrize("what", BODIES)
def test_malformed_body_is_refused(gateway: httpx.Client, token: str, what: str):
    body, status = BODIES[what]

    answer = gateway.post("/graphql", content=body, headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == status


def test_other_methods_are_refused(gateway: httpx.Client):
    answer = gateway.get("/graphql?query={__typename}")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_graphiql_is_there_only_where_it_is_switched_on(start: Start):
    page = start(graphiql=True).get("/graphql")

    assert page.status_code == 200
    assert "GraphiQL" in page.text


def test_schema_is_told_to_those_with_a_token(ask: Ask):
    found = data(ask("{ __schema { queryType { name } types { name } } }"))

    assert {"Order", "Package"} <= {each["name"] for each in found["__schema"]["types"]}


def test_slow_query_is_ended_and_told_as_passing(
    conn: Connection[Any], tenant: Tenant, token: str, start: Start
):
    put_order(conn, tenant, "STORE-1")
    client = start(statement_seconds=0.2)
    conn.execute("BEGIN; LOCK TABLE core.orders IN ACCESS EXCLUSIVE MODE")

    answer = client.post(
        "/graphql",
        json={"query": '{ order(number: "STORE-1") { id } }'},
        headers={"Authorization": f"Bearer {token}"},
    )

    conn.execute("ROLLBACK")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "core.orders" not in answer.text


def test_unforeseen_error_tells_nothing(
    conn: Connection[Any], tenant: Tenant, ask: Ask, monkeypatch: pytest.MonkeyPatch
):
    put_order(conn, tenant, "STORE-1")

    async def fail(*_: Any) -> Any:
        raise KeyError("canary-inside")

    monkeypatch.setattr(Rows, "children", fail)

    answer = ask('{ order(number: "STORE-1") { orderNumber lines { sku } } }')

    assert answer.status_code == 200
    assert code(answer) == "INTERNAL"
    assert "canary" not in answer.text


def test_readers_cannot_write(
    conn: Connection[Any], tenant: Tenant, ask: Ask, monkeypatch: pytest.MonkeyPatch
):
    put_order(conn, tenant, "STORE-1", total_gross=10)

    async def write(self: Rows, *_: Any, **__: Any) -> Any:
        await self._conn.execute("UPDATE core.orders SET total_gross = 0")
        return []

    monkeypatch.setattr(Rows, "orders_by_number", write)

    answer = ask('{ order(number: "STORE-1") { id } }')

    assert answer.status_code == 503
    assert value(conn, "SELECT total_gross FROM core.orders") == 10


def test_use_of_a_token_is_noted(conn: Connection[Any], ask: Ask):
    ask("{ __typename }")

    assert value(conn, "SELECT last_used_at FROM platform.api_token") is not None


def test_deliveries_are_taken_while_readers_hold_all_their_connections(
    conn: Connection[Any], tenant: Tenant, token: str, start: Start, endpoint: Created
):
    client = start(read_connections=1)
    conn.execute("BEGIN; LOCK TABLE core.orders IN ACCESS EXCLUSIVE MODE")
    body = {"query": '{ order(number: "STORE-1") { id } }'}
    headers = {"Authorization": f"Bearer {token}"}
    with ThreadPoolExecutor() as threads:
        asked = [threads.submit(client.post, "/graphql", json=body, headers=headers)
                 for _ in range(5)]  # fmt: skip

        delivered = post(client, endpoint)

        waiting = not all(each.done() for each in asked)
        conn.execute("ROLLBACK")
        assert {each.result().status_code for each in asked} <= {200, 503}
    assert delivered.status_code == 200
    assert waiting
