"""Without these, a sender must be changed on the day of the move, or loses what it sends."""

import hashlib
from typing import Any

import httpx
import orjson
import pytest
from psycopg import Connection

from resources.dpd import DPD
from resources.saleor import SALEOR
from resources.strapi import STRAPI
from sandbox.runner import Sandbox
from schemabase_dagster import tenancy, webhook_aliases, webhooks
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.tenancy import App, Tenant
from tests.support.rows import one, rows
from tests.webhook_gateway.conftest import MakeEndpoint, Start
from tests.webhook_gateway.installing import GATEWAY

SCAN = (
    "pushid=90001234&pnr=05212345678901&depot=0112&status=delivery_carload"
    "&statusdate=05012026081500&receiver=&ref=STORE-10007&pod=&weight=&scaninfo=&services=101"
)
OPEN = {"scheme": "path_only", "reason": "test"}
EASYPOST = {
    "id": "evt_0a1b2c", "object": "Event", "created_at": "2026-01-05T08:00:01Z",
    "updated_at": "2026-01-05T08:00:01Z", "description": "tracker.updated", "mode": "test",
    "previous_attributes": {"status": "pre_transit"},
    "result": {"id": "trk_9f8e", "object": "Tracker", "tracking_code": "EZ1000000001",
               "status": "in_transit", "carrier": "USPS", "public_url": "https://track.example/x"},
}  # fmt: skip
ZOHO = {"JSONString": orjson.dumps({"salesorder": {"salesorder_id": "1"}}).decode()}
STRAPI_ENTRY = {
    "event": "entry.update", "created_at": "2026-01-05T08:00:01Z", "model": "bulkorder",
    "entry": {"id": 7, "created_at": "2026-01-05T08:00:00Z", "updated_at": "2026-01-05T08:00:01Z"},
}  # fmt: skip


@pytest.fixture
def gateway(start: Start) -> httpx.Client:
    """A gateway that takes the old addresses too."""
    return start(legacy_routes=True)


def stored(conn: Connection[Any]) -> list[tuple[str, str]]:
    found = rows(conn, "SELECT provider, endpoint_id FROM platform.webhook_inbox ORDER BY id")
    return [(row["provider"], row["endpoint_id"]) for row in found]


def alias(conn: Connection[Any], app: App, old: str, **verification: Any) -> str:
    made = webhooks.create_endpoint(conn, app, verification or OPEN)
    webhook_aliases.add_alias(conn, old, made.endpoint_id)
    return made.endpoint_id


@pytest.mark.parametrize(
    ("path", "old"),
    [
        pytest.param("/api/v1/tracking/dpd/pk_8fJ2", "pk_8fJ2", id="with an id"),
        pytest.param("/api/tracking/dpd/v1", "/api/tracking/dpd/v1", id="without"),
    ],
)
def test_a_dpd_push_is_stored_and_acknowledged(
    conn: Connection[Any], tenant: Tenant, gateway: httpx.Client, path: str, old: str
):
    app = tenancy.add_app(conn, tenant, DPD, "dpd", {}, {}, ["dpd_tracking"])
    endpoint_id = alias(conn, app, old, **DPD.verification(None))

    answer = gateway.get(f"{path}?{SCAN}")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/xml")
    assert answer.text == "<push><pushid>90001234</pushid><status>OK</status></push>"
    assert stored(conn) == [("dpd", endpoint_id)]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/api/v1/tracking/easypost/{old}", EASYPOST, id="easypost"),
        pytest.param("/api/odoo/webhook/v1/{old}", {"_model": "x", "_id": 1}, id="odoo"),
        pytest.param("/api/saleor/webhook/v1/{old}", {"order": {"id": "x"}}, id="saleor"),
        pytest.param("/api/zoho/order/create/v1/{old}", ZOHO, id="zoho"),
    ],
)
def test_an_old_address_leads_to_the_endpoint_of_its_alias(
    conn: Connection[Any], app: App, gateway: httpx.Client, path: str, body: Any
):
    endpoint_id = alias(conn, app, "wh_old-1", **OPEN)

    answer = gateway.post(path.format(old="wh_old-1"), json=body)

    assert answer.status_code == 200
    assert stored(conn) == [("saleor", endpoint_id)]


def test_a_strapi_entry_is_verified_by_its_old_header(
    conn: Connection[Any], tenant: Tenant, gateway: httpx.Client
):
    config = {"url": "http://localhost:9"}
    app = tenancy.add_app(conn, tenant, STRAPI, "bulk", config, {"api_token": "t" * 40})
    endpoint_id = alias(conn, app, "old", scheme="shared_secret", header="Authorization")
    conn.execute(
        "UPDATE platform.webhook_secret SET secret_hash = %s",
        (hashlib.sha256(b"known to strapi").digest(),),
    )
    path = "/api/strapi/webhook/v1/old"

    good = gateway.post(path, json=STRAPI_ENTRY, headers={"Authorization": "known to strapi"})
    bad = gateway.post(path, json=STRAPI_ENTRY, headers={"Authorization": "guessed"})

    assert (good.is_success, bad.status_code) == (True, 401)
    assert stored(conn) == [("strapi", endpoint_id)]


@pytest.mark.parametrize("named_by", ["Saleor-Api-Url", "Saleor-Domain"])
def test_a_shop_is_known_by_what_it_says_and_verified_by_its_key(
    conn: Connection[Any],
    saleor_app: App,
    sandbox: Sandbox,
    gateway: httpx.Client,
    named_by: str,
):
    verification = SALEOR.verification(SALEOR.config.model_validate(saleor_app.config))
    made = webhooks.create_endpoint(conn, saleor_app, verification)
    (order, *_) = sandbox.control.ids("acme", "saleor")
    sent = sandbox.control.prepare_webhook("acme", "saleor", order, event="order_created")
    headers = sent["headers"]
    if named_by == "Saleor-Domain":
        del headers["Saleor-Api-Url"]
    forged = sent["body"].replace('"order"', '"orden"')

    answer = gateway.post("/api/saleor/webhook/v1", content=sent["body"], headers=headers)
    refused = gateway.post("/api/saleor/webhook/v1", content=forged, headers=headers)

    assert (answer.status_code, refused.status_code) == (200, 401)
    assert stored(conn) == [("saleor", made.endpoint_id)]


def test_an_old_payment_app_is_answered(
    conn: Connection[Any], saleor_app: App, sandbox: Sandbox, gateway: httpx.Client
):
    verification = SALEOR.verification(SALEOR.config.model_validate(saleor_app.config))
    made = webhooks.create_endpoint(
        conn, saleor_app, verification, provider="saleor_sync", answers=GATEWAY
    )
    webhooks.add_secret(conn, made.endpoint_id, "s" * 44)
    shop = sandbox.state.accounts["acme"].shop
    body = b'{"payment_id": 7}'
    headers = {
        "Saleor-Event": "payment_process",
        "Saleor-Domain": shop.api_url.split("/")[2],
        "Saleor-Api-Url": shop.api_url,
        "Saleor-Signature": shop.keys.sign(body),
    }

    answer = gateway.post("/api/saleor/syncwebhook/v1/prepayment", content=body, headers=headers)

    assert (answer.status_code, answer.json()["kind"]) == (200, "auth")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        pytest.param("POST", "/api/odoo/webhook/v1/unknown", {}, 404, id="unknown id"),
        pytest.param("GET", "/api/odoo/webhook/v1/known", {}, 405, id="wrong method"),
        pytest.param("POST", "/api/zoho/logistics/v1/x", {}, 405, id="wrong method of numbers"),
        pytest.param(
            "PUT",
            "/api/product-data-feed/v1/googlemerchant/x",
            {},
            405,
            id="wrong method of a feed",
        ),
        pytest.param("POST", "/api/saleor/webhook/v1", {}, 400, id="shop unnamed"),
        pytest.param(
            "POST", "/api/saleor/webhook/v1", {"saleor-domain": "x.example"}, 404, id="unknown shop"
        ),
        pytest.param("POST", "/api/v1/tracking/easypost/closed", {}, 401, id="not verified"),
    ],
)
def test_every_error_looks_as_it_did(
    conn: Connection[Any],
    app: App,
    make_endpoint: MakeEndpoint,
    gateway: httpx.Client,
    method: str,
    path: str,
    headers: dict[str, str],
    status: int,
):
    alias(conn, app, "known")
    webhook_aliases.add_alias(conn, "closed", make_endpoint().endpoint_id)

    answer = gateway.request(method, path, headers={"eci-trace-id": "tr_abc", **headers})

    assert answer.status_code == status
    assert answer.json() == {"error": "Something went wrong", "traceId": "tr_abc"}
    assert answer.headers["eci-trace-id"] == "tr_abc"
    assert answer.headers["content-type"] == "application/json"


def test_without_a_database_the_sender_is_asked_to_come_back(start: Start):
    gateway = start(address="postgresql://127.0.0.1:9/none", legacy_routes=True)

    answer = gateway.post("/api/odoo/webhook/v1/old", json={})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["error"] == "Something went wrong"


def test_old_addresses_are_off_unless_they_are_asked_for(
    conn: Connection[Any], app: App, start: Start
):
    alias(conn, app, "old")

    answer = start().post("/api/odoo/webhook/v1/old", json={})

    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


def test_an_alias_leads_to_one_endpoint(conn: Connection[Any], app: App):
    first = alias(conn, app, "old")

    with pytest.raises(ConfigurationError, match="alias 'old' already"):
        alias(conn, app, "old")

    assert one(conn, "SELECT endpoint_id FROM platform.webhook_alias")["endpoint_id"] == first


def test_an_alias_of_a_deleted_endpoint_leads_nowhere_and_is_free(
    conn: Connection[Any], app: App, start: Start
):
    gateway = start(legacy_routes=True)
    webhooks.delete_endpoint(conn, alias(conn, app, "old"))

    assert gateway.post("/api/odoo/webhook/v1/old", json={}).status_code == 404

    alias(conn, app, "old")

    assert gateway.post("/api/odoo/webhook/v1/old", json={}).status_code == 200
