"""Bulk orders from the stand-in: one order per recipient, reconciled with every save."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from resources.registry import default_resources
from sandbox.runner import Sandbox
from schemabase_dagster.engine.hints import land_webhooks
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.pull import PullOptions, sync_stream
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.tenancy import App, Tenant
from tests.support.deliveries import put_delivery
from tests.support.rows import count, one, rows, value, versions

BULK, RECIPIENTS, BOOKS = "strapi_bulk_orders", "strapi_bulk_order_recipients", "zoho_sales_orders"
TABLES = ("raw.strapi_bulk_orders", "raw.strapi_bulk_order_recipients", "core.orders",
          "core.external_ref", "core.addresses")  # fmt: skip
LIVE = """
SELECT o.order_number FROM core.orders AS o
WHERE o.deleted_at IS NULL AND o.reference_number = %s ORDER BY o.order_number
"""
CONTENT = """
SELECT o.order_number, o.reference_number, o.status, o.ready_to_fulfill, o.currency,
    o.total_gross, o.ordered_at, o.expected_ship_date, o.first_name, o.sources,
    a.street, a.country_code, c.email,
    (SELECT count(*) FROM core.order_lines AS l
     WHERE l.order_id = o.id AND l.deleted_at IS NULL) AS lines
FROM core.orders AS o
LEFT JOIN core.addresses AS a ON a.id = o.shipping_address_id
LEFT JOIN core.contacts AS c ON c.id = o.contact_id
WHERE o.deleted_at IS NULL
ORDER BY o.order_number
"""

Pull = Callable[..., SyncResult]


@pytest.fixture
def pull(zoho_app: App, strapi_app: App) -> Pull:
    """Pull one stream of ``acme``."""
    apps = {"zoho": zoho_app, "strapi": strapi_app}

    def run(stream: str, **options: Any) -> SyncResult:
        app = apps[stream.partition("_")[0]]
        with default_resources()[app.type].open(app) as client:
            return sync_stream(client, registry.streams()[stream], app, PullOptions(**options))

    return run


def merge(tenant: Tenant) -> SyncResult:
    return merge_entity(registry.entities()["order"], tenant, registry.streams())


def sync(pull: Pull, tenant: Tenant, *streams: str, full: bool = False) -> SyncResult:
    for stream in streams or (BULK,):
        pull(stream, full=full)
    return merge(tenant)


def live(conn: Connection[Any], order_id: str) -> list[str]:
    return [row["order_number"] for row in rows(conn, LIVE, (f"XMAS25-{order_id}",))]


def deliver(
    conn: Connection[Any], app: App, sandbox: Sandbox, delivery: dict[str, Any]
) -> SyncResult:
    """Put a delivery into the inbox and land it; nobody is called."""
    put_delivery(conn, app, sandbox, body=delivery["body"].encode())
    streams = list(registry.streams_of("strapi").values())
    with default_resources()["strapi"].open(app) as client:
        return land_webhooks(client, streams, app, run_id=None, worker="test").result


def test_every_recipient_is_an_order(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    sync(pull, tenant)

    for order_id in sandbox.control.ids("acme", "strapi", "bulk_orders"):
        entry = sandbox.control.document("acme", "strapi", order_id, "bulk_orders")
        assert live(conn, order_id) == [each["orderId"] for each in entry["addresses"]]
    assert count(conn, "raw.strapi_bulk_order_recipients") == count(conn, "core.orders") == 12


def test_an_order_of_the_books_with_the_number_is_the_same_row(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    (confirmed,) = [
        entry
        for order_id in sandbox.control.ids("acme", "strapi", "bulk_orders")
        if (entry := sandbox.control.document("acme", "strapi", order_id, "bulk_orders"))["status"]
        == "ReadyToFulfill"
    ]

    sync(pull, tenant, BULK, BOOKS)

    number = confirmed["addresses"][0]["orderId"]
    row = one(conn, "SELECT * FROM core.orders WHERE order_number = %s", (number,))
    refs = "SELECT count(DISTINCT app_id) FROM core.external_ref WHERE core_id = %s"
    assert value(conn, refs, (row["id"],)) == 2
    assert (row["currency"], row["total_gross"] > 0) == ("EUR", True)
    assert row["sources"]["identity"]["app"] == "bulk"
    assert row["sources"]["totals"]["app"] == "books"
    assert row["ready_to_fulfill"] is True
    assert row["contact_id"] is not None
    assert count(conn, "platform.match_conflict") == 0


def test_an_order_that_the_books_do_not_know_has_no_price(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    (order_id,) = sandbox.control.new_bulk_orders("acme", 1)

    sync(pull, tenant)

    number = live(conn, order_id)[0]
    row = one(conn, "SELECT * FROM core.orders WHERE order_number = %s", (number,))
    assert (row["currency"], row["total_gross"], row["status"]) == ("XXX", 0, "draft")


@pytest.mark.parametrize("status", ["Draft", "Confirmed", "Finished"])
def test_every_order_of_arrival_gives_the_same_rows(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull, status: str
):
    order_id = sandbox.control.ids("acme", "strapi", "bulk_orders")[0]
    sandbox.control.save_bulk_order("acme", order_id, {"status": status})
    for stream in (BULK, BOOKS):
        pull(stream)
    outcomes = []
    for arrival in permutations((RECIPIENTS, BOOKS)):
        conn.execute("TRUNCATE core.orders, core.external_ref, platform.todo, core.addresses, "
                     "core.contacts, platform.parent_key CASCADE")  # fmt: skip
        for stream in arrival:
            replay(tenant, [registry.streams()[stream]])
            merge(tenant)
        outcomes.append(rows(conn, CONTENT))

    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0]) > 150


def test_a_draft_does_not_take_back_what_the_books_confirmed(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    sync(pull, tenant, BULK, BOOKS)
    order_id = sandbox.control.ids("acme", "strapi", "bulk_orders")[0]
    before = [row for row in rows(conn, CONTENT) if row["reference_number"] == f"XMAS25-{order_id}"]

    sandbox.control.save_bulk_order("acme", order_id, {"status": "Draft"})
    sync(pull, tenant)

    after = [row for row in rows(conn, CONTENT) if row["reference_number"] == f"XMAS25-{order_id}"]
    assert [row["status"] for row in after] == [row["status"] for row in before]
    assert {row["status"] for row in after} <= {"confirmed", "closed"}


def test_second_full_sync_reads_everything_and_writes_nothing(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    sandbox.control.new_bulk_orders("acme", 40)
    sync(pull, tenant, BULK, BOOKS)
    before = [versions(conn, table) for table in TABLES]

    again = pull(BULK, full=True)
    merged = merge(tenant)

    told = len(sandbox.control.ids("acme", "strapi", "bulk_orders"))
    assert (again.read, again.unchanged, merged.read) == (told, told, 0)
    assert [versions(conn, table) for table in TABLES] == before


def test_replay_maps_in_place_and_changes_nothing(
    conn: Connection[Any], tenant: Tenant, pull: Pull
):
    sync(pull, tenant, BULK, BOOKS)
    before = [versions(conn, table) for table in TABLES]

    replay(tenant, [registry.streams()[RECIPIENTS]])
    merged = merge(tenant)

    assert merged.read == merged.unchanged == 12
    assert [versions(conn, table) for table in TABLES] == before


@pytest.mark.parametrize(
    ("edits", "rows_now", "changed"),
    [
        ({"add": 1}, [1, 2, 3, 4], 1),
        ({"remove": 1}, [2, 3], 1),
        ({"remove": 3}, [], 3),
        ({"reverse": True}, [1, 2, 3], 0),
        ({}, [1, 2, 3], 0),
        ({"rows": {"2": {"street": "Am Kai 9"}}}, [1, 2, 3], 1),
        ({"add": 1, "remove": 1, "rows": {"2": {"street": "Am Kai 9"}}}, [2, 3, 4], 3),
        ({"status": "Finished"}, [1, 2, 3], 3),
    ],
    ids=["added", "removed", "all removed", "reversed", "saved", "changed", "all at once",
         "status"],
)  # fmt: skip
@pytest.mark.parametrize("feed", ["pull", "webhook"])
def test_a_save_is_reconciled(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull, strapi_app: App,
    edits: dict[str, Any], rows_now: list[int], changed: int, feed: str,
):  # fmt: skip
    (order_id,) = sandbox.control.new_bulk_orders("acme", 1, "Confirmed")
    sync(pull, tenant)
    ids = value(conn, "SELECT array_agg(id ORDER BY id) FROM core.orders")
    sandbox.control.save_bulk_order("acme", order_id, edits)

    if feed == "pull":
        pull(BULK)
    else:
        delivery = sandbox.control.prepare_webhook(
            "acme", "strapi", order_id, entity="bulk_orders", event="entry.update"
        )
        deliver(conn, strapi_app, sandbox, delivery)
    merged = merge(tenant)

    assert live(conn, order_id) == [f"XMAS25-{order_id}-{row}" for row in rows_now]
    assert merged.changed + merged.deleted == changed
    kept = value(conn, "SELECT array_agg(id ORDER BY id) FROM core.orders WHERE id = ANY(%s)",
                 (ids,))  # fmt: skip
    assert kept == ids, "rows are kept with their ids"


def test_a_recipient_that_was_taken_out_stays_while_the_books_know_the_order(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    sync(pull, tenant, BULK, BOOKS)
    order_id = sandbox.control.ids("acme", "strapi", "bulk_orders")[0]
    number = live(conn, order_id)[0]

    sandbox.control.save_bulk_order("acme", order_id, {"remove": 1})
    sync(pull, tenant)

    row = one(
        conn, "SELECT deleted_at, sources FROM core.orders WHERE order_number = %s", (number,)
    )
    assert row["deleted_at"] is None
    assert row["sources"]["identity"]["app"] == "books"


def test_a_bulk_order_that_was_deleted_is_proved_gone_with_its_recipients(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    (order_id,) = sandbox.control.new_bulk_orders("acme", 1)
    sync(pull, tenant, BULK, BOOKS)
    before = count(conn, "core.orders")
    sandbox.control.delete_bulk_order("acme", order_id)

    incremental = pull(BULK)
    full = pull(BULK, full=True)
    merge(tenant)

    assert (incremental.deleted, full.deleted) == (0, 1)
    assert live(conn, order_id) == []
    assert count(conn, "core.orders") == before, "deleted softly"


def test_the_numbers_of_group_8_are_not_those_of_group_84(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    (order_id,) = sandbox.control.new_bulk_orders("acme", 1)
    stolen = f"XMAS25-{order_id}1-1"
    sandbox.control.save_bulk_order("acme", order_id, {"rows": {"1": {"order_id": stolen}}})

    merged = sync(pull, tenant)

    assert (merged.rejected, merged.rejected_codes) == (1, {"number": 1})
    assert len(live(conn, order_id)) == 2


def test_an_incremental_pull_reads_only_what_was_saved(
    sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    sync(pull, tenant)
    order_id = sandbox.control.ids("acme", "strapi", "bulk_orders")[0]
    sandbox.control.save_bulk_order("acme", order_id, {"status": "Confirmed"})
    sandbox.control.reset_calls()

    result = pull(BULK)

    assert result.changed == 1
    assert sandbox.control.calls()["acme"]["strapi"]["total"] == 1


class TestWebhooks:
    def prepared(self, sandbox: Sandbox, order_id: str, **settings: Any) -> dict[str, Any]:
        found: dict[str, Any] = sandbox.control.prepare_webhook(
            "acme", "strapi", order_id, entity="bulk_orders", event="entry.update", **settings
        )
        return found

    @pytest.mark.parametrize("spelling", [3, 4])
    def test_a_delivery_and_a_pull_are_one_record(
        self, conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull,
        strapi_app: App, spelling: int,
    ):  # fmt: skip
        (order_id,) = sandbox.control.new_bulk_orders("acme", 1, "Confirmed")
        landed = deliver(
            conn, strapi_app, sandbox, self.prepared(sandbox, order_id, spelling=spelling)
        )
        merge(tenant)
        before = [versions(conn, table) for table in TABLES[2:]]

        pulled = pull(BULK)
        merged = merge(tenant)

        assert landed.changed == 1
        assert (pulled.changed, pulled.unchanged) == (4, 1)
        assert merged.read == 4 * 3, "what the webhook brought is not mapped again"
        assert [version.items() <= versions(conn, table).items() for version, table in zip(
            before, TABLES[2:], strict=True)] == [True] * 3  # fmt: skip

    def test_the_same_delivery_again_changes_nothing(
        self, conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, strapi_app: App
    ):
        (order_id,) = sandbox.control.new_bulk_orders("acme", 1)
        delivery = self.prepared(sandbox, order_id)

        first = deliver(conn, strapi_app, sandbox, delivery)
        again = deliver(conn, strapi_app, sandbox, delivery)
        merge(tenant)

        assert (first.changed, again.changed, again.unchanged) == (1, 0, 1)

    def test_an_older_snapshot_after_a_newer_one_is_dropped(
        self, conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, strapi_app: App
    ):
        (order_id,) = sandbox.control.new_bulk_orders("acme", 1)
        older = self.prepared(sandbox, order_id)
        sandbox.control.save_bulk_order("acme", order_id, {"remove": 2})

        deliver(conn, strapi_app, sandbox, self.prepared(sandbox, order_id))
        late = deliver(conn, strapi_app, sandbox, older)
        merge(tenant)

        assert (late.changed, late.unchanged) == (0, 1)
        assert len(live(conn, order_id)) == 1

    def test_a_delivery_without_components_waits_for_the_pull(
        self, conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull, strapi_app: App
    ):
        sandbox.control.set_editor("acme", version=5)
        (order_id,) = sandbox.control.new_bulk_orders("acme", 1)

        landed = deliver(conn, strapi_app, sandbox, self.prepared(sandbox, order_id))
        status = value(conn, "SELECT status FROM platform.webhook_inbox")
        sync(pull, tenant)

        assert (landed.read, status) == (0, "ignored")
        assert len(live(conn, order_id)) == 3
