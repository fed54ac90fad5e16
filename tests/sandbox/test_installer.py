"""Installing apps: what the shop reads, hands over and takes back."""

import json
from typing import Any

import pytest

from sandbox.runner import Sandbox
from tests.sandbox.callers import Receiver, SaleorCaller

CHECK = "query AppCheck { app { id name } }"


def manifest(receiver: Receiver, **changes: Any) -> dict[str, Any]:
    hook = {
        "name": "changes",
        "targetUrl": receiver.url,
        "asyncEvents": ["ORDER_UPDATED", "APP_DELETED"],
        "query": "subscription { event { __typename } }",
    }
    return {
        "id": "hub",
        "name": "Hub",
        "version": "1",
        "tokenTargetUrl": receiver.url,
        "webhooks": [hook],
        **changes,
    }


@pytest.fixture
def hub(receiver: Receiver) -> Receiver:
    """A receiver that shows its manifest and takes the token."""
    receiver.body = json.dumps(manifest(receiver)).encode()
    return receiver


def test_an_app_gets_a_token_that_opens_the_shop(box: Sandbox, saleor: SaleorCaller, hub: Receiver):
    done = box.control.install_app("acme", hub.url)

    ((_, headers, body),) = hub.requests
    token = json.loads(body)["auth_token"]
    assert headers["Saleor-Api-Url"] == saleor.info["api_url"]
    assert "Saleor-Signature" not in headers
    answer = saleor.ask(CHECK, "AppCheck", {}, Authorization=f"Bearer {token}").json()
    assert answer["data"]["app"]["id"] == done["app_id"]


def test_an_app_that_refuses_is_taken_away(box: Sandbox, hub: Receiver):
    hub.statuses = [403]

    done = box.control.install_app("acme", hub.url)

    assert done["status"] == "FAILED"
    assert "403" in done["message"]
    assert box.state.accounts["acme"].shop.apps == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"version": ""}, "version", id="no version"),
        pytest.param(
            {"webhooks": [{"query": "", "targetUrl": "https://x"}]}, "query", id="no query"
        ),
        pytest.param(
            {"webhooks": [{"query": "subscription", "targetUrl": "x"}]}, "target", id="no address"
        ),
    ],
)
def test_a_wrong_manifest_is_refused(
    box: Sandbox, hub: Receiver, changes: dict[str, Any], told: str
):
    hub.body = json.dumps(manifest(hub, **changes)).encode()

    done = box.control.install_app("acme", hub.url)

    assert done["status"] == "FAILED"
    assert told in done["message"]


def test_an_identifier_is_installed_once(box: Sandbox, hub: Receiver):
    box.control.install_app("acme", hub.url)

    assert "already installed" in box.control.install_app("acme", hub.url)["message"]


def test_an_app_that_is_deleted_hears_of_it_last(box: Sandbox, saleor: SaleorCaller, hub: Receiver):
    app_id = box.control.install_app("acme", hub.url)["app_id"]
    token = json.loads(hub.requests[-1][2])["auth_token"]

    box.control.uninstall_app("acme", app_id)

    _, headers, body = hub.requests[-1]
    assert (headers["Saleor-Event"], json.loads(body)["app"]["id"]) == ("app_deleted", app_id)
    answer = saleor.ask(CHECK, "AppCheck", {}, Authorization=f"Bearer {token}").json()
    assert answer["data"]["app"] is None
