"""``schemabase app``: secrets come in by a side door only, and never go out again."""

import json
from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from resources.registry import systems
from resources.saleor import SALEOR
from resources.zoho import ZOHO
from sandbox.runner import Sandbox
from schemabase_dagster import tenancy
from schemabase_dagster.tenancy import App, Tenant

URL = "api_url=https://shop.example.com/graphql/"
TOKEN = "canary567890123456789012345678"
STDIN = json.dumps({"token": TOKEN})


def test_app_is_added_with_credentials_from_stdin(run, conn: Connection[Any], tenant: Tenant):
    ran = run("app", "add", "acme", "saleor", "--set", URL, "--credentials-stdin", stdin=STDIN)

    assert ran.status == 0
    streams = sorted(registry.streams_of("saleor"))
    assert f"{len(streams)} streams: {', '.join(streams)}" in ran.out
    assert "canary" not in ran.out + ran.err
    app = tenancy.get_app(conn, "acme", "saleor")
    assert tenancy.enabled_streams(conn, app) == streams
    assert tenancy.load_credentials(conn, app, SALEOR).token.get_secret_value() == TOKEN


def test_credentials_come_from_the_environment(
    run, conn: Connection[Any], tenant: Tenant, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SHOP_CLIENT_ID", "1000.ABC")
    monkeypatch.setenv("SHOP_CLIENT_SECRET", "canary")
    words = ["--key", "books", "--set", "organization_id=123456", "--credentials-env", "SHOP"]

    ran = run("app", "add", "acme", "zoho", *words)

    assert ran.status == 0
    stored = tenancy.load_credentials(conn, tenancy.get_app(conn, "acme", "books"), ZOHO)
    assert stored.client_secret.get_secret_value() == "canary"
    assert stored.refresh_token is None


def test_settings_are_read_as_text_json_and_nested(run, conn: Connection[Any], tenant: Tenant):
    words = [
        "--set=organization_id=123456",
        '--set=order_prefixes=["STORE","SHOP"]',
        "--set=calls_per_minute=80",
        "--set=custom_fields.voucher_code=cf_voucher",
    ]
    secrets = json.dumps({"client_id": "a", "client_secret": "b"})

    ran = run("app", "add", "acme", "zoho", *words, "--credentials-stdin", stdin=secrets)

    assert ran.status == 0, ran.err
    config = tenancy.get_app(conn, "acme", "zoho").config
    assert config["order_prefixes"] == ["STORE", "SHOP"]
    assert config["calls_per_minute"] == 80
    assert config["custom_fields"]["voucher_code"] == "cf_voucher"


@pytest.mark.parametrize(
    ("words", "stdin", "text"),
    [
        (["acme", "saleor"], "", "api_url is missing"),
        (["acme", "saleor", "--set", URL], "", "--credentials-stdin"),
        (["acme", "saleor", "--set", "canary"], "", "--set is not of the form"),
        (["acme", "oracle"], "", f"Known systems: {', '.join(systems())}"),
        (["nobody", "saleor", "--set", URL], "", "no tenant 'nobody'"),
        (["acme", "saleor", "--set", URL, "--credentials-stdin"], "canary", "JSON object"),
        (["acme", "saleor", "--set", URL, "--credentials-stdin"], '"canary"', "JSON object"),
        (
            ["acme", "saleor", "--set", URL, "--credentials-stdin"],
            '{"token": "canary"}',
            "token: must be the 30",
        ),
        (["acme", "saleor", "--set", URL, "--credentials-env", "NONE"], "", "Set NONE_TOKEN"),
        (
            ["acme", "saleor", "--set", URL, "--credentials-env", "X", "--credentials-stdin"],
            "",
            "Choose one",
        ),
    ],
)
def test_wrong_input_is_one_line_and_adds_nothing(
    run, conn: Connection[Any], tenant: Tenant, words: list[str], stdin: str, text: str
):
    ran = run("app", "add", *words, stdin=stdin)

    assert ran.status == 2
    assert text in ran.err
    assert ran.err.count("\n") == 1
    assert "canary" not in ran.out + ran.err
    assert tenancy.list_apps(conn) == []


def test_what_is_wrong_is_told_before_a_secret_is_asked_for(run, saleor_app: App):
    ran = run("app", "add", "acme", "saleor", "--key", "shop", "--set", URL)

    assert "already has an app 'shop'" in ran.err


def test_credentials_are_asked_for_on_a_terminal(
    run, conn: Connection[Any], tenant: Tenant, monkeypatch: pytest.MonkeyPatch
):
    typed = iter(["a", "canary", ""])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(typed))
    monkeypatch.setattr("schemabase_dagster.commands._credentials.is_terminal", lambda: True)

    ran = run("app", "add", "acme", "zoho", "--set", "organization_id=123456")

    assert ran.status == 0, ran.err
    labels = [ran.out.find(f"  {name}") for name in ("client_id:", "client_secret:", "refresh_to")]
    assert sorted(labels) == labels
    assert labels[0] > 0
    assert next(typed, "all were asked for") == "all were asked for"
    assert "canary" not in ran.out + ran.err
    assert tenancy.get_app(conn, "acme", "zoho").has_credentials


def test_check_tells_what_the_credentials_can_see(run, zoho_app: App):
    ran = run("app", "check", "acme", "books")

    assert ran.status == 0, ran.err
    assert "works" in ran.out


def test_a_review_store_is_added_and_checked(
    run, conn: Connection[Any], tenant: Tenant, sandbox: Sandbox
):
    store = sandbox.info["merchants"]["acme"]["reviewsio"]
    words = [f"--set={name}={store[name]}" for name in ("store_id", "api_url")]
    stdin = json.dumps({"api_key": store["api_key"]})

    added = run("app", "add", "acme", "reviewsio", *words, "--credentials-stdin", stdin=stdin)
    checked = run("app", "check", "acme", "reviewsio")

    assert added.status == 0, added.err
    assert "3 streams" in added.out
    assert checked.status == 0, checked.err
    assert "store: Acme Trading" in checked.out
    assert "orders and authors: visible" in checked.out
    assert store["api_key"] not in added.out + checked.out


def test_a_store_without_a_key_says_what_stays_hidden(
    run, conn: Connection[Any], tenant: Tenant, sandbox: Sandbox
):
    store = sandbox.info["merchants"]["acme"]["reviewsio"]
    words = [f"--set={name}={store[name]}" for name in ("store_id", "api_url")]

    run("app", "add", "acme", "reviewsio", *words, "--credentials-stdin", stdin="{}")
    checked = run("app", "check", "acme", "reviewsio")

    assert checked.status == 0, checked.err
    assert "hidden, there is no API key" in checked.out


def test_refused_credentials_stop_the_app_until_they_are_replaced(
    run, conn: Connection[Any], saleor_app: App, sandbox: Sandbox
):
    sandbox.control.revoke_credentials("acme", "saleor")
    refused = run("app", "check", "acme", "shop")

    assert refused.status == 3
    assert "set-credentials acme shop" in refused.err
    assert "refused" in run("app", "list").out

    sandbox.control.restore_credentials("acme", "saleor")
    token = sandbox.info["merchants"]["acme"]["saleor"]["token"]
    stdin = json.dumps({"token": token})
    run("app", "set-credentials", "acme", "shop", "--credentials-stdin", stdin=stdin)

    assert run("app", "check", "acme", "shop").status == 0
    assert tenancy.get_app(conn, "acme", "shop").credentials_failed_at is None


def test_single_streams_are_disabled_and_enabled(run, conn: Connection[Any], zoho_app: App):
    off = run("app", "disable", "acme", "books", "--stream", "zoho_contacts")

    assert "pulls zoho_invoices, zoho_sales_orders" in off.out
    assert tenancy.get_app(conn, "acme", "books").enabled
    on = run("app", "enable", "acme", "books", "--stream", "zoho_contacts")
    assert "pulls zoho_contacts, zoho_invoices, zoho_sales_orders" in on.out


def test_stream_of_another_system_is_refused(run, zoho_app: App):
    ran = run("app", "disable", "acme", "books", "--stream", "saleor_orders")

    assert ran.status == 2
    assert "no stream 'saleor_orders'" in ran.err


def test_app_is_disabled_and_enabled(run, conn: Connection[Any], zoho_app: App):
    assert "is disabled now" in run("app", "disable", "acme", "books").out
    assert "was disabled already" in run("app", "disable", "acme", "books").out
    assert "disabled" in run("app", "list", "acme").out
    assert "is enabled now" in run("app", "enable", "acme", "books").out


def test_list_shows_no_secret(run, zoho_app: App, sandbox: Sandbox):
    secret = sandbox.info["merchants"]["acme"]["zoho"]["client_secret"]

    plain, as_json = run("app", "list").out, run("app", "list", "--json").out

    assert "books" in plain
    assert secret not in plain + as_json
    assert json.loads(as_json)[0]["key"] == "books"


def test_integration_connects_apps(run, zoho_app: App, saleor_app: App):
    members = ["--app", "source=shop", "--app", "target=books"]
    assert run("integration", "add", "acme", "entity_sync", *members).status == 0
    (added,) = json.loads(run("integration", "list", "acme", "--json").out)

    assert added["apps"] == ["source:shop", "target:books"]
    assert "is now disabled" in run("integration", "disable", "acme", added["id"]).out
    assert "was already disabled" in run("integration", "disable", "acme", added["id"]).out
    assert "is now enabled" in run("integration", "enable", "acme", added["id"][:30]).out
    assert "source=shop" in run("integration", "add", "acme", "entity_sync", "--app", "shop").err
