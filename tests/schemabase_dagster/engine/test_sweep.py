"""Full refresh: what is suspected, how it is proved, when a person is asked first."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from assets.orders.zoho import ZOHO_SALES_ORDERS
from schemabase_dagster.clock import utc_now
from schemabase_dagster.engine import sweep
from schemabase_dagster.tenancy import App
from tests.factories import at, zoho_contact, zoho_order
from tests.schemabase_dagster.engine.conftest import sync
from tests.support import shops
from tests.support.rows import count, one, rows, value
from tests.support.source import Source

ORDERS = "zoho_sales_orders"


def deleted(conn: Connection[Any]) -> set[str]:
    found = rows(conn, "SELECT external_id FROM raw.zoho_sales_orders WHERE deleted_at IS NOT NULL")
    return {row["external_id"] for row in found}


def many(number: int) -> list[dict[str, Any]]:
    return [zoho_order(str(n), modified=at(-n)) for n in range(number)]


@pytest.mark.parametrize(
    ("live", "missing", "is_wave"),
    [
        pytest.param(30, 20, False, id="few, however large their share"),
        pytest.param(30, 21, True, id="more than 20 and more than 5 per cent"),
        pytest.param(420, 21, False, id="exactly 5 per cent"),
        pytest.param(419, 21, True, id="just above 5 per cent"),
    ],
)
def test_a_wave_is_more_than_twenty_and_more_than_five_per_cent(
    conn: Connection[Any], books: App, put, live: int, missing: int, is_wave: bool
):
    put(books, ORDERS, *many(live))
    sweep.begin(conn, ZOHO_SALES_ORDERS, books)
    sweep.see(conn, ZOHO_SALES_ORDERS, books, [str(n) for n in range(missing, live)])

    suspects = sweep.find_suspects(conn, ZOHO_SALES_ORDERS, books, utc_now())

    assert (len(suspects.ids), suspects.is_wave) == (missing, is_wave)


def test_suspected_is_what_was_there_before_is_alive_and_was_not_seen(
    conn: Connection[Any], tenant, books: App, put
):
    other = shops.unreachable_zoho(conn, tenant, "books2")
    put(books, ORDERS, *many(4))
    put(other, ORDERS, zoho_order("77"))
    conn.execute("UPDATE raw.zoho_sales_orders SET deleted_at = now() WHERE external_id = '3'")
    started = utc_now()
    put(books, ORDERS, zoho_order("new"))
    sweep.begin(conn, ZOHO_SALES_ORDERS, books)
    sweep.see(conn, ZOHO_SALES_ORDERS, books, ["0"])
    sweep.see(conn, ZOHO_SALES_ORDERS, books, ["0"])
    sweep.see(conn, ZOHO_SALES_ORDERS, other, ["1"])
    sweep.see(conn, registry.streams()["zoho_invoices"], books, ["1"])

    suspects = sweep.find_suspects(conn, ZOHO_SALES_ORDERS, books, started)

    assert list(suspects.ids) == ["1", "2"]


def test_a_new_scan_forgets_what_the_former_one_of_the_same_stream_saw(
    conn: Connection[Any], books: App
):
    invoices = registry.streams()["zoho_invoices"]
    for stream in (ZOHO_SALES_ORDERS, invoices):
        sweep.see(conn, stream, books, ["1"])

    sweep.begin(conn, ZOHO_SALES_ORDERS, books)

    assert value(conn, "SELECT stream FROM platform.scan_seen") == "zoho_invoices"


def test_a_vanished_record_is_proved_by_id_and_marked_deleted(conn: Connection[Any], books: App):
    source = Source(ZOHO_SALES_ORDERS, *many(3))
    sync(source, books, ORDERS, full=True)
    source.remove("1")

    result = sync(source, books, ORDERS, full=True)

    assert (result.read, result.unchanged, result.deleted) == (3, 2, 1)
    assert source.looked_up == ["1"]
    assert deleted(conn) == {"1"}
    assert count(conn, "platform.scan_seen") == 0


def test_a_record_that_only_the_listing_left_out_lives_and_is_landed(
    conn: Connection[Any], books: App
):
    source = Source(ZOHO_SALES_ORDERS, *many(3))
    sync(source, books, ORDERS, full=True)
    hidden = zoho_order("1", total=77, modified=at(5))
    source.remove("1")
    source.unlisted = [hidden]

    result = sync(source, books, ORDERS, full=True)

    assert (result.changed, result.deleted) == (1, 0)
    assert deleted(conn) == set()
    assert value(conn, "SELECT payload->'total' FROM raw.zoho_sales_orders "
                       "WHERE external_id = '1'") == 77  # fmt: skip


def test_proof_of_a_list_only_stream_is_not_landed(conn: Connection[Any], books: App):
    contacts = registry.streams()["zoho_contacts"]
    source = Source(contacts, zoho_contact("1"), zoho_contact("2"))
    sync(source, books, "zoho_contacts", full=True)
    source.remove("2")
    source.unlisted = [{"contact_id": "2", "of": "another shape"}]

    result = sync(source, books, "zoho_contacts", full=True)

    assert (result.read, result.unchanged, result.rejected, result.deleted) == (1, 1, 0, 0)


def test_a_wave_waits_for_a_person(conn: Connection[Any], books: App):
    source = Source(ZOHO_SALES_ORDERS, *many(40), page_size=50)
    sync(source, books, ORDERS, full=True)
    source.remove(*(str(n) for n in range(25)))

    stopped = sync(source, books, ORDERS, full=True)
    asked = list(source.looked_up)
    confirmed = sync(source, books, ORDERS, full=True, confirm_deletes=True)

    assert (stopped.suspected, stopped.deleted, asked) == (25, 0, [])
    assert (confirmed.suspected, confirmed.deleted) == (0, 25)
    assert deleted(conn) == {str(n) for n in range(25)}


def test_a_stream_whose_absence_proves_nothing_is_never_swept(conn: Connection[Any], books: App):
    source = Source(registry.streams()["zoho_taxes"], {"tax_id": "1"}, {"tax_id": "2"})
    sync(source, books, "zoho_taxes", full=True)
    source.remove("2")

    result = sync(source, books, "zoho_taxes", full=True)

    assert (result.read, result.deleted, result.suspected) == (1, 0, 0)
    assert source.looked_up == []
    assert count(conn, "raw.zoho_taxes") == 2


def test_a_refused_record_is_seen_and_not_suspected(conn: Connection[Any], books: App):
    source = Source(ZOHO_SALES_ORDERS, *many(2))
    sync(source, books, ORDERS, full=True)
    source.put(zoho_order("1", notes="\0", modified=at(5)))

    result = sync(source, books, ORDERS, full=True)

    assert (result.read, result.unchanged, result.rejected, result.deleted) == (2, 1, 1, 0)
    assert source.looked_up == []


def test_a_look_back_suspects_nothing(conn: Connection[Any], books: App, put):
    put(books, ORDERS, zoho_order("old", modified=utc_now() - timedelta(days=400)))
    conn.execute("UPDATE platform.app_entity SET initial_lookback = '90 days'")
    source = Source(ZOHO_SALES_ORDERS, zoho_order("1", modified=utc_now()))

    result = sync(source, books, ORDERS)

    assert (result.read, result.deleted, result.suspected) == (1, 0, 0)
    assert one(conn, "SELECT deleted_at FROM raw.zoho_sales_orders WHERE external_id = 'old'") == {
        "deleted_at": None
    }
