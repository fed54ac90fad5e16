"""Without these, a lock that does not lock or a lost transaction would be found in production."""

import threading
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from schemabase_dagster import database
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.settings import forget_settings
from tests.support.rows import value, waiters
from tests.support.wait import wait_until


def test_transaction_commits_at_its_end(postgres: str, conn: Connection[Any]):
    with database.transaction() as transaction:
        transaction.execute("CREATE TABLE public.kept AS SELECT 1 AS one")

    assert value(conn, "SELECT one FROM public.kept") == 1


def test_transaction_is_undone_on_an_error(conn: Connection[Any]):
    def fail_halfway() -> None:
        with database.transaction() as transaction:
            transaction.execute("CREATE TABLE public.undone AS SELECT 1 AS one")
            transaction.execute("SELECT 1 / 0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        fail_halfway()

    assert value(conn, "SELECT to_regclass('public.undone')") is None


def test_inner_transaction_is_undone_with_the_outer_one(conn: Connection[Any]):
    def fail_at_the_end() -> None:
        with database.transaction() as transaction:
            with transaction.transaction():
                transaction.execute("CREATE TABLE public.undone AS SELECT 1 AS one")
            transaction.execute("SELECT 1 / 0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        fail_at_the_end()

    assert value(conn, "SELECT to_regclass('public.undone')") is None


def test_pool_replaces_connections_that_the_server_closed(conn: Connection[Any]):
    with database.transaction() as transaction:
        pid = transaction.info.backend_pid
    conn.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))

    with database.transaction() as transaction:
        assert transaction.execute("SELECT 1").fetchone() == (1,)


def test_pool_follows_the_settings(postgres: str, monkeypatch: pytest.MonkeyPatch):
    before = database.pool()
    monkeypatch.setenv("DATABASE_URL", f"{postgres}?application_name=other")
    forget_settings()

    assert database.pool() is not before


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_usual_schemes_become_what_each_library_understands(
    monkeypatch: pytest.MonkeyPatch, scheme: str
):
    monkeypatch.setenv(
        "DATABASE_URL", f"{scheme}://user:pass%40word@host:5433/shop?sslmode=require"
    )
    forget_settings()

    rest = "user:pass%40word@host:5433/shop?sslmode=require"
    assert database.conninfo() == f"postgresql://{rest}"
    assert database.sqlalchemy_url() == f"postgresql+psycopg://{rest}"


def test_dagster_has_its_own_database_on_the_same_server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:word@host:5433/shop?sslmode=require")
    forget_settings()

    wanted = "postgresql+psycopg2://user:word@host:5433/dagster?sslmode=require"
    assert database.dagster_url() == wanted


def test_other_databases_are_refused_without_repeating_the_url(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "mysql://user:canary@host/db")
    forget_settings()

    with pytest.raises(ConfigurationError, match="not a PostgreSQL URL") as caught:
        database.conninfo()

    assert "canary" not in str(caught.value)


def test_without_a_server_the_next_step_is_told():
    with pytest.raises(ConfigurationError, match="schemabase db start"):
        database.database_url()


def test_dagster_database_is_made_once(
    postgres: str, conn: Connection[Any], monkeypatch: pytest.MonkeyPatch
):
    name = f"dagster_{postgres.rpartition('_')[2][:12]}"
    monkeypatch.setenv("SCHEMABASE_DAGSTER_DATABASE", name)
    forget_settings()

    first, second = database.ensure_dagster_database(), database.ensure_dagster_database()

    assert first == second
    with database.connect(url=first) as made:
        assert value(made, "SELECT current_database()") == name
    conn.execute(psycopg.sql.SQL("DROP DATABASE {}").format(psycopg.sql.Identifier(name)))


def test_advisory_lock_keeps_a_second_session_waiting(conn: Connection[Any]):
    order: list[str] = []

    def second() -> None:
        with database.connect(autocommit=True) as other:
            database.advisory_lock(other, "pull", 7, "orders")
            order.append("second")

    with database.connect(autocommit=True) as holder:
        database.advisory_lock(holder, "pull", 7, "orders")
        waiter = threading.Thread(target=second)
        waiter.start()
        wait_until(lambda: waiters(conn), what="the second session to wait")
        order.append("first")
    waiter.join()

    assert order == ["first", "second"]


def test_try_lock_tells_instead_of_waiting(postgres: str):
    with database.connect(autocommit=True) as one, database.connect(autocommit=True) as two:
        assert database.try_advisory_lock(one, "slot", 1)
        assert not database.try_advisory_lock(two, "slot", 1)
        assert database.try_advisory_lock(two, "slot", 2)

        database.advisory_unlock(one, "slot", 1)

        assert database.try_advisory_lock(two, "slot", 1)


def test_transaction_lock_ends_with_the_transaction(postgres: str):
    with database.transaction() as transaction:
        database.advisory_xact_lock(transaction, "merge", "order")
        with database.connect(autocommit=True) as other:
            assert not database.try_advisory_lock(other, "merge", "order")

    with database.connect(autocommit=True) as other:
        assert database.try_advisory_lock(other, "merge", "order")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:canary%zz@host/db",
        "postgresql://user:canary/canary@host/db",
        "postgresql://user:canary#canary@host/db",
        "postgresql://user:canary canary@host/db",
        "postgresql://user:canary@host:canary/db",
        "mysql://user:canary@host/db",
    ],
)
def test_unreadable_url_is_told_without_its_password(url: str):
    with pytest.raises(ConfigurationError, match="PostgreSQL URL") as raised:
        database.conninfo(url)

    assert "canary" not in str(raised.value)
    assert raised.value.__context__ is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:p%2F%23%40ss@host:5432/db?sslmode=require",
        "postgresql://user@[::1]/db",
        "postgresql:///db?host=/var/run/postgresql",
        "postgresql://user:pass@one:5432,two:5433/db",
    ],
)
def test_readable_url_is_kept(url: str):
    assert database.conninfo(url.replace("postgresql://", "postgresql+psycopg://")) == url
