"""Without these, a shop cannot connect itself, or somebody connects a shop to another's tenant."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from psycopg import Connection, sql

from assets.deliveries import Server
from resources.saleor.resource import SaleorResource
from sandbox.runner import Sandbox
from schemabase_dagster import tenancy, webhooks
from schemabase_dagster.ports import free_port
from schemabase_dagster.tenancy import Tenant
from tests.support.rows import count, one, value
from tests.webhook_gateway.conftest import Start
from tests.webhook_gateway.installing import invite, manifest_url
from webhook_gateway.saleor import shops

APP = "SELECT * FROM platform.app WHERE type = 'saleor'"
USED = "SELECT used_at IS NOT NULL FROM platform.install_token"
TOKEN = "a1" * 15

Register = Callable[..., httpx.Response]


@pytest.fixture
def hub(start: Start) -> httpx.Client:
    """A gateway that knows its address and lets shops of this machine install its apps."""
    port = free_port()
    return start(port=port, public_url=f"http://127.0.0.1:{port}/", allow_local_shops=True)


@pytest.fixture
def api_url(sandbox: Sandbox) -> str:
    """API of the shop of ``acme``."""
    return str(sandbox.info["merchants"]["acme"]["saleor"]["api_url"])


@pytest.fixture
def register(sandbox: Sandbox, api_url: str) -> Register:
    """Register as the shop of ``acme`` does, with what a test changes."""
    token = sandbox.info["merchants"]["acme"]["saleor"]["token"]

    def send(hub: httpx.Client, install_token: str, **changes: Any) -> httpx.Response:
        headers = {"Saleor-Domain": "shop.example", "Saleor-Api-Url": api_url}
        headers |= changes.get("headers", {})
        body = changes.get("body", {"auth_token": token})
        return hub.post(f"/v1/saleor/register/{install_token}", json=body, headers=headers)

    return send


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_shop_installs_the_app_and_its_events_arrive(
    conn: Connection[Any], tenant: Tenant, sandbox: Sandbox, hub: httpx.Client, api_url: str
):
    made = invite(conn, tenant, api_url)

    done = sandbox.control.install_app("acme", manifest_url(hub, made))

    assert done["status"] == "SUCCESS", done["message"]
    app = tenancy.get_app(conn, tenant, "shop")
    with SaleorResource().open(app) as client:
        assert client.check()["app"] == "Schemabase data hub"
    assert tenancy.enabled_streams(conn, app) == ["saleor_orders"]
    (order, *_) = sandbox.control.ids("acme", "saleor")
    (outcome,) = sandbox.control.tell_apps("acme", [order], "order_created", retry_seconds=())
    assert outcome["is_delivered"]
    list(Server("acme", "saleor", SaleorResource().open, "run", linger_seconds=0.0).serve())
    assert value(conn, "SELECT external_id FROM core.external_ref WHERE entity = 'order'") == order


def test_token_and_credentials_are_not_stored_in_clear(
    conn: Connection[Any], tenant: Tenant, sandbox: Sandbox, hub: httpx.Client, api_url: str
):
    made = invite(conn, tenant, api_url)
    sandbox.control.install_app("acme", manifest_url(hub, made))
    (installed,) = sandbox.state.accounts["acme"].shop.apps

    for table in ("install_token", "app", "app_install", "webhook_endpoint"):
        query = sql.SQL("SELECT string_agg(t::text, '') FROM platform.{} AS t")
        (stored,) = conn.execute(query.format(sql.Identifier(table))).fetchone() or ("",)
        assert made.token not in stored
        assert installed.token not in stored


def test_the_manifest_tells_what_is_asked_for(
    conn: Connection[Any], tenant: Tenant, hub: httpx.Client, api_url: str
):
    made = invite(conn, tenant, api_url)

    answer = hub.get(
        f"/v1/saleor/manifest/entitysync?install={made.token}", headers={"Host": "evil.example"}
    )

    base = str(hub.base_url).rstrip("/")
    manifest = answer.json()
    assert manifest["tokenTargetUrl"] == f"{base}/v1/saleor/register/{made.token}"
    assert {"MANAGE_ORDERS", "MANAGE_PRODUCTS", "MANAGE_USERS"} <= set(manifest["permissions"])
    (hook,) = manifest["webhooks"]
    assert hook["targetUrl"] == f"{base}/v1/webhooks/saleor/{made.endpoint_id}"
    assert set(hook["asyncEvents"]) == {
        "ORDER_CREATED", "ORDER_UPDATED", "ORDER_CANCELLED", "ORDER_FULFILLED",
        "FULFILLMENT_CREATED", "CUSTOMER_CREATED", "CUSTOMER_UPDATED", "PRODUCT_DELETED",
        "PRODUCT_VARIANT_DELETED", "PRODUCT_VARIANT_OUT_OF_STOCK", "APP_DELETED",
    }  # fmt: skip
    assert "issuedAt" in hook["query"]
    assert "... on OrderUpdated { order { id number updatedAt } }" in hook["query"]
    assert hook["query"].count("{") == hook["query"].count("}")


@pytest.mark.parametrize(
    ("kind", "token", "expected"),
    [
        pytest.param("entitysync", "", (401, "INSTALL_TOKEN"), id="none"),
        pytest.param("entitysync", "x" * 43, (401, "INSTALL_TOKEN"), id="unknown"),
        pytest.param("entitysync", "x'--", (401, "INSTALL_TOKEN"), id="no token"),
        pytest.param("prepayment", None, (401, "INSTALL_TOKEN"), id="of the other kind"),
        pytest.param("other", None, (400, "APP_TYPE"), id="unknown kind"),
    ],
)
def test_a_manifest_needs_a_token_of_its_kind(
    conn: Connection[Any],
    tenant: Tenant,
    hub: httpx.Client,
    api_url: str,
    kind: str,
    token: str | None,
    expected: tuple[int, str],
):
    made = invite(conn, tenant, api_url)

    given = made.token if token is None else token
    answer = hub.get(f"/v1/saleor/manifest/{kind}", params={"install": given})

    assert code(answer) == expected


def test_a_gateway_that_does_not_know_its_address_shows_no_manifest(
    conn: Connection[Any], tenant: Tenant, start: Start, api_url: str
):
    made = invite(conn, tenant, api_url)

    answer = start().get(f"/v1/saleor/manifest/entitysync?install={made.token}")

    assert code(answer) == (503, "NOT_CONFIGURED")


def test_a_token_works_once(
    conn: Connection[Any], tenant: Tenant, hub: httpx.Client, api_url: str, register: Register
):
    made = invite(conn, tenant, api_url)

    answers = [register(hub, made.token) for _ in range(2)]

    assert answers[0].json() == {"success": True}
    assert code(answers[1]) == (401, "INSTALL_TOKEN")


def test_of_many_at_once_one_registers(
    conn: Connection[Any], tenant: Tenant, hub: httpx.Client, api_url: str, register: Register
):
    made = invite(conn, tenant, api_url)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: register(hub, made.token).status_code, range(8)))

    assert sorted(answers) == [200] + [401] * 7
    assert count(conn, "platform.app") == count(conn, "platform.webhook_endpoint") == 1


def test_a_token_is_void_after_an_hour(
    conn: Connection[Any], tenant: Tenant, hub: httpx.Client, api_url: str, register: Register
):
    made = invite(conn, tenant, api_url)
    conn.execute("UPDATE platform.install_token SET expires_at = expires_at - interval '1 hour'")

    assert code(register(hub, made.token)) == (401, "INSTALL_TOKEN")
    assert hub.get(manifest_url(hub, made)).status_code == 401


def test_a_new_token_voids_the_former(
    conn: Connection[Any], tenant: Tenant, hub: httpx.Client, api_url: str, register: Register
):
    former, newer = (invite(conn, tenant, api_url) for _ in range(2))

    assert code(register(hub, former.token)) == (401, "INSTALL_TOKEN")
    assert register(hub, newer.token).status_code == 200


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"body": {}}, (400, "MISSING_TOKEN"), id="no auth token"),
        pytest.param({"body": [1]}, (400, "MISSING_TOKEN"), id="no object"),
        pytest.param({"body": {"auth_token": "\r\nX: y"}}, (400, "MISSING_TOKEN"), id="no token"),
        pytest.param({"headers": {"Saleor-Domain": ""}}, (400, "MISSING_HEADER"), id="no domain"),
        pytest.param(
            {"headers": {"Saleor-Api-Url": "https://evil.example/graphql/"}},
            (403, "SALEOR_URL_PROHIBITED"),
            id="another shop",
        ),
        pytest.param({"body": {"auth_token": TOKEN}}, (401, "UNKNOWN_APP_ID"), id="foreign token"),
    ],
)
def test_what_the_shop_does_not_vouch_for_changes_nothing(
    conn: Connection[Any],
    tenant: Tenant,
    hub: httpx.Client,
    api_url: str,
    register: Register,
    changes: dict[str, Any],
    expected: tuple[int, str],
):
    made = invite(conn, tenant, api_url)

    assert code(register(hub, made.token, **changes)) == expected
    assert count(conn, "platform.app") == 0
    assert value(conn, USED) is False


def test_a_shop_without_keys_is_not_installed(
    conn: Connection[Any],
    tenant: Tenant,
    sandbox: Sandbox,
    hub: httpx.Client,
    api_url: str,
    register: Register,
):
    made = invite(conn, tenant, api_url)
    sandbox.control.add_fault("error_500", "acme", "saleor", match="/.well-known/jwks.json")

    assert code(register(hub, made.token)) == (401, "JWKS_NOT_AVAILABLE")
    assert count(conn, "platform.app") == 0


def test_the_shop_shows_who_installs_why_it_failed(
    conn: Connection[Any], tenant: Tenant, sandbox: Sandbox, hub: httpx.Client, api_url: str
):
    made = invite(conn, tenant, api_url)
    sandbox.control.add_fault("error_500", "acme", "saleor", match="/.well-known/jwks.json")

    done = sandbox.control.install_app("acme", manifest_url(hub, made))

    assert (done["status"], done["message"]) == ("FAILED", "The shop shows no keys.")
    assert sandbox.state.accounts["acme"].shop.apps == []


def test_a_shop_of_another_tenant_is_refused(
    conn: Connection[Any], tenant: Tenant, hub: httpx.Client, api_url: str, register: Register
):
    other = tenancy.add_tenant(conn, "globex", "Globex")
    mine, theirs = invite(conn, tenant, api_url), invite(conn, other, api_url)
    register(hub, mine.token)

    assert code(register(hub, theirs.token)) == (409, "CONFLICT")
    assert one(conn, APP)["tenant_id"] == tenant.id
    assert value(conn, "SELECT count(*) FROM platform.install_token WHERE used_at IS NULL") == 1


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"allow_local_shops": False}, id="no TLS"),
        pytest.param({"allow_local_shops": True, "shop_hosts": ("*.example",)}, id="not listed"),
    ],
)
def test_a_prohibited_address_is_not_called(
    conn: Connection[Any],
    tenant: Tenant,
    start: Start,
    sandbox: Sandbox,
    api_url: str,
    register: Register,
    settings: dict[str, Any],
):
    made = invite(conn, tenant, api_url)

    assert code(register(start(**settings), made.token)) == (403, "SALEOR_URL_PROHIBITED")
    assert "saleor" not in sandbox.control.calls().get("acme", {})


def test_an_installed_app_is_installed_again(
    conn: Connection[Any], tenant: Tenant, sandbox: Sandbox, hub: httpx.Client, api_url: str
):
    first = invite(conn, tenant, api_url)
    app_id = sandbox.control.install_app("acme", manifest_url(hub, first))["app_id"]
    before = one(conn, APP)
    sandbox.control.uninstall_app("acme", app_id)
    tenancy.disable_app(conn, tenancy.get_app(conn, tenant, "shop"))

    second = invite(conn, tenant, api_url)
    done = sandbox.control.install_app("acme", manifest_url(hub, second))

    after = one(conn, APP)
    assert done["status"] == "SUCCESS"
    assert second.endpoint_id == first.endpoint_id
    assert (after["id"], after["config"], after["enabled"]) == (
        before["id"], before["config"], True
    )  # fmt: skip
    with SaleorResource().open(tenancy.get_app(conn, tenant, "shop")) as client:
        client.check()
    assert one(conn, "SELECT external_id, endpoint_id FROM platform.app_install") == {
        "external_id": done["app_id"],
        "endpoint_id": first.endpoint_id,
    }


def test_an_endpoint_that_was_deleted_is_not_opened_again(
    conn: Connection[Any], tenant: Tenant, hub: httpx.Client, api_url: str, register: Register
):
    first = invite(conn, tenant, api_url)
    register(hub, first.token)
    webhooks.delete_endpoint(conn, first.endpoint_id)

    second = invite(conn, tenant, api_url)

    assert second.endpoint_id != first.endpoint_id
    assert register(hub, second.token).status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.1", "224.0.0.1", "::1", "fe80::1", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1",
        "2002:a00:1::",
    ],
)  # fmt: skip
def test_private_addresses_are_known_as_such(address: str):
    assert not shops.is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_public_addresses_are_called(address: str):
    assert shops.is_public(address)
