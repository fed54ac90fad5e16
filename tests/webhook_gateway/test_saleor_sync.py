"""Without these, a customer cannot choose prepayment, or anybody authorises a payment."""

from typing import Any

import httpx
import pytest
from psycopg import Connection

from sandbox.runner import Sandbox
from schemabase_dagster.ports import free_port
from schemabase_dagster.tenancy import App, Tenant
from tests.support.rows import count, one
from tests.support.wait import wait_until
from tests.webhook_gateway.conftest import Start
from tests.webhook_gateway.installing import GATEWAY, invite, manifest_url

INBOX = "platform.webhook_inbox"
PAYMENT = {"__typename": "PaymentProcessEvent", "payment": {"id": "UGF5bWVudDo3"}}
OLD_PAYMENT = {"payment_id": 7, "graphql_payment_id": "UGF5bWVudDo3", "amount": "10.00"}


@pytest.fixture
def hub(
    conn: Connection[Any], tenant: Tenant, sandbox: Sandbox, saleor_app: App, start: Start
) -> httpx.Client:
    """A gateway whose prepayment app is installed in the shop of ``acme``."""
    port = free_port()
    hub = start(port=port, public_url=f"http://127.0.0.1:{port}", allow_local_shops=True)
    made = invite(conn, tenant, saleor_app.config["api_url"], "prepayment")
    done = sandbox.control.install_app("acme", manifest_url(hub, made, "prepayment"))
    assert done["status"] == "SUCCESS", done["message"]
    return hub


def ask(sandbox: Sandbox, event: str, question: Any = PAYMENT) -> Any:
    asked = sandbox.control.ask_app("acme", event, question)
    assert asked["status"] == 200
    return asked["answer"]


def test_the_payment_method_is_the_one_that_was_configured(sandbox: Sandbox, hub: httpx.Client):
    (gateway,) = ask(sandbox, "payment_list_gateways", {"checkout": {"id": "Q2hlY2tvdXQ6MQ=="}})

    (config,) = gateway.pop("config")
    assert gateway == GATEWAY
    assert (config["field"], config["value"][:3]) == ("transaction_id", "vk_")


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("payment_process", "auth"),
        ("payment_authorize", "auth"),
        ("payment_confirm", "capture"),
        ("payment_capture", "capture"),
        ("payment_void", "void"),
        ("payment_refund", "refund"),
    ],
)
def test_every_step_of_a_payment_is_answered(
    sandbox: Sandbox, hub: httpx.Client, event: str, kind: str
):
    answer = ask(sandbox, event)

    assert (answer["kind"], answer["action_required"]) == (kind, False)
    assert len(answer["transaction_id"]) == 3 + 26


def test_an_unknown_question_is_not_refused(sandbox: Sandbox, hub: httpx.Client):
    (app,) = sandbox.state.accounts["acme"].shop.apps
    app.manifest["webhooks"][0]["syncEvents"].append("TAX_RATES")

    assert ask(sandbox, "tax_rates") == {}


def test_a_payment_has_one_transaction_however_it_is_asked_about(
    sandbox: Sandbox, hub: httpx.Client
):
    questions = [
        ("payment_process", PAYMENT),
        ("payment_process", PAYMENT),
        ("payment_capture", OLD_PAYMENT),
        ("payment_void", [OLD_PAYMENT]),
    ]
    other = ask(sandbox, "payment_process", {"payment": {"id": "UGF5bWVudDo4"}})

    found = {ask(sandbox, event, question)["transaction_id"] for event, question in questions}

    assert len(found) == 1
    assert other["transaction_id"] not in found


def test_installed_again_it_gives_the_same_transaction(
    conn: Connection[Any], tenant: Tenant, saleor_app: App, sandbox: Sandbox, hub: httpx.Client
):
    before = ask(sandbox, "payment_process")
    (app,) = sandbox.state.accounts["acme"].shop.apps
    sandbox.control.uninstall_app("acme", app.id)

    made = invite(conn, tenant, saleor_app.config["api_url"], "prepayment")
    sandbox.control.install_app("acme", manifest_url(hub, made, "prepayment"))

    assert ask(sandbox, "payment_process") == before


@pytest.mark.parametrize(
    "forged", [{"Saleor-Event": "payment_capture", "Saleor-Signature": "e30..x"},
               {"Saleor-Signature": "", "X-Saleor-Signature": ""}]
)  # fmt: skip
def test_what_the_shop_did_not_sign_is_refused(
    conn: Connection[Any], sandbox: Sandbox, hub: httpx.Client, forged: dict[str, str]
):
    asked = sandbox.control.ask_app("acme", "payment_process", PAYMENT, forged)

    assert (asked["status"], asked["answer"]["error"]) == (401, "unauthorized")
    assert count(conn, INBOX) == 0


def test_what_was_asked_is_noted_and_processed_by_nobody(
    conn: Connection[Any], sandbox: Sandbox, hub: httpx.Client
):
    for _ in range(2):
        ask(sandbox, "payment_process")

    wait_until(lambda: count(conn, INBOX) == 2, what="the notes of both questions")
    row = one(conn, "SELECT DISTINCT provider, event_type, status FROM platform.webhook_inbox")
    assert row == {
        "provider": "saleor_sync", "event_type": "payment_process", "status": "ignored"
    }  # fmt: skip


def test_a_question_is_no_delivery(conn: Connection[Any], sandbox: Sandbox, hub: httpx.Client):
    (app,) = sandbox.state.accounts["acme"].shop.apps
    (hook,) = app.manifest["webhooks"]
    hook["targetUrl"] = hook["targetUrl"].replace("/v1/sync/saleor/", "/v1/webhooks/saleor_sync/")

    asked = sandbox.control.ask_app("acme", "payment_process", PAYMENT)

    assert asked["status"] == 404
    assert count(conn, INBOX) == 0


def test_prepayment_leaves_the_apps_credentials_alone(
    conn: Connection[Any], saleor_app: App, hub: httpx.Client
):
    row = one(conn, "SELECT credentials_set_at, created_at, id FROM platform.app")

    assert row["id"] == saleor_app.id
    assert row["credentials_set_at"] == row["created_at"]
