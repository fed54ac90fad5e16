"""Without these, people cannot connect a sender, or a secret is shown twice."""

import json
from typing import Any

import pytest
from psycopg import Connection

from resources.saleor import SALEOR
from schemabase_dagster import inbox, schemes, tenancy
from schemabase_dagster.tenancy import App, Tenant
from tests.schemabase_dagster.commands.conftest import Ran, Run
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
        (["--scheme", "magic"], "There is no verification scheme 'magic'."),
        (["--scheme", "ip_allow"], "An address proves nothing by itself"),
        (["--scheme", "braintree"], "needs the credentials of an app of type 'braintree'"),
        (["--scheme", "zoho", "--option", "ip_alow=::/0"], "has no option 'ip_alow'"),
        (["--scheme", "zoho", "--option", "ip_allow=1.2.3"], "'ip_allow' of verification scheme"),
        (
            ["--scheme", "hmac", "--option", "header=X-S", "--option", "template=x"],
            "contain {body}",
        ),
        (["--scheme", "shared_secret"], "either header or query"),
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


def test_options_are_set_and_taken_away_under_the_same_address(
    run: Run, app: App, conn: Connection[Any]
):
    endpoint_id = create(run, "--scheme", "vercel")["endpoint_id"]

    def change(*arguments: str) -> Ran:
        return run("webhook", "change", endpoint_id, *arguments)

    def verification() -> object:
        return value(conn, "SELECT verification FROM platform.webhook_endpoint")

    assert change("--option", "verify=c0de", "--option", "ip_allow=192.0.2.0/24").status == 0
    assert verification() == {"scheme": "vercel", "verify": "c0de", "ip_allow": "192.0.2.0/24"}
    assert change("--option", "verify=").status == 0
    assert change("--option", "nonsense=1").status == 2
    assert change("--option", "scheme=path_only").status == 2
    assert change("--option", "ip_allow=here").status == 2
    assert verification() == {"scheme": "vercel", "ip_allow": "192.0.2.0/24"}


@pytest.mark.parametrize(
    "arguments", [(), ("--max-body-bytes", "9999999999"), ("--rate-per-minute", "9999999999")]
)
def test_a_change_that_is_none_or_impossible_is_told(
    run: Run, app: App, arguments: tuple[str, ...]
):
    ran = run("webhook", "change", create(run)["endpoint_id"], *arguments)

    assert ran.status == 2
    assert "Unexpected" not in ran.err


@pytest.mark.parametrize(
    "command",
    [
        ("webhook", "list", "acne"),
        ("token", "list", "acne"),
        ("feed", "list", "acne"),
        ("inbox", "list", "--tenant", "acne"),
        ("inbox", "dead", "--tenant", "acne"),
        ("inbox", "replay", "--tenant", "acne", "--dry-run"),
    ],
    ids=" ".join,
)
def test_a_mistyped_tenant_is_no_empty_list(run: Run, tenant: Tenant, command: tuple[str, ...]):
    ran = run(*command)

    assert ran.status == 2
    assert "There is no tenant 'acne'." in ran.err


def test_the_user_of_basic_authentication_is_shown(run: Run, app: App):
    created = run("webhook", "create", "acme", "shop", "--scheme", "basic", "--option", "user=joe")

    assert "joe" in created.out
    assert create(run, "--scheme", "basic")["user"] == "webhook"
    assert create(run, "--scheme", "zoho")["user"] is None


def test_every_scheme_is_listed_with_its_options(run: Run):
    rows = json.loads(run("webhook", "schemes", "--json").out)

    assert {row["scheme"] for row in rows} == {*schemes.SCHEMES, "(any)"}
    assert {"scheme": "vercel", "option": "verify"}.items() <= next(
        row for row in rows if row["option"] == "verify"
    ).items()


def add_secret(run: Run, endpoint_id: str, secret: str, *options: str) -> Ran:
    return run("webhook", "add-secret", endpoint_id, "--stdin", *options, stdin=f"{secret}\n")


def test_a_secret_of_the_sender_is_entered_and_never_shown(
    run: Run, app: App, conn: Connection[Any]
):
    created = run("webhook", "create", "acme", "shop", "--scheme", "stripe_style")
    endpoint_id = str(value(conn, "SELECT id FROM platform.webhook_endpoint"))

    added = add_secret(run, endpoint_id, "whsec_of_the_sender")

    (shown,) = json.loads(run("webhook", "secrets", endpoint_id, "--json").out)
    assert "add-secret" in created.out
    assert added.status == 0, added.err
    assert (shown["valid_until"], shown["last_used_at"]) == (None, None)
    assert "whsec_of" not in added.out + str(shown)


def test_secrets_overlap_until_the_older_ones_end(run: Run, app: App, conn: Connection[Any]):
    endpoint_id = create(run, "--scheme", "zoho")["endpoint_id"]
    add_secret(run, endpoint_id, "first-of-the-sender")

    add_secret(run, endpoint_id, "second-of-the-sender", "--grace-hours", "2")

    ends = [
        row["valid_until"]
        for row in json.loads(run("webhook", "secrets", endpoint_id, "--json").out)
    ]
    assert [end is None for end in ends] == [True, False, False]


def test_the_list_tells_the_last_delivery(run: Run, app: App, conn: Connection[Any]):
    endpoint_id = create(run, "--scheme", "zoho")["endpoint_id"]
    (before,) = json.loads(run("webhook", "list", "--json").out)

    inbox.note_activity(conn, {endpoint_id: 2})

    (after,) = json.loads(run("webhook", "list", "--json").out)
    assert (before["last_delivery_at"], after["last_delivery_at"] is None) == (None, False)


def test_a_secret_is_ended(run: Run, app: App, conn: Connection[Any]):
    endpoint_id = create(run, "--scheme", "zoho")["endpoint_id"]
    secret_id = str(value(conn, "SELECT id FROM platform.webhook_secret"))

    assert run("webhook", "end-secret", endpoint_id, secret_id).status == 0
    assert value(conn, "SELECT valid_until <= now() FROM platform.webhook_secret")
    assert run("webhook", "end-secret", endpoint_id, secret_id).status == 2
    assert run("webhook", "end-secret", endpoint_id, "x").status == 2


def test_the_hash_that_the_former_system_kept_is_taken_over(
    run: Run, app: App, conn: Connection[Any]
):
    run("webhook", "create", "acme", "shop", "--scheme", "shared_secret_legacy_json",
        "--option", "header=Authorization")  # fmt: skip
    endpoint_id = str(value(conn, "SELECT id FROM platform.webhook_endpoint"))

    assert add_secret(run, endpoint_id, "6c" * 32, "--hash").status == 0
    assert value(conn, "SELECT secret_hash FROM platform.webhook_secret") == b"\x6c" * 32


@pytest.mark.parametrize(
    ("scheme", "secret", "options", "complaint"),
    [
        ("zoho", "", (), "it is empty"),
        ("zoho", "6c" * 32, ("--hash",), "cannot be computed from a hash"),
        ("basic", "6c", ("--hash",), "64 hexadecimal digits"),
        ("basic", "hunter2hunter2x", (), "fewer than 16 characters"),
        ("shared_secret", "hunter2hunter2x", (), "fewer than 16 characters"),
        ("standard_webhooks", "whsk_AAAA", (), "private key"),
        ("standard_webhooks", "whsec_AAAA", (), "24 to 64 bytes"),
        ("standard_webhooks", "something", (), "24 to 64 bytes"),
        ("path_only", "something", (), "has no secret"),
    ],
)
def test_what_cannot_be_a_secret_is_explained_and_not_repeated(
    run: Run, app: App, scheme: str, secret: str, options: tuple[str, ...], complaint: str
):
    needed = {"path_only": "reason=none", "shared_secret": "header=X-Secret"}
    given = ["--option", needed[scheme]] if scheme in needed else []
    endpoint_id = create(run, "--scheme", scheme, *given)["endpoint_id"]

    ran = add_secret(run, endpoint_id, secret, *options)

    assert ran.status == 2
    assert complaint in ran.err
    assert len(secret) < 5 or secret not in ran.err


def test_bodies_that_changed_under_a_known_key_are_counted(
    run: Run, app: App, conn: Connection[Any]
):
    endpoint_id = create(run)["endpoint_id"]
    conn.execute(
        "INSERT INTO platform.webhook_dedupe (endpoint_id, dedupe_key, body_sha256, inbox_id, "
        "body_conflict) SELECT %s, n::text::bytea, '', gen_random_uuid(), n > 1 "
        "FROM generate_series(1, 3) AS n",
        (endpoint_id,),
    )

    (row,) = json.loads(run("webhook", "list", "--json").out)

    assert row["body_conflicts"] == 2
