"""The log drain's route: batches of Vercel, signed over the bytes as sent, to documents."""

import gzip
from typing import Any

import httpx
import pytest
from psycopg import Connection

from assets import registry
from assets.log_delivery import LogServer, deliver_now
from resources.registry import default_resources
from resources.vercel import VERCEL
from sandbox.runner import Sandbox
from schemabase_dagster import webhooks
from schemabase_dagster.tenancy import Tenant
from schemabase_dagster.webhooks import Created
from tests.support import shops
from tests.support.rows import count, one
from tests.support.shops import MERCHANT
from tests.webhook_gateway.senders import hmac_hex

KEPT = "SELECT status, body, verify_scheme, headers FROM platform.webhook_inbox"


@pytest.fixture
def drain(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> Created:
    """The endpoint of acme's log drain."""
    app = shops.add_vercel(conn, tenant, sandbox)
    return webhooks.create_endpoint(conn, app, dict(VERCEL.verification(app.config)))


def url(gateway: httpx.Client, drain: Created) -> str:
    return webhooks.endpoint_url(str(gateway.base_url), "vercel", drain.endpoint_id)


def send(sandbox: Sandbox, gateway: httpx.Client, drain: Created, **shape: Any) -> list[int]:
    (outcome,) = sandbox.control.send_vercel_logs(url(gateway, drain), drain.secret or "", **shape)
    statuses: list[int] = outcome["statuses"]
    return statuses


def test_the_address_is_that_of_a_log_drain(drain: Created):
    shown = webhooks.endpoint_url("https://hooks.example/", "vercel", drain.endpoint_id)

    assert shown == f"https://hooks.example/v1/logs/vercel/{drain.endpoint_id}"


@pytest.mark.parametrize("ndjson", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_a_batch_becomes_documents(
    conn: Connection[Any],
    tenant: Tenant,
    gateway: httpx.Client,
    drain: Created,
    sandbox: Sandbox,
    ndjson: bool,
    packed: bool,
):
    shops.add_elasticsearch(conn, tenant, sandbox)

    assert send(sandbox, gateway, drain, n=12, ndjson=ndjson, packed=packed) == [200]
    assert count(conn, "platform.webhook_inbox") == 1
    server = LogServer(
        MERCHANT, "vercel", lambda app: default_resources()[app.type].open(app), "run",
        linger_seconds=0.0, drain=registry.drains()["vercel"],
    )  # fmt: skip
    deliver_now(server)

    assert len(sandbox.control.documents(MERCHANT)) == 12
    assert one(conn, KEPT)["status"] == "processed"


def test_an_accepted_batch_is_answered_ok_and_a_repeat_too(
    conn: Connection[Any], gateway: httpx.Client, drain: Created, sandbox: Sandbox
):
    answers = [send(sandbox, gateway, drain) for _ in range(2)]

    assert answers == [[200], [200]]
    assert count(conn, "platform.webhook_inbox") == 1


def test_a_batch_that_was_changed_on_the_way_is_refused(
    conn: Connection[Any], gateway: httpx.Client, drain: Created, sandbox: Sandbox
):
    forged = Created(drain.endpoint_id, "vercel", drain.scheme, "another secret")

    assert send(sandbox, gateway, forged) == [401]
    assert count(conn, "platform.webhook_inbox") == 0


def test_an_unsigned_request_gets_the_code_that_vercel_shows(
    conn: Connection[Any], tenant: Tenant, gateway: httpx.Client, sandbox: Sandbox
):
    app = shops.add_vercel(conn, tenant, sandbox)
    made = webhooks.create_endpoint(conn, app, {"scheme": "vercel", "verify": "code123"})

    answer = gateway.post(url(gateway, made), content=b"[]")

    assert (answer.status_code, answer.headers["x-vercel-verify"]) == (200, "code123")
    assert count(conn, "platform.webhook_inbox") == 0


def test_a_batch_of_several_packed_parts_counts_as_a_whole(
    gateway: httpx.Client, conn: Connection[Any], drain: Created
):
    body = gzip.compress(b" " * 700_000) * 2
    signature = hmac_hex(drain.secret or "", body, "sha1")
    headers = {"x-vercel-signature": signature, "content-encoding": "gzip"}
    conn.execute("UPDATE platform.webhook_endpoint SET max_body_bytes = 1000000")

    assert gateway.post(url(gateway, drain), content=body, headers=headers).status_code == 413


def test_a_batch_larger_than_other_webhooks_may_be_is_taken(
    gateway: httpx.Client, drain: Created, sandbox: Sandbox
):
    assert send(sandbox, gateway, drain, n=4000) == [200]
