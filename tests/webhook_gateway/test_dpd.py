"""Without these, DPD repeats its scans for two days: it takes one answer only for a success."""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
from psycopg import Connection

from resources.dpd import DPD
from schemabase_dagster import tenancy, webhooks
from schemabase_dagster.tenancy import Tenant
from tests.support.rows import count, one, value

SCAN = {
    "pushid": "90001234",
    "pnr": "05212345678901",
    "depot": "0112",
    "status": "delivery_carload",
    "statusdate": "05012026081500",
    "receiver": "Jana Beispiel",
    "ref": "STORE-10007",
    "pod": "BEISPIEL",
    "weight": "0",
}
ROW = "SELECT body, query, content_type, method FROM platform.webhook_inbox"

Push = Callable[..., httpx.Response]


@pytest.fixture
def push(conn: Connection[Any], tenant: Tenant, gateway: httpx.Client) -> Push:
    """Send one scan as DPD does."""
    app = tenancy.add_app(conn, tenant, DPD, "dpd", {}, {}, ["dpd_tracking"])
    endpoint = webhooks.create_endpoint(conn, app, DPD.verification(None))

    def send(method: str = "GET", **changes: str | None) -> httpx.Response:
        query = {name: text for name, text in {**SCAN, **changes}.items() if text is not None}
        return gateway.request(method, f"/v1/webhooks/dpd/{endpoint.endpoint_id}", params=query)

    return send


def test_a_scan_is_stored_and_its_push_id_echoed(conn: Connection[Any], push: Push):
    answer = push()

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/xml"
    assert answer.text == "<push><pushid>90001234</pushid><status>OK</status></push>"
    assert count(conn, "platform.webhook_inbox") == 1


def test_names_of_people_are_not_stored(conn: Connection[Any], push: Push):
    push()

    row = one(conn, ROW)
    assert (row["query"], row["method"]) == (None, "GET")
    assert row["content_type"] == "application/x-www-form-urlencoded"
    assert b"pnr=05212345678901" in row["body"]
    assert b"beispiel" not in row["body"].lower()


def test_a_repeat_under_another_push_id_is_acknowledged_and_stored_once(
    conn: Connection[Any], push: Push
):
    push()

    answer = push(pushid="90009999")

    assert "<pushid>90009999</pushid>" in answer.text
    assert count(conn, "platform.webhook_inbox") == 1


@pytest.mark.parametrize(
    "changes", [{"status": "brand_new"}, {"statusdate": "99999999999999"}, {"pnr": None}]
)
def test_what_cannot_be_used_yet_is_stored_and_acknowledged(
    conn: Connection[Any], push: Push, changes: dict[str, str | None]
):
    answer = push(**changes)

    assert (answer.status_code, "90001234" in answer.text) == (200, True)
    assert count(conn, "platform.webhook_inbox") == 1


@pytest.mark.parametrize("push_id", ['<&"', "a]]>b", "x" * 200])
def test_every_push_id_makes_valid_xml(push: Push, push_id: str):
    parsed = ET.fromstring(push(pushid=push_id).text)  # noqa: S314 - our own answer

    assert parsed.findtext("pushid") == push_id[:64]


def test_without_a_push_id_the_scan_is_stored_and_the_answer_empty(
    conn: Connection[Any], push: Push
):
    answer = push(pushid=None)

    assert (answer.status_code, answer.content) == (200, b"")
    assert count(conn, "platform.webhook_inbox") == 1


def test_only_get_is_taken(push: Push):
    answer = push("POST")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_an_unknown_address_is_refused(conn: Connection[Any], gateway: httpx.Client):
    answer = gateway.get(f"/v1/webhooks/dpd/wh_{'a' * 26}", params=SCAN)

    assert answer.status_code == 404
    assert value(conn, "SELECT count(*) FROM platform.webhook_inbox") == 0
