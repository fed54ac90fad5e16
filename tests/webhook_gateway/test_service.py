"""Without these, operators are blind, gateways work with old settings, or start too slowly."""

import json
import os
import signal
import subprocess
import sys
from typing import Any, Final

import httpx
import psycopg
import pytest
from psycopg import Connection
from starlette.routing import Route

from assets.published import logistics_numbers
from schemabase_dagster import read_endpoints, webhooks
from schemabase_dagster.ports import free_port
from schemabase_dagster.settings import ROOT
from schemabase_dagster.tenancy import Tenant
from schemabase_dagster.webhooks import Created
from tests.support.rows import count, value
from tests.support.wait import wait_until
from tests.webhook_gateway.conftest import MakeEndpoint, Start
from tests.webhook_gateway.raw import PATIENT_ENVIRONMENT
from tests.webhook_gateway.test_intake import post
from tests.webhook_gateway.test_read_isolation import wait_for_lines
from webhook_gateway.app import create_app
from webhook_gateway.settings import GatewaySettings

_LISTENS: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND starts_with(query, 'LISTEN') AND state = 'idle'
"""

OPERATORS = {"/healthz", "/readyz", "/metrics"}
READERS = {
    "/graphql",
    "/v1/feeds/{variant}/{endpoint_id}",
    "/v1/stats/logistics/{endpoint_id}",
    "/api/product-data-feed/v1/{variant}/{old_id}",
    "/api/zoho/logistics/v1/{old_id}",
}


def test_the_gateway_imports_nothing_heavy():
    code = (
        "import sys, webhook_gateway.app, webhook_gateway.__main__;"
        "heavy = 'dagster', 'pandas', 'sqlalchemy', 'alembic', 'strawberry', 'graphql';"
        "print([m for m in heavy if m in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )

    assert done.stdout == "[]\n"


def test_alive_and_ready(gateway: httpx.Client, conn: Connection[Any]):
    assert gateway.get("/healthz").json() == {"status": "ok"}
    # readiness is told within a second, which a slow machine may not keep
    wait_until(lambda: gateway.get("/readyz").json() == {"status": "ready"}, what="readiness")

    conn.execute("UPDATE platform.alembic_version SET version_num = 'older'")

    unready = {"status": "unavailable", "failed": ["migrations"]}
    wait_until(lambda: gateway.get("/readyz").json() == unready, what="the older database")
    assert gateway.get("/readyz").status_code == 503


@pytest.mark.parametrize("kind", ["webhooks", "reads"])
def test_a_process_of_one_kind_has_no_route_of_the_other(
    conn: Connection[Any], tenant: Tenant, start: Start, endpoint: Created, kind: str
):
    numbers = read_endpoints.create_logistics(conn, tenant)
    logistics_numbers.publish(conn, tenant)
    gateway = start(serves=kind, legacy_routes=True)

    answers = {
        "webhooks": post(gateway, endpoint),
        "reads": gateway.get(f"/v1/stats/logistics/{numbers}"),
    }

    assert answers.pop(kind).is_success
    (other,) = answers.values()
    # not the 404 of an endpoint that is unknown: nothing here looks for one
    assert other.json() == gateway.get("/nowhere").json() | {"traceId": other.json()["traceId"]}
    assert other.status_code == 404
    wait_until(lambda: gateway.get("/readyz").is_success, what="the database")
    assert {gateway.get(path).status_code for path in ("/healthz", "/metrics")} == {200}


def test_every_route_but_those_of_operators_belongs_to_one_kind_of_process():
    def paths(serves: Any) -> set[str]:
        app = create_app(GatewaySettings(legacy_routes=True, serves=serves))
        return {route.path for route in app.routes if isinstance(route, Route)}

    assert paths("reads") == READERS | OPERATORS
    assert paths("webhooks") == paths("all") - READERS


def test_metrics_count_what_happened(gateway: httpx.Client, endpoint: Created):
    def read(name: str) -> float:
        lines = gateway.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    names = {
        'webhook_stored_total{provider="saleor",tenant="acme"}': 1,
        'webhook_duplicate_total{provider="saleor",tenant="acme"}': 1,
        'webhook_reject_total{reason="signature_wrong"}': 1,
        'gateway_requests_total{code="200",provider="saleor"}': 2,
        'gateway_requests_total{code="401",provider="saleor"}': 1,
        "gateway_request_seconds_count": 3,
        "gateway_db_insert_seconds_count": 2,
        'webhook_backlog{provider="saleor",status="received"}': 1,
    }
    before = {name: read(name) for name in names}

    post(gateway, endpoint)
    post(gateway, endpoint)
    post(gateway, endpoint, x_signature="0" * 64)

    assert {name: read(name) - before[name] for name in names} == names
    assert endpoint.secret is not None
    assert endpoint.secret not in gateway.get("/metrics").text


def test_metrics_are_for_local_clients_or_holders_of_the_token(start: Start):
    opened, guarded = start(), start(metrics_token="t0ken")

    assert opened.get("/metrics").status_code == 200
    assert opened.get("/metrics", headers={"X-Forwarded-For": "1.2.3.4"}).status_code == 403
    refused = guarded.get("/metrics")
    assert (refused.status_code, refused.json()["error"]) == (403, "forbidden")
    wrong, right = ({"Authorization": f"Bearer {token}"} for token in ("t0kem", "t0ken"))
    assert guarded.get("/metrics", headers=wrong).status_code == 403
    assert guarded.get("/metrics", headers=right).status_code == 200


def test_an_address_that_is_the_only_proof_is_not_logged_whole(
    start: Start, make_endpoint: MakeEndpoint, capfdbinary: pytest.CaptureFixture[bytes]
):
    client = start(access_log=True)
    signed, open_ = make_endpoint(), make_endpoint(scheme="path_only", reason="a test")

    for each in (signed, open_):
        post(client, each)

    logged = wait_for_lines(capfdbinary, 2)
    shown = {json.loads(line)["endpoint"] for line in logged.splitlines()}
    assert shown == {signed.endpoint_id, open_.endpoint_id[:10]}


def test_an_empty_metrics_token_opens_nothing(start: Start):
    """Compose files hand on a variable that nobody set as an empty one."""
    client = start(metrics_token="")

    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", headers={"X-Forwarded-For": "1.2.3.4"}).status_code == 403


def test_listeners_are_told_of_deliveries(gateway: httpx.Client, endpoint: Created, postgres: str):
    with psycopg.connect(postgres, autocommit=True) as listener:
        listener.execute("LISTEN webhook_inbox")
        for number in range(5):
            post(gateway, endpoint, b"%d" % number)

        signals = list(listener.notifies(timeout=60, stop_after=1))

    # one signal per 100 ms at most: a slow machine needs more than one for five deliveries
    assert {each.channel for each in signals} == {"webhook_inbox"}


def test_a_repeated_delivery_wakes_nobody(gateway: httpx.Client, endpoint: Created, postgres: str):
    with psycopg.connect(postgres, autocommit=True) as listener:
        listener.execute("LISTEN webhook_inbox")
        post(gateway, endpoint)
        assert len(list(listener.notifies(timeout=60, stop_after=1))) == 1
        post(gateway, endpoint)

        assert list(listener.notifies(timeout=0.3)) == []


def test_settings_are_kept_but_changes_are_heard(
    start: Start, endpoint: Created, conn: Connection[Any]
):
    client = start(cache_seconds=600)
    # it forgets all settings when it begins to listen
    wait_until(lambda: value(conn, _LISTENS), what="the gateway to listen")
    post(client, endpoint, b"1")
    conn.execute("UPDATE platform.webhook_endpoint SET enabled = false")
    assert post(client, endpoint, b"2").status_code == 200

    webhooks.pause_endpoint(conn, endpoint.endpoint_id)

    wait_until(
        lambda: post(client, endpoint, b"3").status_code == 403, what="the gateway to hear of it"
    )


def test_a_new_endpoint_works_although_its_id_was_unknown_before(
    start: Start, endpoint: Created, conn: Connection[Any]
):
    client = start(cache_seconds=600)
    conn.execute("UPDATE platform.webhook_endpoint SET deleted_at = now()")
    assert post(client, endpoint).status_code == 404
    conn.execute("UPDATE platform.webhook_endpoint SET deleted_at = NULL")

    assert post(client, endpoint).status_code == 200


def test_the_process_logs_without_secrets_and_stops_cleanly(
    postgres: str, endpoint: Created, conn: Connection[Any]
):
    port = free_port()
    command = [sys.executable, "-m", "webhook_gateway", "--port", str(port), "--workers", "2"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": postgres, **PATIENT_ENVIRONMENT},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False
        ) as client:
            wait_until(lambda: _is_ready(client), what="the gateway to be ready")
            answers = [
                post(client, endpoint, b'"canary-%d"' % number, query="?token=canary-query")
                for number in range(20)
            ]
            metrics = client.get("/metrics").text
    finally:
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=60)

    assert {answer.status_code for answer in answers} == {200}
    assert count(conn, "platform.webhook_inbox") == 20
    assert 'webhook_stored_total{provider="saleor",tenant="acme"} 20.0' in metrics
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["status"] for line in lines if line["endpoint"]] == [200] * 20
    assert {line["tenant"] for line in lines} == {"acme"}
    assert b"canary" not in output + errors
    assert endpoint.secret is not None
    assert endpoint.secret.encode() not in output + errors
    assert process.returncode in {0, -signal.SIGTERM}


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False
