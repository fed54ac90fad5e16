"""The Elasticsearch client against a stand-in that misbehaves: nothing lost, nothing doubled."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from resources.elasticsearch import Document
from resources.elasticsearch.client import ElasticsearchClient
from resources.elasticsearch.resource import ElasticsearchResource
from sandbox.runner import Sandbox
from schemabase_dagster.errors import (
    CredentialError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)
from schemabase_dagster.tenancy import App, Tenant
from tests.support import shops
from tests.support.shops import MERCHANT

BATCH = UUID("00000000-0000-7000-8000-000000000002")
QUICK = ElasticsearchResource(backoff_seconds=0.01, rate_limit_seconds=0.01)


@pytest.fixture
def app(conn: Connection[Any], sandbox: Sandbox, tenant: Tenant) -> App:
    return shops.add_elasticsearch(conn, tenant, sandbox, max_request_documents=10)


@pytest.fixture
def client(app: App) -> Iterator[ElasticsearchClient]:
    with QUICK.open(app) as opened:
        yield opened


def made(count: int, text: str = "x") -> list[Document]:
    body = b'{"message":"%s"}' % text.encode()
    return [Document(f"id{number}", body, BATCH) for number in range(count)]


def fault(sandbox: Sandbox, kind: str, **settings: Any) -> None:
    sandbox.control.add_fault(kind, MERCHANT, "elasticsearch", **settings)


def ids(sandbox: Sandbox) -> list[str]:
    return sandbox.control.document_ids(MERCHANT)


def requests(sandbox: Sandbox) -> int:
    return int(sandbox.control.calls()[MERCHANT]["elasticsearch"]["list"])


def test_documents_go_in_requests_of_limited_size(client: ElasticsearchClient, sandbox: Sandbox):
    written = client.create(iter(made(25)))

    assert (written.created, written.existing, written.refused) == (25, 0, ())
    assert len(ids(sandbox)) == 25
    assert requests(sandbox) == 3


def test_requests_have_a_limit_in_bytes(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox):
    app = shops.add_elasticsearch(conn, tenant, sandbox, max_request_bytes=1024)

    with QUICK.open(app) as client:
        client.create(made(3, text="y" * 400))

    assert requests(sandbox) == 2


def test_a_repeat_makes_no_second_document(client: ElasticsearchClient, sandbox: Sandbox):
    client.create(made(5))

    written = client.create(made(7))

    assert (written.created, written.existing) == (2, 5)
    assert len(ids(sandbox)) == 7


@pytest.mark.parametrize("status", [429, 503])
def test_items_that_the_cluster_is_too_busy_for_are_sent_again_alone(
    client: ElasticsearchClient, sandbox: Sandbox, status: int
):
    fault(sandbox, "refused_items", status=status, rows=3)

    written = client.create(made(10))

    assert (written.created, written.existing) == (10, 0)
    assert sorted(ids(sandbox)) == sorted(each.id for each in made(10))
    assert requests(sandbox) == 2


def test_a_request_that_is_too_large_is_split(client: ElasticsearchClient, sandbox: Sandbox):
    sandbox.control.set_cluster(MERCHANT, max_content_bytes=200)

    written = client.create(made(10))

    assert written.created == 10
    assert ids(sandbox) == [each.id for each in made(10)]


def test_a_document_that_is_too_large_alone_is_refused(
    client: ElasticsearchClient, sandbox: Sandbox
):
    sandbox.control.set_cluster(MERCHANT, max_content_bytes=200)
    huge = Document("huge", b'{"message":"%s"}' % (b"x" * 300), BATCH)

    written = client.create([*made(2), huge])

    assert written.created == 2
    ((document, status, code, *_),) = written.refused
    assert (document, status, code) == (huge, 413, "content_too_long")


def test_a_cluster_that_is_too_busy_for_a_request_gets_smaller_ones(
    client: ElasticsearchClient, sandbox: Sandbox
):
    fault(sandbox, "rate_limited", retry_after=None)

    assert client.create(made(10)).created == 10
    assert requests(sandbox) == 3


def test_a_cluster_that_stays_too_busy_is_left_alone(client: ElasticsearchClient, sandbox: Sandbox):
    fault(sandbox, "rate_limited", times=None, retry_after=None)

    with pytest.raises(RateLimited):
        client.create(made(1))


def test_a_wait_that_is_too_long_is_not_waited_for(client: ElasticsearchClient, sandbox: Sandbox):
    fault(sandbox, "rate_limited", retry_after=900)

    with pytest.raises(RateLimited) as caught:
        client.create(made(1))

    assert caught.value.retry_after == 900


def test_a_document_that_does_not_fit_the_mapping_is_refused_and_the_others_are_not(
    client: ElasticsearchClient, sandbox: Sandbox
):
    odd = Document("odd", b'{"message":{"an":"object"}}', BATCH)

    written = client.create([*made(2), odd])

    assert written.created == 2
    (refused,) = written.refused
    assert (refused.document, refused.status) == (odd, 400)
    assert (refused.code, refused.path) == ("document_parsing_exception", "message")
    assert ids(sandbox) == ["id0", "id1"]


@pytest.mark.parametrize("kind", ["cut_body", "invalid_json", "error_500", "unavailable_503"])
def test_an_answer_that_is_no_answer_is_asked_for_again(
    client: ElasticsearchClient, sandbox: Sandbox, kind: str
):
    fault(sandbox, kind)

    written = client.create(made(4))

    assert written.created + written.existing == 4
    assert len(ids(sandbox)) == 4


def test_a_cluster_that_is_down_says_so(client: ElasticsearchClient, sandbox: Sandbox):
    fault(sandbox, "unavailable_503", times=None)

    with pytest.raises(ProviderUnavailable):
        client.create(made(1))


def test_a_missing_right_is_no_document_s_fault(client: ElasticsearchClient, sandbox: Sandbox):
    sandbox.control.set_cluster(MERCHANT, may_write=False)

    with pytest.raises(ProviderRejected, match="403"):
        client.create(made(2))


def test_check_tells_who_may_write_where(client: ElasticsearchClient):
    facts = client.check()

    assert facts["may write to"] == "logs-vercel-logdrain"


def test_check_finds_a_missing_right(client: ElasticsearchClient, sandbox: Sandbox):
    sandbox.control.set_cluster(MERCHANT, may_write=False)

    with pytest.raises(CredentialError, match="create_doc"):
        client.check()


@pytest.mark.parametrize("wrong", [False, True])
def test_an_api_key_opens_the_cluster_too(
    conn: Connection[Any], tenant: Tenant, sandbox: Sandbox, wrong: bool
):
    key = sandbox.info["merchants"][MERCHANT]["elasticsearch"]["api_key"]
    secrets = {"username": "", "password": "", "api_key": "canary-wrong" if wrong else key}
    app = shops.add_elasticsearch(conn, tenant, sandbox, secrets=secrets)

    with QUICK.open(app) as client:
        if wrong:
            with pytest.raises(CredentialError):
                client.create(made(1))
        else:
            assert client.create(made(1)).created == 1
