"""Store verified deliveries: one statement and one commit for a whole batch.

Equal deliveries are collapsed here, rows are locked in the order of their keys, and who is first is
decided by the unique key of ``platform.webhook_dedupe``: the others count as duplicates. Nobody is
notified in here, since a transaction that notifies takes a database-wide lock while it commits.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias
from uuid import UUID

from psycopg import AsyncConnection, Connection

from schemabase_dagster.inbox.records import Delivery, Stored

_Key: TypeAlias = tuple[str, bytes]

GIVEN_KEY: Final = Delivery._fields.index("dedupe_key")

# The binary format spares escaping of the bodies, which are most of the bytes. A delivery whose
# endpoint is gone gets no row in the answer. Yesterday's key is looked up as a value: EXISTS is
# planned as a scan of the whole table while it is small, and a prepared plan stays when it grows.
INSERT_BATCH: Final = """
WITH incoming AS (
    SELECT d.*, e.tenant_id, e.app_id, e.provider,
           coalesce((SELECT yesterday.dedupe_key
                     FROM platform.webhook_dedupe AS yesterday
                     WHERE yesterday.endpoint_id = d.endpoint_id
                       AND yesterday.dedupe_key = d.earlier_key),
                    d.given_key) AS dedupe_key
    FROM unnest(
        %b::uuid[], %b::text[], %b::text[], %b::bytea[], %b::bytea[], %b::bytea[], %b::text[],
        %b::text[], %b::text[], %b::text[], %b::bytea[], %b::text[], %b::text[], %b::text[],
        %b::text[], %b::int[], %b::bool[]
    ) AS d (
        id, endpoint_id, event_type, given_key, earlier_key, body_sha256, method,
        query, headers, content_type, body, verify_scheme, source_ip, trace_id,
        held, copies, body_conflict
    )
    JOIN platform.webhook_endpoint AS e ON e.id = d.endpoint_id
),
known AS (
    INSERT INTO platform.webhook_dedupe AS d
        (endpoint_id, dedupe_key, body_sha256, inbox_id, seen_count, body_conflict)
    SELECT endpoint_id, dedupe_key, body_sha256, id, copies, body_conflict
    FROM incoming
    ORDER BY endpoint_id, dedupe_key
    ON CONFLICT (endpoint_id, dedupe_key) DO UPDATE
        SET seen_count = d.seen_count + excluded.seen_count,
            last_seen_at = now(),
            body_conflict = d.body_conflict OR excluded.body_conflict
                            OR d.body_sha256 <> excluded.body_sha256
    RETURNING d.endpoint_id, d.dedupe_key, d.inbox_id, d.body_conflict
),
stored AS (
    INSERT INTO platform.webhook_inbox
        (id, endpoint_id, tenant_id, app_id, provider, event_type, dedupe_key, method, query,
         headers, content_type, body, verify_scheme, source_ip, trace_id, next_attempt_at,
         last_error)
    SELECT i.id, i.endpoint_id, i.tenant_id, i.app_id, i.provider, i.event_type, i.dedupe_key,
           i.method, i.query, i.headers::jsonb, i.content_type, i.body, i.verify_scheme,
           i.source_ip::inet, i.trace_id,
           CASE WHEN i.held IS NULL THEN now() ELSE 'infinity' END, i.held
    FROM incoming AS i
    JOIN known AS k ON k.inbox_id = i.id
)
SELECT i.id, k.inbox_id, k.body_conflict
FROM incoming AS i
JOIN known AS k USING (endpoint_id, dedupe_key)
"""

_INSERT_IGNORED: Final = """
INSERT INTO platform.webhook_inbox
    (id, endpoint_id, tenant_id, app_id, provider, event_type, dedupe_key, method, query,
     headers, content_type, body, verify_scheme, source_ip, trace_id, status, processed_at,
     last_error)
SELECT %(id)s, e.id, e.tenant_id, e.app_id, e.provider, %(event_type)s, %(dedupe_key)s,
       %(method)s, %(query)s, %(headers)s::jsonb, %(content_type)s, %(body)s, %(verify_scheme)s,
       %(source_ip)s::inet, %(trace_id)s, 'ignored', now(), %(reason)s
FROM platform.webhook_endpoint AS e
WHERE e.id = %(endpoint_id)s
"""


def insert_ignored(conn: Connection[Any], deliveries: Sequence[Delivery], reason: str) -> None:
    """Keep requests for people to look at: nothing is done with them, and none is a duplicate."""
    with conn.cursor() as cursor:
        cursor.executemany(
            _INSERT_IGNORED, [{**each._asdict(), "reason": reason} for each in deliveries]
        )


def insert_batch(conn: Connection[Any], deliveries: Sequence[Delivery]) -> list[Stored | None]:
    """Store deliveries in the caller's transaction and answer each, in the order given.

    Of equal deliveries the first is stored and the others are counted. The answer is None for a
    delivery whose endpoint does not exist any more: it is not stored.
    """
    if not deliveries:
        return []
    batch = _Batch(deliveries)
    return batch.answers(conn.execute(INSERT_BATCH, batch.columns(), binary=True).fetchall())


async def insert_batch_async(
    conn: AsyncConnection[Any], deliveries: Sequence[Delivery]
) -> list[Stored | None]:
    """Store deliveries like ``insert_batch``, on an asynchronous connection."""
    if not deliveries:
        return []
    batch = _Batch(deliveries)
    cursor = await conn.execute(INSERT_BATCH, batch.columns(), binary=True)
    return batch.answers(await cursor.fetchall())


class _Batch:
    """A batch with equal deliveries collapsed."""

    def __init__(self, deliveries: Sequence[Delivery]) -> None:
        self._deliveries = deliveries
        self._given = {(each.endpoint_id, each.dedupe_key) for each in deliveries}
        self._firsts: dict[_Key, Delivery] = {}
        self._copies: dict[_Key, int] = {}
        self._conflicts: set[_Key] = set()
        for delivery in deliveries:
            key = self._key(delivery)
            first = self._firsts.setdefault(key, delivery)
            self._copies[key] = self._copies.get(key, 0) + 1
            if first is not delivery and first.body_sha256 != delivery.body_sha256:
                self._conflicts.add(key)

    def columns(self) -> list[list[Any]]:
        """Return the parameters of ``INSERT_BATCH``: one list for each column."""
        columns = [list(column) for column in zip(*self._firsts.values(), strict=True)]
        columns[GIVEN_KEY] = [key for _, key in self._firsts]
        columns.append(list(self._copies.values()))
        columns.append([key in self._conflicts for key in self._firsts])
        return columns

    def answers(self, rows: Sequence[tuple[UUID, UUID, bool]]) -> list[Stored | None]:
        """Match the statement's rows with all deliveries; copies of a new one are duplicates."""
        found = {row[0]: row for row in rows}
        answers: list[Stored | None] = []
        for delivery in self._deliveries:
            first = self._firsts[self._key(delivery)]
            row = found.get(first.id)
            if row is None:
                answers.append(None)
            else:
                is_new = row[1] == delivery.id
                answers.append(Stored(row[1], is_new, row[2]))
        return answers

    def _key(self, delivery: Delivery) -> _Key:
        # A batch can span midnight: then the key of today is the one of yesterday in it.
        if delivery.earlier_key is not None:
            earlier = (delivery.endpoint_id, delivery.earlier_key)
            if earlier in self._given:
                return earlier
        return (delivery.endpoint_id, delivery.dedupe_key)
