"""core/packages from the stand-ins: what lands, what meets, what is found without a date."""

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Any, LiteralString

import pytest
from psycopg import Connection

from assets import registry
from assets.deliveries import Server
from assets.packages.checks import CHECKS
from resources.saleor.resource import SaleorResource
from resources.zoho.resource import ZohoResource
from sandbox.runner import Sandbox
from schemabase_dagster.engine.hints import land_webhooks
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.tenancy import App, Tenant
from tests.support import shops
from tests.support.deliveries import put_delivery
from tests.support.pulls import Pull, pulling
from tests.support.rows import count, one, rows, value, versions
from tests.support.shops import Filled

STREAMS = (
    "saleor_orders", "saleor_fulfillments", "zoho_sales_orders", "zoho_invoices", "zoho_packages",
)  # fmt: skip
TABLES = (
    "raw.saleor_fulfillments", "raw.zoho_packages", "core.packages", "core.package_lines",
    "core.external_ref",
)  # fmt: skip
CONTENT = """
SELECT k.package_number, o.order_number, k.active, k.carrier, k.state, k.tracking_id,
    k.packed_at, k.shipped_at, k.delivered_at, k.sources,
    (SELECT array_agg((l.line_no, l.sku, l.sku_occurrence, l.quantity, l.sources)::text
                      ORDER BY l.line_no, l.sku)
     FROM core.package_lines AS l WHERE l.package_id = k.id AND l.deleted_at IS NULL) AS lines
FROM core.packages AS k
LEFT JOIN core.orders AS o ON o.id = k.order_id
WHERE k.deleted_at IS NULL
ORDER BY k.package_number
"""
BY_TRACKING = "SELECT package_number FROM core.packages WHERE tracking_id = %s"
QUEUED = "SELECT count(*) FROM platform.todo WHERE stream = %s"


@pytest.fixture
def apps(zoho_app: App, saleor_app: App) -> dict[str, App]:
    """Both apps of ``acme`` by system."""
    return {"zoho": zoho_app, "saleor": saleor_app}


@pytest.fixture
def pull(apps: dict[str, App]) -> Pull:
    """Pull one stream of ``acme``."""
    return pulling(apps)


def merge(tenant: Tenant) -> dict[str, SyncResult]:
    return {
        name: merge_entity(entity, tenant, registry.streams())
        for name, entity in registry.entities().items()
    }


def sync(pull: Pull, tenant: Tenant, streams: Sequence[str] = STREAMS) -> dict[str, SyncResult]:
    for stream in streams:
        pull(stream)
    return merge(tenant)


def age(conn: Connection[Any], table: LiteralString) -> None:
    """Let what was read be a minute old: within one second of a source the order is unknown."""
    conn.execute(f"UPDATE {table} SET read_at = read_at - interval '1 minute'")


def parcels(sandbox: Sandbox, system: str) -> dict[str, list[str]]:
    """Order id -> tracking numbers of what a system says it has sent."""
    control, found = sandbox.control, {}
    if system == "saleor":
        for order_id in control.ids("acme", "saleor"):
            order = control.document("acme", "saleor", order_id)
            sent = [each for each in order["fulfillments"] if each["status"] == "FULFILLED"]
            found[order_id] = [each["trackingNumber"] for each in sent]
        return found
    for package_id in control.ids("acme", "zoho", "packages"):
        package = control.document("acme", "zoho", package_id, "packages")
        pieces = package["tracking_number"].split("+")
        found.setdefault(package["salesorder_id"], []).extend(pieces)
    return found


@pytest.fixture(scope="module")
def synced(filled: Filled) -> Iterator[str]:
    """A database in which everything was pulled and merged once."""

    def fill(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> None:
        apps = {
            "zoho": shops.add_zoho(conn, tenant, sandbox),
            "saleor": shops.add_saleor(conn, tenant, sandbox),
        }
        sync(pulling(apps), tenant)

    with filled(fill) as name:
        yield name


def test_every_parcel_is_one_row_whoever_knows_it(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull, synced: str
):
    shop = {each for found in parcels(sandbox, "saleor").values() for each in found}
    erp = {each for found in parcels(sandbox, "zoho").values() for each in found}
    assert shop & erp, "some parcels are known to both"
    assert count(conn, "core.packages") == len(shop | erp)
    both = """
        SELECT count(*) FROM (SELECT core_id FROM core.external_ref WHERE entity = 'package'
        GROUP BY core_id HAVING count(DISTINCT app_id) = 2) AS known
    """
    assert value(conn, both) == len(shop & erp)
    assert value(conn, "SELECT count(*) FROM core.packages WHERE order_id IS NULL") == 0


def test_every_order_of_arrival_gives_the_same_packages(
    conn: Connection[Any], tenant: Tenant, synced: str
):
    outcomes = []
    streams = ("saleor_orders", "saleor_fulfillments", "zoho_sales_orders", "zoho_packages")
    for order in list(permutations(streams))[::3]:  # each comes first twice
        conn.execute("TRUNCATE core.packages, core.orders, core.external_ref, platform.todo, "
                     "platform.parent_key CASCADE")  # fmt: skip
        for stream in order:
            replay(tenant, [registry.streams()[stream]])
            merge(tenant)
        outcomes.append(rows(conn, CONTENT))

    assert len(outcomes[0]) > 100
    assert all(outcome == outcomes[0] for outcome in outcomes)


def test_second_full_sync_reads_everything_and_writes_nothing(
    conn: Connection[Any], tenant: Tenant, pull: Pull, synced: str
):
    before = [versions(conn, table) for table in TABLES]

    again = {stream: pull(stream, full=True) for stream in STREAMS}
    merged = merge(tenant)

    assert all(result.read == result.unchanged > 0 for result in again.values())
    assert all(result.read == 0 for result in merged.values())
    assert [versions(conn, table) for table in TABLES] == before


def test_replay_maps_in_place_and_changes_nothing(
    conn: Connection[Any], tenant: Tenant, pull: Pull, synced: str
):
    before = [versions(conn, table) for table in TABLES]

    replay(tenant, registry.streams().values())
    merged = merge(tenant)

    assert merged["package"].read == merged["package"].unchanged > 100
    assert [versions(conn, table) for table in TABLES] == before


def test_an_incremental_pull_fetches_only_packages_that_changed(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    sync(pull, tenant, ["zoho_sales_orders", "zoho_packages"])
    changed = sandbox.control.change_packages("acme", 2)
    new = sandbox.control.new_packages("acme", 1)
    sandbox.control.reset_calls()

    result = pull("zoho_packages")
    merge(tenant)

    assert result.changed == 3
    assert sandbox.control.calls()["acme"]["zoho"]["detail"] == 3
    for package_id in (*changed, *new):
        said = sandbox.control.document("acme", "zoho", package_id, "packages")
        row = one(conn, "SELECT state, tracking_id, shipped_at FROM core.packages "
                        "WHERE package_number = %s", (said["package_number"],))  # fmt: skip
        assert row["tracking_id"] == (said["tracking_number"] or None)
        assert (row["shipped_at"] is None) == (package_id in new)


def test_a_package_moves_on_with_its_shipment(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    (package,) = sandbox.control.new_packages("acme", 1)
    sync(pull, tenant, ["zoho_packages"])
    number = sandbox.control.document("acme", "zoho", package, "packages")["package_number"]
    states = []
    for _ in range(2):
        age(conn, "raw.zoho_packages")
        sandbox.control.change_packages("acme", 1, "status", ids=[package])
        sync(pull, tenant, ["zoho_packages"])
        states.append(value(conn, "SELECT state FROM core.packages WHERE package_number = %s",
                            (number,)))  # fmt: skip

    assert states == ["information_received", "delivered"]


def test_a_deleted_package_is_proved_and_deleted_softly(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    sync(pull, tenant, ["zoho_packages"])
    gone = sandbox.control.ids("acme", "zoho", "packages")[0]
    number = sandbox.control.document("acme", "zoho", gone, "packages")["package_number"]
    sandbox.control.delete_package("acme", gone)

    result = pull("zoho_packages", full=True)
    merge(tenant)

    assert result.deleted == 1
    deleted = rows(conn, "SELECT package_number FROM core.packages WHERE deleted_at IS NOT NULL")
    assert deleted == [{"package_number": number}]


@pytest.mark.parametrize("kind", ["duplicate_page", "moving_rows"])
def test_packages_that_move_between_pages_are_all_there(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull, kind: str
):
    del tenant
    ids = sandbox.control.ids("acme", "zoho", "packages")
    sandbox.control.align_modified("acme", "zoho", 60, 80, "packages")
    sandbox.control.add_fault(kind, "acme", "zoho", match="/packages", rows=7)

    pull("zoho_packages", full=True)

    landed = {row["external_id"] for row in rows(conn, "SELECT external_id FROM raw.zoho_packages")}
    assert landed == set(ids)


def test_a_package_that_cannot_be_read_is_kept_and_the_others_go_on(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    broken = sandbox.control.ids("acme", "zoho", "packages")[-1]
    sandbox.control.add_fault("mistyped_field", "acme", "zoho", match="/packages", where="detail",
                              record=broken, path="line_items.0.quantity", times=None)  # fmt: skip

    merged = sync(pull, tenant, ["zoho_packages"])

    assert merged["package"].rejected == 1
    pieces = count(conn, "raw.zoho_package_pieces")
    assert merged["package"].changed == count(conn, "raw.zoho_packages") + pieces - 1
    reject = one(conn, "SELECT external_id, code, path FROM platform.rejects")
    assert reject == {
        "external_id": broken, "code": "type", "path": "line_items.0.quantity"
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["tracking", "second_parcel"])
def test_what_the_shop_does_not_date_is_found_without_a_webhook(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull, kind: str
):
    sync(pull, tenant, ["saleor_orders"])
    recent = rows(conn, """
        SELECT external_id, source_updated_at FROM raw.saleor_orders
        WHERE payload ->> 'status' = 'FULFILLED' ORDER BY source_updated_at DESC LIMIT 1
    """)[0]  # fmt: skip
    order = recent["external_id"]
    age(conn, "raw.saleor_orders")
    sandbox.control.change_orders("acme", "saleor", 1, kind, ids=[order])
    tracking = parcels(sandbox, "saleor")[order][-1]

    result = pull("saleor_orders")
    merge(tenant)

    assert result.changed == 1
    modified = "SELECT source_updated_at FROM raw.saleor_orders WHERE external_id = %s"
    assert value(conn, modified, (order,)) == recent["source_updated_at"]
    assert value(conn, BY_TRACKING, (tracking,))


def test_a_delivery_about_a_second_parcel_becomes_a_package_at_once(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, saleor_app: App
):
    del tenant
    (order,) = sandbox.control.change_orders("acme", "saleor", 1, "second_parcel")
    put_delivery(conn, saleor_app, sandbox, order)

    list(Server("acme", "saleor", SaleorResource().open, "run", linger_seconds=0.0).serve())

    for tracking in parcels(sandbox, "saleor")[order]:
        assert value(conn, BY_TRACKING, (tracking,))
    assert count(conn, "platform.todo") == 0


def test_a_killed_runs_parcels_are_merged_by_the_next(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, saleor_app: App
):
    del tenant
    (order,) = sandbox.control.change_orders("acme", "saleor", 1, "second_parcel")
    put_delivery(conn, saleor_app, sandbox, order)
    with SaleorResource().open(saleor_app) as client:
        streams = list(registry.streams_of("saleor").values())
        land_webhooks(client, streams, saleor_app, run_id=None, worker="dead")
    sent = parcels(sandbox, "saleor")[order]
    assert value(conn, QUEUED, ("saleor_fulfillments",)) == len(sent)

    list(Server("acme", "saleor", SaleorResource().open, "run", linger_seconds=0.0).serve())

    assert count(conn, "core.packages") == len(sent)
    assert value(conn, QUEUED, ("saleor_fulfillments",)) == 0


def test_a_delivery_carries_a_whole_package_without_a_call(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, zoho_app: App
):
    del tenant
    (package,) = sandbox.control.new_packages("acme", 1)
    made = sandbox.control.prepare_webhook("acme", "zoho", package, entity="packages")
    put_delivery(conn, zoho_app, sandbox, body=made["body"].encode())
    sandbox.control.reset_calls()

    list(Server("acme", "zoho", ZohoResource().open, "run", linger_seconds=0.0).serve())

    assert value(conn, "SELECT external_id FROM core.external_ref") == package
    assert "detail" not in sandbox.control.calls().get("acme", {}).get("zoho", {})


def test_a_deleted_order_takes_its_packages_along(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    sync(pull, tenant, ["saleor_orders"])
    order = next(key for key, found in parcels(sandbox, "saleor").items() if found)
    tracking = parcels(sandbox, "saleor")[order]
    sandbox.control.delete_order("acme", "saleor", order)

    pull("saleor_orders", full=True)
    merge(tenant)

    gone = rows(conn, "SELECT tracking_id FROM core.packages WHERE deleted_at IS NOT NULL")
    assert [row["tracking_id"] for row in gone] == tracking


def test_checks_find_a_package_that_waits_for_its_order(
    conn: Connection[Any], tenant: Tenant, pull: Pull
):
    sync(pull, tenant, ["zoho_packages"])
    without = verdicts(conn, tenant)["packages_have_orders"]
    sync(pull, tenant, ["zoho_sales_orders"])

    assert not without.passed
    assert without.facts["count"] == count(conn, "core.packages")
    assert verdicts(conn, tenant)["packages_have_orders"].passed


def test_checks_find_what_does_not_move_and_what_is_packed_twice(
    conn: Connection[Any], tenant: Tenant, pull: Pull, synced: str
):
    assert verdicts(conn, tenant)["packed_quantities"].passed
    conn.execute("UPDATE core.packages SET state = 'init', packed_at = now() - interval '4 days', "
                 "shipped_at = NULL WHERE state = 'delivered'")  # fmt: skip
    conn.execute("UPDATE core.package_lines SET quantity = 1000")

    found = verdicts(conn, tenant)

    assert not found["packages_move"].passed
    assert not found["packed_quantities"].passed


def verdicts(conn: Connection[Any], tenant: Tenant) -> dict[str, Any]:
    return {check.name: check.evaluate(conn, tenant) for check in CHECKS}


def test_the_view_tells_what_a_package_took(
    conn: Connection[Any], tenant: Tenant, pull: Pull, synced: str
):
    row = rows(conn, """
        SELECT * FROM analytics.fct_package
        WHERE state = 'delivered' AND delivered_at > shipped_at ORDER BY package_number LIMIT 1
    """)[0]  # fmt: skip
    hours = (row["delivered_at"] - row["shipped_at"]).total_seconds() / 3600
    assert float(row["hours_in_transit"]) == pytest.approx(hours)
    assert row["quantity"] > 0
    order = one(conn, "SELECT * FROM analytics.fct_order WHERE order_id = %s", (row["order_id"],))
    assert order["order_number"] == row["order_number"]
    assert (order["packages"], order["first_shipped_at"], order["last_delivered_at"]) == (
        1, row["shipped_at"], row["delivered_at"]
    )  # fmt: skip
