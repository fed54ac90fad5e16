"""What a reader of one tenant learns of another: nothing, by any token, id, document or log."""

import asyncio
import base64
import itertools
import json
import re
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from psycopg import Connection

from schemabase_dagster import api_tokens, read_endpoints, tenancy
from schemabase_dagster.api_tokens import SCOPES
from schemabase_dagster.tenancy import Tenant
from tests.support.core_rows import put, put_order, put_package
from tests.support.rows import rows
from tests.support.wait import wait_until
from tests.webhook_gateway.conftest import Start
from tests.webhook_gateway.test_intake import until_429
from webhook_gateway.api.rows import QUERIES, Rows

UNKNOWN_ID = "rd_" + "a" * 26
EVERYTHING = (
    "id tenant orderNumber customer { firstName email } shippingAddress { city } "
    "lines { sku description } "
    "packages { id tenant packageNumber events { message } lines { sku description } }"
)


@pytest.fixture
def foreign(conn: Connection[Any], tenant: Tenant) -> Tenant:
    """Tenant ``globex``: the same numbers as ``acme`` has, all other texts name it."""
    other = tenancy.add_tenant(conn, "globex", "globex canary")
    tenancy.grant(conn, other, "*")
    for each in (tenant, other):
        fill(conn, each)
    return other


def fill(conn: Connection[Any], tenant: Tenant) -> None:
    mark = f"{tenant.slug} canary"
    contact_id = put(conn, "core.contacts", tenant, email="ada@shop.example", first_name=mark)
    address_id = put(conn, "core.addresses", tenant, fingerprint=b"1", city=mark)
    order_id = put_order(
        conn, tenant, "STORE-1", contact_id=contact_id, shipping_address_id=address_id,
        customer_note=mark,
    )  # fmt: skip
    put_order(conn, tenant, f"{tenant.slug}-only", ordered_at="2026-01-04T09:00Z")
    package_id = put_package(conn, tenant, "P1", order_id=order_id, events=0)
    put(
        conn, "core.package_events", tenant, event_key="1", package_id=package_id, carrier="dpd",
        tracking_id="TP1", event_at="2026-01-06T01:00Z", message=mark,
    )  # fmt: skip
    for table in ("core.order_lines", "core.package_lines"):
        conn.execute(f"UPDATE {table} SET description = %s WHERE tenant_id = %s",
                     (mark, tenant.id))  # fmt: skip


def make_token(
    conn: Connection[Any], *tenants: Tenant, scopes: tuple[str, ...] = tuple(SCOPES)
) -> str:
    return api_tokens.create(conn, "test", tenants, scopes).token


def send(client: httpx.Client, token: str | None, query: str, **variables: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)


def clues(conn: Connection[Any], tenant: Tenant) -> list[str]:
    """Texts by which an answer would tell of a tenant: its name and every id of its rows."""
    tables = ("core.orders", "core.packages", "core.contacts", "core.addresses")
    ids: list[UUID] = [tenant.id]
    for table in tables:
        found = conn.execute(f"SELECT id FROM {table} WHERE tenant_id = %s", (tenant.id,))
        ids += [row[0] for row in found]
    return [tenant.slug, *map(str, ids)]


def foreign_cursor(conn: Connection[Any], foreign: Tenant) -> str:
    (row,) = rows(
        conn,
        "SELECT ordered_at, id FROM core.orders WHERE tenant_id = %s AND order_number = 'STORE-1'",
        (foreign.id,),
    )
    text = f"{row['ordered_at'].isoformat()}/{row['id']}"
    return base64.urlsafe_b64encode(text.encode()).decode()


WAYS = {
    "by number": f'{{ order(number: "STORE-1") {{ {EVERYTHING} }} }}',
    "by a number of the other": f'{{ order(number: "$other-only") {{ {EVERYTHING} }} }}',
    "by tracking id": f'{{ packages(trackingId: "TP1") {{ order {{ {EVERYTHING} }} }} }}',
    "all orders": f"{{ orders(first: 50) {{ edges {{ cursor node {{ {EVERYTHING} }} }} }} }}",
    "of the other by name": f'{{ orders(first: 9, tenant: "$other") {{ edges {{ node '
    f"{{ {EVERYTHING} }} }} }} }}",
    "order of the other by name": '{ order(number: "STORE-1", tenant: "$other") { id } }',
    "package of the other by name": '{ packages(trackingId: "TP1", tenant: "$other") { id } }',
    "behind a cursor of the other": f'{{ orders(first: 9, after: "$cursor") {{ edges {{ node '
    f"{{ {EVERYTHING} }} }} }} }}",
    "before a cursor of the other": f'{{ orders(first: 9, sort: OLDEST, after: "$cursor") '
    f"{{ edges {{ node {{ {EVERYTHING} }} }} }} }}",
    "with aliases": 'query { a: order(number: "STORE-1") { tenant } '
    'b: order(number: "STORE-1", tenant: "$other") { tenant } '
    'c: order(number: "$other-only") { tenant } }',
    "with fragments": 'query { order(number: "STORE-1") { ...o } } '
    "fragment o on Order { tenant packages { ...p } } "
    "fragment p on Package { tenant order { tenant packages { tenant } } }",
    "inline fragment": 'query { order(number: "$other-only") { ... on Order { tenant } } }',
    "with a wildcard": '{ order(number: "%") { tenant } packages(trackingId: "%") { tenant } }',
    "round": '{ packages(trackingId: "TP1") { order { packages { order { tenant } } } } }',
}


def test_no_document_shows_a_foreign_row(
    conn: Connection[Any], tenant: Tenant, foreign: Tenant, gateway: httpx.Client
):
    token = make_token(conn, tenant)
    both = make_token(conn, tenant, foreign)
    cursor = foreign_cursor(conn, foreign)
    hidden = clues(conn, foreign)

    for way, document in WAYS.items():
        query = document.replace("$other", "globex").replace("$cursor", cursor)
        answer = send(gateway, token, query)

        assert answer.status_code == 200, f"{way}: {answer.text}"
        for clue in hidden:
            assert clue not in answer.text, f"{way} shows {clue}"
        # the same document does show the other tenant to who may read it
        if "by name" in way:
            assert answer.text != send(gateway, both, query).text, f"{way} shows nobody anything"


def test_a_foreign_order_and_one_that_is_nobodys_are_answered_alike(
    conn: Connection[Any], tenant: Tenant, foreign: Tenant, gateway: httpx.Client
):
    token = make_token(conn, tenant)
    query = "query ($n: String!, $t: String) { order(number: $n, tenant: $t) { id } }"

    theirs = send(gateway, token, query, n="globex-only", t="globex")
    nobodys = send(gateway, token, query, n="nobody-only", t="nobody")

    assert theirs.text == nobodys.text


def test_token_of_two_tenants_reads_both_and_must_say_whose_order(
    conn: Connection[Any], tenant: Tenant, foreign: Tenant, gateway: httpx.Client
):
    token = make_token(conn, tenant, foreign)

    listed = send(gateway, token, "{ orders { edges { node { tenant } } } }").json()
    unclear = send(gateway, token, '{ order(number: "STORE-1") { id } }').json()
    named = send(gateway, token, '{ order(number: "STORE-1", tenant: "globex") { tenant } }')

    edges = listed["data"]["orders"]["edges"]
    assert [edge["node"]["tenant"] for edge in edges].count("globex") == 2
    assert unclear["errors"][0]["extensions"]["code"] == "AMBIGUOUS"
    assert named.json()["data"] == {"order": {"tenant": "globex"}}


def test_a_lookup_shows_the_other_tenant_only_to_its_own_token(
    conn: Connection[Any], tenant: Tenant, foreign: Tenant, gateway: httpx.Client
):
    query = f'{{ packages(trackingId: "TP1") {{ tenant order {{ {EVERYTHING} }} }} }}'

    for reader, other in ((tenant, foreign), (foreign, tenant)):
        answer = send(gateway, make_token(conn, reader), query)

        assert {each["tenant"] for each in answer.json()["data"]["packages"]} == {reader.slug}
        assert not [clue for clue in clues(conn, other) if clue in answer.text]


def bad_tokens(conn: Connection[Any], tenant: Tenant) -> dict[str, str | None]:
    revoked, expired = (api_tokens.create(conn, "old", [tenant], ["orders"]) for _ in range(2))
    api_tokens.revoke(conn, revoked.id)
    conn.execute("UPDATE platform.api_token SET expires_at = now() WHERE id = %s", (expired.id,))
    good = make_token(conn, tenant)
    (stored,) = rows(conn, "SELECT encode(token_hash, 'hex') AS hash FROM platform.api_token "
                           "WHERE token_hash = sha256(%s::bytea)", (good.encode(),))  # fmt: skip
    return {
        "none": None,
        "unknown": api_tokens.PREFIX + "a" * 43,
        "revoked": revoked.token,
        "expired": expired.token,
        "one character off": good[:-1] + ("b" if good[-1] == "a" else "a"),
        "its hash": stored["hash"],
        "its id": revoked.id,
        "very long": "a" * 5000,
    }


def test_no_invalid_token_reads_anything_and_all_are_answered_alike(
    conn: Connection[Any], tenant: Tenant, foreign: Tenant, gateway: httpx.Client
):
    answers = {
        what: send(gateway, token, "{ __schema { types { name } } }")
        for what, token in bad_tokens(conn, tenant).items()
    }

    for what, answer in answers.items():
        assert answer.status_code == 401, what
        assert answer.headers["www-authenticate"] == "Bearer"
    bodies = {re.sub(r"tr_[0-9a-f]+", "", answer.text) for answer in answers.values()}
    assert len(bodies) == 1


def test_trying_out_tokens_is_slowed_down(
    conn: Connection[Any], tenant: Tenant, gateway: httpx.Client
):
    numbers = itertools.count()

    codes = until_429(lambda: send(gateway, f"sbt_{next(numbers)}", "{ __typename }"))

    assert set(codes[:-1]) == {401}
    assert len(codes) > 100


NEEDS = {
    "orders": '{ order(number: "STORE-1") { id } }',
    "packages": '{ packages(trackingId: "TP1") { id } }',
    "customers": '{ order(number: "STORE-1") { customer { email } } }',
}
HIDDEN_WAYS = {
    "field": '{ order(number: "STORE-1") { packages { id } } }',
    "fragment": '{ order(number: "STORE-1") { ...a } } fragment a on Order { ...b } '
    "fragment b on Order { packages { id } }",
    "inline fragment": '{ order(number: "STORE-1") { ... { ... on Order { packages { id } } } } }',
    "alias": '{ order(number: "STORE-1") { id: packages { id } } }',
    "skipped fragment": '{ order(number: "STORE-1") { id ...a @skip(if: true) } } '
    "fragment a on Order { packages { id } }",
    "skipped field": '{ order(number: "STORE-1") { packages @include(if: true) { id } } }',
}


@pytest.mark.parametrize("scope", NEEDS)
def test_token_without_the_scope_is_refused(
    conn: Connection[Any], tenant: Tenant, foreign: Tenant, gateway: httpx.Client, scope: str
):
    others = tuple(each for each in SCOPES if each != scope)

    answer = send(gateway, make_token(conn, tenant, scopes=others), NEEDS[scope])

    assert answer.status_code == 403
    assert scope in answer.json()["errors"][0]["message"]
    assert "data" not in answer.json()


def test_no_form_of_a_document_goes_round_the_scopes(
    conn: Connection[Any], tenant: Tenant, foreign: Tenant, gateway: httpx.Client
):
    token = make_token(conn, tenant, scopes=("orders",))

    for way, query in HIDDEN_WAYS.items():
        assert send(gateway, token, query).status_code == 403, way


def test_archived_or_unpaid_tenant_is_not_read(
    conn: Connection[Any], tenant: Tenant, foreign: Tenant, gateway: httpx.Client
):
    token = make_token(conn, tenant, foreign)
    query = "{ orders { edges { node { tenant } } } }"

    tenancy.deactivate_tenant(conn, foreign.slug)
    one = send(gateway, token, query)
    tenancy.revoke(conn, tenant, "*")
    none = send(gateway, token, query)

    assert "globex" not in one.text
    assert "acme" in one.text
    assert none.status_code == 403


def test_rows_of_some_tenants_cannot_be_asked_for_others(
    conn: Connection[Any], tenant: Tenant, foreign: Tenant, postgres: str
):
    async def ask() -> list[Any]:
        async with await psycopg.AsyncConnection.connect(postgres) as own:
            return await Rows(own, [tenant.id]).orders_by_number("STORE-1", [foreign.id])

    assert asyncio.run(ask()) == []


def test_every_query_names_its_tenants_on_every_table():
    for query in QUERIES:
        tables = re.findall(r"(?:FROM|JOIN) core\.\w+", query)
        filters = query.count("tenant_id = ANY(%(tenant_ids)s)")
        filters += query.count("tenant_id = mine.tenant_id\n")
        assert len(tables) == filters, query


def test_published_ids_that_open_nothing_are_answered_alike(
    conn: Connection[Any], tenant: Tenant, gateway: httpx.Client
):
    logistics = read_endpoints.create_logistics(conn, tenant)
    deleted = read_endpoints.create_logistics(conn, tenant)
    read_endpoints.delete(conn, deleted)
    paths = [
        f"/v1/stats/logistics/{UNKNOWN_ID}",
        f"/v1/stats/logistics/{deleted}",
        "/v1/stats/logistics/rd_short",
        f"/v1/stats/logistics/{logistics.upper()}",
        f"/v1/feeds/googlemerchant/{logistics}",
        f"/v1/feeds/googlemerchant/{UNKNOWN_ID}",
        f"/v1/feeds/nothing/{UNKNOWN_ID}",
        f"/v1/feeds/googlemerchant/wh_{'a' * 26}",
        "/v1/feeds/googlemerchant/%27%20OR%201=1",
    ]

    answers = [gateway.get(path) for path in paths]

    assert {answer.status_code for answer in answers} == {404}
    assert len({re.sub(r"tr_[0-9a-f]+", "", answer.text) for answer in answers}) == 1


def test_trying_out_published_ids_is_slowed_down(gateway: httpx.Client, postgres: str):
    codes = until_429(lambda: gateway.get(f"/v1/stats/logistics/{UNKNOWN_ID}"))

    assert set(codes[:-1]) == {404}
    assert len(codes) > 100


def test_log_lines_name_only_the_readers_tenants_and_no_secret(
    conn: Connection[Any], tenant: Tenant, foreign: Tenant, start: Start,
    capfdbinary: pytest.CaptureFixture[bytes],
):  # fmt: skip
    client = start(access_log=True)
    token = make_token(conn, tenant)
    endpoint = read_endpoints.create_logistics(conn, tenant)

    send(client, token, '{ order(number: "STORE-1", tenant: "globex") { id } }')
    send(client, "sbt_canary-token", "{ __typename }")
    client.get(f"/v1/stats/logistics/{endpoint}")
    client.get("/v1/feeds/googlemerchant/rd_canary-id")
    client.get("/healthz")
    logged = wait_for_lines(capfdbinary, 4)

    lines = [json.loads(line) for line in logged.splitlines()]
    assert [line["tenants"] for line in lines] == [["acme"], [], ["acme"], []]
    for clue in ("globex", "STORE-1", "canary", token, endpoint):
        assert clue not in logged


def wait_for_lines(captured: pytest.CaptureFixture[bytes], count: int) -> str:
    text = ""

    def arrived() -> bool:
        nonlocal text
        text += captured.readouterr().out.decode()
        return text.count("\n") >= count

    wait_until(arrived, what="the access log")
    return text
