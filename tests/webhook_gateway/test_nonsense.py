"""Without these, some request makes the gateway answer 500, tell of its inside, or keep memory."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.types.json import Jsonb

from assets.published import logistics_numbers, product_feed
from schemabase_dagster import read_endpoints, webhooks
from schemabase_dagster.ports import answers, free_port
from schemabase_dagster.schemes import SCHEMES
from schemabase_dagster.settings import ROOT
from schemabase_dagster.tenancy import App, Tenant
from schemabase_dagster.webhooks import Created
from tests.support import shops
from tests.support.memory import resident_bytes
from tests.support.wait import wait_until
from tests.webhook_gateway.conftest import MakeEndpoint
from tests.webhook_gateway.installing import GATEWAY, invite
from tests.webhook_gateway.nonsense import (
    HEADS,
    NOTIFICATIONS,
    REQUESTS,
    Nonsense,
    Registration,
    registrations,
)
from tests.webhook_gateway.raw import Wire, everything_on, fill, head, paths
from tests.webhook_gateway.senders import braintree_form
from tests.webhook_gateway.servers import KeySet, answering, running
from webhook_gateway.app import create_app
from webhook_gateway.providers import providers

PATH_ONLY: Final = {"scheme": "path_only", "reason": "test"}
POINTED: Final = {
    **PATH_ONLY,
    "event_pointer": "/type",
    "dedupe_pointer": "/a/id",
    "challenge": "c",
}
OPTIONS: Final[dict[str, tuple[dict[str, Any], ...]]] = {
    "easypost": ({}, {"v2": "true"}),
    "hmac": (
        {"header": "X-Signature"},
        {"header": "X-Signature", "template": "{ts}.{body}", "timestamp_header": "X-Timestamp"},
    ),
    "path_only": ({"reason": "test"},),
    "shared_secret": ({"query": "token"}, {"header": "Authorization", "prefix": "Bearer "}),
    "shared_secret_legacy_json": ({"header": "Authorization"},),
    "vercel": ({"verify": "code"},),
}
"""What schemes need beside their name; a new one needs a line only if it has required options."""

SECRETIVE: Final = (b"Traceback", b".py", b"psycopg", b"starlette", b"site-packages")
"""What an answer must not hold."""

KEPT_BYTES: Final = 32 * 1024 * 1024
"""By so much the memory of a gateway may grow while it refuses 160 MB."""

fuzzed = settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


class Errors(logging.Handler):
    """Collects what the server logs as an error, which uvicorn does with a traceback."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.texts.append(f"{record.getMessage()} {record.exc_info}")


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """What the server logged as errors."""
    handler = Errors()
    logging.getLogger("uvicorn.error").addHandler(handler)
    yield handler.texts
    logging.getLogger("uvicorn.error").removeHandler(handler)


@pytest.fixture
def known(
    conn: Connection[Any], tenant: Tenant, app: App, make_endpoint: MakeEndpoint, key_set: KeySet
) -> list[dict[str, str]]:
    """Parameters of paths that lead to endpoints: of every scheme, and of every provider."""
    needed = {**OPTIONS, "saleor_jws": ({"jwks_url": key_set.url},)}
    found = []
    for name, scheme in SCHEMES.items():
        for options in needed.get(name, ({},)) if scheme.app_type is None else ():
            made = make_endpoint(scheme=name, **options)
            found.append({"provider": made.provider, "endpoint_id": made.endpoint_id})
    for name in (*providers(), "somebody"):
        # made with a secret, which answers to a shop's questions are signed with
        made = make_endpoint()
        conn.execute(
            "UPDATE platform.webhook_endpoint SET provider = %s, verification = %s, answers = %s "
            "WHERE id = %s",
            (
                name,
                Jsonb(PATH_ONLY if name in providers() else POINTED),
                Jsonb(GATEWAY),
                made.endpoint_id,
            ),
        )
        found.append({"provider": name, "endpoint_id": made.endpoint_id})
    conn.execute("UPDATE platform.webhook_endpoint SET rate_per_minute = 1000000000")
    feed = read_endpoints.create_feed(conn, app, "https://shop.example/", former_id="old_feed")
    numbers = read_endpoints.create_logistics(conn, tenant, former_id="old_numbers")
    # not yet made they are answered 503, as they should
    with conn.transaction():
        product_feed.publish(conn, tenant)
        logistics_numbers.publish(conn, tenant)
    for endpoint_id, old_id in ((feed, "old_feed"), (numbers, "old_numbers")):
        found.append({"variant": "googlemerchant", "endpoint_id": endpoint_id, "old_id": old_id})
    return found


@pytest.fixture
def root(postgres: str, errors: list[str]) -> Iterator[str]:
    """Root of a gateway with all its routes; it must log no error."""
    with running(create_app(everything_on(), address=lambda: postgres)) as url:
        yield url
    assert errors == []


@pytest.mark.parametrize("path", paths())
def test_no_request_is_our_fault(root: str, known: list[dict[str, str]], path: str):
    reads = "feed" in path or "logistics" in path
    fitting = [each for each in known if ("variant" in each) == reads]

    @fuzzed
    @given(request=REQUESTS, endpoint=st.sampled_from(fitting))
    def ask(request: Nonsense, endpoint: dict[str, str]) -> None:
        answer = send(root, path, request, endpoint)

        assert answer is not None
        status, body = answer
        assert status < 500
        assert not any(word in body for word in SECRETIVE)

    ask()


def test_no_bytes_are_our_fault(root: str):
    @fuzzed
    @given(data=HEADS)
    def ask(data: bytes) -> None:
        with Wire(root) as wire:
            wire.send(data)
            wire.end()
            answer = wire.answer()

        assert answer is None or answer[0] < 500

    ask()


def test_no_signed_notification_is_our_fault(conn: Connection[Any], tenant: Tenant, root: str):
    made = webhooks.create_endpoint(
        conn, shops.unreachable_braintree(conn, tenant), {"scheme": "braintree"}
    )
    target = f"/v1/webhooks/braintree/{made.endpoint_id}"

    @fuzzed
    @given(payload=NOTIFICATIONS)
    def ask(payload: str) -> None:
        form = braintree_form(payload, **shops.BRAINTREE_KEYS)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}

        status, _ = post(root, target, headers, form.body)

        # what looks like a challenge passes for no payload
        assert status == (401 if payload == "a" * 20 else 200)

    ask()


def test_no_registration_is_our_fault(conn: Connection[Any], tenant: Tenant, root: str):
    answers_of_shop: dict[str, tuple[int, bytes]] = {}
    with answering(answers_of_shop.__getitem__) as shop:
        api_url = f"{shop}/graphql/"

        @fuzzed
        @given(registration=registrations(api_url))
        def ask(registration: Registration) -> None:
            answers_of_shop.update(POST=registration.app, GET=registration.keys)
            made = invite(conn, tenant, api_url)
            target = f"/v1/saleor/register/{made.token}"

            status, body = post(root, target, registration.headers, registration.body)

            assert status < 500
            assert made.token.encode() not in body

        ask()


def post(root: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
    """Send a request that has a length, and return its answer, which tells nothing of us."""
    with Wire(root) as wire:
        wire.send(head("POST", target, {**headers, "Content-Length": len(body)}) + body)
        answer = wire.answer()
    assert answer is not None
    assert not any(word in answer[1] for word in SECRETIVE)
    return answer


def send(
    root: str, path: str, request: Nonsense, endpoint: dict[str, str]
) -> tuple[int, bytes] | None:
    """Send a request and return its answer."""
    target = fill(path, endpoint if request.is_known else {}, request.parameters)
    headers, body = request.framing()
    query = f"?{request.query}" if request.query else ""
    with Wire(root) as wire:
        wire.send(head(request.method, target + query, {**request.headers, **headers}) + body)
        return wire.answer(request.method)


def test_a_flood_of_refused_requests_is_not_kept(postgres: str, endpoint: Created):
    """Each has a path, headers and a body of its own, of which nothing may stay in memory."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "webhook_gateway", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": postgres, "GATEWAY_ACCESS_LOG": "false"},
        stderr=subprocess.DEVNULL,
    )
    try:
        root = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(f"{root}/readyz"), timeout=60, what="the gateway to be ready")
        flood(root, endpoint, range(1000))
        before = resident_bytes(process.pid)
        flood(root, endpoint, range(1000, 3000))
        after = resident_bytes(process.pid)
    finally:
        process.terminate()
        process.wait()

    assert after - before < KEPT_BYTES


def flood(root: str, endpoint: Created, numbers: range) -> None:
    """Send requests that are refused, on every route, from four threads."""
    everywhere = paths()

    def ask(share: int) -> None:
        with Wire(root) as wire:
            for number in numbers[share::4]:
                unique = f"x{number}"
                body = unique.encode() * 16_000
                values = {"provider": endpoint.provider, "endpoint_id": endpoint.endpoint_id}
                path = fill(everywhere[number % len(everywhere)], values, unique)
                headers = {
                    "Host": unique,
                    "ECI-Trace-Id": unique,
                    "X-Signature": unique,
                    "Authorization": f"Bearer {unique}",
                    f"X-{unique}": unique * 1000,
                    "Content-Length": len(body),
                }
                wire.send(head("POST", f"{path}?{unique}={unique}", headers) + body)
                if wire.answer() is None:
                    wire.reopen()

    threads = [threading.Thread(target=ask, args=(share,)) for share in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
