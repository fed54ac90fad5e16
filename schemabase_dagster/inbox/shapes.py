"""Shapes: which JSON paths and types a sender's deliveries have, so that a change is noticed.

A path that stands in every delivery is required until one lacks it; one that was away for a while
is optional. Of an array all elements count as one, and what lies inside an object is only missed
where that object is there. Events without a name are told apart by what they are about.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

Shape: TypeAlias = frozenset[tuple[str, str]]
"""Pairs of path and type: ``(".order.lines[].sku", "string")``."""

ROOT: Final = ""
MOST_PATHS: Final = 5000
"""Of one sender of a tenant: whoever names his keys or events at will fills no table."""

MOST_DEPTH: Final = 16
MOST_ELEMENTS: Final = 100
"""What lies deeper or behind so many elements of an array is not looked at."""

SAMPLE: Final = 10
"""Deliveries of one event type in one batch that are looked at: the first ones."""

_NAME: Final = re.compile(r"[A-Za-z_$][\w$-]{0,63}", re.ASCII)
_TYPES: Final = {str: "string", bool: "boolean", int: "number", float: "number", dict: "object",
                 list: "array"}  # fmt: skip

_ROOM: Final = """
SELECT %s - count(*) FROM platform.webhook_shape WHERE tenant_id = %s AND provider = %s
"""

_KNOWN: Final = """
SELECT path, type, is_optional, missing_since IS NOT NULL AS is_missing
FROM platform.webhook_shape
WHERE tenant_id = %s AND provider = %s AND event_type = %s
"""

_COUNT: Final = """
INSERT INTO platform.webhook_shape AS s (tenant_id, provider, event_type, path, type, deliveries)
VALUES (%(tenant_id)s, %(provider)s, %(event_type)s, '', 'object', %(count)s)
ON CONFLICT (tenant_id, provider, event_type, path, type) DO UPDATE SET
    deliveries = s.deliveries + excluded.deliveries, last_seen_at = now()
RETURNING s.deliveries
"""

_ADD: Final = """
INSERT INTO platform.webhook_shape (
    tenant_id, provider, event_type, path, type, is_optional, first_delivery)
SELECT %(tenant_id)s, %(provider)s, %(event_type)s, n.path, n.type, n.is_optional, %(before)s
FROM unnest(%(paths)s::text[], %(types)s::text[], %(optional)s::boolean[])
    AS n (path, type, is_optional)
ON CONFLICT (tenant_id, provider, event_type, path, type) DO NOTHING
"""

_MISS: Final = """
UPDATE platform.webhook_shape SET missing_since = now(), missing_delivery = %(before)s
WHERE tenant_id = %(tenant_id)s AND provider = %(provider)s AND event_type = %(event_type)s
  AND path = ANY(%(paths)s) AND missing_since IS NULL
"""

_LOOSEN: Final = """
UPDATE platform.webhook_shape
SET is_optional = true, missing_since = NULL, missing_delivery = NULL
WHERE tenant_id = %(tenant_id)s AND provider = %(provider)s AND event_type = %(event_type)s
  AND path = ANY(%(paths)s)
"""

_SEEN: Final = """
UPDATE platform.webhook_shape SET last_seen_at = now()
WHERE tenant_id = %(tenant_id)s AND provider = %(provider)s AND event_type = %(event_type)s
  AND last_seen_at < now() - interval '1 hour'
  AND (path, type) IN (SELECT * FROM unnest(%(paths)s::text[], %(types)s::text[]))
"""


@dataclass(frozen=True, slots=True)
class _Known:
    path: str
    type: str
    is_optional: bool
    is_missing: bool


def shape_of(payload: Any) -> Shape:
    """Return the paths of a payload with their types; null says nothing about a type."""
    return frozenset(_walk(payload, ROOT))


def note_shapes(
    conn: Connection[Any],
    tenant_id: UUID,
    provider: str,
    payloads: Iterable[tuple[str, Any]],
) -> None:
    """Record what deliveries look like.

    Args:
        conn: connection inside a transaction of its own: landing neither waits for this nor fails.
        tenant_id: tenant.
        provider: sender.
        payloads: event type and payload of deliveries, in order of arrival.
    """
    by_event: defaultdict[str, list[Shape]] = defaultdict(list)
    for event_type, payload in payloads:
        shapes = by_event[event_type or _subject(payload)]
        if len(shapes) < SAMPLE and isinstance(payload, dict):
            shapes.append(shape_of(payload))
    for event_type in sorted(name for name, shapes in by_event.items() if shapes):
        event = {"tenant_id": tenant_id, "provider": provider, "event_type": event_type}
        _note(conn, event, by_event[event_type])


def _note(conn: Connection[Any], event: Mapping[str, Any], shapes: Sequence[Shape]) -> None:
    seen: Shape = frozenset().union(*shapes)
    with conn.cursor(row_factory=class_row(_Known)) as cursor:
        known = cursor.execute(_KNOWN, tuple(event.values())).fetchall()
    new = sorted(seen - {(item.path, item.type) for item in known})
    if new and len(new) > _room(conn, event):
        return
    # The row of the payload itself, which every delivery counts up, orders those who come at once.
    row = conn.execute(_COUNT, {**event, "count": len(shapes)}).fetchone()
    before = (int(row[0]) if row else 0) - len(shapes)
    paths = {path for path, _ in seen}
    lacked = _lacked(shapes, {item.path for item in known} | paths)
    always = {item.path for item in known} - {item.path for item in known if item.is_optional}
    missing = {item.path for item in known if item.is_missing}
    if added := [pair for pair in new if pair[0] != ROOT]:
        optional = [path in lacked for path, _ in added]
        conn.execute(_ADD, {**event, **_columns(added), "optional": optional, "before": before})
    if gone := (always & lacked) - paths:
        conn.execute(_MISS, {**event, "paths": sorted(gone), "before": before})
    if loose := always & paths & (lacked | missing):
        conn.execute(_LOOSEN, {**event, "paths": sorted(loose)})
    conn.execute(_SEEN, {**event, **_columns(sorted(seen))})


def _room(conn: Connection[Any], event: Mapping[str, Any]) -> int:
    values = (MOST_PATHS, event["tenant_id"], event["provider"])
    row = conn.execute(_ROOM, values).fetchone()
    return int(row[0]) if row else 0


def _subject(payload: Any) -> str:
    """Return the only key of a payload with one, such as ``salesorder``."""
    is_named = isinstance(payload, dict) and len(payload) == 1
    name = next(iter(payload)) if is_named else ""
    return name if _NAME.fullmatch(name) else ""


def _columns(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    return {"paths": [path for path, _ in pairs], "types": [kind for _, kind in pairs]}


def _lacked(shapes: Iterable[Shape], paths: Iterable[str]) -> set[str]:
    """Return the paths that a delivery lacks although it has the object they belong to."""
    # an array may be empty
    wanted = [(path, _parent(path)) for path in paths if path and not path.endswith("[]")]
    lacked: set[str] = set()
    for shape in shapes:
        here = {path for path, _ in shape}
        lacked.update(p for p, parent in wanted if p not in here and (parent, "object") in shape)
    return lacked


def _parent(path: str) -> str:
    """Return the path of the object that a path belongs to."""
    return path.rpartition(".")[0]


def _walk(value: Any, path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    yield path, _TYPES.get(type(value), "null")
    if depth == MOST_DEPTH:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            name = key if _NAME.fullmatch(key) else "*"
            yield from _walk(item, f"{path}.{name}", depth + 1)
    elif isinstance(value, list):
        for item in value[:MOST_ELEMENTS]:
            yield from _walk(item, f"{path}[]", depth + 1)
