"""The Xentral client against the sandbox: digest, paging, filters, look-ups, error bodies."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from psycopg import Connection

from assets.orders.xentral import XENTRAL_ORDERS
from assets.packages.xentral import (
    XENTRAL_DELIVERY_NOTES,
    XENTRAL_SHIPPING_METHODS,
    XENTRAL_TRACKING_NUMBERS,
)
from assets.variants.xentral import XENTRAL_ARTICLES
from resources.xentral.client import XentralClient
from resources.xentral.resource import XentralResource
from sandbox.runner import Sandbox
from schemabase_dagster import tenancy
from schemabase_dagster.errors import (
    CredentialError,
    ProviderContractError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)
from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import App, Tenant
from tests.resources.script import Answer, Script
from tests.support import shops
from tests.support.shops import MERCHANT

PAGE_SIZE = 50
NO_USER = {"username": "", "password": ""}
NOT_FOUND = b'{"error": {"code": 7452, "http_code": 404, "message": "Resource not found"}}'
KINDS = [
    pytest.param(XENTRAL_ARTICLES, "articles", id="articles"),
    pytest.param(XENTRAL_ORDERS, "orders", id="orders"),
    pytest.param(XENTRAL_DELIVERY_NOTES, "delivery_notes", id="delivery notes"),
    pytest.param(XENTRAL_TRACKING_NUMBERS, "tracking_numbers", id="tracking numbers"),
    pytest.param(XENTRAL_SHIPPING_METHODS, "shipping_methods", id="shipping methods"),
]


@pytest.fixture
def app(conn: Connection[Any], large_sandbox: Sandbox, tenant: Tenant) -> App:
    return shops.add_xentral(conn, tenant, large_sandbox, page_size=PAGE_SIZE)


@pytest.fixture
def client(app: App) -> Iterator[XentralClient]:
    with quick().open(app) as client:
        yield client


def quick(**settings: Any) -> XentralResource:
    values = {"backoff_seconds": 0.01, "rate_limit_seconds": 0.01}
    return XentralResource(**{**values, **settings})


def moved(conn: Connection[Any], app: App, script: Script) -> App:
    """Return the app at the address of a server that answers as it is told."""
    conn.execute(
        "UPDATE platform.app SET config = config || jsonb_build_object('url', %s::text)",
        (script.url,),
    )
    return tenancy.get_app(conn, app.tenant_slug, app.key)


def ids(client: XentralClient, stream: Stream, **options: Any) -> list[str]:
    options.setdefault("since", None)
    pages = client.iter_pages(stream, **options)
    return [str(row["id"]) for page in pages for row in page.records]


def body(*row_ids: int, last: int = 1, total: int | None = None) -> bytes:
    rows = [{"id": row_id} for row_id in row_ids]
    numbers = {"page_last": last, "items_total": len(rows) if total is None else total}
    return orjson.dumps({"data": rows, "pagination": numbers})


@pytest.mark.parametrize(("stream", "entity"), KINDS)
def test_every_record_is_listed_once(
    client: XentralClient, large_sandbox: Sandbox, stream: Stream, entity: str
):
    known = large_sandbox.control.ids(MERCHANT, "xentral", entity)

    pages = list(client.iter_pages(stream, since=None))

    assert [str(row["id"]) for page in pages for row in page.records] == known
    assert len(pages) == -(-len(known) // PAGE_SIZE)
    assert {page.total for page in pages} == {len(known)}
    positions = [page.resume for page in pages]
    assert positions == [{"page": number} for number in range(2, len(pages) + 1)] + [None]


def test_documents_come_with_their_positions(client: XentralClient):
    for stream in (XENTRAL_ORDERS, XENTRAL_DELIVERY_NOTES):
        page = next(client.iter_pages(stream, since=None))
        assert all(row["positionen"] for row in page.records)


def test_a_page_that_is_just_full_is_the_last(
    conn: Connection[Any], tenant: Tenant, large_sandbox: Sandbox
):
    total = len(large_sandbox.control.ids(MERCHANT, "xentral", "articles"))
    app = shops.add_xentral(conn, tenant, large_sandbox, page_size=total // 2)

    with quick().open(app) as client:
        pages = list(client.iter_pages(XENTRAL_ARTICLES, since=None))

    assert [len(page.records) for page in pages] == [total // 2] * 2
    assert client.calls == 2


def test_an_interrupted_listing_reads_the_page_before_again(
    client: XentralClient, large_sandbox: Sandbox
):
    known = large_sandbox.control.ids(MERCHANT, "xentral", "orders")

    rest = ids(client, XENTRAL_ORDERS, resume={"page": 3})

    assert rest == known[PAGE_SIZE:]


def test_rows_that_go_while_pages_are_read_pull_no_other_out_of_the_listing(
    conn: Connection[Any], app: App, script: Script
):
    script.answers = [
        Answer(body=body(1, 2, last=3, total=6)),
        Answer(body=body(5, 6, last=3, total=5)),
        Answer(body=body(2, 3, last=3, total=5)),
        Answer(body=body(5, 6, last=3, total=5)),
        Answer(body=body(7, last=3, total=5)),
    ]
    conn.execute("UPDATE platform.app SET config = config || '{\"page_size\": 2}'")

    with quick().open(moved(conn, app, script)) as client:
        found = ids(client, XENTRAL_ARTICLES)

    assert found == ["1", "2", "2", "3", "5", "6", "7"]


@pytest.mark.parametrize("empty_is_ok", [False, True], ids=["404", "200"])
def test_an_empty_list_is_empty_however_it_is_answered(
    client: XentralClient, large_sandbox: Sandbox, empty_is_ok: bool
):
    large_sandbox.control.set_warehouse(MERCHANT, empty_is_ok=empty_is_ok)
    future = datetime(2099, 1, 1, tzinfo=UTC)

    (page,) = client.iter_pages(XENTRAL_ORDERS, since=future)

    assert (page.records, page.resume, page.total) == ([], None, None)


def test_only_documents_of_a_day_and_later_are_listed(
    client: XentralClient, large_sandbox: Sandbox
):
    rows = [row for page in client.iter_pages(XENTRAL_ORDERS, since=None) for row in page.records]
    days = sorted(row["datum"] for row in rows)
    since = datetime.fromisoformat(days[-20]).replace(hour=12, tzinfo=UTC)
    large_sandbox.control.reset_calls()

    found = [row for page in client.iter_pages(XENTRAL_ORDERS, since=since) for row in page.records]

    assert {row["datum"] for row in found} >= set(days[-20:])
    assert len(found) < len(rows)


def test_articles_cannot_be_filtered_by_time(client: XentralClient, large_sandbox: Sandbox):
    known = large_sandbox.control.ids(MERCHANT, "xentral", "articles")

    assert ids(client, XENTRAL_ARTICLES, since=datetime(2099, 1, 1, tzinfo=UTC)) == known


def test_only_the_project_is_read(conn: Connection[Any], tenant: Tenant, large_sandbox: Sandbox):
    app = shops.add_xentral(conn, tenant, large_sandbox, project_id=3)

    with quick().open(app) as client:
        assert ids(client, XENTRAL_ORDERS) == ids(client, XENTRAL_ARTICLES) == []
        assert ids(client, XENTRAL_SHIPPING_METHODS) != []


def test_ids_are_looked_up_one_by_one_as_they_are_listed(
    client: XentralClient, large_sandbox: Sandbox
):
    listed = next(client.iter_pages(XENTRAL_DELIVERY_NOTES, since=None)).records[0]
    known = f"delivery_note-{listed['id']}"

    found = {each.external_id: each.record for each in client.look_up(
        XENTRAL_DELIVERY_NOTES, [known, "delivery_note-77777777"])}  # fmt: skip

    assert found == {known: listed, "delivery_note-77777777": None}
    assert large_sandbox.control.calls()[MERCHANT]["xentral"]["detail"] >= 2


def test_records_are_counted_by_one_call(client: XentralClient, large_sandbox: Sandbox):
    known = large_sandbox.control.ids(MERCHANT, "xentral", "orders")

    assert (client.count(XENTRAL_ORDERS), client.calls) == (len(known), 1)


def test_check_tells_what_the_account_may_read(client: XentralClient, large_sandbox: Sandbox):
    large_sandbox.control.set_warehouse(MERCHANT, denied=["tracking_number"])

    found = client.check()

    known = large_sandbox.control.ids(MERCHANT, "xentral", "orders")
    assert found["belege/auftraege"] == str(len(known))
    assert found["trackingnummern"] == "not permitted (7421)"


class TestAccess:
    def test_a_challenge_is_asked_for_once(self, client: XentralClient, large_sandbox: Sandbox):
        large_sandbox.control.reset_calls()

        ids(client, XENTRAL_ARTICLES)
        ids(client, XENTRAL_ARTICLES)

        assert client.calls == 4
        assert large_sandbox.control.calls()[MERCHANT]["xentral"]["total"] == 5

    def test_a_nonce_that_is_over_is_replaced(self, client: XentralClient, large_sandbox: Sandbox):
        ids(client, XENTRAL_ARTICLES)
        large_sandbox.control.pass_time(86_401)

        assert ids(client, XENTRAL_ARTICLES) != []

    def test_an_unknown_nonce_is_replaced(self, client: XentralClient, large_sandbox: Sandbox):
        ids(client, XENTRAL_ARTICLES)
        large_sandbox.control.reset()

        assert ids(client, XENTRAL_ARTICLES) != []

    def test_a_token_opens_the_same_lists(
        self, conn: Connection[Any], tenant: Tenant, large_sandbox: Sandbox
    ):
        token = large_sandbox.state.accounts[MERCHANT].warehouse.token
        app = shops.add_xentral(conn, tenant, large_sandbox, secrets={**NO_USER, "token": token})

        with quick().open(app) as client:
            assert ids(client, XENTRAL_ARTICLES) != []

    @pytest.mark.parametrize("secrets", [
        {"username": "schemabase-api", "password": "wrong"},
        {"username": "nobody", "password": "wrong"},
        {**NO_USER, "token": "wrong-token"},
    ], ids=["password", "name", "token"])  # fmt: skip
    def test_wrong_credentials_stop_the_app(
        self, conn: Connection[Any], tenant: Tenant, large_sandbox: Sandbox, secrets: dict[str, str]
    ):
        app = shops.add_xentral(conn, tenant, large_sandbox, secrets=secrets)

        with quick().open(app) as client, pytest.raises(CredentialError, match="7414"):
            ids(client, XENTRAL_ARTICLES)

    def test_an_account_that_was_switched_off_stops_the_app(
        self, client: XentralClient, large_sandbox: Sandbox
    ):
        large_sandbox.control.revoke_credentials(MERCHANT, "xentral")

        with pytest.raises(CredentialError, match="7414"):
            ids(client, XENTRAL_ARTICLES)

    def test_a_missing_permission_is_no_dead_credential(
        self, client: XentralClient, large_sandbox: Sandbox
    ):
        large_sandbox.control.set_warehouse(MERCHANT, denied=["orders"])

        with pytest.raises(ProviderRejected, match="7421"):
            ids(client, XENTRAL_ORDERS)

    def test_the_password_is_never_sent(
        self, app: App, conn: Connection[Any], script: Script, large_sandbox: Sandbox
    ):
        challenge = 'Digest realm="Xentral-API",qop="auth",nonce="a",opaque="b"'
        refusal = Answer(401, b"{}", {"WWW-Authenticate": challenge})
        script.answers = [refusal, Answer(body=body(1))]

        with quick().open(moved(conn, app, script)) as client:
            ids(client, XENTRAL_ARTICLES)

        sent = "".join(f"{request.path}{request.headers}" for request in script.requests)
        assert "Digest username=" in sent
        assert large_sandbox.state.accounts[MERCHANT].warehouse.password not in sent


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "rate_limited"}, RateLimited),
        ({"kind": "error_500"}, ProviderUnavailable),
        ({"kind": "html_502"}, ProviderUnavailable),
        ({"kind": "cut_body"}, ProviderUnavailable),
        ({"kind": "invalid_json"}, ProviderUnavailable),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else None,
)
def test_faults(
    client: XentralClient, large_sandbox: Sandbox, fault: dict[str, Any], error: type[Exception]
):
    large_sandbox.control.add_fault(
        merchant=MERCHANT, system="xentral", times=None, after=1, **fault
    )

    with pytest.raises(error):
        ids(client, XENTRAL_ORDERS)


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (Answer(404, b'{"error": {"code": 7431}}'), ProviderRejected, "7431"),
        (Answer(404, b"<html>"), ProviderRejected, "404"),
        (Answer(400, b'{"error": {"code": 7454}}'), ProviderRejected, "7454"),
        (Answer(405, b'{"error": {"code": 7432}}'), ProviderRejected, "7432"),
        (Answer(500, b'{"error": {"code": 7499, "errors": []}}'), ProviderUnavailable, "7499"),
        (Answer(429, b"{}"), RateLimited, "429"),
        (Answer(200, b'{"data": {}}'), ProviderContractError, "no list"),
        (Answer(200, b'{"data": [1]}'), ProviderContractError, "no list"),
        (Answer(200, b'{"data": []}'), ProviderContractError, "no pagination"),
        (Answer(200, b"[]"), ProviderContractError, "not an object"),
    ],
)
def test_error_bodies(
    conn: Connection[Any], app: App, script: Script, answer: Answer, error: type[Exception],
    told: str,
):  # fmt: skip
    script.answers = [answer]

    with quick(attempts=1).open(moved(conn, app, script)) as client, pytest.raises(error) as caught:
        ids(client, XENTRAL_ORDERS)

    assert told in str(caught.value)


def test_an_error_that_carries_a_challenge_is_no_refusal(
    conn: Connection[Any], app: App, script: Script
):
    challenge = {"WWW-Authenticate": 'Digest realm="Xentral-API",nonce="a",opaque="b"'}
    script.answers = [Answer(404, NOT_FOUND, challenge)]

    with quick().open(moved(conn, app, script)) as client:
        assert ids(client, XENTRAL_ORDERS) == []

    assert len(script.requests) == 1


def test_a_record_of_another_shape_breaks_the_contract(
    conn: Connection[Any], app: App, script: Script
):
    script.answers[0].body = b'{"data": []}'

    with quick().open(moved(conn, app, script)) as client, pytest.raises(ProviderContractError):
        list(client.look_up(XENTRAL_ORDERS, ["1"]))
