"""Tenancy decides who is synced and with which secrets; a slip here mixes merchants."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg import Connection

from assets.syncing import SYNC_FEATURE
from resources.saleor import SALEOR
from resources.zoho import ZOHO
from sandbox.runner import Sandbox
from schemabase_dagster import api_tokens, database, read_endpoints, tenancy
from schemabase_dagster.errors import (
    ConfigurationError,
    CredentialError,
    NotEntitledError,
    UnknownTenantError,
)
from schemabase_dagster.inbox.due import FEATURE
from schemabase_dagster.tenancy import App, Tenant, integrations
from tests.support import shops
from tests.support.rows import one, value, waiters
from tests.support.wait import wait_until

SHOP = {"api_url": "https://shop.example.com/graphql/"}
TOKEN = {"token": "canary567890123456789012345678"}
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


def test_tenant_comes_back_as_it_was_added(conn: Connection[Any]):
    added = tenancy.add_tenant(
        conn,
        "acme",
        " Acme ",
        timezone="America/New_York",
        nightly_at="01:15",
        currency="USD",
        country="US",
        language="en-US",
    )

    assert tenancy.get_tenant(conn, "acme") == added
    assert added.name == "Acme"
    assert (added.timezone, added.nightly_at) == ("America/New_York", "01:15")
    assert (added.default_currency, added.default_country) == ("USD", "US")


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"slug": "A"}, "slug"),
        ({"slug": "-acme"}, "slug"),
        ({"slug": "acme\n"}, "slug"),
        ({"slug": "a" * 40}, "slug"),
        ({"slug": "ac_me"}, "slug"),
        ({"timezone": "Berlin"}, "time zone"),
        ({"timezone": "../etc/passwd"}, "time zone"),
        ({"nightly_at": "24:00"}, "nightly time"),
        ({"currency": "eur"}, "currency"),
        ({"country": "DEU"}, "country"),
        ({"language": "german"}, "language"),
        ({"name": "  "}, "name"),
    ],
)
def test_impossible_tenant_is_refused(conn: Connection[Any], values: dict[str, str], what: str):
    given: dict[str, Any] = {"slug": "acme", "name": "Acme", **values}

    with pytest.raises(ConfigurationError, match=what):
        tenancy.add_tenant(conn, **given)

    assert tenancy.list_tenants(conn) == []


def test_slug_is_taken_once(conn: Connection[Any], tenant: Tenant):
    with pytest.raises(ConfigurationError, match="already"):
        tenancy.add_tenant(conn, "acme", "Another")

    assert tenancy.get_tenant(conn, "acme").name == "Acme"


def test_archived_tenant_is_unknown_until_it_is_activated(conn: Connection[Any], tenant: Tenant):
    assert tenancy.deactivate_tenant(conn, "acme")
    assert not tenancy.deactivate_tenant(conn, "acme")

    with pytest.raises(UnknownTenantError, match="archived"):
        tenancy.get_tenant(conn, "acme")
    assert tenancy.get_tenant(conn, "acme", archived_ok=True).active is False
    assert tenancy.list_tenants(conn, active=True) == []

    assert tenancy.activate_tenant(conn, "acme")
    assert tenancy.get_tenant(conn, "acme").active


def test_unknown_tenant_is_named(conn: Connection[Any]):
    for action in (tenancy.get_tenant, tenancy.activate_tenant, tenancy.deactivate_tenant):
        with pytest.raises(UnknownTenantError, match="no tenant 'nobody'"):
            action(conn, "nobody")


def test_new_tenant_may_use_everything(conn: Connection[Any], tenant: Tenant):
    (entitlement,) = tenancy.list_entitlements(conn, tenant)

    assert entitlement.feature == "*"
    assert entitlement.valid_until is not None
    assert entitlement.valid_until.year == 9999
    assert tenancy.is_entitled(conn, tenant.id, "anything")


def test_revoked_feature_is_refused_with_the_next_step(conn: Connection[Any], tenant: Tenant):
    assert tenancy.revoke(conn, tenant, "*")
    assert not tenancy.revoke(conn, tenant, "*")

    assert not tenancy.is_entitled(conn, tenant.id, "sync")
    with pytest.raises(NotEntitledError, match="entitlement grant acme sync"):
        tenancy.require_entitled(conn, tenant.id, "sync")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("valid_until = NULL", False),
        ("valid_until = now()", False),
        ("valid_until = now() + interval '1 second'", True),
        ("valid_from = now() + interval '1 second'", False),
    ],
    ids=["not paid", "ends now", "ends soon", "begins soon"],
)
def test_entitlement_holds_only_within_its_time(
    postgres: str, tenant: Tenant, change: str, expected: bool
):
    with database.transaction() as conn:
        conn.execute(f"UPDATE platform.entitlement SET {change}".encode())

        assert tenancy.is_entitled(conn, tenant.id, "sync") is expected


def test_feature_can_be_granted_alone_and_again(conn: Connection[Any], tenant: Tenant):
    tenancy.revoke(conn, tenant, "*")
    tenancy.grant(conn, tenant, "sync", until=LONG_AGO)
    assert not tenancy.is_entitled(conn, tenant.id, "sync")

    tenancy.grant(conn, tenant, "sync")

    assert tenancy.is_entitled(conn, tenant.id, "sync")
    assert not tenancy.is_entitled(conn, tenant.id, "webhooks")


def test_entitlement_of_another_tenant_does_not_count(conn: Connection[Any], tenant: Tenant):
    other = tenancy.add_tenant(conn, "globex", "Globex")
    tenancy.revoke(conn, tenant, "*")

    assert not tenancy.is_entitled(conn, tenant.id, "sync")
    assert tenancy.is_entitled(conn, other.id, "sync")


def test_app_stores_its_whole_configuration(conn: Connection[Any], tenant: Tenant):
    app = tenancy.add_app(conn, tenant, SALEOR, "shop", SHOP, streams=["saleor_orders"])

    assert app.config["order_prefix"] == "STORE"
    assert app.instance_key == "shop.example.com"
    assert app.name == "Saleor"
    assert tenancy.enabled_streams(conn, app) == ["saleor_orders"]
    assert tenancy.get_app(conn, "acme", "shop") == app


def test_cron_is_read_in_the_zone_of_the_tenant_unless_the_app_has_one(
    conn: Connection[Any], tenant: Tenant
):
    plain = tenancy.add_app(conn, tenant, SALEOR, "shop", SHOP)
    own = tenancy.add_app(
        conn, tenant, ZOHO, "books", {"organization_id": "123456"}, cron_timezone="Asia/Tokyo"
    )

    assert plain.timezone == "Europe/Berlin"
    assert own.timezone == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"key": "Shop!"}, "key"),
        ({"environment": "test"}, "environment"),
        ({"cron_schedule": "often"}, "cron"),
        ({"cron_schedule": "* * * * * *"}, "cron"),
        ({"cron_timezone": "Mars"}, "time zone"),
        ({"config": {}}, "api_url is missing"),
        ({"config": {"api_url": "https://shop/graphql"}}, r"must end with /graphql/"),
        ({"config": SHOP | {"colour": "red"}}, "colour is not a known field"),
        ({"config": SHOP | {"order_prefix": "lower"}}, "order_prefix: string should match"),
    ],
)
def test_impossible_app_is_refused(
    conn: Connection[Any], tenant: Tenant, options: dict[str, Any], what: str
):
    given: dict[str, Any] = {"key": "shop", "config": SHOP, **options}

    with pytest.raises(ConfigurationError, match=what):
        tenancy.add_app(conn, tenant, SALEOR, **given)

    assert tenancy.list_apps(conn) == []


def test_wrong_credentials_add_nothing_and_are_not_repeated(conn: Connection[Any], tenant: Tenant):
    with pytest.raises(ConfigurationError, match="token: must be the 30") as caught:
        tenancy.add_app(conn, tenant, SALEOR, "shop", SHOP, {"token": "canary"})

    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None
    assert tenancy.list_apps(conn) == []


def test_key_is_taken_once(conn: Connection[Any], tenant: Tenant):
    tenancy.add_app(conn, tenant, SALEOR, "shop", SHOP)

    with pytest.raises(ConfigurationError, match="already has an app 'shop'"):
        tenancy.add_app(conn, tenant, ZOHO, "shop", {"organization_id": "123456"})


def test_remote_account_belongs_to_one_app(conn: Connection[Any], tenant: Tenant):
    other = tenancy.add_tenant(conn, "globex", "Globex")
    tenancy.add_app(conn, tenant, SALEOR, "shop", SHOP)

    with pytest.raises(ConfigurationError, match=r"'shop\.example\.com' is already connected"):
        tenancy.add_app(conn, other, SALEOR, "shop", SHOP)


def test_two_shops_of_a_tenant_need_different_prefixes(conn: Connection[Any], tenant: Tenant):
    tenancy.add_app(conn, tenant, SALEOR, "shop", SHOP)
    second = {"api_url": "https://second.example.com/graphql/"}

    with pytest.raises(ConfigurationError, match=r"App 'shop' .* already has the order_prefix"):
        tenancy.add_app(conn, tenant, SALEOR, "second", second)

    tenancy.add_app(conn, tenant, SALEOR, "second", second | {"order_prefix": "OTHER"})
    other = tenancy.add_tenant(conn, "globex", "Globex")
    tenancy.add_app(conn, other, SALEOR, "shop", {"api_url": "https://third.example.com/graphql/"})


def test_two_shops_added_at_once_do_not_get_the_same_prefix(conn: Connection[Any], tenant: Tenant):
    second = {"api_url": "https://second.example.com/graphql/"}
    refused: list[ConfigurationError] = []

    def add_second() -> None:
        try:
            with database.transaction() as other:
                tenancy.add_app(other, tenant, SALEOR, "second", second)
        except ConfigurationError as error:
            refused.append(error)

    with database.transaction() as first:
        tenancy.add_app(first, tenant, SALEOR, "shop", SHOP)
        thread = threading.Thread(target=add_second)
        thread.start()
        wait_until(lambda: waiters(conn), what="the second to wait for the first")
    thread.join()

    assert len(refused) == 1
    assert [app.key for app in tenancy.list_apps(conn)] == ["shop"]


def test_apps_are_found_by_tenant_type_and_state(
    conn: Connection[Any], zoho_app: App, saleor_app: App, tenant: Tenant, sandbox: Sandbox
):
    other = tenancy.add_tenant(conn, "globex", "Globex")
    shops.add_saleor(conn, other, sandbox, merchant="globex")
    tenancy.disable_app(conn, saleor_app)

    def keys(**filters: Any) -> list[str]:
        return [f"{app.tenant_slug}/{app.key}" for app in tenancy.list_apps(conn, **filters)]

    assert keys() == ["acme/books", "acme/shop", "globex/shop"]
    assert keys(tenant=tenant) == ["acme/books", "acme/shop"]
    assert keys(type="saleor") == ["acme/shop", "globex/shop"]
    assert keys(tenant="acme", enabled=True) == ["acme/books"]
    assert keys(enabled=False) == ["acme/shop"]


def test_app_of_another_tenant_is_not_found(conn: Connection[Any], zoho_app: App):
    tenancy.add_tenant(conn, "globex", "Globex")

    with pytest.raises(ConfigurationError, match="Tenant 'globex' has no app 'books'"):
        tenancy.get_app(conn, "globex", "books")


def test_app_is_disabled_and_enabled(conn: Connection[Any], zoho_app: App):
    assert tenancy.disable_app(conn, zoho_app)
    assert not tenancy.disable_app(conn, zoho_app)
    assert not tenancy.get_app(conn, "acme", "books").enabled

    assert tenancy.enable_app(conn, zoho_app)
    assert tenancy.get_app(conn, "acme", "books").enabled


def test_credentials_come_back_as_they_were_given(
    conn: Connection[Any], zoho_app: App, sandbox: Sandbox
):
    stored = tenancy.load_credentials(conn, zoho_app, ZOHO)

    given = sandbox.info["merchants"]["acme"]["zoho"]
    assert stored.client_secret.get_secret_value() == given["client_secret"]
    assert stored.refresh_token.get_secret_value() == given["refresh_token"]
    assert given["client_secret"] not in repr(stored)


def test_credentials_are_encrypted_in_the_table(conn: Connection[Any], tenant: Tenant):
    tenancy.add_app(conn, tenant, SALEOR, "shop", SHOP, TOKEN)

    row = one(conn, "SELECT app::text AS everything, credentials_enc FROM platform.app AS app")
    assert "canary" not in row["everything"]
    assert b"canary" not in row["credentials_enc"]


def test_credentials_copied_to_another_app_do_not_open(
    conn: Connection[Any], zoho_app: App, saleor_app: App
):
    conn.execute(
        "UPDATE platform.app SET credentials_enc = "
        "(SELECT credentials_enc FROM platform.app WHERE key = 'shop') WHERE key = 'books'"
    )

    with pytest.raises(ConfigurationError, match="does not open"):
        tenancy.load_credentials(conn, zoho_app, ZOHO)


def test_app_without_credentials_is_a_credential_error(conn: Connection[Any], tenant: Tenant):
    app = tenancy.add_app(conn, tenant, SALEOR, "shop", SHOP)

    assert not app.has_credentials
    with pytest.raises(CredentialError, match="set-credentials acme shop"):
        tenancy.load_credentials(conn, app, SALEOR)


@pytest.mark.parametrize(
    "mend",
    [
        tenancy.mark_credentials_working,
        lambda conn, app: tenancy.set_credentials(conn, app, SALEOR, TOKEN),
    ],
    ids=["check", "set-credentials"],
)
def test_refusal_is_remembered_until_it_is_mended(
    conn: Connection[Any], saleor_app: App, mend: Callable[[Connection[Any], App], None]
):
    tenancy.mark_credentials_failed(conn, saleor_app, "PermissionDenied")
    refused = tenancy.get_app(conn, "acme", "shop")
    assert refused.credentials_failed_at is not None
    assert refused.credentials_error == "PermissionDenied"

    mend(conn, saleor_app)

    mended = tenancy.get_app(conn, "acme", "shop")
    assert (mended.credentials_failed_at, mended.credentials_error) == (None, None)


def test_new_credentials_end_tokens_of_the_old_ones(conn: Connection[Any], saleor_app: App):
    conn.execute(
        "INSERT INTO platform.app_token (app_id, kind, token_enc, key_id) "
        "VALUES (%s, 'access', 'x', 'k')",
        (saleor_app.id,),
    )

    tenancy.set_credentials(conn, saleor_app, SALEOR, TOKEN)

    assert value(conn, "SELECT count(*) FROM platform.app_token") == 0


def test_misspelt_feature_is_refused(conn: Connection[Any], tenant: Tenant):
    with pytest.raises(ConfigurationError, match=r"no feature 'webhook'.*webhooks"):
        tenancy.grant(conn, tenant, "webhook")


def test_everything_that_is_asked_for_can_be_granted():
    asked = {SYNC_FEATURE, FEATURE, api_tokens.FEATURE, *read_endpoints.FEATURES.values()}
    asked |= {each.feature for each in integrations.TYPES.values()}

    assert asked == set(tenancy.FEATURES) - {tenancy.EVERYTHING}
