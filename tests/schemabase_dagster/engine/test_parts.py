"""Parts: records inside others land, are queued and go with what holds them, in one transaction."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from psycopg import Connection

from assets.orders.saleor import SALEOR_ORDERS
from assets.taxes.zoho import ZOHO_TAXES
from schemabase_dagster import database
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.engine.incoming import prepare
from schemabase_dagster.engine.land import Landed, land, mark_deleted
from schemabase_dagster.engine.parts import sync_parts
from schemabase_dagster.engine.pull import PullOptions, sync_stream
from schemabase_dagster.streams import JsonObject, Part, Stream
from schemabase_dagster.tables import raw
from schemabase_dagster.tenancy import App
from tests.factories import at, saleor_order
from tests.support.rows import count, one, rows, value, versions, waiters
from tests.support.source import Source
from tests.support.wait import wait_until


def _parcels(order: JsonObject) -> Iterator[JsonObject]:
    for parcel in order.get("parcels", ()):
        yield {**parcel, "order": {"id": order["id"]}}


def _map(record: SourceRecord) -> Candidate:
    return Candidate(match_key=record.external_id, values={})


PARCELS = Stream(
    name="saleor_parcels",
    system=SALEOR_ORDERS.system,
    group="orders",
    description="Parcels inside orders",
    source=None,
    id_field="id",
    mapper=_map,
    part=Part("saleor_orders", _parcels, "order.id"),
)
ORDERS = replace(SALEOR_ORDERS, parts=(PARCELS,))
LIVE = "SELECT external_id FROM raw.saleor_parcels WHERE deleted_at IS NULL ORDER BY external_id"


@pytest.fixture(autouse=True)
def _table(conn: Connection[Any]) -> None:
    raw.ensure_raw_tables(conn, [(PARCELS.name, PARCELS.description)])


def put(app: App, *orders: JsonObject, seconds: float = 0, stream: Stream = ORDERS) -> Landed:
    incoming = [prepare(stream, order, at(seconds)) for order in orders]
    with database.transaction() as conn:
        return land(conn, stream, app, incoming, via="webhook", run_id="run")


def parcel(parcel_id: object, **fields: Any) -> JsonObject:
    return {"id": parcel_id, **fields}


def live(conn: Connection[Any]) -> list[str]:
    return [row["external_id"] for row in rows(conn, LIVE)]


def test_parts_land_with_what_holds_them_and_are_queued(conn: Connection[Any], shop: App):
    landed = put(shop, saleor_order("a", parcels=[parcel("p1"), parcel("p2")]))

    assert landed == Landed(
        changed=1, parts=frozenset({("saleor_parcels", "p1"), ("saleor_parcels", "p2")})
    )
    assert live(conn) == ["p1", "p2"]
    queued = rows(conn, "SELECT external_id FROM platform.todo WHERE stream = 'saleor_parcels'")
    assert sorted(row["external_id"] for row in queued) == ["p1", "p2"]


def test_part_does_not_tell_which_versions_of_its_record_were_seen(
    conn: Connection[Any], shop: App
):
    query = "SELECT external_id, payload, source_updated_at, via FROM raw.saleor_parcels"
    put(shop, saleor_order("a", modified=at(5), parcels=[parcel("p1")]), seconds=7)
    seen = rows(conn, query)
    conn.execute("TRUNCATE raw.saleor_orders, raw.saleor_parcels")

    put(shop, saleor_order("a", modified=at(6), parcels=[parcel("p1")]), seconds=8)

    assert rows(conn, query) == seen


def test_newer_version_counts_although_it_was_read_by_a_slower_call(
    conn: Connection[Any], shop: App
):
    put(shop, saleor_order("a", parcels=[parcel("p1", code="old")]), seconds=9)
    newer = saleor_order("a", modified=at(1), parcels=[parcel("p1", code="new")])

    put(shop, newer, seconds=8)

    assert value(conn, "SELECT payload ->> 'code' FROM raw.saleor_parcels") == "new"


def test_older_reading_does_not_take_a_part_back(conn: Connection[Any], shop: App):
    put(shop, saleor_order("a", parcels=[parcel("p1", code="new")]), seconds=9)
    put(shop, saleor_order("a", parcels=[parcel("p1", code="old")]), seconds=3)

    assert value(conn, "SELECT payload ->> 'code' FROM raw.saleor_parcels") == "new"


def test_parts_of_a_version_that_another_session_overtook_do_not_land(
    conn: Connection[Any], shop: App
):
    put(shop, saleor_order("a", parcels=[parcel("p1", code="first")]))
    late = saleor_order("a", modified=at(1), parcels=[parcel("p1", code="late"), parcel("p2")])
    newest = saleor_order("a", modified=at(2), parcels=[parcel("p1", code="newest")])
    with ThreadPoolExecutor() as pool, database.connect() as other:
        incoming = [prepare(ORDERS, newest, at(9))]
        land(other, ORDERS, shop, incoming, via="webhook", run_id=None)
        landing = pool.submit(put, shop, late, seconds=8)
        wait_until(lambda: waiters(conn), what="the late one to wait for the newest")
        other.commit()

        landed = landing.result()

    assert landed == Landed(unchanged=1)
    assert value(conn, "SELECT payload ->> 'code' FROM raw.saleor_parcels") == "newest"


def test_part_that_did_not_change_is_not_written(conn: Connection[Any], shop: App):
    put(shop, saleor_order("a", parcels=[parcel("p1")]))
    before = versions(conn, "raw.saleor_parcels")

    put(shop, saleor_order("a", modified=at(60), parcels=[parcel("p1")]), seconds=60)

    assert versions(conn, "raw.saleor_parcels") == before


def test_part_that_its_record_shows_no_more_is_kept(conn: Connection[Any], shop: App):
    put(shop, saleor_order("a", parcels=[parcel("p1"), parcel("p2")]))

    put(shop, saleor_order("a", modified=at(60), parcels=[parcel("p2")]), seconds=60)

    assert live(conn) == ["p1", "p2"]


def test_parts_go_and_come_back_with_what_holds_them(conn: Connection[Any], shop: App):
    orders = [saleor_order("a", parcels=[parcel("p1")]), saleor_order("b", parcels=[parcel("p2")])]
    put(shop, *orders)

    with database.transaction() as other:
        gone = mark_deleted(other, ORDERS, shop, ["a"], via="pull", run_id=None)

    assert (gone, live(conn)) == (1, ["p2"])
    put(shop, *orders, seconds=60)
    assert live(conn) == ["p1", "p2"]


def test_part_without_id_is_set_aside_and_the_others_land(conn: Connection[Any], shop: App):
    put(shop, saleor_order("a", parcels=[parcel(None), parcel("p2")]))

    assert live(conn) == ["p2"]
    reject = one(conn, "SELECT stream, code FROM platform.rejects")
    assert reject == {"stream": "saleor_parcels", "code": "no_id"}


def test_records_that_landed_before_the_stream_was_there_are_split_once(
    conn: Connection[Any], shop: App
):
    put(shop, *(saleor_order(f"o{i}", parcels=[parcel(f"p{i}")]) for i in range(3)),
        stream=SALEOR_ORDERS)  # fmt: skip
    source = Source(PARCELS)

    first, second = [sync_stream(source, PARCELS, shop, PullOptions()) for _ in range(2)]

    assert (first.changed, first.api_calls) == (3, 0)
    assert second.read == 0
    assert live(conn) == ["p0", "p1", "p2"]


def test_splitting_again_goes_beyond_one_batch(
    conn: Connection[Any], shop: App, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("schemabase_dagster.engine.parts.BATCH_RECORDS", 2)
    put(shop, *(saleor_order(f"o{i}", parcels=[parcel(f"p{i}")]) for i in range(5)),
        stream=SALEOR_ORDERS)  # fmt: skip

    result = sync_parts(PARCELS, shop, None, again=True)

    assert result.changed == 5
    assert count(conn, "raw.saleor_parcels") == 5


def test_stream_that_is_no_part_holds_none(shop: App):
    with pytest.raises(TypeError, match="zoho_taxes"):
        put(shop, saleor_order("a"), stream=replace(SALEOR_ORDERS, parts=(ZOHO_TAXES,)))


def test_a_record_that_shows_all_its_parts_takes_away_those_it_shows_no_more(
    conn: Connection[Any], shop: App
):
    part = replace(PARCELS, part=Part("saleor_orders", _parcels, "order.id", is_whole=True))
    whole = replace(SALEOR_ORDERS, parts=(part,))
    put(shop, saleor_order("a", parcels=[parcel("p1"), parcel("p2")]), stream=whole)
    put(shop, saleor_order("b", parcels=[parcel("p3")]), stream=whole)
    conn.execute("TRUNCATE platform.todo")

    landed = put(shop, saleor_order("a", parcels=[parcel("p2")]), seconds=5, stream=whole)

    assert live(conn) == ["p2", "p3"]
    assert ("saleor_parcels", "p1") in landed.parts
    queued = rows(conn, "SELECT external_id FROM platform.todo WHERE stream = 'saleor_parcels'")
    assert [row["external_id"] for row in queued] == ["p1"]
