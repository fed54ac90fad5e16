"""Views of ``analytics``: made again only when their definition changed."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Final, LiteralString

from psycopg import Connection, sql

from schemabase_dagster.streams import Stream
from schemabase_dagster.tables import raw
from schemabase_dagster.tables.coverage import COVERAGE, by_day, is_covered
from schemabase_dagster.tables.made_view import MadeView

FOLDER: Final = Path(__file__).parent.parent / "tables" / "views"
_READS: Final = re.compile(r"(?:FROM|JOIN) analytics\.(\w+)")

_APPLIED: LiteralString = "SELECT name, definition_sha256 FROM platform.applied_view ORDER BY name"
_FORGET: LiteralString = "DELETE FROM platform.applied_view"
_REMEMBER: LiteralString = """
INSERT INTO platform.applied_view (name, definition_sha256) VALUES (%s, %s)
"""
_HAS_TABLE: LiteralString = "SELECT to_regclass('platform.applied_view') IS NOT NULL"


@dataclass(frozen=True, slots=True)
class View:
    """One view.

    Attributes:
        definition_sha256: tells whether the view in the database is this one.
        create: makes it.
    """

    definition_sha256: bytes
    create: Callable[[Connection[Any]], object]


def wanted(streams: Sequence[Stream]) -> dict[str, View]:
    """Return the views by name, in the order in which they are made: each after those it reads."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.sql"))}
    reads = {name: sorted(set(_READS.findall(text)) & texts.keys()) for name, text in texts.items()}
    views = {name: _from_text(texts[name]) for name in TopologicalSorter(reads).static_order()}
    pairs = [(each.name, each.entity) for each in streams if each.mapper and each.entity]
    covered = [each.name for each in streams if is_covered(each)]
    views[raw.UNMATCHED.name] = _made(raw.UNMATCHED, raw.unmatched(pairs))
    if covered:
        views[COVERAGE.name] = _made(COVERAGE, by_day(covered))
    return views


def apply(conn: Connection[Any], views: Mapping[str, View]) -> None:
    """Make the views of the database equal to the wanted ones, in the caller's transaction.

    As soon as one differs all are made again, since one may be built on another. Views that others
    built on them make this fail instead of vanishing.
    """
    if _applied(conn) == {name: view.definition_sha256 for name, view in views.items()}:
        return
    drop_all(conn)
    for name, view in views.items():
        view.create(conn)
        conn.execute(_REMEMBER, (name, view.definition_sha256))


def drop_all(conn: Connection[Any]) -> None:
    """Drop the views that were made here; a migration may then change any table below them."""
    names = [sql.Identifier("analytics", name) for name in _applied(conn)]
    if names:
        conn.execute(sql.SQL("DROP VIEW IF EXISTS {}").format(sql.SQL(", ").join(names)))
        conn.execute(_FORGET)


def _applied(conn: Connection[Any]) -> dict[str, bytes]:
    known = conn.execute(_HAS_TABLE).fetchone()
    if known is None or not known[0]:
        return {}
    return {name: bytes(digest) for name, digest in conn.execute(_APPLIED)}


def _from_text(text: str) -> View:
    return View(_sha256(text), lambda conn: conn.execute(text.encode()))


def _made(view: MadeView, query: sql.Composed) -> View:
    text = f"{query.as_string()}\n{view.comment}\n{view.columns}"
    return View(_sha256(text), lambda conn: view.create(conn, query))


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
