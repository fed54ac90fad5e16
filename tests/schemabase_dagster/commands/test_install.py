"""Without these, an operator cannot let a shop connect itself, or lets it in elsewhere."""

import json
from typing import Any

import pytest
from psycopg import Connection

from schemabase_dagster import installs, tenancy
from schemabase_dagster.tenancy import Tenant
from tests.schemabase_dagster.commands.conftest import Run
from tests.support import shops
from tests.support.rows import count

SHOP = "api_url=https://shop.example.com/graphql/"


def make(run: Run, *options: str) -> dict[str, Any]:
    """What ``app install-token`` says to scripts."""
    ran = run("app", "install-token", "acme", "--json", *options)
    assert ran.status == 0, ran.err
    answer: dict[str, Any] = json.loads(ran.out)
    return answer


def test_the_link_holds_a_token_for_the_shop(run: Run, conn: Connection[Any], tenant: Tenant):
    made = make(run, "--key", "shop", "--set", SHOP, "--set", "order_prefix=WEB")

    root = "http://127.0.0.1:8080/v1/saleor/manifest/entitysync?install="
    assert made["manifest_url"] == root + made["token"]
    pending = installs.find(conn, made["token"])
    assert pending is not None
    assert (pending.tenant_slug, pending.endpoint_id) == ("acme", made["endpoint_id"])
    assert pending.draft.app.config["order_prefix"] == "WEB"
    assert pending.draft.app.instance_key == "shop.example.com"
    assert "saleor_orders" in pending.draft.streams
    assert pending.draft.jwks_url == "https://shop.example.com/.well-known/jwks.json"


def test_a_person_is_told_what_to_do_with_the_link(run: Run, tenant: Tenant):
    ran = run("app", "install-token", "acme", "--set", SHOP)

    assert ran.status == 0, ran.err
    assert "/v1/saleor/manifest/entitysync?install=" in ran.out
    assert "once, until" in ran.out


def test_a_payment_app_belongs_to_a_connected_shop(run: Run, conn: Connection[Any], tenant: Tenant):
    shops.unreachable_saleor(conn, tenant)

    made = make(run, "--kind", "prepayment", "--key", "shop", "--gateway-name", "Vorkasse")

    pending = installs.find(conn, made["token"])
    assert pending is not None
    assert pending.draft.answers == {
        "id": "schemabase.prepayment",
        "name": "Vorkasse",
        "currencies": ["EUR"],
    }


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param(["--set", "api_url=http://shop.example.com/graphql/"], "https", id="no TLS"),
        pytest.param([], "api_url is missing", id="no shop"),
        pytest.param(["--kind", "other"], "no kind of app", id="unknown kind"),
        pytest.param(["--kind", "prepayment"], "has no app", id="payments without a shop"),
        pytest.param(
            ["--key", "web", "--set", SHOP], "already has the order_prefix", id="same prefix"
        ),
        pytest.param(["--key", "shop", "--set", SHOP], "another configuration", id="other shop"),
        pytest.param(
            ["--key", "web", "--set", SHOP, "--set", "domain=acme-shop", "--set", "order_prefix=B"],
            "already connected",
            id="connected by another app",
        ),
    ],
)
def test_what_cannot_be_installed_gets_no_link(
    run: Run, conn: Connection[Any], tenant: Tenant, options: list[str], told: str
):
    app = shops.unreachable_saleor(conn, tenant)
    conn.execute('UPDATE platform.app SET config = config || \'{"order_prefix": "STORE"}\'')

    ran = run("app", "install-token", "acme", *options)

    assert ran.status == 2
    assert told in ran.err
    assert count(conn, "platform.install_token") == 0
    assert tenancy.get_app(conn, tenant, "shop").id == app.id
