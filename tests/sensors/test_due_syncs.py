"""Who is asked for first, and who is left alone because nothing would come of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from assets import registry, syncing
from assets.syncing import SyncRequest
from resources.registry import default_resources
from sandbox.runner import Sandbox
from schemabase_dagster import tags, tenancy
from schemabase_dagster.clock import utc_now
from schemabase_dagster.settings import ROOT
from schemabase_dagster.tenancy import App, Tenant
from sensors.due_syncs import due_requests
from tests.support import shops

NOW = datetime(2036, 6, 1, 12, tzinfo=UTC)
"""Long after the credentials were set."""

HOUR = timedelta(hours=1)
ORDERS = "zoho_sales_orders"

ASKED = "INSERT INTO platform.sync_state (app_id, stream, requested_at) VALUES (%s, %s, %s)"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Dagster instance in memory that knows the tenants."""
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions(tags.TENANT_PARTITIONS, ["acme", "globex"])
        yield made


@pytest.fixture
def books(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> App:
    """Zoho app of ``acme`` that pulls sales orders only."""
    return shops.add_zoho(conn, tenant, sandbox, streams=[ORDERS])


@pytest.fixture
def other_books(conn: Connection[Any], sandbox: Sandbox) -> App:
    """The same of ``globex``."""
    globex = tenancy.add_tenant(conn, "globex", "Globex", timezone="Europe/Berlin")
    return shops.add_zoho(conn, globex, sandbox, merchant="globex", streams=[ORDERS])


def _asked(instance: dg.DagsterInstance, now: datetime = NOW, most: int = 100) -> list[str]:
    requests = due_requests(instance, now, print, most=most)
    return [request.tags[tags.TENANT] for request in requests]


@pytest.mark.parametrize(
    ("acme", "globex", "wanted"),
    [(HOUR, 2 * HOUR, "globex"), (2 * HOUR, HOUR, "acme"), (HOUR, None, "acme")],
    ids=["the later name", "the earlier name", "a first pull takes long"],
)
def test_the_most_stale_comes_first_whatever_its_name(
    conn: Connection[Any],
    books: App,
    other_books: App,
    instance,
    acme: timedelta,
    globex: timedelta | None,
    wanted: str,
):
    for app, ago in ((books, acme), (other_books, globex)):
        if ago is not None:
            conn.execute(ASKED, (app.id, ORDERS, NOW - ago))

    first, second = (_asked(instance, now, 1) for now in (NOW, NOW + timedelta(seconds=30)))

    assert first == [wanted]
    assert sorted(first + second) == ["acme", "globex"]


def test_an_account_whose_day_is_used_up_is_left_alone_until_the_next_probe(
    books: App, other_books: App, sandbox: Sandbox, instance
):
    sandbox.control.set_limits("acme", per_day=0)
    stream, open_client = registry.stream(ORDERS), default_resources()["zoho"].open
    request = SyncRequest("acme", tags.TRIGGER_SCHEDULE)
    assert syncing.pull(stream, open_client, request).result.out_of_quota

    asked = _asked(instance, utc_now() + timedelta(minutes=50))
    later = _asked(instance, utc_now() + timedelta(minutes=61))

    assert asked == ["globex"]
    assert "acme" in later


@pytest.mark.parametrize(
    ("cursor", "is_long"),
    [(None, True), ({}, False), ({"scan": {"waits": False}}, True)],
    ids=["first pull", "changes only", "unfinished"],
)
def test_a_pull_that_may_take_long_is_marked_so_that_it_gets_not_all_slots(
    conn: Connection[Any], books: App, instance, cursor: dict[str, Any] | None, is_long: bool
):
    if cursor is not None:
        conn.execute(ASKED, (books.id, ORDERS, NOW - HOUR))
        conn.execute("UPDATE platform.sync_state SET cursor = %s", (Jsonb(cursor),))

    (request,) = due_requests(instance, NOW, print)

    assert request.tags.get(tags.FILL) == ("true" if is_long else None)
    assert f'- key: {tags.FILL}\n        value: "true"\n' in (ROOT / "dagster.yaml").read_text()
