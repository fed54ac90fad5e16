"""The Strapi client against the sandbox: paging, filters, look-ups, error bodies, both versions."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
from psycopg import Connection

from assets.orders.strapi import STRAPI_BULK_ORDERS
from resources.strapi.client import StrapiClient
from resources.strapi.resource import StrapiResource
from sandbox.runner import Sandbox
from schemabase_dagster import tenancy
from schemabase_dagster.clock import parse_instant
from schemabase_dagster.errors import (
    CredentialError,
    ProviderContractError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)
from schemabase_dagster.tenancy import App, Tenant
from tests.resources.script import Answer, Script
from tests.support import shops
from tests.support.shops import MERCHANT

PAGE_SIZE = 5


@pytest.fixture(params=[4, 5], ids=["version 4", "version 5"])
def app(
    request: pytest.FixtureRequest, conn: Connection[Any], large_sandbox: Sandbox, tenant: Tenant
) -> App:
    large_sandbox.control.set_editor(MERCHANT, version=request.param)
    large_sandbox.control.new_bulk_orders(MERCHANT, 18)
    return shops.add_strapi(conn, tenant, large_sandbox, page_size=PAGE_SIZE)


@pytest.fixture
def client(app: App) -> Iterator[StrapiClient]:
    with quick().open(app) as client:
        yield client


def quick(**settings: Any) -> StrapiResource:
    values = {"backoff_seconds": 0.01, "rate_limit_seconds": 0.01}
    return StrapiResource(**{**values, **settings})


def moved(conn: Connection[Any], app: App, script: Script) -> App:
    """Return the app at the address of a server that answers as it is told."""
    conn.execute(
        "UPDATE platform.app SET config = config || jsonb_build_object('url', %s::text)",
        (script.url,),
    )
    return tenancy.get_app(conn, app.tenant_slug, app.key)


def known(sandbox: Sandbox) -> list[str]:
    return sandbox.control.ids(MERCHANT, "strapi", "bulk_orders")


def ids(client: StrapiClient, **options: Any) -> list[str]:
    options.setdefault("since", None)
    pages = client.iter_pages(STRAPI_BULK_ORDERS, **options)
    return [str(row["id"]) for page in pages for row in page.records]


def body(*rows: tuple[int, str], total: int) -> bytes:
    data = [{"id": number, "updatedAt": at} for number, at in rows]
    return orjson.dumps({"data": data, "meta": {"pagination": {"total": total}}})


def test_every_entry_is_listed_once_oldest_first(client: StrapiClient, large_sandbox: Sandbox):
    pages = list(client.iter_pages(STRAPI_BULK_ORDERS, since=None))

    rows = [row for page in pages for row in page.records]
    assert [str(row["id"]) for row in rows] == known(large_sandbox)
    times = [row["updatedAt"] for row in rows]
    assert times == sorted(times)
    assert {page.total for page in pages} == {len(rows)}
    assert len(pages) > 4
    assert pages[-1].resume is None


def test_entries_come_whole_and_in_one_shape(client: StrapiClient, large_sandbox: Sandbox):
    (first, *_) = client.iter_pages(STRAPI_BULK_ORDERS, since=None)

    for row in first.records:
        shown = large_sandbox.control.document(MERCHANT, "strapi", str(row["id"]), "bulk_orders")
        assert {key: value for key, value in row.items() if key != "documentId"} == shown


def test_only_entries_modified_since_are_listed_that_instant_included(
    client: StrapiClient, large_sandbox: Sandbox
):
    rows = [
        row for page in client.iter_pages(STRAPI_BULK_ORDERS, since=None) for row in page.records
    ]
    since = parse_instant(rows[7]["updatedAt"])

    assert ids(client, since=since) == known(large_sandbox)[7:]
    assert ids(client, since=since + timedelta(milliseconds=1)) == known(large_sandbox)[8:]


def test_an_interrupted_listing_goes_on_behind_the_last_page(
    client: StrapiClient, large_sandbox: Sandbox
):
    (first, *_) = client.iter_pages(STRAPI_BULK_ORDERS, since=None)

    rest = ids(client, resume=first.resume)

    assert rest == known(large_sandbox)[PAGE_SIZE - 1 :], "the newest one again"


def test_an_entry_that_is_saved_while_pages_are_read_pulls_no_other_out(
    client: StrapiClient, large_sandbox: Sandbox
):
    before = known(large_sandbox)
    pages = client.iter_pages(STRAPI_BULK_ORDERS, since=None)
    found = [str(row["id"]) for row in next(pages).records]
    large_sandbox.control.save_bulk_order(MERCHANT, before[0], {"status": "Confirmed"})

    found += [str(row["id"]) for page in pages for row in page.records]

    assert set(found) == set(before)
    assert found.count(before[0]) == 2


def test_more_entries_of_one_instant_than_a_page_has(client: StrapiClient, large_sandbox: Sandbox):
    large_sandbox.control.align_modified(MERCHANT, "strapi", 3, 2 * PAGE_SIZE + 1, "bulk_orders")

    assert sorted(ids(client), key=int) == sorted(known(large_sandbox), key=int)


def test_ids_are_looked_up_many_in_a_call(client: StrapiClient, large_sandbox: Sandbox):
    wanted = [*known(large_sandbox), "999999"]

    found = {each.external_id: each.record for each in client.look_up(STRAPI_BULK_ORDERS, wanted)}

    assert found["999999"] is None
    assert all(found[each] is not None for each in wanted[:-1])
    assert client.calls == 1


def test_entries_are_counted_by_one_call(client: StrapiClient, large_sandbox: Sandbox):
    assert client.count(STRAPI_BULK_ORDERS) == len(known(large_sandbox))
    assert client.calls == 1


def test_check_tells_what_the_token_may_read(client: StrapiClient, large_sandbox: Sandbox):
    assert client.check()["bulkorders"] == str(len(known(large_sandbox)))


def test_a_wrong_token_stops_the_app(conn: Connection[Any], tenant: Tenant, large_sandbox: Sandbox):
    app = shops.add_strapi(conn, tenant, large_sandbox, secrets={"api_token": "wrong-token"})

    with quick().open(app) as client, pytest.raises(CredentialError, match="UnauthorizedError"):
        ids(client)


def test_a_token_without_the_permission_is_no_dead_credential(
    client: StrapiClient, large_sandbox: Sandbox
):
    large_sandbox.control.set_editor(MERCHANT, is_forbidden=True)

    with pytest.raises(ProviderRejected, match="ForbiddenError"):
        ids(client)


def test_an_unknown_content_type_is_told(
    conn: Connection[Any], tenant: Tenant, large_sandbox: Sandbox
):
    app = shops.add_strapi(conn, tenant, large_sandbox, collection="orders")

    with quick().open(app) as client, pytest.raises(ProviderRejected, match="NotFoundError"):
        client.check()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("rate_limited", RateLimited),
        ("error_500", ProviderUnavailable),
        ("html_502", ProviderUnavailable),
        ("cut_body", ProviderUnavailable),
        ("invalid_json", ProviderUnavailable),
    ],
)
def test_faults(client: StrapiClient, large_sandbox: Sandbox, kind: str, error: type[Exception]):
    large_sandbox.control.add_fault(kind, MERCHANT, "strapi", times=None)

    with pytest.raises(error):
        ids(client)


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (Answer(400, b'{"data": null, "error": {"name": "ValidationError"}}'), ProviderRejected,
         "ValidationError"),
        (Answer(404, b'{"statusCode": 404, "error": "Not Found"}'), ProviderRejected, "404"),
        (Answer(200, b"[]"), ProviderContractError, "not an object"),
        (Answer(200, b'{"data": {}}'), ProviderContractError, "no list"),
        (Answer(200, b'{"data": [], "meta": {}}'), ProviderContractError, "no pagination"),
        (Answer(200, b'{"data": [], "meta": null}'), ProviderContractError, "no pagination"),
    ],
)  # fmt: skip
def test_error_bodies(
    conn: Connection[Any], app: App, script: Script, answer: Answer, error: type[Exception],
    told: str,
):  # fmt: skip
    script.answers = [answer]

    with quick(attempts=1).open(moved(conn, app, script)) as client, pytest.raises(error) as caught:
        ids(client)

    assert told in str(caught.value)


def test_the_token_travels_in_a_header_only(
    conn: Connection[Any], app: App, script: Script, large_sandbox: Sandbox
):
    token = large_sandbox.state.accounts[MERCHANT].editor.token
    script.answers[0].body = body((1, "2026-03-02T12:00:00.000Z"), total=1)

    with quick().open(moved(conn, app, script)) as client:
        ids(client)

    (request,) = script.requests
    assert request.headers["authorization"] == f"Bearer {token}"
    assert token not in request.path
