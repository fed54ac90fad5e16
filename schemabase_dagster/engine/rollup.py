"""Roll-ups: columns of a parent that its children decide, kept right from both sides.

Merges of one tenant exclude one another, so that neither side reads what the other is changing.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from psycopg import Connection, sql

from schemabase_dagster.engine.authority import Decided
from schemabase_dagster.engine.entity import Entity, RollUp

Parents = Mapping[UUID, set[UUID]]
"""Child -> its parents."""

_ROLLED = sql.SQL("SELECT p.id, {columns} FROM ({values}) AS r JOIN {table} AS p ON p.id = r.id")

# A row without children takes what its sources say; one from before says were kept stays.
_WANTED = sql.SQL(
    "CASE WHEN r.id IS NOT NULL THEN r.{column} "
    "ELSE (jsonb_populate_record(p, p.sources -> {group} -> 'says')).{column} END"
)

_TOLD = sql.SQL("r.{column}")

_UPDATE = sql.SQL("""
WITH rolled AS ({values})
UPDATE {table} AS p SET {assign}, updated_at = now()
FROM unnest(%(rows)s::uuid[]) AS w (id)
LEFT JOIN rolled AS r ON r.id = w.id
WHERE p.id = w.id AND ({current}) IS DISTINCT FROM ({wanted})
RETURNING p.id
""")


def note_sources(entity: Entity, decision: Decided) -> None:
    """Keep what the sources say of the columns that children may decide."""
    for each in _shared(entity):
        says = {column: decision.values.get(column) for column in each.columns}
        # Several groups share one source.
        decision.sources[each.group] = {**decision.sources.get(each.group, {}), "says": says}


def keep_rolled(
    conn: Connection, entity: Entity, decided: Mapping[UUID, Decided], made: Collection[UUID]
) -> None:
    """Let rows that have children keep the columns that these decide."""
    old = [row_id for row_id in decided if row_id not in made]
    if not old:
        return
    for each in _shared(entity):
        query = _ROLLED.format(
            columns=_columns(each, "p"), values=sql.SQL(each.values), table=_table(each)
        )
        for row_id, *values in conn.execute(query, {"rows": old}):
            decided[row_id].values.update(zip(each.columns, values, strict=True))


def roll_up_own(
    conn: Connection, entity: Entity, rows: Collection[UUID], made: Collection[UUID]
) -> set[UUID]:
    """Bring the rolled-up columns of rows up to date that were just written; return the changed."""
    changed: set[UUID] = set()
    for each in entity.roll_ups:
        changed |= _update(conn, each, [row for row in rows if each.early or row not in made])
    return changed


def find_parents_fed(
    conn: Connection, entity: Entity, rows: Collection[UUID]
) -> dict[str, Parents]:
    """Return the parents of rows, by the group they decide; to be asked before rows are written."""
    return {each.group: _parents(conn, each, entity.name, rows) for each in entity.feeds}


def feed_parents(
    conn: Connection, entity: Entity, changed: Collection[UUID], before: Mapping[str, Parents]
) -> None:
    """Bring the parents of changed rows up to date, the ones that a row has left included."""
    for each in entity.feeds:
        left = {
            parent for row_id in changed for parent in before.get(each.group, {}).get(row_id, ())
        }
        _roll(conn, each, left | _all(_parents(conn, each, entity.name, changed)))


def _roll(conn: Connection, roll_up: RollUp, rows: Collection[UUID]) -> None:
    """Bring rows up to date, and those above them that follow."""
    changed = _update(conn, roll_up, rows)
    for above in roll_up.feeds:
        _roll(conn, above, _all(_parents(conn, above, roll_up.entity, changed)))


def _update(conn: Connection, roll_up: RollUp, rows: Collection[UUID]) -> set[UUID]:
    if not rows:
        return set()
    form = _TOLD if roll_up.sole else _WANTED
    wanted = {
        column: form.format(column=sql.Identifier(column), group=roll_up.group)
        for column in roll_up.columns
    }
    statement = _UPDATE.format(
        values=sql.SQL(roll_up.values),
        table=_table(roll_up),
        assign=sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(column), value)
            for column, value in wanted.items()
        ),
        current=_columns(roll_up, "p"),
        wanted=sql.SQL(", ").join(wanted.values()),
    )
    return {row[0] for row in conn.execute(statement, {"rows": sorted(rows)})}


def _shared(entity: Entity) -> list[RollUp]:
    """Return those of whose columns the sources say something, too."""
    return [each for each in entity.roll_ups if not each.sole]


def _parents(
    conn: Connection, roll_up: RollUp, child: str, rows: Collection[UUID]
) -> dict[UUID, set[UUID]]:
    found: dict[UUID, set[UUID]] = {}
    if rows:
        for row_id, parent_id in conn.execute(roll_up.children[child], {"rows": list(rows)}):
            found.setdefault(row_id, set()).add(parent_id)
    return found


def _all(parents: Parents) -> set[UUID]:
    return {parent for of_one in parents.values() for parent in of_one}


def _columns(roll_up: RollUp, alias: str) -> sql.Composable:
    return sql.SQL(", ").join(sql.Identifier(alias, column) for column in roll_up.columns)


def _table(roll_up: RollUp) -> sql.Identifier:
    return sql.Identifier(str(roll_up.table.schema), roll_up.table.name)
