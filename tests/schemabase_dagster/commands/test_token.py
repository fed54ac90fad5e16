"""``schemabase token``: made, shown once, listed, revoked."""

import json
from typing import Any

import pytest
from psycopg import Connection

from schemabase_dagster.tenancy import Tenant
from tests.schemabase_dagster.commands.conftest import Run
from tests.support.rows import one

CREATE = ("token", "create", "portal", "--tenant", "acme", "--scope", "orders", "--json")


def test_token_is_shown_once_and_stored_as_a_hash(run: Run, conn: Connection[Any], tenant: Tenant):
    made = json.loads(run(*CREATE).out)

    stored = one(conn, "SELECT *, sha256(%s::bytea) AS hash FROM platform.api_token",
                 (made["token"].encode(),))  # fmt: skip
    assert stored["token_hash"] == stored["hash"]
    assert made["token"] not in repr(stored)
    assert made["token"] not in run("token", "list", "--json").out
    assert len(made["token"]) > 40


def test_people_are_told_what_to_do_with_it(run: Run, tenant: Tenant):
    ran = run(*CREATE[:-1])

    assert "sbt_" in ran.out
    assert "not shown again" in ran.out
    assert "/graphql" in ran.out


def test_list_shows_what_tokens_read_and_whether_they_are_valid(run: Run, tenant: Tenant):
    made = json.loads(run(*CREATE).out)
    before = json.loads(run("token", "list", "acme", "--json").out)

    run("token", "revoke", made["id"])

    after = json.loads(run("token", "list", "--json").out)
    assert [(each["reads"], each["may"], each["state"]) for each in before + after] == [
        ("acme", "orders", "valid"), ("acme", "orders", "revoked"),
    ]  # fmt: skip
    run("tenant", "add", "globex", "--name", "Globex")
    assert json.loads(run("token", "list", "globex", "--json").out) == []


def test_expired_token_is_listed_as_such(run: Run, conn: Connection[Any], tenant: Tenant):
    run(*CREATE)
    conn.execute("UPDATE platform.api_token SET expires_at = now()")

    assert json.loads(run("token", "list", "--json").out)[0]["state"] == "expired"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("create", "x", "--tenant", "acme", "--scope", "everything"), "no scope 'everything'"),
        (("create", "x", "--tenant", "nobody", "--scope", "orders"), "no tenant 'nobody'"),
        (("revoke", "tk_unknown"), "no token 'tk_unknown'"),
    ],
)
def test_mistake_is_told(run: Run, tenant: Tenant, words: tuple[str, ...], told: str):
    ran = run("token", *words)

    assert ran.status == 2
    assert told in ran.err
