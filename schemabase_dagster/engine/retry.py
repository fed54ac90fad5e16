"""Try again what could not be stored: after a fix a record lands without a new fetch."""

from typing import Final
from uuid import UUID

from schemabase_dagster import database, source_json
from schemabase_dagster.clock import utc_now
from schemabase_dagster.engine.incoming import Incoming, prepare
from schemabase_dagster.engine.land import Landed, land
from schemabase_dagster.engine.reject import forget, landing_rejects
from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import App

BATCH_RECORDS: Final = 500


def retry_refused(stream: Stream, app: App, run_id: str | None) -> Landed:
    """Land the kept records of earlier runs that pass by now.

    Returns:
        Counts of those that passed; the others stay as they are and were counted when they came.
    """
    changed = unchanged = 0
    after = UUID(int=0)
    while True:
        with database.transaction() as conn:
            kept = landing_rejects(conn, stream, app, after=after, limit=BATCH_RECORDS)
            passed: dict[UUID, Incoming] = {}
            for reject_id, payload in kept:
                again = prepare(stream, source_json.loads(payload), utc_now())
                if isinstance(again, Incoming):
                    passed[reject_id] = again
            if passed:
                forget(conn, list(passed))
                landed = land(conn, stream, app, passed.values(), via="pull", run_id=run_id)
                changed += landed.changed
                unchanged += landed.unchanged
        if len(kept) < BATCH_RECORDS:
            return Landed(changed, unchanged)
        after = kept[-1][0]
