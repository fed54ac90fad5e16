"""``schemabase keys``, ``db`` and ``migrate``: what an operator runs on the first day."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from schemabase_dagster.embedded import EmbeddedServer
from schemabase_dagster.settings import forget_settings, get_settings
from schemabase_dagster.tenancy import App
from tests.conftest import TEST_KEYS
from tests.support.rows import value

NEW = f"new:{base64.b64encode(b'n' * 32).decode()}"


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """State folder of an embedded server that is stopped at the end."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    forget_settings()
    state = get_settings().state_dir
    yield state
    EmbeddedServer(state).stop()


def test_generated_key_can_be_used(run, monkeypatch: pytest.MonkeyPatch):
    entry = run("keys", "generate").out.strip()

    assert len(base64.b64decode(entry.partition(":")[2])) == 32


def test_keys_are_rotated_and_counted(
    run, conn: Connection[Any], zoho_app: App, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SCHEMABASE_KEYS", f"{NEW},{TEST_KEYS}")
    forget_settings()

    before = json.loads(run("keys", "list", "--json").out)
    rotated = run("keys", "rotate")
    after = json.loads(run("keys", "list", "--json").out)

    assert [(each["key"], each["secrets"]) for each in before] == [("new", 0), ("test", 1)]
    assert "Encrypted 1 secret with key 'new'" in rotated.out
    assert "'test'" in rotated.out
    assert [(each["key"], each["secrets"]) for each in after] == [("new", 1), ("test", 0)]
    assert "already" in run("keys", "rotate").out


def test_lost_key_is_shown(run, zoho_app: App, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SCHEMABASE_KEYS", NEW)
    forget_settings()

    assert "missing" in run("keys", "list").out
    assert run("keys", "rotate").status == 2


def test_no_key_is_ever_printed(run, zoho_app: App):
    secret = TEST_KEYS.partition(":")[2]

    assert secret not in run("keys", "list").out + run("keys", "rotate").out


def test_migrate_makes_the_raw_tables(run, conn: Connection[Any]):
    conn.execute("DROP TABLE raw.zoho_invoices CASCADE")

    ran = run("migrate")

    assert ran.status == 0
    assert "up to date" in ran.out
    assert value(conn, "SELECT to_regclass('raw.zoho_invoices')") is not None


def test_database_that_was_never_migrated_is_told(run, no_server: Path):
    assert "schemabase db start" in run("tenant", "list").err
    assert run("db", "start").status == 0

    ran = run("tenant", "list")

    assert (ran.status, "schemabase migrate" in ran.err) == (2, True)


def test_embedded_server_is_started_and_stopped(run, no_server: Path):
    assert "does not run" in run("db", "status").out

    assert "127.0.0.1" in run("db", "start").out
    assert json.loads(run("db", "status", "--json").out)["running"] is True
    assert "is stopped" in run("db", "stop").out

    assert json.loads(run("db", "status", "--json").out)["running"] is False
    assert "was not running" in run("db", "stop").out


def test_stopping_the_server_of_a_running_stack_is_refused(run, no_server: Path):
    with EmbeddedServer(no_server):
        ran = run("db", "stop")

    assert ran.status == 2
    assert "another running process" in ran.err


def test_another_server_needs_no_embedded_one(run, postgres: str):
    assert "not used" in run("db", "status").out
    assert run("db", "start").status == 2
