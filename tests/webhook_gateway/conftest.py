"""Fixtures of the gateway's tests: an app, endpoints, a running gateway, a shop's keys."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from psycopg import Connection

from resources.saleor import SALEOR
from schemabase_dagster import tenancy, webhooks
from schemabase_dagster.tenancy import App, Tenant
from schemabase_dagster.webhooks import Created
from tests.schemabase_dagster.commands.conftest import run  # noqa: F401 - a fixture
from tests.webhook_gateway.raw import PATIENT
from tests.webhook_gateway.senders import ShopKey
from tests.webhook_gateway.servers import KeySet, Link, running
from webhook_gateway.app import create_app
from webhook_gateway.settings import GatewaySettings

HMAC = {"scheme": "hmac", "header": "X-Signature"}

MakeEndpoint = Callable[..., Created]
Start = Callable[..., httpx.Client]

KEEP_ALL = httpx.Limits(max_connections=100, max_keepalive_connections=None)
"""Of connections that are too many to keep, httpcore closes some that just got a request
(encode/httpcore#1110)."""


@pytest.fixture
def app(conn: Connection[Any], tenant: Tenant) -> App:
    """App ``shop`` of ``acme``; nobody answers at its address."""
    config = {"api_url": "http://localhost:9/graphql/"}
    return tenancy.add_app(conn, tenant, SALEOR, "shop", config, {"token": "t" * 30})


@pytest.fixture
def make_endpoint(conn: Connection[Any], app: App) -> MakeEndpoint:
    """Make an endpoint of the app, by default verified by HMAC."""

    def make(**verification: Any) -> Created:
        return webhooks.create_endpoint(conn, app, verification or HMAC)

    return make


@pytest.fixture
def endpoint(make_endpoint: MakeEndpoint) -> Created:
    """An endpoint verified by HMAC over the body in ``X-Signature``."""
    return make_endpoint()


@pytest.fixture
def start(postgres: str) -> Iterator[Start]:
    """Start a gateway with some settings and return a client of it."""
    stack = []

    def begin(*, address: str = postgres, port: int = 0, **settings: Any) -> httpx.Client:
        usual = {**PATIENT, "access_log": False, "cache_seconds": 0.0}
        options = GatewaySettings(**{**usual, **settings})
        server = running(create_app(options, address=lambda: address), port=port)
        client = httpx.Client(
            base_url=server.__enter__(), timeout=60, trust_env=False, limits=KEEP_ALL
        )
        stack.append((server, client))
        return client

    yield begin
    for server, client in reversed(stack):
        client.close()
        server.__exit__(None, None, None)


@pytest.fixture
def gateway(start: Start) -> httpx.Client:
    """A gateway that keeps nothing in memory, on the test's database."""
    return start()


@pytest.fixture
def link(postgres: str) -> Iterator[Link]:
    """A link to the database that can be cut."""
    parts = urlsplit(postgres)
    with Link(parts.hostname or "", parts.port or 5432).serve() as running_link:
        yield running_link


@pytest.fixture(scope="session")
def shop_key() -> ShopKey:
    """A shop's key."""
    return ShopKey()


@pytest.fixture(scope="session")
def other_key() -> ShopKey:
    """Another key, of nobody or of the future."""
    return ShopKey()


@pytest.fixture
def key_set(shop_key: ShopKey) -> Iterator[KeySet]:
    """The shop's published keys: ``shop_key`` only."""
    published = KeySet()
    published.keys = [shop_key.jwk]
    with published.serve():
        yield published
