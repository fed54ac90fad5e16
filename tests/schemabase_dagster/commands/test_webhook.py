"""Without these, people cannot connect a sender, or a secret is shown twice."""

import json
from typing import Any

import pytest
from psycopg import Connection

from resources.saleor import SALEOR
from schemabase_dagster import tenancy
from schemabase_dagster.tenancy import App, Tenant
from tests.schemabase_dagster.commands.conftest import Run
from tests.support import shops
from tests.support.rows import one, value


@pytest.fixture
def app(conn: Connection[Any], tenant: Tenant) -> App:
    """App ``shop`` of ``acme``; nobody answers at its address."""
    config = {"api_url": "http://localhost:9/graphql/"}
    return tenancy.add_app(conn, tenant, SALEOR, "shop", config, {"token": "t" * 30})


def create(run: Run, *options: str) -> dict[str, Any]:
    """What ``webhook create`` says to scripts."""
    ran = run("webhook", "create", "acme", "shop", "--json", *options)
    assert ran.status == 0, ran.err
    answer: dict[str, Any] = json.loads(ran.out)
    return answer


def test_an_endpoint_is_verified_as_its_system_signs(run: Run, app: App, conn: Connection[Any]):
    ran = run("webhook", "create", "acme", "shop", "--name", "orders")

    row = one(conn, "SELECT * FROM platform.webhook_endpoint")
    assert ran.status == 0
    assert row["verification"] == {
        "scheme": "saleor_jws",
        "jwks_url": "http://localhost:9/.well-known/jwks.json",
    }
    assert (row["app_id"], row["provider"], row["name"]) == (app.id, "saleor", "orders")
    assert f"http://127.0.0.1:8080/v1/webhooks/saleor/{row['id']}" in ran.out
    assert "none needed" in ran.out


def test_a_sender_that_signs_nothing_gets_an_address_that_nobody_guesses(
    run: Run, tenant: Tenant, conn: Connection[Any]
):
    shops.unreachable_reviewsio(conn, tenant)

    ran = run("webhook", "create", "acme", "reviews")

    row = one(conn, "SELECT id, verification FROM platform.webhook_endpoint")
    assert ran.status == 0, ran.err
    assert row["verification"]["scheme"] == "path_only"
    assert f"/v1/webhooks/reviewsio/{row['id']}" in ran.out


def test_a_secret_is_shown_once_and_stored_sealed(run: Run, app: App, conn: Connection[Any]):
    created = create(run, "--scheme", "shared_secret", "--option", "header=X-Secret")

    stored = one(conn, "SELECT * FROM platform.webhook_secret")
    assert len(created["secret"]) >= 40
    assert created["secret"] not in str(stored)
    assert stored["kind"] == "hash"
    assert created["secret"] not in run("webhook", "list", "--json").out


def test_a_signing_secret_is_encrypted(run: Run, app: App, conn: Connection[Any]):
    created = create(run, "--scheme", "zoho")

    stored = one(conn, "SELECT * FROM platform.webhook_secret")
    assert created["secret"].isalnum()
    assert 12 <= len(created["secret"]) <= 50
    assert created["secret"].encode() not in bytes(stored["secret_enc"])
    assert stored["key_id"] == "test"
    standard = create(run, "--scheme", "standard_webhooks")
    assert standard["secret"].startswith("whsec_")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--scheme", "basic"], "There is no verification scheme 'basic'."),
        (["--scheme", "hmac"], "'hmac' needs header"),
        (["--scheme", "path_only"], "'path_only' needs reason"),
        (["--scheme", "hmac", "--option", "header"], "not an option of the form name=value"),
        (["--option", "scheme=path_only"], "not an option of the form name=value"),
    ],
)
def test_wrong_options_are_explained(
    run: Run, app: App, conn: Connection[Any], options: list[str], complaint: str
):
    ran = run("webhook", "create", "acme", "shop", *options)

    assert ran.status == 2
    assert complaint in ran.err
    assert "Traceback" not in ran.err
    assert value(conn, "SELECT count(*) FROM platform.webhook_endpoint") == 0


def test_an_unknown_app_is_explained(run: Run, tenant: Tenant):
    ran = run("webhook", "create", "acme", "nothing")

    assert ran.status == 2
    assert len(ran.err.strip().splitlines()) == 1


def test_rotation_gives_a_new_secret_and_lets_the_old_one_end(
    run: Run, app: App, conn: Connection[Any]
):
    created = create(run, "--scheme", "zoho")

    ran = run("webhook", "rotate", created["endpoint_id"], "--grace-hours", "2", "--json")

    rotated = json.loads(ran.out)
    assert rotated["secret"] != created["secret"]
    left = "SELECT extract(epoch FROM valid_until - now())::int FROM platform.webhook_secret"
    assert [row[0] is None or 7100 < row[0] <= 7200 for row in conn.execute(left)] == [True, True]
    assert value(conn, "SELECT count(valid_until) FROM platform.webhook_secret") == 1


def test_a_scheme_without_secret_cannot_be_rotated(run: Run, app: App):
    ran = run("webhook", "rotate", create(run)["endpoint_id"])

    assert ran.status == 2
    assert "has no secret" in ran.err


def test_endpoints_are_listed_paused_resumed_and_deleted(run: Run, app: App):
    assert "No webhook endpoints yet" in run("webhook", "list").out
    endpoint_id = create(run)["endpoint_id"]

    def state() -> str:
        (row,) = json.loads(run("webhook", "list", "acme", "--json").out)
        return str(row["state"])

    assert state() == "active"
    assert run("webhook", "pause", endpoint_id).status == 0
    assert state() == "paused"
    assert run("webhook", "resume", endpoint_id).status == 0
    assert state() == "active"
    assert run("webhook", "delete", endpoint_id).status == 0
    assert json.loads(run("webhook", "list", "--json").out) == []
    for command in ("pause", "resume", "rotate", "delete"):
        assert run("webhook", command, endpoint_id).status == 2
