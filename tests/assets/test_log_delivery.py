"""Log batches from the inbox to Elasticsearch: each record once, whatever fails in between."""

import gzip
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from psycopg import Connection

from assets import log_delivery, registry
from assets.log_delivery import LogServer, deliver_now
from assets.logs import checks
from assets.syncing import AppsFailedError
from resources.elasticsearch import ELASTICSEARCH
from resources.elasticsearch.resource import ElasticsearchResource
from resources.vercel.resource import VercelResource
from sandbox.runner import Sandbox
from sandbox.vercel.records import log_records
from schemabase_dagster import inbox, tenancy, webhooks
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.tenancy import App, Tenant
from tests.support import shops
from tests.support.deliveries import delivery
from tests.support.rows import count, one, rows, value
from tests.support.shops import MERCHANT

RESOURCES = {
    "vercel": VercelResource(),
    "elasticsearch": ElasticsearchResource(backoff_seconds=0.01, rate_limit_seconds=0.01),
}
STATUS = "SELECT status, attempts, last_error FROM platform.webhook_inbox"


@pytest.fixture
def site(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> App:
    """App ``site`` of ``acme``: its log drain."""
    return shops.add_vercel(conn, tenant, sandbox)


@pytest.fixture
def search(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> App:
    """App ``search`` of ``acme``: its cluster."""
    return shops.add_elasticsearch(conn, tenant, sandbox)


def put(conn: Connection[Any], site: App, body: bytes, **headers: str) -> str:
    """Store a batch as the gateway does; return its id."""
    made = webhooks.create_endpoint(conn, site, {"scheme": "path_only", "reason": "test"})
    text = orjson.dumps(headers).decode()
    (stored,) = inbox.insert_batch(conn, [delivery(made.endpoint_id, body, headers=text)])
    assert stored is not None
    return str(stored.inbox_id)


def put_records(conn: Connection[Any], site: App, records: Sequence[Any]) -> str:
    return put(conn, site, orjson.dumps(records))


def deliver(*, retries_dead: bool = False) -> SyncResult:
    server = LogServer(
        MERCHANT,
        "vercel",
        lambda app: RESOURCES[app.type].open(app),
        "run",
        linger_seconds=0.0,
        drain=registry.drains()["vercel"],
        retries_dead=retries_dead,
    )
    return deliver_now(server)


def hurry(conn: Connection[Any]) -> None:
    conn.execute("UPDATE platform.webhook_inbox SET next_attempt_at = now()")


def ids(sandbox: Sandbox) -> list[str]:
    return sandbox.control.document_ids(MERCHANT)


def counted(result: SyncResult) -> tuple[int, int, int, int]:
    return result.read, result.changed, result.unchanged, result.rejected


def test_every_record_becomes_a_document(
    conn: Connection[Any], site: App, search: App, sandbox: Sandbox
):
    put_records(conn, site, log_records(40))

    result = deliver()

    assert counted(result) == (40, 40, 0, 0)
    assert len(sandbox.control.documents(MERCHANT, "logs-vercel-logdrain")) == 40
    assert one(conn, STATUS) == {"status": "processed", "attempts": 1, "last_error": None}


def test_one_malformed_record_in_a_hundred_leaves_99_documents(
    conn: Connection[Any], site: App, search: App, sandbox: Sandbox
):
    texts = [orjson.dumps(each) for each in log_records(100)]
    texts[41] = texts[41][:-30]
    batch = put(conn, site, b"[" + b",".join(texts) + b"]")

    result = deliver()

    assert counted(result) == (100, 99, 0, 1)
    assert len(ids(sandbox)) == 99
    kept = one(conn, "SELECT code, count, sample, inbox_id::text FROM platform.log_reject")
    assert kept == {"code": "not_json", "count": 1, "sample": texts[41], "inbox_id": batch}


def test_packed_batches_are_unpacked_member_by_member(
    conn: Connection[Any], site: App, search: App, sandbox: Sandbox
):
    first, second = (orjson.dumps(each) + b"\n" for each in log_records(2))
    packed = gzip.compress(first) + gzip.compress(second)
    put(conn, site, packed, **{"content-encoding": "gzip"})

    deliver()

    assert len(ids(sandbox)) == 2


@pytest.mark.parametrize(
    "body", [b"not packed", gzip.compress(b"[]" * 50, mtime=0)[:-9]], ids=["plain", "cut"]
)
def test_a_batch_that_cannot_be_unpacked_is_dead(
    conn: Connection[Any], site: App, search: App, body: bytes
):
    put(conn, site, body, **{"content-encoding": "gzip"})

    deliver()

    row = one(conn, STATUS)
    assert row["status"] == "dead"
    assert row["last_error"].startswith("permanent: the")


def test_a_bomb_is_dead_before_it_bursts(
    conn: Connection[Any], site: App, search: App, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(log_delivery, "LARGEST_BATCH_BYTES", 1000)
    put(conn, site, gzip.compress(b" " * 600) * 2, **{"content-encoding": "gzip"})

    deliver()

    assert value(conn, "SELECT last_error FROM platform.webhook_inbox").endswith("too large")


def test_an_item_the_cluster_was_too_busy_for_is_delivered_once(
    conn: Connection[Any], site: App, search: App, sandbox: Sandbox
):
    sandbox.control.add_fault("refused_items", MERCHANT, "elasticsearch", status=429)
    put_records(conn, site, log_records(10))

    result = deliver()

    assert counted(result) == (10, 10, 0, 0)
    assert len(ids(sandbox)) == len(set(ids(sandbox))) == 10


def test_a_run_killed_between_bulk_and_commit_makes_no_second_document(
    conn: Connection[Any],
    site: App,
    search: App,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
):
    put_records(conn, site, log_records(10))
    with monkeypatch.context() as broken:
        broken.setattr(log_delivery, "_settle", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            deliver()
    assert len(ids(sandbox)) == 10
    conn.execute("UPDATE platform.webhook_inbox SET claimed_until = now()")

    result = deliver()

    assert counted(result) == (10, 0, 10, 0)
    assert len(ids(sandbox)) == 10
    assert value(conn, "SELECT status FROM platform.webhook_inbox") == "processed"


def test_a_refused_document_is_kept_shown_and_delivered_once_it_fits(
    conn: Connection[Any], tenant: Tenant, site: App, search: App, sandbox: Sandbox
):
    sandbox.control.add_fault(
        "refused_items", MERCHANT, "elasticsearch", status=400, rows=2,
        text="failed to parse field [url.path] of type [long]",
    )  # fmt: skip
    put_records(conn, site, log_records(5))

    assert counted(deliver()) == (5, 3, 0, 2)
    dead = rows(conn, "SELECT code, path, attempts, status FROM platform.log_dead_document")
    kept = {"code": "document_parsing_exception", "path": "url.path", "attempts": 1, "status": 400}
    assert dead == [kept, kept]
    verdict = checks.DEAD_DOCUMENTS.evaluate(conn, tenant)
    assert (verdict.passed, verdict.summary) == (False, "2 dead documents")
    assert value(conn, "SELECT status FROM platform.webhook_inbox") == "processed"

    assert counted(deliver(retries_dead=True)) == (2, 2, 0, 0)
    assert len(ids(sandbox)) == 5
    assert count(conn, "platform.log_dead_document") == 0
    assert checks.DEAD_DOCUMENTS.evaluate(conn, tenant).passed


def test_a_document_that_is_refused_again_stays_dead(
    conn: Connection[Any], site: App, search: App, sandbox: Sandbox
):
    sandbox.control.add_fault("refused_items", MERCHANT, "elasticsearch", status=400, times=2)
    put_records(conn, site, log_records(1))
    deliver()

    assert counted(deliver(retries_dead=True)) == (1, 0, 0, 1)
    assert value(conn, "SELECT attempts FROM platform.log_dead_document") == 2


@pytest.mark.parametrize(
    ("kind", "status", "attempts"),
    [("rate_limited", "received", 0), ("unavailable_503", "failed", 1)],
)
def test_batches_wait_for_a_cluster_that_is_busy_or_down(
    conn: Connection[Any],
    site: App,
    search: App,
    sandbox: Sandbox,
    kind: str,
    status: str,
    attempts: int,
):
    sandbox.control.add_fault(kind, MERCHANT, "elasticsearch", times=None)
    put_records(conn, site, log_records(3))

    with pytest.raises(AppsFailedError):
        deliver()

    row = one(conn, STATUS)
    assert (row["status"], row["attempts"]) == (status, attempts)
    # of which the circuit breaker pauses no endpoint
    assert (
        value(conn, "SELECT count(*) FROM platform.webhook_attempts WHERE outcome = 'failed'") == 0
    )
    sandbox.control.clear_faults()
    hurry(conn)
    assert counted(deliver()) == (3, 3, 0, 0)


def test_a_sink_that_is_down_costs_the_other_nothing(
    conn: Connection[Any], tenant: Tenant, site: App, search: App, sandbox: Sandbox
):
    shops.add_elasticsearch(conn, tenant, sandbox, key="archive", index="logs-archive")
    with conn.transaction():
        tenancy.set_credentials(
            conn, search, ELASTICSEARCH, {"username": "log-writer", "password": "wrong"}
        )
    put_records(conn, site, log_records(4))

    with pytest.raises(AppsFailedError, match="search"):
        deliver()
    assert len(sandbox.control.documents(MERCHANT, "logs-archive")) == 4
    assert value(conn, "SELECT status FROM platform.webhook_inbox") == "failed"
    assert tenancy.get_app(conn, tenant, "search").credentials_failed_at is not None

    account = sandbox.info["merchants"][MERCHANT]["elasticsearch"]
    secrets = {name: account[name] for name in ("username", "password")}
    tenancy.set_credentials(conn, search, ELASTICSEARCH, secrets)
    hurry(conn)

    # only what the mended sink lacks is sent
    assert counted(deliver()) == (4, 4, 0, 0)
    assert len(sandbox.control.documents(MERCHANT)) == 8
    assert count(conn, "platform.log_delivery") == 0


def test_without_a_sink_batches_are_ignored_and_can_be_replayed(
    conn: Connection[Any], tenant: Tenant, site: App, sandbox: Sandbox
):
    put_records(conn, site, log_records(2))

    assert counted(deliver()) == (0, 0, 0, 0)
    row = one(conn, STATUS)
    assert (row["status"], row["last_error"]) == ("ignored", log_delivery.NO_SINK)

    shops.add_elasticsearch(conn, tenant, sandbox)
    inbox.replay(conn, inbox.Selection(tenant=MERCHANT))
    assert counted(deliver()) == (2, 2, 0, 0)


def test_addresses_are_hidden_by_the_app_s_key_or_as_before(
    conn: Connection[Any], tenant: Tenant, site: App, search: App, sandbox: Sandbox
):
    with VercelResource().open(site) as client:
        hidden = client.hidden("203.0.113.7")
        assert client.hidden("203.0.113.7") == hidden != client.hidden("203.0.113.8")
    old = shops.add_vercel(conn, tenant, sandbox, key="old", client_address="legacy")

    with VercelResource().open(old) as client:
        # the SHA-256 of the JSON string, quotes included
        assert client.hidden("203.0.113.7") == (
            "e3b1a1bfed13c08396283d8e09b38de0313375aae6c9179c6c683f7a0f2d3043"
        )
