"""What became of log batches: which sinks have them, which records and documents were left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from schemabase_dagster.tenancy import App

LOG_SENDERS: Final = frozenset({"vercel"})
"""Systems that send log batches; their addresses say so."""

KEEP_DELIVERED: Final = timedelta(days=2)
"""Batches that every sink has are dropped after that; what was left out stays as long as other
deliveries do."""

# The tenants make it a look into an index: most deliveries of a day are no log batches.
PURGES: Final = (
    """
DELETE FROM platform.webhook_inbox
WHERE (id, received_at) IN (
    SELECT w.id, w.received_at
    FROM platform.app AS a
    JOIN platform.webhook_inbox AS w ON w.tenant_id = a.tenant_id AND w.provider = a.type
    WHERE a.type = ANY(%(log_senders)s)
      AND w.app_id = a.id
      AND w.received_at < now() - %(delivered)s
      AND w.status IN ('processed', 'ignored')
    LIMIT %(chunk)s
)
""",
    """
DELETE FROM platform.log_dead_document
WHERE (app_id, document_id) IN (
    SELECT app_id, document_id
    FROM platform.log_dead_document
    WHERE first_at < now() - %(settled)s
    LIMIT %(chunk)s
)
""",
    """
DELETE FROM platform.log_reject
WHERE last_at < now() - %(settled)s
""",
    """
DELETE FROM platform.log_delivery
WHERE delivered_at < now() - %(settled)s
""",
)
"""What the upkeep of the inbox runs; the last ones are small."""

_DELIVERED: Final = """
SELECT inbox_id, app_id
FROM platform.log_delivery
WHERE inbox_id = ANY(%s)
"""

_NOTE_DELIVERED: Final = """
INSERT INTO platform.log_delivery (tenant_id, app_id, inbox_id)
SELECT %(tenant_id)s, %(app_id)s, unnest(%(ids)s::uuid[])
ON CONFLICT DO NOTHING
"""

_COUNT_REJECT: Final = """
INSERT INTO platform.log_reject AS r (tenant_id, app_id, code, path, count, sample, inbox_id)
VALUES (%(tenant_id)s, %(app_id)s, %(code)s, %(path)s, %(records)s, %(sample)s, %(inbox_id)s)
ON CONFLICT (app_id, code, path) DO UPDATE
SET count = r.count + excluded.count,
    sample = excluded.sample,
    inbox_id = excluded.inbox_id,
    last_at = now()
"""

_KEEP_DEAD: Final = """
INSERT INTO platform.log_dead_document AS d
    (tenant_id, app_id, document_id, inbox_id, document, status, code, path, reason)
VALUES (%(tenant_id)s, %(app_id)s, %(document_id)s, %(inbox_id)s, %(document)s, %(status)s,
        %(code)s, %(path)s, %(reason)s)
ON CONFLICT (app_id, document_id) DO UPDATE
SET status = excluded.status,
    code = excluded.code,
    path = excluded.path,
    reason = excluded.reason,
    attempts = d.attempts + 1,
    last_at = now()
"""

_SOME_DEAD: Final = """
SELECT document_id, inbox_id, document, status, code, path, reason
FROM platform.log_dead_document
WHERE app_id = %(app_id)s
  AND document_id > %(after)s
ORDER BY document_id
LIMIT %(limit)s
"""

_FORGET_DEAD: Final = """
DELETE FROM platform.log_dead_document
WHERE app_id = %(app_id)s
  AND document_id = ANY(%(ids)s)
"""

_DEAD_GROUPS: Final = """
SELECT t.slug AS tenant, a.key AS app, d.code, d.path, d.status, count(*) AS count,
       max(d.attempts) AS attempts, min(d.first_at) AS first_at, max(d.last_at) AS last_at
FROM platform.log_dead_document AS d
JOIN platform.app AS a ON a.id = d.app_id
JOIN platform.tenant AS t ON t.id = d.tenant_id
WHERE (%(tenant)s::text IS NULL OR t.slug = %(tenant)s)
GROUP BY t.slug, a.key, d.code, d.path, d.status
ORDER BY t.slug, a.key, count(*) DESC, d.code, d.path
"""

_REJECT_GROUPS: Final = """
SELECT t.slug AS tenant, a.key AS app, r.code, r.path, r.count, r.inbox_id, r.first_at, r.last_at,
       r.sample
FROM platform.log_reject AS r
JOIN platform.app AS a ON a.id = r.app_id
JOIN platform.tenant AS t ON t.id = r.tenant_id
WHERE (%(tenant)s::text IS NULL OR t.slug = %(tenant)s)
ORDER BY t.slug, a.key, r.count DESC, r.code, r.path
"""


class Reject(NamedTuple):
    """A kind of fault of one batch's records, how many have it, and one of them."""

    code: str
    path: str
    records: int
    sample: bytes
    inbox_id: UUID


class DeadDocument(NamedTuple):
    """A document that a sink refused for good."""

    document_id: str
    inbox_id: UUID
    document: bytes
    status: int
    code: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeadGroup:
    """Dead documents of one sink with one fault; nothing of what they say."""

    tenant: str
    app: str
    code: str
    path: str
    status: int
    count: int
    attempts: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class RejectGroup:
    """Records of one sender with one fault; ``sample`` is one of them and may be personal."""

    tenant: str
    app: str
    code: str
    path: str
    count: int
    inbox_id: UUID
    first_at: datetime
    last_at: datetime
    sample: bytes


def delivered_to(conn: Connection[Any], ids: Sequence[UUID]) -> Mapping[UUID, set[UUID]]:
    """Return the sinks that have waiting batches already, by batch."""
    found: dict[UUID, set[UUID]] = {}
    for inbox_id, app_id in conn.execute(_DELIVERED, (list(ids),)):
        found.setdefault(inbox_id, set()).add(app_id)
    return found


def note_delivered(conn: Connection[Any], sink: App, ids: Sequence[UUID]) -> None:
    """Note that a sink has batches, which wait for another sink."""
    values = {"tenant_id": sink.tenant_id, "app_id": sink.id, "ids": list(ids)}
    conn.execute(_NOTE_DELIVERED, values)


def forget_delivered(conn: Connection[Any], ids: Sequence[UUID]) -> None:
    """Forget who has batches that wait no more."""
    conn.execute("DELETE FROM platform.log_delivery WHERE inbox_id = ANY(%s)", (list(ids),))


def count_rejects(conn: Connection[Any], sender: App, rejects: Sequence[Reject]) -> None:
    """Count records of a sender that could not be read; the latest sample is kept."""
    own = {"tenant_id": sender.tenant_id, "app_id": sender.id}
    ordered = sorted(rejects, key=lambda each: (each.code, each.path))
    with conn.cursor() as cursor:
        cursor.executemany(_COUNT_REJECT, [own | each._asdict() for each in ordered])


def keep_dead(conn: Connection[Any], sink: App, dead: Sequence[DeadDocument]) -> None:
    """Keep documents that a sink refused; one that is kept already counts another attempt."""
    own = {"tenant_id": sink.tenant_id, "app_id": sink.id}
    ordered = sorted(dead, key=lambda each: each.document_id)
    with conn.cursor() as cursor:
        cursor.executemany(_KEEP_DEAD, [own | each._asdict() for each in ordered])


def some_dead(conn: Connection[Any], sink: App, after: str, limit: int) -> list[DeadDocument]:
    """Return dead documents of a sink behind an id, by id."""
    values = {"app_id": sink.id, "after": after, "limit": limit}
    return [DeadDocument(*row) for row in conn.execute(_SOME_DEAD, values)]


def forget_dead(conn: Connection[Any], sink: App, ids: Sequence[str]) -> None:
    """Forget documents that the sink has taken."""
    conn.execute(_FORGET_DEAD, {"app_id": sink.id, "ids": list(ids)})


def list_dead(conn: Connection[Any], tenant: str | None = None) -> list[DeadGroup]:
    """Return the dead documents of a tenant, or of all, by fault."""
    with conn.cursor(row_factory=class_row(DeadGroup)) as cursor:
        return cursor.execute(_DEAD_GROUPS, {"tenant": tenant}).fetchall()


def list_rejects(conn: Connection[Any], tenant: str | None = None) -> list[RejectGroup]:
    """Return the records of a tenant, or of all, that could not be read, by fault."""
    with conn.cursor(row_factory=class_row(RejectGroup)) as cursor:
        return cursor.execute(_REJECT_GROUPS, {"tenant": tenant}).fetchall()
