"""``schemabase analyst``: logins that people get, keep and lose."""

import json
import re
import secrets
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from schemabase_dagster import tenancy
from schemabase_dagster.tenancy import Tenant
from tests.schemabase_dagster.commands.conftest import Run
from tests.support.rows import value


@pytest.fixture
def name(conn: Connection[Any]) -> Any:
    """Name of a role of the test's own; roles belong to the server, not to the database."""
    role = f"ben_{secrets.token_hex(6)}"
    yield role
    conn.execute(f"DROP ROLE IF EXISTS {role}")


def link_in(out: str) -> str:
    found = re.search(r"postgresql://\S+", out)
    assert found is not None
    return found[0]


def test_new_analyst_logs_in_with_what_is_printed_once(run: Run, tenant: Tenant, name: str):
    added = run("analyst", "add", name, "--tenant", "acme")

    with psycopg.connect(link_in(added.out)) as session:
        assert session.execute("SELECT count(*) FROM fct_order").fetchone() == (0,)
    again = run("analyst", "add", name, "--tenant", "acme")
    assert "keeps its password" in again.out
    assert "postgresql://" not in again.out


def test_password_is_stored_as_a_hash_only(
    run: Run, conn: Connection[Any], tenant: Tenant, name: str
):
    run("analyst", "add", name, "--tenant", "acme")

    stored = value(conn, "SELECT rolpassword FROM pg_authid WHERE rolname = %s", (name,))
    assert stored.startswith("SCRAM-SHA-256$")


def test_sessions_begin_careful(run: Run, tenant: Tenant, name: str):
    added = run("analyst", "add", name, "--tenant", "acme")

    with psycopg.connect(link_in(added.out)) as session:
        settings = ("default_transaction_read_only", "statement_timeout", "search_path")
        shown = [session.execute(f"SHOW {each}").fetchone() for each in settings]
    assert shown == [("on",), ("2min",), ("analytics, core",)]


def test_list_shows_who_reads_what(run: Run, conn: Connection[Any], tenant: Tenant, name: str):
    tenancy.add_tenant(conn, "globex", "Globex")
    run("analyst", "add", name, "--tenant", "acme")
    run("analyst", "add", name, "--tenant", "globex")

    (listed,) = json.loads(run("analyst", "list", "--json").out)

    assert (listed["name"], listed["tenants"]) == (name, ["acme", "globex"])
    assert "acme, globex" in run("analyst", "list").out


def test_access_ends_for_sessions_that_are_open(run: Run, tenant: Tenant, name: str):
    added = run("analyst", "add", name, "--tenant", "acme")

    with psycopg.connect(link_in(added.out), autocommit=True) as session:
        before = session.execute("SELECT count(*) FROM sync_freshness").fetchone()
        removed = run("analyst", "remove", name)
        with pytest.raises(psycopg.Error):
            session.execute("SELECT count(*) FROM sync_freshness")
    assert before == (0,)
    assert "is removed" in removed.out
    assert json.loads(run("analyst", "list", "--json").out) == []


def test_one_of_several_tenants_is_taken_away(
    run: Run, conn: Connection[Any], tenant: Tenant, name: str
):
    tenancy.add_tenant(conn, "globex", "Globex")
    run("analyst", "add", name, "--tenant", "acme", "--tenant", "globex")

    removed = run("analyst", "remove", name, "--tenant", "globex")

    assert "does not read globex any more" in removed.out
    (listed,) = json.loads(run("analyst", "list", "--json").out)
    assert listed["tenants"] == ["acme"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "Anna", "--tenant", "acme"), "not a possible name"),
        (("add", "pg_monitor", "--tenant", "acme"), "not a possible name"),
        (("add", "schemabase", "--tenant", "acme"), "that is not an analyst"),
        (("add", "anna", "--tenant", "nobody"), "no tenant 'nobody'"),
        (("remove", "nobody"), "no analyst 'nobody'"),
    ],
)
def test_mistake_is_one_line(run: Run, tenant: Tenant, words: tuple[str, ...], told: str):
    ran = run("analyst", *words)

    assert (ran.status, told in ran.err) == (2, True)


def test_empty_list_tells_the_next_step(run: Run, postgres: str):
    assert "schemabase analyst add NAME" in run("analyst", "list").out
