"""What is due, for whom, and how much waits."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import Connection

from schemabase_dagster import inbox, tenancy, webhooks
from schemabase_dagster.tenancy import App, Tenant
from tests.schemabase_dagster.inbox.deliveries import add_endpoint, add_shop, claim, hurry, store


@pytest.fixture(params=["fresh", "failed", "abandoned"])
def due(
    request: pytest.FixtureRequest, conn: Connection[Any], app: App, endpoint_id: str
) -> list[UUID]:
    """Six due deliveries, never tried, tried without success, or of a worker that died."""
    ids = [store(conn, endpoint_id, b"%d" % number)[0] for number in range(6)]
    if request.param != "fresh":
        for number, row in enumerate(claim(conn, app)):
            assert row.id == ids[number]
            if request.param == "failed":
                inbox.settle(conn, [row], "failed", "x")
            conn.execute(
                "UPDATE platform.webhook_inbox SET next_attempt_at = now() - %(age)s,"
                " claimed_until = claimed_until - interval '1 day' - %(age)s WHERE id = %(id)s",
                {"age": timedelta(minutes=10 - number), "id": row.id},
            )
    return ids


def test_whatever_is_due_is_claimed_by_its_own_app_only(
    conn: Connection[Any], tenant: Tenant, app: App, due: list[UUID]
):
    outlet = add_shop(conn, tenant, "outlet")

    assert inbox.claim(conn, uuid4(), app.type, worker="w") == []
    assert inbox.claim(conn, tenant.id, "zoho", worker="w") == []
    assert inbox.claim(conn, tenant.id, app.type, worker="w", app_id=outlet.id) == []
    assert {row.id for row in claim(conn, app)} == set(due)


def test_nothing_of_a_paused_endpoint_is_claimed(
    conn: Connection[Any], app: App, endpoint_id: str, due: list[UUID]
):
    conn.execute("UPDATE platform.webhook_endpoint SET paused_at = now()")

    assert claim(conn, app) == []


def test_the_oldest_are_claimed_first_up_to_a_limit(
    conn: Connection[Any], app: App, due: list[UUID]
):
    rows = claim(conn, app, limit=4)

    # a quarter of a batch each may be retries and what dead workers left, the rest is fresh
    assert rows
    assert len(rows) < 4
    assert {row.id for row in rows} == set(due[: len(rows)])


def test_due_groups_take_turns_between_tenants(conn: Connection[Any], tenant: Tenant, app: App):
    other = tenancy.add_tenant(conn, "globex", "Globex")
    first, second = add_endpoint(conn, app), add_endpoint(conn, add_shop(conn, other, "shop"))
    store(conn, first, b"1")
    store(conn, first, b"2")
    store(conn, second, b"3")

    groups = inbox.due_groups(conn)

    assert [(group.tenant_slug, group.system, group.count) for group in groups] == [
        ("acme", "saleor", 2),
        ("globex", "saleor", 1),
    ]
    assert groups[0].tenant_id == tenant.id
    assert groups[0].leased_until is None
    assert [group.tenant_slug for group in inbox.due_groups(conn, limit=1)] == ["acme"]

    claim(conn, app, limit=1)
    leased = inbox.due_groups(conn)[0]
    assert leased.count == 1
    assert leased.leased_until is not None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE platform.app SET enabled = false",
        "UPDATE platform.app SET deleted_at = now()",
        "UPDATE platform.app SET credentials_failed_at = now()",
        "UPDATE platform.tenant SET active = false",
        "UPDATE platform.entitlement SET valid_until = now()",
        "UPDATE platform.webhook_endpoint SET paused_at = now()",
    ],
)
def test_what_must_wait_is_not_due(conn: Connection[Any], endpoint_id: str, statement: Any):
    store(conn, endpoint_id, b"1")
    assert inbox.due_groups(conn)

    conn.execute(statement)

    assert inbox.due_groups(conn) == []


def test_a_paused_endpoint_is_not_claimed(conn: Connection[Any], app: App, endpoint_id: str):
    """A gateway that has not heard of the pause yet stores deliveries that are not held."""
    webhooks.pause_endpoint(conn, endpoint_id)
    store(conn, endpoint_id, b"1")
    store(conn, add_endpoint(conn, app), b"2")

    assert [row.body for row in claim(conn, app)] == [b"2"]


def test_the_backlog_is_counted(conn: Connection[Any], app: App, endpoint_id: str):
    ends: tuple[inbox.Outcome, ...] = ("processed", "ignored", "dead", "failed")
    for end in ends:
        store(conn, endpoint_id, end.encode())
        inbox.settle(conn, claim(conn, app), end, "x")
    store(conn, endpoint_id, b"in work")
    claim(conn, app)
    store(conn, endpoint_id, b"due")
    conn.execute(
        "UPDATE platform.webhook_inbox SET received_at = now() - interval '1 hour',"
        " next_attempt_at = next_attempt_at - interval '100 seconds' * (status <> 'failed')::int,"
        " claimed_until = now() - interval '300 seconds'"
    )

    found = {each.status: each for each in inbox.backlog(conn)}

    assert {status: (each.provider, each.count) for status, each in found.items()} == dict.fromkeys(
        ("received", "failed", "claimed", "dead"), ("saleor", 1)
    )
    # What failed waits for its turn, what is dead for a person, and what is held by a worker for
    # nobody until its lease is over.
    ages = {status: round(each.oldest_due_seconds, -1) for status, each in found.items()}
    assert ages == {"received": 100, "failed": 0, "claimed": 300, "dead": 0}


def test_only_a_running_lease_counts_as_one(conn: Connection[Any], app: App, endpoint_id: str):
    store(conn, endpoint_id, b"1", b"2")
    claim(conn, app, limit=1)
    assert inbox.due_groups(conn)[0].leased_until is not None

    hurry(conn)

    (group,) = inbox.due_groups(conn)
    assert (group.count, group.leased_until) == (2, None)
