"""Schema ``raw``: one table per stream, made from its name; and the history of changed payloads."""

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Final, LiteralString

from psycopg import Connection, sql
from sqlalchemy import Column, Index, Integer, Table

from schemabase_dagster.tables._columns import (
    JSONB,
    NOW,
    UUID,
    binary,
    instant,
    metadata,
    text_column,
)
from schemabase_dagster.tables.made_view import MadeView

SCHEMA = "raw"

record_history = Table(
    "record_history",
    metadata,
    Column("app_id", UUID, nullable=False, comment="App"),
    text_column("stream", "Stream", nullable=False),
    text_column("external_id", "Record", nullable=False),
    instant("replaced_at", "When this version was replaced", nullable=False, server_default=NOW),
    Column("payload", JSONB, nullable=False, comment="The version that was replaced"),
    binary("payload_hash", "Its hash", nullable=False),
    text_column("run_id", "Run that replaced it"),
    text_column("via", "How the replaced version came: pull, webhook, push or import"),
    instant("source_updated_at", "Its modified time by the source"),
    instant("changed_at", "When it was stored"),
    Column("change_count", Integer, comment="How many versions there were before it"),
    Index("record_history_record", "app_id", "stream", "external_id", "replaced_at"),
    # Read by analytics.webhook_coverage; rows are only ever added at the end.
    Index("record_history_recent", "replaced_at", postgresql_using="brin"),
    schema=SCHEMA,
    comment="Earlier versions of raw records, kept 180 days",
)

# A raw table is made at migration time from the stream registry (architecture 11.3), hence DDL here
# and not in Alembic: adding a stream must not need a migration.
_CREATE = """
CREATE TABLE IF NOT EXISTS raw.{table} (
    tenant_id uuid NOT NULL,
    app_id uuid NOT NULL REFERENCES platform.app (id) ON DELETE CASCADE,
    external_id text NOT NULL,
    payload jsonb NOT NULL,
    payload_hash bytea NOT NULL,
    source_updated_at timestamptz,
    read_at timestamptz NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    change_count integer NOT NULL DEFAULT 0,
    deleted_at timestamptz,
    via text NOT NULL CHECK (via IN ('pull', 'webhook', 'push', 'import')),
    run_id text,
    PRIMARY KEY (app_id, external_id)
)
"""

# Postgres' own compression takes as long as all else about landing a record; a payload is read
# as a whole, seldom, and disk is cheaper.
_IS_COMPRESSED = """
SELECT FROM pg_attribute
WHERE attrelid = %s::regclass AND attname = 'payload' AND attstorage <> 'e'
"""
_LEAVE_UNCOMPRESSED = "ALTER TABLE raw.{table} ALTER COLUMN payload SET STORAGE EXTERNAL"

_COMMENTS = {
    "tenant_id": "Tenant",
    "app_id": "App the record comes from",
    "external_id": "Id in the source system",
    "payload": "The record as received",
    "payload_hash": "SHA-256 of the payload as JSON with sorted keys",
    "source_updated_at": "Modified time by the source",
    "read_at": "When we read this version from the source",
    "first_seen_at": "When the record was first stored",
    "changed_at": "When the payload last changed",
    "change_count": "How often the payload changed since",
    "deleted_at": "When the source was proved not to have it any more",
    "via": "How this version came: pull, webhook, push or import",
    "run_id": "Dagster run that stored this version",
}


def ensure_raw_tables(conn: Connection, streams: Iterable[tuple[str, str]]) -> None:
    """Create the raw tables that do not exist yet; idempotent.

    Args:
        conn: connection inside a transaction.
        streams: pairs of stream name and description, the latter becomes the table's comment.
    """
    for name, description in streams:
        table = sql.Identifier(name)
        conn.execute(sql.SQL(_CREATE).format(table=table))
        if conn.execute(_IS_COMPRESSED, (f'{SCHEMA}."{name}"',)).fetchone() is not None:
            conn.execute(sql.SQL(_LEAVE_UNCOMPRESSED).format(table=table))
        comment = sql.SQL("COMMENT ON TABLE raw.{} IS {}")
        conn.execute(comment.format(table, sql.Literal(description)))
        for column, text in _COMMENTS.items():
            note = sql.SQL("COMMENT ON COLUMN raw.{}.{} IS {}")
            conn.execute(note.format(table, sql.Identifier(column), sql.Literal(text)))


UNMATCHED: Final = MadeView(
    "unmatched_record",
    "Source records that did not reach the canonical model, and why",
    {
        "tenant": "Slug of the tenant",
        "app": "Key of the app",
        "stream": "Stream: the name of the raw table",
        "external_id": "Id in the source system; null when the record has none",
        "changed_at": "When the record last changed or was last tried",
        "code": "Stable code of the fault; null = not mapped yet",
        "path": "Where in the record the fault is",
        "reason": "One sentence",
        "waiting": "Queued for the next run of the core asset",
    },
)

# Tenants and apps are looked up for what is left over, not for every record. The streams of an
# entity are compared with its references at once, which reads these once.
_UNMATCHED: Final = """
SELECT
    t.slug AS tenant, a.key AS app, r.stream, r.external_id, r.changed_at, j.code, j.path, j.reason,
    EXISTS (
        SELECT FROM platform.todo AS q
        WHERE q.tenant_id = r.tenant_id AND q.stream = r.stream
          AND q.app_id = r.app_id AND q.external_id = r.external_id
    ) AS waiting
FROM ({left_over}) AS r
JOIN platform.app AS a ON a.id = r.app_id
JOIN platform.tenant AS t ON t.id = r.tenant_id
LEFT JOIN platform.rejects AS j
    ON j.app_id = r.app_id AND j.stream = r.stream AND j.external_id = r.external_id
"""

_NEVER_MAPPED: Final = """
SELECT r.stream, r.tenant_id, r.app_id, r.external_id, r.changed_at
FROM ({records}) AS r
WHERE NOT EXISTS (
    SELECT FROM core.external_ref AS x
    WHERE x.entity = {entity} AND x.app_id = r.app_id AND x.external_id = r.external_id
      AND x.deleted_at IS NULL
)
"""

_RECORDS: Final = """
SELECT {stream} AS stream, tenant_id, app_id, external_id, changed_at
FROM raw.{table}
WHERE deleted_at IS NULL
"""

_MAPPED_BEFORE: Final = """
SELECT {stream} AS stream, r.tenant_id, r.app_id, r.external_id, r.changed_at
FROM raw.{table} AS r
WHERE r.deleted_at IS NULL
  AND EXISTS (
      SELECT FROM platform.rejects AS j
      WHERE j.stream = {stream} AND j.app_id = r.app_id AND j.external_id = r.external_id
  )
  AND EXISTS (
      SELECT FROM core.external_ref AS x
      WHERE x.entity = {entity} AND x.app_id = r.app_id AND x.external_id = r.external_id
        AND x.deleted_at IS NULL
  )
"""

_NOT_LANDED = """
SELECT
    t.slug, a.key, j.stream, j.external_id, j.last_at, j.code, j.path, j.reason, false
FROM platform.rejects AS j
JOIN platform.app AS a ON a.id = j.app_id
JOIN platform.tenant AS t ON t.id = j.tenant_id
WHERE j.stage = 'land'
"""


def unmatched(streams: Iterable[tuple[str, str]]) -> sql.Composed:
    """Return the query of ``analytics.unmatched_record`` over some streams only.

    Args:
        streams: pairs of stream name and entity.
    """
    names = sorted(streams, key=itemgetter(1, 0))
    left_over = [
        sql.SQL(_NEVER_MAPPED).format(
            records=_union(_format(_RECORDS, stream, entity) for stream, entity in fed),
            entity=sql.Literal(entity),
        )
        for entity, fed in groupby(names, key=itemgetter(1))
    ]
    left_over += [_format(_MAPPED_BEFORE, stream, entity) for stream, entity in names]
    landed = [sql.SQL(_UNMATCHED).format(left_over=_union(left_over))] if names else []
    return _union([*landed, sql.SQL(_NOT_LANDED)])


def _union(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(" UNION ALL ").join(parts)


def _format(query: LiteralString, stream: str, entity: str) -> sql.Composed:
    return sql.SQL(query).format(
        stream=sql.Literal(stream), table=sql.Identifier(stream), entity=sql.Literal(entity)
    )
