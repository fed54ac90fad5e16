"""Parts: bring a stream up to date whose records lie inside another one's, without a call."""

import time
from dataclasses import replace
from typing import Final

from psycopg import Connection, sql

from schemabase_dagster import database
from schemabase_dagster.clock import utc_now
from schemabase_dagster.engine import state
from schemabase_dagster.engine.incoming import Incoming, prepare_parts
from schemabase_dagster.engine.land import Landed, land
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import App

BATCH_RECORDS: Final = 500

# The lock keeps a newer version from landing between our reading and our writing.
_WHOLES = sql.SQL("""
SELECT r.external_id, r.payload::text, r.payload_hash, r.source_updated_at, r.read_at
FROM raw.{table} AS r
WHERE r.app_id = %s AND r.external_id > %s AND r.deleted_at IS NULL
ORDER BY r.external_id
LIMIT %s
FOR SHARE
""")


def sync_parts(stream: Stream, app: App, run_id: str | None, *, again: bool) -> SyncResult:
    """Land the parts of all records that raw holds, or nothing: they land with what holds them.

    Args:
        stream: a stream with ``part``.
        app: the app.
        run_id: Dagster run, kept on the written rows.
        again: split all records again: they may have landed before the stream was there.
    """
    started, total = time.monotonic(), Landed()
    if again:
        total = _split_all(stream, app, run_id)
        with database.transaction() as conn:
            state.move_watermark(conn, stream, app, utc_now())
    return SyncResult(
        read=total.changed + total.unchanged + total.rejected,
        changed=total.changed,
        unchanged=total.unchanged,
        rejected=total.rejected,
        seconds=time.monotonic() - started,
    )


def _split_all(stream: Stream, app: App, run_id: str | None) -> Landed:
    total, after = Landed(), ""
    while True:
        with database.transaction() as conn:
            wholes = _wholes(conn, stream, app, after)
            items = prepare_parts(stream, wholes, utc_now())
            landed = land(conn, stream, app, items, via="pull", run_id=run_id)
        total = replace(
            total,
            changed=total.changed + landed.changed,
            unchanged=total.unchanged + landed.unchanged,
            rejected=total.rejected + landed.rejected,
        )
        if len(wholes) < BATCH_RECORDS:
            return total
        after = wholes[-1].external_id


def _wholes(conn: Connection, stream: Stream, app: App, after: str) -> list[Incoming]:
    table = sql.Identifier(stream.part.whole if stream.part else "")
    rows = conn.execute(_WHOLES.format(table=table), (app.id, after, BATCH_RECORDS))
    return [Incoming(row[0], row[1].encode(), *row[2:]) for row in rows]
