"""Redeliver: what a source could not deliver to us goes into the inbox as if it had arrived."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import orjson
from psycopg import Connection
from uuid_utils.compat import uuid7

from schemabase_dagster import inbox
from schemabase_dagster.engine.incoming import Incoming, Refused
from schemabase_dagster.engine.land import find_known
from schemabase_dagster.inbox import Delivery
from schemabase_dagster.streams import Missed, Stream
from schemabase_dagster.tenancy import App

SCHEME: Final = "read_from_source"
"""What proved such a delivery: we read it from the source ourselves."""

# Of several the newest: the others are on their way out.
_ENDPOINT: Final = """
SELECT id
FROM platform.webhook_endpoint
WHERE app_id = %(app_id)s
  AND provider = %(provider)s
  AND deleted_at IS NULL
ORDER BY created_at DESC
LIMIT 1
"""


def redeliver(
    conn: Connection[Any], stream: Stream, app: App, records: Sequence[Incoming | Refused]
) -> int:
    """Store the deliveries that raw does not hold yet; return how many.

    Args:
        conn: connection inside the transaction that lands the records afterwards.
        stream: a stream of missed deliveries; others do nothing.
        app: the app.
        records: a batch of it.
    """
    if stream.missed is None:
        return 0
    read = {each.external_id: each for each in records if isinstance(each, Incoming)}
    new = read.keys() - find_known(conn, stream, app, list(read)).keys()
    found = [stream.missed(orjson.loads(read[each].payload)) for each in sorted(new)]
    missed = [each for each in found if each is not None]
    endpoint = conn.execute(_ENDPOINT, {"app_id": app.id, "provider": app.type}).fetchone()
    if endpoint is None or not missed:
        return 0
    inbox.insert_batch(conn, [_delivery(endpoint[0], each) for each in missed])
    return len(missed)


def _delivery(endpoint_id: str, missed: Missed) -> Delivery:
    body = missed.body.encode()
    return Delivery(
        id=uuid7(),
        endpoint_id=endpoint_id,
        event_type=missed.event_type,
        dedupe_key=hashlib.sha256(b"missed\x00" + missed.id.encode()).digest(),
        earlier_key=None,
        body_sha256=hashlib.sha256(body).digest(),
        method="POST",
        query=None,
        headers="{}",
        content_type="application/json",
        body=body,
        verify_scheme=SCHEME,
        source_ip=None,
        trace_id=f"missed_{missed.id}",
    )
