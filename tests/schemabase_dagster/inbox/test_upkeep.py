"""What is old is purged; what still counts is kept."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection, sql

from schemabase_dagster import inbox
from schemabase_dagster.clock import utc_now
from schemabase_dagster.migrations import inbox_days
from schemabase_dagster.tenancy import App
from tests.schemabase_dagster.inbox.deliveries import claim, store
from tests.support.rows import count


def test_a_day_is_dropped_as_a_whole(conn: Connection[Any], app: App, endpoint_id: str):
    _make_day(conn, 31)
    _store_on(conn, app, endpoint_id, 31, b"1", b"2")
    _store_on(conn, app, endpoint_id, 30, b"3")

    assert inbox.purge(conn) == 1

    assert _bodies(conn) == {b"3"}
    assert utc_now().date() - timedelta(days=31) not in inbox_days.list_days(conn)


def test_what_waits_keeps_its_day_and_what_is_over_leaves_it(
    conn: Connection[Any], app: App, endpoint_id: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("schemabase_dagster.inbox.upkeep.CHUNK_ROWS", 2)
    _make_day(conn, 31)
    _store_on(conn, app, endpoint_id, 31, *(b"%d" % number for number in range(5)))
    conn.execute("UPDATE platform.webhook_inbox SET status = 'failed' WHERE body = '0'")

    assert inbox.purge(conn) == 4

    assert _bodies(conn) == {b"0"}
    inbox.settle(conn, claim(conn, app), "processed")
    assert inbox.purge(conn) == 1
    assert _bodies(conn) == set()


def test_days_are_made_ahead_and_deliveries_lie_in_them(conn: Connection[Any], endpoint_id: str):
    inbox.prepare_days(conn)

    store(conn, endpoint_id, b"1")

    today = utc_now().date()
    assert today + timedelta(days=7) in inbox_days.list_days(conn)
    assert inbox.prepare_days(conn) == []
    assert _bodies(conn, inbox_days.partition(today)) == {b"1"}
    assert inbox.count_unplaced(conn) == 0


def test_a_delivery_is_stored_although_its_day_was_not_made(
    conn: Connection[Any], app: App, endpoint_id: str
):
    conn.execute(sql.SQL("DROP TABLE {}").format(inbox_days.partition(utc_now().date())))

    store(conn, endpoint_id, b"1")

    assert inbox.count_unplaced(conn) == 1
    assert utc_now().date() not in inbox.prepare_days(conn)
    assert [row.body for row in claim(conn, app)] == [b"1"]


def test_upkeep_gives_up_soon_when_somebody_reads_for_long(
    conn: Connection[Any], postgres: str, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as impatient, psycopg.connect(postgres) as reader:
        impatient.setattr("schemabase_dagster.inbox.upkeep.LOCK_WAIT", "50ms")
        reader.execute("SELECT FROM platform.webhook_inbox")

        with pytest.raises(psycopg.errors.LockNotAvailable):
            inbox.prepare_days(conn)

    assert len(inbox.prepare_days(conn)) >= 5


def test_keys_outlive_their_deliveries(conn: Connection[Any], endpoint_id: str):
    store(conn, endpoint_id, b"1", b"2")
    conn.execute(
        "UPDATE platform.webhook_dedupe SET first_seen_at = now() - interval '35 days'"
        " + interval '1 hour' * (CASE WHEN dedupe_key = sha256('1') THEN 1 ELSE -1 END)"
    )

    assert inbox.purge(conn) == 1
    assert count(conn, "platform.webhook_dedupe") == 1


@pytest.mark.parametrize(
    ("change", "is_kept"),
    [
        pytest.param("status = 'processed'", False, id="processed"),
        pytest.param("status = 'ignored'", False, id="ignored"),
        pytest.param("status = 'dead'", False, id="dead"),
        pytest.param("next_attempt_at = 'infinity'", False, id="held"),
        pytest.param("status = 'received'", True, id="due"),
        pytest.param("status = 'failed'", True, id="failed"),
        pytest.param("status = 'claimed'", True, id="claimed"),
    ],
)
def test_only_what_is_over_or_held_is_purged(
    conn: Connection[Any], endpoint_id: str, change: str, *, is_kept: bool
):
    store(conn, endpoint_id, b"1")
    conn.execute(
        "UPDATE platform.webhook_inbox SET received_at = now() - interval '32 days', " + change
    )

    inbox.purge(conn)

    assert count(conn, "platform.webhook_inbox") == int(is_kept)


def test_notes_of_refusals_are_purged_with_the_deliveries(conn: Connection[Any], endpoint_id: str):
    for days in (29, 31, 31):
        conn.execute(
            "INSERT INTO platform.webhook_reject"
            " (endpoint_id, reason, http_status, trace_id, received_at)"
            " VALUES (%s, 'signature', 401, 't', now() - make_interval(days => %s))",
            (endpoint_id, days),
        )

    assert inbox.purge(conn) == 2
    assert count(conn, "platform.webhook_reject") == 1


def _make_day(conn: Connection[Any], days_ago: int) -> None:
    """Make a partition of the past, as if it had been made in time."""
    start = datetime.combine(utc_now().date() - timedelta(days=days_ago), time(), UTC)
    conn.execute(
        sql.SQL(
            "CREATE TABLE {} PARTITION OF platform.webhook_inbox FOR VALUES FROM ({}) TO ({})"
        ).format(
            inbox_days.partition(start.date()),
            sql.Literal(start.isoformat()),
            sql.Literal((start + timedelta(days=1)).isoformat()),
        )
    )


def _store_on(
    conn: Connection[Any], app: App, endpoint_id: str, days_ago: int, *bodies: bytes
) -> None:
    """Store deliveries that were processed on a day of the past."""
    ids = store(conn, endpoint_id, *bodies)
    inbox.settle(conn, claim(conn, app), "processed")
    at = utc_now() - timedelta(days=days_ago)
    conn.execute("UPDATE platform.webhook_inbox SET received_at = %s WHERE id = ANY(%s)", (at, ids))


def _bodies(conn: Connection[Any], table: sql.Identifier = inbox_days.PARENT) -> set[bytes]:
    return {row[0] for row in conn.execute(sql.SQL("SELECT body FROM {}").format(table))}
