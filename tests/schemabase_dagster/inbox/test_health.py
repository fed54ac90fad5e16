"""``analytics.webhook_health``: what became of deliveries, by sender and hour."""

from datetime import timedelta
from typing import Any

from psycopg import Connection

from schemabase_dagster.tenancy import App
from tests.schemabase_dagster.inbox.deliveries import store
from tests.support.rows import rows, value

HOUR = "SELECT date_trunc('hour', now(), 'UTC') - interval '1 hour'"


def test_deliveries_are_counted_by_hour_and_outcome(
    conn: Connection[Any], app: App, endpoint_id: str
):
    hour_start = value(conn, HOUR)
    made = store(conn, endpoint_id, *(f'{{"n":{number}}}'.encode() for number in range(7)))
    outcomes = ("processed", "processed", "ignored", "received", "failed", "dead", "processed")
    for number, (inbox_id, status) in enumerate(zip(made, outcomes, strict=True)):
        # The last one arrived before the week that counts.
        at = hour_start - timedelta(days=8 if number == 6 else 0)
        settled = at + timedelta(seconds=10 * number) if status == "processed" else None
        conn.execute(
            "UPDATE platform.webhook_inbox SET status = %s, received_at = %s, processed_at = %s"
            " WHERE id = %s",
            (status, at, settled, inbox_id),
        )

    (hour,) = rows(conn, "SELECT * FROM analytics.webhook_health")

    counts = {name: hour[name] for name in ("received", "processed", "ignored", "waiting", "dead")}
    assert counts == {"received": 6, "processed": 2, "ignored": 1, "waiting": 2, "dead": 1}
    assert (hour["tenant"], hour["provider"]) == ("acme", app.type)
    assert hour["hour_start"] == hour_start
    assert hour["p95_seconds"] == 9.5
