"""Explain: the story of one core row, from its source records to every field. Writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString, TypeAlias, TypeVar
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import class_row, dict_row

from schemabase_dagster.clock import utc_now
from schemabase_dagster.engine.authority import Priorities
from schemabase_dagster.engine.entity import Child, Entity, FieldGroup
from schemabase_dagster.engine.facts import load_apps, load_priorities
from schemabase_dagster.engine.rows import AppFacts
from schemabase_dagster.engine.story import Conflict, Delivery, Field, Group, Record, Story
from schemabase_dagster.engine.todo import Mapped, read
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.streams import Stream
from schemabase_dagster.systems import System

_T = TypeVar("_T")
_Named: TypeAlias = Mapping[str, Any]

RECENT_DELIVERIES: Final = 5000
"""So many of an app's latest waiting deliveries are searched: a few milliseconds."""

SHOWN_DELIVERIES: Final = 10
SHOWN_VERSIONS: Final = 5

# By what people have at hand: our natural key, the number or id in a system, or our id.
_FIND = sql.SQL("""
WITH named AS (
    SELECT id FROM {table} WHERE {number} = %(key)s
    UNION
    SELECT id FROM {table} WHERE id = %(id)s
    UNION
    SELECT core_id FROM core.external_ref
    WHERE entity = %(entity)s
      AND %(key)s IN (match_key, other_key, external_number, external_id)
)
SELECT c.*, t.slug AS tenant
FROM {table} AS c
JOIN named AS n ON n.id = c.id
JOIN platform.tenant AS t ON t.id = c.tenant_id
WHERE %(tenant)s::text IS NULL OR t.slug = %(tenant)s
ORDER BY t.slug, c.id
""")

_REFERENCES: LiteralString = """
SELECT r.app_id, a.key AS app, r.stream, r.external_id, r.external_number, r.status,
    r.first_seen_at AS linked_at, r.deleted_at
FROM core.external_ref AS r
JOIN platform.app AS a ON a.id = r.app_id
WHERE r.entity = %s AND r.core_id = %s
ORDER BY a.key, r.stream, r.external_id
"""

_RAW = sql.SQL("""
SELECT source_updated_at, read_at, changed_at, change_count, via, run_id
FROM raw.{stream} WHERE app_id = %s AND external_id = %s
""")

_NEVER_STORED: Final = (None, None, None, -1, None, None)

_VERSIONS: LiteralString = """
SELECT replaced_at FROM raw.record_history
WHERE app_id = %s AND stream = %s AND external_id = %s
ORDER BY replaced_at DESC
LIMIT %s
"""

_WAITS: LiteralString = """
SELECT EXISTS (
    SELECT FROM platform.todo
    WHERE tenant_id = %s AND stream = %s AND app_id = %s AND external_id = %s)
"""

_REJECTED: LiteralString = """
SELECT code || ' at ' || path FROM platform.rejects
WHERE app_id = %s AND stream = %s AND external_id = %s AND stage = 'map'
"""

_CONFLICTS: LiteralString = """
SELECT a.key AS app, c.external_id, c.kind, c.opened_at, c.resolved_at
FROM platform.match_conflict AS c
JOIN platform.app AS a ON a.id = c.app_id
JOIN core.external_ref AS r
    ON r.entity = c.entity AND r.app_id = c.app_id AND r.external_id = c.external_id
WHERE c.entity = %s AND r.core_id = %s
ORDER BY c.opened_at
"""

# What a processed delivery spoke of was noted. One that waits names records somewhere in its body;
# where depends on the sender.
_DELIVERIES: LiteralString = """
WITH record AS (
    SELECT * FROM unnest(%(apps)s::uuid[], %(streams)s::text[], %(ids)s::text[], %(bare)s::text[])
        AS r (app_id, stream, external_id, bare_id)
)
SELECT w.id, w.provider, w.event_type, w.received_at, w.status, w.run_id, e.stream, e.raw, e.core
FROM record
JOIN platform.webhook_effect AS e USING (app_id, stream, external_id)
JOIN platform.webhook_inbox AS w ON w.id = e.inbox_id AND w.received_at = e.received_at
UNION ALL
SELECT recent.id, recent.provider, recent.event_type, recent.received_at, recent.status,
    recent.run_id, NULL, NULL, NULL
FROM (
    SELECT * FROM platform.webhook_inbox
    WHERE tenant_id = %(tenant)s AND app_id = ANY(%(apps)s)
      AND status NOT IN ('processed', 'ignored')
    ORDER BY received_at DESC
    LIMIT %(recent)s
) AS recent
WHERE EXISTS (
    SELECT FROM record
    WHERE record.app_id = recent.app_id
      AND position(convert_to(record.bare_id, 'UTF8') IN recent.body) > 0)
ORDER BY received_at DESC
LIMIT %(shown)s
"""

_CHILDREN = sql.SQL("""
SELECT coalesce(sources ->> 'by', '?') AS decided_by, count(*) AS rows
FROM {table} WHERE {parent} = %s AND deleted_at IS NULL
GROUP BY 1 ORDER BY 1
""")


@dataclass(frozen=True, slots=True)
class _Scene:
    """What every part of the story needs."""

    conn: Connection[Any]
    entity: Entity
    row: Mapping[str, Any]
    references: Sequence[Mapping[str, Any]]
    apps: Mapping[UUID, AppFacts]
    priorities: Priorities


def explain(  # noqa: PLR0917 - what there is to know before the row is known
    conn: Connection[Any],
    entity: Entity,
    key: str,
    tenant: str | None,
    streams: Mapping[str, Stream],
    systems: Mapping[str, System],
) -> Story:
    """Return the story of the row that a key names.

    Args:
        conn: connection.
        entity: kind of row.
        key: natural key, number or id in a system, or our id.
        tenant: slug; None = whichever tenant has such a row.
        streams: by name.
        systems: by name.

    Raises:
        ConfigurationError: no row, or more than one, goes by that key.
    """
    row = _find(conn, entity, key, tenant)
    tenant_id = row["tenant_id"]
    with conn.cursor(row_factory=dict_row) as cursor:
        references = cursor.execute(_REFERENCES, (entity.name, row["id"])).fetchall()
    scene = _Scene(
        conn, entity, row, references,
        apps=load_apps(conn, tenant_id, systems),
        priorities=load_priorities(conn, tenant_id, entity.name),
    )  # fmt: skip
    owner = scene.apps.get(row.get("owner_app_id"))  # type: ignore[arg-type]  # None is no key
    return Story(
        tenant=row["tenant"],
        entity=entity.name,
        id=row["id"],
        number=_number(entity, row),
        owner=owner.key if owner else None,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        deleted_at=row.get("deleted_at"),
        records=[_record(scene, each) for each in references],
        groups=_groups(scene, _mapped(scene, streams)),
        children={child.kind: _children(scene, child) for child in entity.children},
        conflicts=_rows(conn, Conflict, _CONFLICTS, (entity.name, row["id"])),
        deliveries=_deliveries(scene, streams),
    )


def _find(conn: Connection[Any], entity: Entity, key: str, tenant: str | None) -> dict[str, Any]:
    query = _FIND.format(
        table=sql.Identifier(str(entity.table.schema), entity.table.name),
        number=sql.Identifier(entity.number_column) if entity.number_column else sql.SQL("NULL"),
    )
    with conn.cursor(row_factory=dict_row) as cursor:
        values = {"key": key, "id": _as_id(key), "entity": entity.name, "tenant": tenant}
        found = cursor.execute(query, values).fetchall()
    if not found:
        raise ConfigurationError(
            f"No {entity.name} goes by '{key}'.",
            "Give its number, its id in one of the systems, or our id.",
        )
    exact = [row for row in found if _number(entity, row) == key] or found
    if len(exact) > 1:
        listed = ", ".join(f"{row['tenant']}: {_number(entity, row)}" for row in exact)
        raise ConfigurationError(
            f"Several rows go by '{key}': {listed}.", "Add --tenant, or give our id."
        )
    return exact[0]


def _as_id(key: str) -> UUID | None:
    try:
        return UUID(key)
    except ValueError:
        return None


def _number(entity: Entity, row: Mapping[str, Any]) -> str:
    """Return what people call the row: its natural key, else our id."""
    return str(row[entity.number_column or "id"])


def _record(scene: _Scene, reference: Mapping[str, Any]) -> Record:
    app_id, stream, external_id = (
        reference["app_id"], reference["stream"], reference["external_id"],
    )  # fmt: skip
    conn, place = scene.conn, (app_id, stream, external_id)
    query = _RAW.format(stream=sql.Identifier(stream))
    found = conn.execute(query, (app_id, external_id)).fetchone()
    modified_at, read_at, changed_at, changes, via, run_id = found or _NEVER_STORED
    waits = conn.execute(_WAITS, (scene.row["tenant_id"], stream, app_id, external_id)).fetchone()
    rejected = conn.execute(_REJECTED, place).fetchone()
    return Record(
        app=reference["app"],
        stream=stream,
        external_id=external_id,
        number=reference["external_number"],
        status=reference["status"],
        linked_at=reference["linked_at"],
        modified_at=modified_at,
        read_at=read_at,
        changed_at=changed_at,
        versions=changes + 1,
        replaced_at=[at for (at,) in conn.execute(_VERSIONS, (*place, SHOWN_VERSIONS))],
        via=via,
        run_id=run_id,
        deleted_at=reference["deleted_at"],
        waits=waits == (True,),
        rejected=rejected[0] if rejected else None,
    )


def _mapped(scene: _Scene, streams: Mapping[str, Stream]) -> list[Mapped]:
    """Map the live records once more, to know what each of them says."""
    wanted = [
        (each["stream"], each["app_id"], each["external_id"])
        for each in scene.references
        if each["deleted_at"] is None and each["stream"] in streams
    ]
    configs = {app_id: app.config for app_id, app in scene.apps.items()}
    return read(scene.conn, wanted, streams, configs).mapped


def _groups(scene: _Scene, records: Sequence[Mapped]) -> list[Group]:
    says: dict[str, dict[str, Any]] = {}
    for item in records:
        says.setdefault(scene.apps[item.app_id].key, {}).update(item.candidate.values)
    groups = []
    for group in scene.entity.groups:
        source = (scene.row.get("sources") or {}).get(group.name, {})
        app = source.get("app")
        fields = [_field(column, scene.row[column], app, says) for column in group.columns]
        why = _why(scene, group, app, records)
        groups.append(Group(group.name, app, source.get("at"), why, fields))
    return groups


def _field(
    column: str, value: Any, decider: str | None, says: Mapping[str, Mapping[str, Any]]
) -> Field:
    given = {app: values[column] for app, values in says.items() if column in values}
    same = [app for app, other in given.items() if other == value]
    # What no record says itself, such as our id of an address, comes with the group.
    app = decider if decider in same or not given else next(iter(same), decider)
    others = {other: said for other, said in given.items() if said != value and said is not None}
    return Field(column, value, app if value is not None else None, others)


def _why(scene: _Scene, group: FieldGroup, app_key: str | None, records: Sequence[Mapped]) -> str:
    if any(group.name == each.group for each in scene.entity.roll_ups):
        return "its children decide as soon as there is one, else its sources"
    if group.decide is not None:
        return (group.decide.__doc__ or "by a rule over all sources").strip().partition("\n")[0]
    app_id = next((key for key, app in scene.apps.items() if app.key == app_key), None)
    if app_id is None:
        return "no source says anything"
    if len({item.app_id for item in records}) == 1:
        return "the only source"
    return _rank(scene, group, app_id) + _passed_over(scene, group, app_id, records)


def _rank(scene: _Scene, group: FieldGroup, app_id: UUID) -> str:
    own = scene.priorities.get((group.name, app_id))
    if own is not None:
        return f"priority {own}, set for this tenant"
    if "owner" in group.priority and scene.row.get("owner_app_id") == app_id:
        return f"owns the row ({' > '.join(group.priority)})"
    if scene.apps[app_id].role in group.priority:
        return f"is the {scene.apps[app_id].role} ({' > '.join(group.priority)})"
    return f"others say nothing ({' > '.join(group.priority)})"


def _passed_over(scene: _Scene, group: FieldGroup, app_id: UUID, records: Sequence[Mapped]) -> str:
    """Name the apps that lost their authority: disabled, or long without a complete sync."""
    now = utc_now()
    stale = sorted(
        scene.apps[item.app_id].key
        for item in records
        if item.app_id != app_id and scene.apps[item.app_id].is_stale(item.stream, now)
    )
    return f"; {', '.join(stale)} is stale" if stale and group.columns else ""


def _children(scene: _Scene, child: Child) -> dict[str, int]:
    query = _CHILDREN.format(
        table=sql.Identifier(str(child.table.schema), child.table.name),
        parent=sql.Identifier(child.parent_column),
    )
    return dict(scene.conn.execute(query, (scene.row["id"],)).fetchall())


def _deliveries(scene: _Scene, streams: Mapping[str, Stream]) -> list[Delivery]:
    known = [each for each in scene.references if each["stream"] in streams]
    values = {
        "tenant": scene.row["tenant_id"],
        "apps": [each["app_id"] for each in known],
        "streams": [each["stream"] for each in known],
        "ids": [each["external_id"] for each in known],
        "bare": [
            each["external_id"].removeprefix(streams[each["stream"]].id_prefix) for each in known
        ],
        "recent": RECENT_DELIVERIES,
        "shown": SHOWN_DELIVERIES,
    }
    return _rows(scene.conn, Delivery, _DELIVERIES, values)


def _rows(
    conn: Connection[Any], kind: type[_T], query: LiteralString, values: Sequence[Any] | _Named
) -> list[_T]:
    with conn.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(query, values).fetchall()
