"""Fixtures of all tests: environment, database, sandbox, tenants and apps."""

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from psycopg import Connection

from sandbox.runner import Sandbox
from schemabase_dagster import database
from schemabase_dagster.settings import forget_settings
from schemabase_dagster.tenancy import App, Tenant
from tests.support import server, shops
from tests.support.shops import Fill, Filled

# How long an example takes says something about the machine only. A CI tries the same examples each
# time, so that what it refuses is the change's fault; new ones are found where people work.
settings.register_profile("suite", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("suite")

TEST_KEYS = f"test:{base64.b64encode(bytes(range(32))).decode()}"


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of the run, in the process that starts the workers."""
    if not hasattr(config, "workerinput"):
        folder = server.make_folder()
        # after all workers have ended
        config.add_cleanup(lambda: server.remove_folder(folder))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that may take longest, so that no worker ends with one alone."""
    items.sort(key=_longest, reverse=True)


def _longest(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    usual = float(item.config.getini("timeout"))
    return max(usual, float(marker.args[0])) if marker else usual


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Give every test a state folder and keys of its own, and nothing of the developer's."""
    _surround(monkeypatch, tmp_path)
    yield
    forget_settings()
    # A pool whose server is not there would go on trying, and log into a later test.
    database.close_pools()


def _surround(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("SCHEMABASE_", "DAGSTER_")) and name != server.FOLDER_VARIABLE:
            monkeypatch.delenv(name)
    for name in ("DATABASE_URL", "PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SCHEMABASE_STATE_DIR", str(folder / "state"))
    monkeypatch.setenv("SCHEMABASE_KEYS", TEST_KEYS)
    forget_settings()


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """URL of the run's server, which holds the migrated template."""
    return server.ensure_template()


@pytest.fixture(scope="session")
def filled(
    postgres_server: str, sandbox_server: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Filled:
    """Make a database that a function fills once, for tests that begin with the same pull.

    A module yields its name from a fixture ``synced`` of scope module; the tests that ask for that
    get a copy each.
    """

    @contextmanager
    def make(fill: Fill) -> Iterator[str]:
        sandbox_server.reset()
        url = server.clone(postgres_server)
        with pytest.MonkeyPatch.context() as monkeypatch:
            _surround(monkeypatch, tmp_path_factory.mktemp("filling"))
            monkeypatch.setenv("DATABASE_URL", url)
            with database.connect(autocommit=True, url=url) as conn:
                fill(conn, shops.add_tenant(conn), sandbox_server)
                # the stand-ins forget theirs when the next test resets them
                conn.execute("DELETE FROM platform.app_token")
            database.close_pools()
        forget_settings()
        yield url.rpartition("/")[2]
        server.drop(postgres_server, url)

    return make


@pytest.fixture
def postgres(
    request: pytest.FixtureRequest,
    postgres_server: str,
    _environment: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """URL of a database of the test's own; ``DATABASE_URL`` names it.

    It is migrated and empty, or a copy of what the module's fixture ``synced`` names.
    """
    is_synced = "synced" in request.fixturenames
    template = request.getfixturevalue("synced") if is_synced else server.TEMPLATE
    url = server.clone(postgres_server, template)
    monkeypatch.setenv("DATABASE_URL", url)
    forget_settings()
    yield url
    database.close_pools()
    server.drop(postgres_server, url)


@pytest.fixture
def conn(postgres: str) -> Iterator[Connection[Any]]:
    """Connection to the test's database that commits every statement at once."""
    with database.connect(autocommit=True, url=postgres) as connection:
        yield connection


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[Sandbox]:
    """Stand-ins of all systems for the whole run, with 200 orders for each merchant."""
    with Sandbox(seed=7, size=200) as running:
        yield running


@pytest.fixture
def sandbox(sandbox_server: Sandbox) -> Sandbox:
    """Stand-ins as they were at the start: data, faults, counters."""
    sandbox_server.reset()
    return sandbox_server


@pytest.fixture
def tenant(conn: Connection[Any]) -> Tenant:
    """Tenant ``acme``, entitled to everything."""
    return shops.add_tenant(conn)


@pytest.fixture
def zoho_app(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> App:
    """App ``books`` of ``acme``: its Zoho organisation in the sandbox."""
    return shops.add_zoho(conn, tenant, sandbox)


@pytest.fixture
def reviewsio_app(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> App:
    """App ``reviews`` of ``acme``: its REVIEWS.io store in the sandbox."""
    return shops.add_reviewsio(conn, tenant, sandbox)


@pytest.fixture
def xentral_app(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> App:
    """App ``depot`` of ``acme``: its Xentral instance in the sandbox."""
    return shops.add_xentral(conn, tenant, sandbox)


@pytest.fixture
def strapi_app(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> App:
    """App ``bulk`` of ``acme``: its Strapi in the sandbox."""
    return shops.add_strapi(conn, tenant, sandbox)


@pytest.fixture
def braintree_app(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> App:
    """App ``gateway`` of ``acme``: its account at Braintree in the sandbox."""
    return shops.add_braintree(conn, tenant, sandbox)


@pytest.fixture
def saleor_app(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> App:
    """App ``shop`` of ``acme``: its Saleor shop in the sandbox."""
    return shops.add_saleor(conn, tenant, sandbox)
