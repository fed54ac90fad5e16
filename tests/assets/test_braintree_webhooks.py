"""Webhooks of Braintree are hints: what they name is read again, what they say is not used."""

from typing import Any
from urllib.parse import parse_qsl

import pytest
from psycopg import Connection

from assets import registry
from resources.braintree.notices import dispute_ids, transaction_ids
from resources.braintree.resource import BraintreeResource
from sandbox import senders
from sandbox.runner import Sandbox
from schemabase_dagster.engine.hints import land_webhooks
from schemabase_dagster.inbox.records import FORM_CONTENT
from schemabase_dagster.tenancy import App
from tests.support.deliveries import put_delivery
from tests.support.rows import rows, value

MERCHANT = "acme"


def notify(conn: Connection[Any], app: App, kind: str, subject: str) -> None:
    body = senders.braintree("public", "private", kind, subject).body
    put_delivery(conn, app, None, body=body, content_type=FORM_CONTENT)


def take(app: App) -> None:
    with BraintreeResource().open(app) as client:
        streams = list(registry.streams_of("braintree").values())
        land_webhooks(client, streams, app, run_id=None, worker="test")


def test_a_named_transaction_is_read_again(
    conn: Connection[Any], sandbox: Sandbox, braintree_app: App
):
    one, *_ = sandbox.control.ids(MERCHANT, "braintree", "transactions")
    subject = f"<transaction><id>{one}</id><amount>0.01</amount></transaction>"
    notify(conn, braintree_app, "transaction_settled", subject)

    take(braintree_app)

    (row,) = rows(conn, "SELECT external_id, payload, via FROM raw.braintree_transactions")
    assert (row["external_id"], row["via"]) == (one, "webhook")
    assert row["payload"]["amount"] != "0.01"
    assert value(conn, "SELECT status FROM platform.webhook_inbox") == "processed"


def test_a_dispute_is_read_again_with_its_transaction(
    conn: Connection[Any], sandbox: Sandbox, braintree_app: App
):
    dispute, *_ = sandbox.control.ids(MERCHANT, "braintree", "disputes")
    paid, *_ = sandbox.control.ids(MERCHANT, "braintree", "transactions")
    subject = f"<dispute><transaction><id>{paid}</id></transaction><id>{dispute}</id></dispute>"
    notify(conn, braintree_app, "dispute_opened", subject)

    take(braintree_app)

    assert value(conn, "SELECT external_id FROM raw.braintree_disputes") == dispute
    assert value(conn, "SELECT external_id FROM raw.braintree_transactions") == paid


def payload(subject: str) -> dict[str, str]:
    return dict(parse_qsl(senders.braintree("public", "private", "kind", subject).body.decode()))


@pytest.mark.parametrize(
    ("subject", "transactions", "disputes"),
    [
        pytest.param(
            "<subscription><id>s</id><transactions><transaction><id>t1</id></transaction>"
            "<transaction><id>t2</id></transaction></transactions></subscription>",
            ["t1", "t2"],
            [],
            id="subscription",
        ),
        pytest.param(
            "<disbursement><id>d</id><transaction-ids><item>t1</item><item>t2</item>"
            "</transaction-ids></disbursement>",
            ["t1", "t2"],
            [],
            id="disbursement",
        ),
        pytest.param("<check>true</check>", [], [], id="test"),
    ],
)
def test_what_a_notification_speaks_of(subject: str, transactions: list[str], disputes: list[str]):
    assert transaction_ids("", payload(subject)) == transactions
    assert dispute_ids("", payload(subject)) == disputes


@pytest.mark.parametrize("odd", [None, [], {}, {"bt_payload": "%"}, {"bt_payload": "PG4+"}])
def test_what_cannot_be_read_names_nothing(odd: Any):
    assert transaction_ids("", odd) == []
    assert dispute_ids("", odd) == []
