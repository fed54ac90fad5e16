"""A silence is told from a quiet night by what is usual at the endpoint."""

from typing import Any

import pytest
from psycopg import Connection

from schemabase_dagster import inbox, webhooks
from schemabase_dagster.inbox import Listening
from tests.support.rows import rows

HOUR = 3600.0


def test_deliveries_are_added_up_and_their_gaps_remembered(conn: Connection[Any], endpoint_id: str):
    inbox.note_activity(conn, {endpoint_id: 3})
    conn.execute("UPDATE platform.webhook_activity SET last_at = last_at - interval '100 seconds'")
    inbox.note_activity(conn, {endpoint_id: 2})
    inbox.note_activity(conn, {endpoint_id: 1})

    found = rows(conn, "SELECT * FROM platform.webhook_activity ORDER BY day DESC")

    # two rows if midnight came in between
    assert sum(row["deliveries"] for row in found) == 6
    assert 100 <= max(row["longest_gap_seconds"] for row in found) < 200


@pytest.mark.parametrize(
    ("gaps", "silent_hours", "is_silent"),
    [
        pytest.param([8 * HOUR] * 5, 25, True, id="more than three nights"),
        pytest.param([8 * HOUR] * 5, 23, False, id="less than three nights"),
        pytest.param([8 * HOUR, 60 * HOUR, 8 * HOUR], 25, True, id="one outage is not usual"),
        pytest.param([1.0, 1.0, 1.0], 0.2, True, id="busy"),
        pytest.param([1.0, 1.0, 1.0], 0.1, False, id="busy, a few minutes"),
        pytest.param([8 * HOUR] * 2, 500, False, id="too short a history"),
    ],
)
def test_silence_is_three_usual_gaps(
    conn: Connection[Any],
    endpoint_id: str,
    gaps: list[float],
    silent_hours: float,
    *,
    is_silent: bool,
):
    _history(conn, endpoint_id, gaps, silent_hours)

    (found,) = inbox.list_listening(conn)

    assert found.is_silent is is_silent


@pytest.mark.parametrize("change", ["disable", "delete", "archive"])
def test_who_need_not_deliver_is_not_silent(conn: Connection[Any], endpoint_id: str, change: str):
    _history(conn, endpoint_id, [60.0] * 4, 48)
    if change == "disable":
        webhooks.restrict_endpoint(conn, endpoint_id, enabled=False)
    elif change == "delete":
        webhooks.delete_endpoint(conn, endpoint_id)
    else:
        conn.execute("UPDATE platform.tenant SET active = false")

    assert inbox.list_listening(conn) == []


def test_old_days_are_forgotten_but_the_latest(conn: Connection[Any], endpoint_id: str):
    _history(conn, endpoint_id, [60.0] * 4, 24 * 50)

    assert inbox.forget_activity(conn) == 3
    (found,) = inbox.list_listening(conn)
    assert found.silent_seconds > 40 * 24 * HOUR
    assert Listening("wh", "acme", "zoho", 1e9, None).is_silent is False


def _history(
    conn: Connection[Any], endpoint_id: str, gaps: list[float], silent_hours: float
) -> None:
    """Write the days before today, with their longest gaps; the last ends a while ago."""
    days_ago = int(silent_hours // 24)
    for number, gap in enumerate(gaps, start=1):
        conn.execute(
            "INSERT INTO platform.webhook_activity VALUES (%s,"
            " (now() AT TIME ZONE 'UTC')::date - %s::int, 5,"
            " now() - make_interval(secs => %s), %s)",
            (endpoint_id, number + days_ago, silent_hours * HOUR + (number - 1) * 86400, gap),
        )
