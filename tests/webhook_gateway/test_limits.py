"""Limits differ by sender, and what an operator closes is closed for the sender, too."""

from typing import Any

import httpx
import pytest
from psycopg import Connection

from schemabase_dagster import tenancy, webhooks
from schemabase_dagster.tenancy import Tenant
from schemabase_dagster.webhooks import Created
from tests.support.rows import count, value
from tests.support.wait import wait_until
from tests.webhook_gateway.conftest import MakeEndpoint
from tests.webhook_gateway.test_intake import post
from webhook_gateway.providers import provider

KIB, MIB = 1024, 1024 * 1024


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("dpd", 8 * KIB),
        ("saleor", 4 * MIB),
        ("easypost", 2 * MIB),
        ("vercel", 8 * MIB),
        ("zoho", MIB),
        ("nobody", MIB),
    ],
)
def test_every_kind_of_sender_has_its_limit(name: str, most: int):
    assert provider(name).max_body_bytes == most


def test_the_limit_of_the_kind_holds_until_the_endpoint_has_one(
    gateway: httpx.Client, endpoint: Created, conn: Connection[Any]
):
    assert post(gateway, endpoint, b"x" * (4 * MIB)).status_code == 200
    assert post(gateway, endpoint, b"x" * (4 * MIB + 1)).status_code == 413

    webhooks.restrict_endpoint(conn, endpoint.endpoint_id, max_body_bytes=10, rate_per_minute=3)

    assert post(gateway, endpoint, b"x" * 11).status_code == 413
    statuses = [post(gateway, endpoint, b"%d" % number).status_code for number in range(4)]
    assert statuses[-1] == 503


def test_a_switched_off_endpoint_is_closed_until_it_is_on_again(
    gateway: httpx.Client, make_endpoint: MakeEndpoint, conn: Connection[Any]
):
    ours, standard = make_endpoint(), make_endpoint(scheme="standard_webhooks")
    for each in (ours, standard):
        webhooks.restrict_endpoint(conn, each.endpoint_id, enabled=False)

    assert post(gateway, ours).status_code == 403
    assert post(gateway, standard).status_code == 410
    assert count(conn, "platform.webhook_inbox") == 0

    webhooks.restrict_endpoint(conn, ours.endpoint_id, enabled=True)

    assert post(gateway, ours).status_code == 200


def test_an_endpoint_can_refuse_what_its_tenant_is_not_entitled_to(
    gateway: httpx.Client, endpoint: Created, conn: Connection[Any], tenant: Tenant
):
    webhooks.restrict_endpoint(conn, endpoint.endpoint_id, unentitled="reject")
    assert post(gateway, endpoint, b"1").status_code == 200
    tenancy.revoke(conn, tenant, tenancy.EVERYTHING)

    refused = post(gateway, endpoint, b"2")

    assert refused.status_code == 403
    assert refused.json()["error"] == "forbidden"
    assert count(conn, "platform.webhook_inbox") == 1
    tenancy.grant(conn, tenant, "webhooks")
    assert post(gateway, endpoint, b"2").status_code == 200


def test_activity_counts_what_was_verified(
    gateway: httpx.Client, endpoint: Created, conn: Connection[Any]
):
    for body in (b"1", b"1", b"2"):
        post(gateway, endpoint, body)
    post(gateway, endpoint, x_signature="0" * 64)

    noted = "SELECT coalesce(sum(deliveries), 0) FROM platform.webhook_activity"
    wait_until(lambda: value(conn, noted) >= 3, what="the activity to be noted")
    assert value(conn, noted) == 3
