"""What is old is purged; what still counts is kept."""

from typing import Any

import pytest
from psycopg import Connection, sql

from schemabase_dagster import inbox
from schemabase_dagster.tenancy import App
from tests.schemabase_dagster.inbox.deliveries import claim, store
from tests.support.rows import count


def test_old_rows_are_purged_and_keys_outlive_them(
    conn: Connection[Any], app: App, endpoint_id: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("schemabase_dagster.inbox.upkeep.CHUNK_ROWS", 2)
    store(conn, endpoint_id, *(b"%d" % number for number in range(5)))
    inbox.settle(conn, claim(conn, app), "processed")
    store(conn, endpoint_id, b"due")
    conn.execute("UPDATE platform.webhook_inbox SET received_at = now() - interval '31 days'")
    store(conn, endpoint_id, b"fresh")

    assert inbox.purge(conn) == 5
    left = conn.execute("SELECT body FROM platform.webhook_inbox ORDER BY received_at").fetchall()
    assert left == [(b"due",), (b"fresh",)]
    assert count(conn, "platform.webhook_dedupe") == 7

    conn.execute("UPDATE platform.webhook_dedupe SET first_seen_at = now() - interval '36 days'")
    assert inbox.purge(conn) == 7


@pytest.mark.parametrize(
    ("table", "column", "days"),
    [
        pytest.param("webhook_inbox", "received_at", 30, id="deliveries"),
        pytest.param("webhook_dedupe", "first_seen_at", 35, id="keys"),
    ],
)
def test_retention_ends_on_the_day(
    conn: Connection[Any], app: App, endpoint_id: str, table: str, column: str, days: int
):
    store(conn, endpoint_id, b"1", b"2")
    inbox.settle(conn, claim(conn, app), "ignored", "a test")
    conn.execute(
        sql.SQL(
            "UPDATE platform.{table} SET {column} = now() - make_interval(days => %s)"
            " + interval '1 hour' * (CASE WHEN {key} = sha256('1') THEN 1 ELSE -1 END)"
        ).format(
            table=sql.Identifier(table),
            column=sql.Identifier(column),
            key=sql.Identifier("dedupe_key"),
        ),
        (days,),
    )

    assert inbox.purge(conn) == 1
    assert count(conn, f"platform.{table}") == 1


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
        "UPDATE platform.webhook_inbox SET received_at = now() - interval '31 days', " + change
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
