"""Full refresh: suspect what a whole listing did not show, prove it by id, then mark it deleted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg import Connection, sql

from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import App

BRAKE_SHARE: Final = 0.05
BRAKE_ROWS: Final = 20
"""A wave of suspects above both stops and asks (architecture 11.4)."""

_CLEAR_SEEN = "DELETE FROM platform.scan_seen WHERE app_id = %s AND stream = %s"

_SEE = """
INSERT INTO platform.scan_seen (app_id, stream, external_id)
SELECT %s, %s, unnest(%s::text[])
ON CONFLICT DO NOTHING
"""

# Only what was stored before the scan began can be missing from it.
_SUSPECTS = sql.SQL("""
SELECT r.external_id
FROM raw.{table} AS r
WHERE r.app_id = %(app_id)s AND r.deleted_at IS NULL AND r.first_seen_at < %(started_at)s
    AND NOT EXISTS (
        SELECT FROM platform.scan_seen AS s
        WHERE s.app_id = r.app_id AND s.stream = %(stream)s AND s.external_id = r.external_id)
ORDER BY r.external_id
""")

_LIVE = sql.SQL("SELECT count(*) FROM raw.{table} WHERE app_id = %s AND deleted_at IS NULL")


@dataclass(frozen=True, slots=True)
class Suspects:
    """Records that a whole listing did not show.

    Attributes:
        ids: the records.
        is_wave: so many that a person should look before they are proved and deleted.
    """

    ids: Sequence[str]
    is_wave: bool


def begin(conn: Connection, stream: Stream, app: App) -> None:
    """Forget what an earlier scan saw."""
    conn.execute(_CLEAR_SEEN, (app.id, stream.name))


def see(conn: Connection, stream: Stream, app: App, ids: Iterable[str]) -> int:
    """Remember that the running scan saw some records; return how many it had not seen before."""
    return conn.execute(_SEE, (app.id, stream.name, list(ids))).rowcount


def find_suspects(conn: Connection, stream: Stream, app: App, started_at: datetime) -> Suspects:
    """Return what the finished scan did not show.

    Args:
        conn: connection inside a transaction.
        stream: the stream.
        app: the app.
        started_at: start of the scan by our clock.
    """
    table = sql.Identifier(stream.name)
    values = {"app_id": app.id, "stream": stream.name, "started_at": started_at}
    ids = [row[0] for row in conn.execute(_SUSPECTS.format(table=table), values)]
    row = conn.execute(_LIVE.format(table=table), (app.id,)).fetchone()
    live = row[0] if row else 0
    return Suspects(ids, len(ids) > BRAKE_ROWS and len(ids) > BRAKE_SHARE * live)
