"""Without these, a sender gets an answer that makes it give up, or an event is stored wrongly."""

import gzip
import hashlib
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import pytest
from psycopg import Connection

from schemabase_dagster import inbox, tenancy, webhooks
from schemabase_dagster.tenancy import App, Tenant
from schemabase_dagster.webhooks import Created
from tests.support.rows import count, one, value
from tests.support.wait import wait_until
from tests.webhook_gateway.conftest import MakeEndpoint, Start
from tests.webhook_gateway.senders import ShopKey, hmac_hex
from tests.webhook_gateway.servers import KeySet

BODY = b'{"order": {"id": "1"}}'
UNKNOWN_ID = "wh_" + "a" * 26


def path(endpoint: Created) -> str:
    return f"/v1/webhooks/{endpoint.provider}/{endpoint.endpoint_id}"


def until_429(send: Callable[[], httpx.Response]) -> list[int]:
    """Send until it is too often, and return the statuses.

    How often that is depends on the machine: the allowance grows while a slow one sends.
    """
    statuses = [send().status_code]
    while statuses[-1] != 429 and len(statuses) < 2000:
        statuses.append(send().status_code)
    assert statuses[-1] == 429
    return statuses


def post(
    client: httpx.Client,
    endpoint: Created,
    body: bytes = BODY,
    *,
    query: str = "",
    **headers: Any,
) -> httpx.Response:
    """Send a delivery that is signed like the endpoint wants it."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    signature = {"X-Signature": hmac_hex(endpoint.secret or "", body)}
    return client.post(path(endpoint) + query, content=body, headers=signature | named)


def test_a_delivery_is_stored_before_it_is_answered(
    gateway: httpx.Client, endpoint: Created, conn: Connection[Any], app: App
):
    answer = post(
        gateway,
        endpoint,
        saleor_event="order_updated",
        content_type="application/json",
        traceparent="00-abc-01",
    )

    row = one(conn, "SELECT * FROM platform.webhook_inbox")
    assert answer.status_code == 200
    assert answer.json() == {"status": "accepted", "id": str(row["id"]), "traceId": "00-abc-01"}
    assert answer.headers["eci-trace-id"] == "00-abc-01"
    assert bytes(row["body"]) == BODY
    assert (row["tenant_id"], row["app_id"]) == (app.tenant_id, app.id)
    facts = ("provider", "event_type", "content_type", "verify_scheme", "trace_id", "status")
    assert [row[name] for name in facts] == [
        "saleor", "order_updated", "application/json", "hmac", "00-abc-01", "received"
    ]  # fmt: skip


def test_a_repeated_delivery_is_counted_not_stored(
    gateway: httpx.Client, endpoint: Created, conn: Connection[Any]
):
    first = post(gateway, endpoint)
    second = post(gateway, endpoint)

    assert second.status_code == 200
    assert second.json()["status"] == "duplicate"
    assert second.json()["id"] == first.json()["id"]
    assert count(conn, "platform.webhook_inbox") == 1


def test_a_hundred_equal_deliveries_at_once_are_one_row(
    start: Start, endpoint: Created, conn: Connection[Any]
):
    clients = [start(writers=2), start()]

    with ThreadPoolExecutor(100) as threads:
        answers = list(threads.map(lambda n: post(clients[n % 2], endpoint), range(100)))

    assert {answer.status_code for answer in answers} == {200}
    assert [answer.json()["status"] for answer in answers].count("accepted") == 1
    assert count(conn, "platform.webhook_inbox") == 1
    assert value(conn, "SELECT seen_count FROM platform.webhook_dedupe") == 100


def test_different_deliveries_at_once_are_all_stored(
    start: Start, endpoint: Created, conn: Connection[Any]
):
    client = start()
    bodies = [b"%d" % number for number in range(200)]

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda body: post(client, endpoint, body), bodies))

    stored = {bytes(row[0]) for row in conn.execute("SELECT body FROM platform.webhook_inbox")}
    assert stored == set(bodies)
    assert {answer.json()["status"] for answer in answers} == {"accepted"}


def test_senders_without_own_rules_get_202(
    gateway: httpx.Client, endpoint: Created, conn: Connection[Any]
):
    conn.execute("UPDATE platform.webhook_endpoint SET provider = 'other'")
    other = Created(endpoint.endpoint_id, "other", "hmac", endpoint.secret)

    assert post(gateway, other).status_code == 202
    assert post(gateway, other).status_code == 200


@pytest.mark.parametrize("body", [b"", b"not json", b"\x00\xff", b"{"])
def test_what_cannot_be_parsed_is_stored(
    gateway: httpx.Client, endpoint: Created, conn: Connection[Any], body: bytes
):
    assert post(gateway, endpoint, body).status_code == 200
    assert bytes(value(conn, "SELECT body FROM platform.webhook_inbox")) == body


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "text/plain"},
        {"content_type": "application/xml"},
        {"content_type": ""},
        {"content_type": "multipart/form-data; boundary=x"},
        {"content_encoding": "br"},
    ],
    ids=str,
)
def test_what_a_body_calls_itself_is_no_reason_to_refuse_it(
    gateway: httpx.Client, endpoint: Created, conn: Connection[Any], headers: dict[str, Any]
):
    assert post(gateway, endpoint, **headers).status_code == 200
    assert bytes(value(conn, "SELECT body FROM platform.webhook_inbox")) == BODY


def test_a_bad_signature_is_401_and_leaves_no_row(
    gateway: httpx.Client, endpoint: Created, conn: Connection[Any]
):
    answer = post(gateway, endpoint, x_signature=hmac_hex("wrong", BODY))

    assert answer.status_code == 401
    assert answer.json()["error"] == "unauthorized"
    assert set(answer.json()) == {"error", "message", "traceId"}
    assert answer.json()["traceId"] == answer.headers["eci-trace-id"]
    assert count(conn, "platform.webhook_inbox") == 0
    refused = "SELECT * FROM platform.webhook_reject"
    wait_until(lambda: conn.execute(refused).fetchall(), what="the refusal to be noted")
    row = one(conn, refused)
    assert (row["reason"], row["http_status"]) == ("signature_wrong", 401)
    assert row["trace_id"] == answer.json()["traceId"]


@pytest.mark.parametrize(
    "address",
    [
        pytest.param(f"/v1/webhooks/saleor/{UNKNOWN_ID}", id="unknown"),
        pytest.param("/v1/webhooks/zoho/{known}", id="other provider"),
        pytest.param("/v1/webhooks/saleor/{deleted}", id="deleted"),
        pytest.param("/v1/webhooks/saleor/wh_UPPER", id="syntax"),
        pytest.param("/v1/webhooks/saleor", id="no id"),
        pytest.param("/v1/webhooks/saleor/{known}/", id="slash at the end"),
        pytest.param("/nothing", id="no route"),
    ],
)
def test_unknown_addresses_are_equal_404s(
    gateway: httpx.Client,
    make_endpoint: MakeEndpoint,
    conn: Connection[Any],
    address: str,
):
    known, deleted = make_endpoint(), make_endpoint()
    webhooks.delete_endpoint(conn, deleted.endpoint_id)

    answer = gateway.post(
        address.format(known=known.endpoint_id, deleted=deleted.endpoint_id), content=BODY
    )

    assert answer.status_code == 404
    assert answer.json() | {"traceId": ""} == {
        "error": "not_found", "message": "There is nothing here.", "traceId": ""
    }  # fmt: skip


def test_an_address_may_not_try_many_ids(gateway: httpx.Client, endpoint: Created):
    address = f"/v1/webhooks/saleor/{UNKNOWN_ID}"

    statuses = until_429(lambda: gateway.post(address, content=BODY))

    assert set(statuses[:-1]) == {404}
    assert len(statuses) > 100
    assert post(gateway, endpoint).status_code == 200


def test_other_methods_are_405(gateway: httpx.Client, endpoint: Created):
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "HEAD"):
        answer = gateway.request(method, path(endpoint))

        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"
        assert method == "HEAD" or answer.json()["error"] == "method_not_allowed"


def test_the_limit_counts_announced_and_streamed_bytes(
    gateway: httpx.Client, endpoint: Created, conn: Connection[Any]
):
    conn.execute("UPDATE platform.webhook_endpoint SET max_body_bytes = 1000")
    signature = {"X-Signature": hmac_hex(endpoint.secret or "", b"x" * 1001)}

    announced = post(gateway, endpoint, b"x" * 1001)
    streamed = gateway.post(
        path(endpoint), content=iter([b"x" * 500, b"x" * 501]), headers=signature
    )

    assert (announced.status_code, streamed.status_code) == (413, 413)
    assert announced.json()["error"] == "payload_too_large"
    assert post(gateway, endpoint, b"x" * 1000).status_code == 200
    assert count(conn, "platform.webhook_inbox") == 1


def test_a_large_announcement_is_refused_without_reading(gateway: httpx.Client, endpoint: Created):
    url = gateway.base_url
    head = f"POST {path(endpoint)} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"

    with socket.create_connection((url.host, url.port or 80), timeout=60) as sock:
        sock.sendall(head.encode())
        received = b""
        while data := sock.recv(4096):
            received += data

    assert received.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in received


def test_packed_bodies_are_limited_unpacked_and_stored_as_sent(
    gateway: httpx.Client, endpoint: Created, conn: Connection[Any], app: App
):
    conn.execute("UPDATE platform.webhook_endpoint SET max_body_bytes = 10000")
    bomb, fine = gzip.compress(bytes(10_001)), gzip.compress(BODY)

    assert post(gateway, endpoint, bomb, content_encoding="gzip").status_code == 413
    assert post(gateway, endpoint, fine, content_encoding="gzip").status_code == 200
    assert post(gateway, endpoint, b"broken", content_encoding="gzip").status_code == 200

    first, second = inbox.claim(conn, app.tenant_id, "saleor", worker="w")
    assert first.body == fine
    assert inbox.payload(first) == {"order": {"id": "1"}}
    assert second.body == b"broken"


def test_a_body_of_very_many_packed_parts_is_refused(gateway: httpx.Client, endpoint: Created):
    """A million bytes of empty parts took a second, in which nobody else was served."""
    part = gzip.compress(b"")
    many = part * (1_000_000 // len(part))

    assert post(gateway, endpoint, many, content_encoding="gzip").status_code == 413
    assert post(gateway, endpoint, part * 100, content_encoding="gzip").status_code == 200


def test_a_slow_sender_is_cut_off(start: Start, endpoint: Created, conn: Connection[Any]):
    url = start(read_seconds=0.2).base_url
    head = f"POST {path(endpoint)} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345"

    with socket.create_connection((url.host, url.port or 80), timeout=60) as sock:
        sock.sendall(head.encode())
        received = sock.recv(4096)

    assert received.startswith(b"HTTP/1.1 408 ")
    assert count(conn, "platform.webhook_inbox") == 0


def test_too_long_heads_are_refused(gateway: httpx.Client, endpoint: Created):
    many: dict[str, Any] = {f"X-{number}": "x" for number in range(101)}

    assert post(gateway, endpoint, **many).status_code == 413
    assert post(gateway, endpoint, x_long="x" * 33_000).status_code == 413
    same = [("X-Same", "x")] * 101
    assert gateway.post(path(endpoint), headers=same, content=b"{}").status_code == 413
    assert post(gateway, endpoint, query="?a=" + "x" * 8192).status_code == 413
    assert post(gateway, endpoint, x_long="x" * 30_000).status_code == 200


@pytest.mark.parametrize(("sender", "status"), [("zoho", 429), ("saleor", 503)])
def test_who_sends_too_often_is_told_a_time_to_wait_and_saleor_by_no_4xx(
    gateway: httpx.Client, endpoint: Created, conn: Connection[Any], sender: str, status: int
):
    conn.execute(
        "UPDATE platform.webhook_endpoint SET rate_per_minute = 3, provider = %s", (sender,)
    )
    sending = replace(endpoint, provider=sender)

    answers = [post(gateway, sending, b"%d" % number) for number in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, status]
    assert 1 <= int(answers[3].headers["retry-after"]) <= 21


def test_overload_is_503_with_a_time_to_wait(start: Start, endpoint: Created):
    client = start(max_in_flight=1, read_seconds=120)
    url = client.base_url
    head = f"POST {path(endpoint)} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"

    with socket.create_connection((url.host, url.port or 80), timeout=60) as sock:
        sock.sendall(head.encode())
        refused = wait_until(
            lambda: (answer := post(client, endpoint)).status_code == 503 and answer,
            what="the gate to close",
        )

    assert refused
    assert refused.json()["error"] == "overloaded"
    assert refused.headers["retry-after"] == "2"
    wait_until(lambda: post(client, endpoint).status_code == 200, what="the gate to open")


def test_one_endpoint_cannot_take_the_places_of_all(start: Start, make_endpoint: MakeEndpoint):
    client = start(max_in_flight=4)
    slow, other = make_endpoint(), make_endpoint()
    url = client.base_url
    head = f"POST {path(slow)} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"

    with (
        socket.create_connection((url.host, url.port or 80), timeout=5) as one,
        socket.create_connection((url.host, url.port or 80), timeout=5) as two,
    ):
        one.sendall(head.encode())
        two.sendall(head.encode())
        refused = wait_until(
            lambda: (answer := post(client, slow)).status_code == 503 and answer,
            what="the share of the endpoint to be taken",
        )
        assert refused
        assert refused.headers["retry-after"] == "2"
        assert post(client, other).status_code == 200
    wait_until(lambda: post(client, slow).status_code == 200, what="its places to be free")


def test_a_disabled_endpoint_is_403_or_410(
    gateway: httpx.Client, make_endpoint: MakeEndpoint, conn: Connection[Any]
):
    ours, standard = make_endpoint(), make_endpoint(scheme="standard_webhooks")
    conn.execute("UPDATE platform.webhook_endpoint SET enabled = false")

    assert post(gateway, ours).status_code == 403
    assert post(gateway, standard).status_code == 410
    assert count(conn, "platform.webhook_inbox") == 0


def test_a_tenant_without_entitlement_is_stored_and_held(
    gateway: httpx.Client, endpoint: Created, conn: Connection[Any], tenant: Tenant, app: App
):
    tenancy.revoke(conn, tenant, tenancy.EVERYTHING)
    for number in range(3):
        assert post(gateway, endpoint, b"%d" % number).status_code == 200

    held = value(conn, "SELECT array_agg(DISTINCT last_error) FROM platform.webhook_inbox")
    assert held == ["entitlement"]
    assert inbox.due_groups(conn) == []
    assert inbox.claim(conn, tenant.id, "saleor", worker="w") == []
    assert inbox.release_held(conn) == 0

    tenancy.grant(conn, tenant, "webhooks")

    assert inbox.release_held(conn) == 3
    claimed = inbox.claim(conn, tenant.id, "saleor", worker="w", app_id=app.id)
    assert [row.body for row in claimed] == [b"0", b"1", b"2"]


def test_an_archived_tenant_is_stored_and_held(
    gateway: httpx.Client, endpoint: Created, conn: Connection[Any], tenant: Tenant
):
    tenancy.deactivate_tenant(conn, tenant.slug)

    assert post(gateway, endpoint).status_code == 200
    assert value(conn, "SELECT last_error FROM platform.webhook_inbox") == "entitlement"
    assert inbox.release_held(conn) == 0


def test_a_paused_endpoint_is_stored_and_held(
    gateway: httpx.Client, endpoint: Created, conn: Connection[Any]
):
    post(gateway, endpoint, b"before")
    assert webhooks.pause_endpoint(conn, endpoint.endpoint_id) == 1
    assert post(gateway, endpoint, b"after").status_code == 200
    assert inbox.due_groups(conn) == []
    assert inbox.release_held(conn) == 0

    assert webhooks.resume_endpoint(conn, endpoint.endpoint_id) == 2
    assert [group.count for group in inbox.due_groups(conn)] == [2]


def test_secrets_are_stored_as_hashes(
    gateway: httpx.Client, make_endpoint: MakeEndpoint, conn: Connection[Any]
):
    endpoint = make_endpoint(scheme="shared_secret", query="hook")
    secret = endpoint.secret or ""
    answer = post(
        gateway,
        endpoint,
        query=f"?hook={secret}&page=1&api_key=canary-1",
        authorization="Bearer canary-2",
        cookie="canary-3",
        x_auth_token="canary-4",
    )

    row = one(conn, "SELECT query, headers FROM platform.webhook_inbox")
    assert answer.status_code == 200
    assert "canary" not in str(row)
    assert secret not in str(row)
    assert f"sha256%3A{hashlib.sha256(secret.encode()).hexdigest()}" in row["query"]
    assert "page=1" in row["query"]
    assert row["headers"]["x-auth-token"] == f"sha256:{hashlib.sha256(b'canary-4').hexdigest()}"
    assert not {"authorization", "cookie", "host"} & row["headers"].keys()
    assert "x-signature" in row["headers"]


def test_harmful_trace_ids_are_replaced(gateway: httpx.Client, endpoint: Created):
    for given in ("a b", "x" * 65, "a;b", 'a"b'):
        answer = post(gateway, endpoint, eci_trace_id=given)

        assert answer.headers["eci-trace-id"].startswith("tr_")


def test_use_of_a_secret_is_noted(gateway: httpx.Client, endpoint: Created, conn: Connection[Any]):
    post(gateway, endpoint)

    used = "SELECT last_used_at FROM platform.webhook_secret"
    wait_until(lambda: value(conn, used), what="the use to be noted")


def test_a_rotated_secret_works_at_once_and_the_old_one_for_a_while(
    gateway: httpx.Client, endpoint: Created, conn: Connection[Any]
):
    rotated = webhooks.rotate_secret(conn, endpoint.endpoint_id)

    assert rotated.secret != endpoint.secret
    assert post(gateway, rotated, b"1").status_code == 200
    assert post(gateway, endpoint, b"2").status_code == 200

    conn.execute(
        "UPDATE platform.webhook_secret SET valid_until = now() WHERE valid_until IS NOT NULL"
    )

    assert post(gateway, endpoint, b"3").status_code == 401
    assert post(gateway, rotated, b"3").status_code == 200


def test_a_shop_signs_with_its_own_key(
    gateway: httpx.Client,
    make_endpoint: MakeEndpoint,
    key_set: KeySet,
    shop_key: ShopKey,
    conn: Connection[Any],
):
    endpoint = make_endpoint(scheme="saleor_jws", jwks_url=key_set.url)
    good, bad = shop_key.sign(BODY), shop_key.sign(b"{}")
    key_from_request: dict[str, Any] = {"saleor_api_url": "http://attacker.example/graphql/"}

    assert endpoint.secret is None
    assert post(gateway, endpoint, saleor_signature=bad, **key_from_request).status_code == 401
    assert post(gateway, endpoint, saleor_signature=good, **key_from_request).status_code == 200
    assert count(conn, "platform.webhook_inbox") == 1


def test_a_zoho_form_is_verified_and_understood(
    gateway: httpx.Client, make_endpoint: MakeEndpoint, conn: Connection[Any], app: App
):
    endpoint = make_endpoint(scheme="zoho")
    conn.execute("UPDATE platform.webhook_endpoint SET provider = 'zoho'")
    zoho = Created(endpoint.endpoint_id, "zoho", "zoho", endpoint.secret)
    form = b"JSONString=%7B%22salesorder%22%3A+%7B%22salesorder_id%22%3A+%221%22%7D%7D"
    signature = hmac_hex(zoho.secret or "", b'JSONString{"salesorder": {"salesorder_id": "1"}}')

    answer = post(
        gateway,
        zoho,
        form,
        x_zoho_webhook_signature=signature,
        content_type="application/x-www-form-urlencoded",
    )

    assert answer.status_code == 200
    (row,) = inbox.claim(conn, app.tenant_id, "zoho", worker="w")
    assert inbox.payload(row) == {"salesorder": {"salesorder_id": "1"}}
