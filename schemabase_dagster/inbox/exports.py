"""Export of stored deliveries, one JSON object a line: for reports of faults, and for stand-ins."""

import base64
from collections.abc import Iterator
from typing import Any, Final

import orjson
from psycopg import Connection
from psycopg.rows import dict_row

from schemabase_dagster.inbox.lookups import narrowed, values_of
from schemabase_dagster.inbox.records import Selection

ROWS_AT_ONCE: Final = 16
"""A body may have eight megabytes."""

# Not the endpoint, whose id may be all that proves a sender, and not the sender's address.
_EXPORT: Final = """
SELECT w.id, w.received_at, t.slug AS tenant, a.key AS app, w.provider, w.event_type, w.method,
       w.query, w.headers, w.content_type, w.verify_scheme, w.status, w.attempts, w.last_error,
       w.trace_id, w.replay_of, w.body
FROM platform.webhook_inbox AS w
JOIN platform.tenant AS t ON t.id = w.tenant_id
JOIN platform.app AS a ON a.id = w.app_id
WHERE {conditions}
ORDER BY w.received_at, w.id
"""


def iter_exported(conn: Connection[Any], selection: Selection) -> Iterator[bytes]:
    """Yield deliveries as JSON, the oldest first, body in Base64; needs a transaction.

    Headers and parameters that held secrets are hashes, as they are stored. Memory stays flat.
    """
    with conn.cursor(name="inbox_export", row_factory=dict_row) as cursor:
        cursor.itersize = ROWS_AT_ONCE
        cursor.execute(narrowed(_EXPORT, selection), values_of(selection))
        for row in cursor:
            yield orjson.dumps({**row, "body": base64.b64encode(row["body"]).decode()})
