"""One suite for all systems: the stand-in's account, or a real one with ``LIVE=1``.

``SYSTEM=zoho`` leaves out the other systems. With ``LIVE=1`` the credentials come from
``<SYSTEM>_<FIELD>`` and the configuration, as a JSON object, from ``<SYSTEM>_CONFIG``. The clients
only read, so nothing is created there and nothing has to be removed.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson
import pytest
from psycopg import Connection

from assets import registry
from resources import registry as systems
from resources.shell import SystemResource
from sandbox.runner import Sandbox
from schemabase_dagster import tenancy
from schemabase_dagster.commands import _credentials
from schemabase_dagster.stack.standins import app_settings
from schemabase_dagster.streams import Client, Page, Stream
from schemabase_dagster.systems import System
from schemabase_dagster.tenancy import App, Tenant

IS_LIVE = os.environ.get("LIVE") == "1"
CHOSEN = os.environ.get("SYSTEM", "")
MERCHANT = "acme"
MOST_PAGES = 3
"""Pages of a listing that are looked at: a real account may have thousands."""

QUICK = {"backoff_seconds": 0.01, "rate_limit_seconds": 0.01}

_LISTED: dict[str, list[Page]] = {}

Settings = tuple[Mapping[str, Any], Mapping[str, str]]
Connect = Callable[[Settings], App]


def pytest_configure() -> None:
    """Refuse a system that is none: without tests the suite would end as if all were well."""
    known = systems.systems()
    if CHOSEN and CHOSEN not in known:
        raise pytest.UsageError(f"no system {CHOSEN!r}: SYSTEM is one of {', '.join(known)}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test for every system, or for every stream that a client lists."""
    chosen = {name: each for name, each in systems.systems().items() if CHOSEN in {"", name}}
    if "stream" in metafunc.fixturenames:
        streams = [
            each
            for each in registry.streams().values()
            if each.system.name in chosen and is_listed(each)
        ]
        metafunc.parametrize("stream", streams, ids=[each.name for each in streams])
    elif "system" in metafunc.fixturenames:
        metafunc.parametrize("system", list(chosen.values()), ids=list(chosen))


@pytest.fixture
def system(request: pytest.FixtureRequest) -> System:
    """System of the stream, where a test is about streams."""
    stream: Stream = request.getfixturevalue("stream")
    return stream.system


@pytest.fixture
def settings(request: pytest.FixtureRequest, system: System) -> Settings:
    """Configuration and credentials of the account."""
    if IS_LIVE:
        prefix = system.name.upper()
        config = orjson.loads(os.environ.get(f"{prefix}_CONFIG", "{}"))
        title = system.title
        return config, _credentials.read(system.credentials, title, stdin=False, prefix=prefix)
    sandbox: Sandbox = request.getfixturevalue("large_sandbox")
    return app_settings(MERCHANT, sandbox.info["merchants"][MERCHANT])[system.name]


@pytest.fixture
def connect(conn: Connection[Any], tenant: Tenant, system: System) -> Connect:
    """Make the app of an account."""

    def add(settings: Settings) -> App:
        return tenancy.add_app(conn, tenant, system, system.name, *settings, streams=[])

    return add


@pytest.fixture
def resource(system: System) -> SystemResource:
    """The system's resource, which waits little for a stand-in."""
    made = systems.resource_classes()[system.name]()
    return made if IS_LIVE else made.model_copy(update=QUICK)


@pytest.fixture
def client(connect: Connect, settings: Settings, resource: SystemResource) -> Iterator[Client]:
    """A client of the account."""
    with resource.open(connect(settings)) as opened:
        yield opened


@pytest.fixture
def pages(request: pytest.FixtureRequest, stream: Stream) -> list[Page]:
    """The first pages of the whole listing, read once for all tests: none of them changes it."""
    if stream.name not in _LISTED:
        _LISTED[stream.name] = first_pages(request.getfixturevalue("client"), stream)
    return _LISTED[stream.name]


def is_listed(stream: Stream) -> bool:
    """Tell whether a client lists a stream: not what lies in others, is asked for or pushed."""
    return stream.part is None and stream.source is not None and stream.asked is None


def first_pages(client: Client, stream: Stream, **options: Any) -> list[Page]:
    """Return the first pages of a listing; the rest is not asked for."""
    found = []
    for page in client.iter_pages(stream, **{"since": None, **options}):
        found.append(page)
        if len(found) == MOST_PAGES:
            break
    return found
