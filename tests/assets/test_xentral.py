"""Xentral from the stand-in: references of orders, and packages that meet those of shop and ERP."""

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from sandbox.runner import Sandbox
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.tenancy import App, Tenant
from tests.support import shops
from tests.support.pulls import Pull, pulling
from tests.support.rows import count, one, rows, value, versions
from tests.support.shops import Filled

SHOP = ("saleor_orders", "saleor_fulfillments")
BOOKS = ("zoho_sales_orders", "zoho_packages")
DEPOT = ("xentral_orders", "xentral_delivery_notes", "xentral_tracking_numbers")
LISTED = ("orders", "delivery_notes", "tracking_numbers")
ENTITIES = ("order", "package")
TABLES = (
    "raw.xentral_orders", "raw.xentral_delivery_notes", "raw.xentral_tracking_numbers",
    "core.orders", "core.packages", "core.package_lines", "core.external_ref",
)  # fmt: skip
ORDERS = """
SELECT o.order_number, o.status, o.shipment_status, o.total_gross, o.sources, o.deleted_at,
    (SELECT array_agg(a.key || ' ' || r.external_id ORDER BY a.key, r.external_id)
     FROM core.external_ref AS r JOIN platform.app AS a ON a.id = r.app_id
     WHERE r.entity = 'order' AND r.core_id = o.id AND r.deleted_at IS NULL) AS known_as
FROM core.orders AS o
ORDER BY o.order_number
"""
PACKAGES = """
SELECT k.package_number, o.order_number, k.active, k.carrier, k.state, k.tracking_id,
    k.carrier_tracking_url, k.packed_at, k.shipped_at, k.delivered_at, k.sources,
    (SELECT array_agg(a.key || ' ' || r.external_id ORDER BY a.key, r.external_id)
     FROM core.external_ref AS r JOIN platform.app AS a ON a.id = r.app_id
     WHERE r.entity = 'package' AND r.core_id = k.id AND r.deleted_at IS NULL) AS known_as,
    (SELECT array_agg((l.line_no, l.sku, l.quantity, l.sources)::text ORDER BY l.line_no, l.sku)
     FROM core.package_lines AS l WHERE l.package_id = k.id AND l.deleted_at IS NULL) AS lines
FROM core.packages AS k
LEFT JOIN core.orders AS o ON o.id = k.order_id
WHERE k.deleted_at IS NULL
ORDER BY k.package_number
"""
WAITING = "SELECT stream, external_id FROM platform.rejects WHERE code = 'waits' ORDER BY 1, 2"
BY_NUMBER = "SELECT * FROM core.packages WHERE package_number = %s"


@pytest.fixture
def pull(zoho_app: App, saleor_app: App, xentral_app: App) -> Pull:
    """Pull one stream of ``acme``."""
    return pulling({"zoho": zoho_app, "saleor": saleor_app, "xentral": xentral_app})


def merge(tenant: Tenant) -> dict[str, SyncResult]:
    return {
        name: merge_entity(entity, tenant, registry.streams())
        for name, entity in registry.entities().items()
        if name in ENTITIES
    }


def sync(
    pull: Pull, tenant: Tenant, streams: Sequence[str] = (*SHOP, *BOOKS, *DEPOT)
) -> dict[str, SyncResult]:
    for stream in streams:
        pull(stream)
    return merge(tenant)


@pytest.fixture(scope="module")
def synced(filled: Filled) -> Iterator[str]:
    """A database in which everything was pulled and merged once."""

    def fill(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> None:
        apps = {
            "zoho": shops.add_zoho(conn, tenant, sandbox),
            "saleor": shops.add_saleor(conn, tenant, sandbox),
            "xentral": shops.add_xentral(conn, tenant, sandbox),
        }
        sync(pulling(apps), tenant)

    with filled(fill) as name:
        yield name


def test_the_warehouse_knows_the_orders_and_parcels_of_shop_and_books(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    sync(pull, tenant, (*SHOP, *BOOKS))
    before = (count(conn, "core.orders"), count(conn, "core.packages"))

    sync(pull, tenant, DEPOT)

    assert (count(conn, "core.orders"), before[1]) == (before[0], count(conn, "core.packages"))
    assert rows(conn, WAITING) == []
    assert count(conn, "platform.match_conflict") == 0
    linked = rows(conn, "SELECT entity, count(*) AS n FROM core.external_ref AS r JOIN "
                        "platform.app AS a ON a.id = r.app_id WHERE a.type = 'xentral' "
                        "GROUP BY entity ORDER BY entity")  # fmt: skip
    told = [len(sandbox.control.ids("acme", "xentral", entity)) for entity in LISTED]
    assert linked == [{"entity": "order", "n": told[0]},
                      {"entity": "package", "n": told[1] + told[2]}]  # fmt: skip


def test_the_warehouse_decides_number_lines_and_tracking(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, synced: str
):
    label_id = sandbox.control.ids("acme", "xentral", "tracking_numbers")[0]
    label = sandbox.control.document("acme", "xentral", label_id, "tracking_numbers")

    package = one(conn, BY_NUMBER, (f"LF-{label['lieferschein']}",))
    assert package["tracking_id"] == label["tracking"]
    assert package["sources"]["existence"]["app"] == "depot"
    assert package["sources"]["tracking"]["app"] == "depot"
    order = one(conn, "SELECT order_number FROM core.orders WHERE id = %s", (package["order_id"],))
    assert order["order_number"] == label["internet"]
    assert package["state"] == "delivered", "the furthest state counts, whoever tells it"


def test_every_order_of_arrival_of_three_systems_gives_the_same_rows(
    conn: Connection[Any], tenant: Tenant, synced: str
):
    systems = {"shop": SHOP, "books": BOOKS, "depot": DEPOT, "depot, backwards": DEPOT[::-1]}
    arrivals = [
        [*permutations(("shop", "books", "depot"))],
        [*permutations(("shop", "books", "depot, backwards"))],
    ]
    outcomes = []
    for arrival in (each for found in arrivals for each in found):
        conn.execute("TRUNCATE core.packages, core.orders, core.external_ref, platform.todo, "
                     "platform.parent_key, platform.rejects CASCADE")  # fmt: skip
        for system in arrival:
            for stream in systems[system]:
                replay(tenant, [registry.streams()[stream]])
                merge(tenant)
        outcomes.append((rows(conn, ORDERS), rows(conn, PACKAGES), rows(conn, WAITING)))

    assert len(outcomes[0][0]) > 150
    assert len(outcomes[0][1]) > 100
    assert outcomes[0][2] == []
    assert all(outcome == outcomes[0] for outcome in outcomes)


def test_second_full_sync_reads_everything_and_writes_nothing(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull, synced: str
):
    before = [versions(conn, table) for table in TABLES]

    again = [pull(stream, full=True) for stream in DEPOT]
    merged = merge(tenant)

    told = [len(sandbox.control.ids("acme", "xentral", entity)) for entity in LISTED]
    assert [(each.read, each.unchanged) for each in again] == [(n, n) for n in told]
    assert [result.read for result in merged.values()] == [0, 0]
    assert [versions(conn, table) for table in TABLES] == before


def test_replay_maps_in_place_and_changes_nothing(
    conn: Connection[Any], tenant: Tenant, pull: Pull, synced: str
):
    before = [versions(conn, table) for table in TABLES]

    replay(tenant, [registry.streams()[stream] for stream in DEPOT])
    merged = merge(tenant)

    assert all(result.read == result.unchanged > 100 for result in merged.values())
    assert [versions(conn, table) for table in TABLES] == before


def test_nothing_of_an_order_that_nobody_knows_becomes_a_row(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    told = [sandbox.control.ids("acme", "xentral", entity) for entity in LISTED]

    merged = sync(pull, tenant, DEPOT)

    assert count(conn, "core.orders") == count(conn, "core.packages") == 0
    assert [merged[entity].rejected for entity in ENTITIES] == [
        len(told[0]), len(told[1]) + len(told[2])
    ]  # fmt: skip
    assert value(conn, "SELECT count(*) FROM analytics.unmatched_record WHERE code = 'waits'") == (
        sum(len(ids) for ids in told)
    )


def test_an_auftrag_without_a_known_order_waits_for_its_number(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull, synced: str
):
    typed = sandbox.control.type_auftrag("acme", "STORE-NONE")
    sync(pull, tenant, ["xentral_orders"])
    waits = rows(conn, WAITING)

    known = value(conn, "SELECT order_number FROM core.orders ORDER BY order_number LIMIT 1")
    sandbox.control.renumber_auftrag("acme", typed, known)
    sync(pull, tenant, ["xentral_orders"])

    assert waits == [{"stream": "xentral_orders", "external_id": typed}]
    assert rows(conn, WAITING) == []
    query = """
        SELECT o.order_number FROM core.external_ref AS r JOIN core.orders AS o ON o.id = r.core_id
        WHERE r.entity = 'order' AND r.external_id = %s
    """
    assert value(conn, query, (typed,)) == known
    assert count(conn, "platform.match_conflict") == 0


def test_an_incremental_pull_reads_the_documents_of_the_last_days_only(
    sandbox: Sandbox, tenant: Tenant, pull: Pull, synced: str
):
    sandbox.control.reset_calls()

    found = [pull(stream) for stream in DEPOT]

    told = [len(sandbox.control.ids("acme", "xentral", entity)) for entity in LISTED]
    assert [each.changed for each in found] == [0, 0, 0]
    assert [0 < each.read < n for each, n in zip(found, told, strict=True)] == [True] * 3
    assert sandbox.control.calls()["acme"]["xentral"]["list"] == 2 * len(DEPOT), "a challenge each"


def test_what_happens_to_an_old_document_is_found_by_the_full_sync(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull, synced: str
):
    old = sandbox.control.ids("acme", "xentral", "delivery_notes")[0]
    number = sandbox.control.document("acme", "xentral", old, "delivery_notes")["belegnr"]
    sandbox.control.cancel_note("acme", old)

    incremental = pull("xentral_delivery_notes")
    full = pull("xentral_delivery_notes", full=True)
    merge(tenant)

    assert (incremental.changed, full.changed) == (0, 1)
    assert one(conn, BY_NUMBER, (f"LF-{number}",))["active"] is False


def test_a_package_that_is_packed_gets_number_and_tracking_when_it_leaves(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    (packed,) = sandbox.control.new_packages("acme", 1)
    sync(pull, tenant, (*SHOP[:1], "zoho_sales_orders", *DEPOT))
    draft = one(conn, "SELECT id, state FROM core.packages WHERE package_number LIKE 'LF-draft-%%'")
    sandbox.control.change_packages("acme", 1, "status", ids=[packed])
    tracking = sandbox.control.document("acme", "zoho", packed, "packages")["tracking_number"]

    sync(pull, tenant, (*DEPOT, "zoho_packages"))

    package = one(conn, "SELECT * FROM core.packages WHERE tracking_id = %s", (tracking,))
    assert (package["id"], draft["state"]) == (draft["id"], "init")
    assert package["package_number"].startswith("LF-30")
    assert package["state"] == "information_received"


@pytest.mark.parametrize(
    ("tracking", "is_return"), [("", False), ("RETURN1", True)], ids=["failed", "return"]
)
def test_further_labels_of_a_parcel_change_nothing(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull, synced: str, tracking: str,
    is_return: bool,
):  # fmt: skip
    before = rows(conn, "SELECT id, tracking_id, state, sources FROM core.packages ORDER BY id")
    note = sandbox.control.ids("acme", "xentral", "delivery_notes")[-1]
    sandbox.control.print_label("acme", note, tracking, is_return=is_return)

    pull("xentral_tracking_numbers", full=True)
    merge(tenant)

    assert rows(conn, "SELECT id, tracking_id, state, sources FROM core.packages ORDER BY id") == (
        before
    )
    assert count(conn, "platform.match_conflict") == 0


def test_of_two_tracking_numbers_of_one_note_the_first_is_used(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    note = sandbox.control.ids("acme", "xentral", "delivery_notes")[0]
    number = sandbox.control.document("acme", "xentral", note, "delivery_notes")["belegnr"]
    sandbox.control.print_label("acme", note, "SECOND1")

    sync(pull, tenant)

    package = one(conn, BY_NUMBER, (f"LF-{number}",))
    assert package["tracking_id"] != "SECOND1"
    assert count(conn, "platform.match_conflict") == 0
    refs = "SELECT count(*) FROM core.external_ref WHERE core_id = %s AND stream = %s"
    assert value(conn, refs, (package["id"], "xentral_tracking_numbers")) == 2


@pytest.mark.parametrize(
    ("entity", "table"),
    [("orders", "core.orders"), ("delivery_notes", "core.packages"),
     ("tracking_numbers", "core.packages")],
)  # fmt: skip
def test_what_vanishes_from_the_warehouse_is_proved_gone(
    conn: Connection[Any],
    sandbox: Sandbox,
    tenant: Tenant,
    pull: Pull,
    synced: str,
    entity: str,
    table: str,
):
    before = count(conn, table)
    gone = sandbox.control.ids("acme", "xentral", entity)[0]
    sandbox.control.remove_from_warehouse("acme", entity, gone)

    result = pull(f"xentral_{entity}", full=True)
    merge(tenant)

    assert (result.deleted, count(conn, table)) == (1, before)
    refs = "SELECT external_id FROM core.external_ref WHERE deleted_at IS NOT NULL"
    assert value(conn, refs).rpartition("-")[2] == gone


def test_a_package_that_the_warehouse_forgot_is_again_what_the_books_say(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull, synced: str
):
    gone = sandbox.control.ids("acme", "xentral", "delivery_notes")[0]
    number = sandbox.control.document("acme", "xentral", gone, "delivery_notes")["belegnr"]
    package = one(conn, BY_NUMBER, (f"LF-{number}",))
    sandbox.control.remove_from_warehouse("acme", "delivery_notes", gone)

    pull("xentral_delivery_notes", full=True)
    merge(tenant)

    after = one(conn, "SELECT * FROM core.packages WHERE id = %s", (package["id"],))
    assert after["package_number"].startswith("PKG-")
    assert after["deleted_at"] is None


def test_an_article_is_linked_to_the_variant_of_its_number(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    told = sandbox.control.ids("acme", "xentral", "articles")
    pull("xentral_articles")
    variants = registry.entities()["variant"]
    early = merge_entity(variants, tenant, registry.streams())
    pull("zoho_items")

    merge_entity(variants, tenant, registry.streams())

    assert (early.rejected, early.changed) == (len(told), 0)
    by_sku = """
        SELECT count(*) FROM core.variants AS v JOIN core.external_ref AS r ON r.core_id = v.id
        WHERE r.stream = 'xentral_articles' AND r.external_number = v.sku
    """
    waiting = len(rows(conn, WAITING))
    assert value(conn, by_sku) == len(told) - waiting > 0
    assert value(conn, "SELECT count(*) FROM core.variants") == count(conn, "raw.zoho_items")


@pytest.mark.parametrize("stream", ["xentral_articles", "xentral_shipping_methods"])
def test_masters_are_read_whole_and_then_unchanged(pull: Pull, sandbox: Sandbox, stream: str):
    first = pull(stream)
    again = pull(stream)

    told = len(sandbox.control.ids("acme", "xentral", stream.removeprefix("xentral_")))
    assert (first.changed, again.unchanged) == (told, told)
    assert again.api_calls == 1


def test_a_record_that_cannot_be_read_is_kept_and_the_others_go_on(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, pull: Pull
):
    sync(pull, tenant, (*SHOP[:1], "zoho_sales_orders", "xentral_orders"))
    broken = sandbox.control.ids("acme", "xentral", "delivery_notes")[3]
    sandbox.control.add_fault("mistyped_field", "acme", "xentral", match="/belege/lieferscheine",
                              path="positionen.0.menge", record=int(broken),
                              times=None)  # fmt: skip

    merged = sync(pull, tenant, ["xentral_delivery_notes"])

    assert merged["package"].rejected == 1
    reject = one(conn, "SELECT external_id, code, path FROM platform.rejects")
    assert reject == {
        "external_id": f"delivery_note-{broken}", "code": "type", "path": "positionen.0.menge"
    }  # fmt: skip
