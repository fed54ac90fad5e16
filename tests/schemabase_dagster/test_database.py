"""Without these, a lock that does not lock or a lost transaction would be found in production."""

from typing import Any

import psycopg
import pytest
from psycopg import Connection

from schemabase_dagster import database
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.settings import forget_settings
from tests.support.rows import value


def test_transaction_commits_at_its_end(postgres: str, conn: Connection[Any]):
    with database.transaction() as transaction:
        transaction.execute("CREATE TABLE public.kept AS SELECT 1 AS one")

    assert value(conn, "SELECT one FROM public.kept") == 1


def test_transaction_is_undone_on_an_error(conn: Connection[Any]):
    with pytest.raises(psycopg.errors.DivisionByZero), database.transaction() as transaction:
        transaction.execute("CREATE TABLE public.undone AS SELECT 1 AS one")
        transaction.execute("SELECT 1 / 0")

    assert value(conn, "SELECT to_regclass('public.undone')") is None
