"""Leaks: search databases, files and texts for values that must not be there, however packed."""

import base64
import binascii
import json
import re
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import psycopg
from psycopg import sql

AUTO_WINDOW = 47
"""zlib's number for a zlib or a gzip header."""

SHORTEST = 8
"""Bytes that a spelling must have: a shorter one stands in some picture by chance."""

DEEPEST = 3
"""Layers of packing that are opened: a compressed snapshot in base64 in a row."""

BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{40,}={0,2}")

TABLES = """
SELECT n.nspname, c.relname
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND n.nspname !~ '^(pg_|information_schema)'
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Leak:
    """One find: where, and the name of what was found; never the value itself."""

    place: str
    what: str


class Searcher:
    """Knows what must not be found, in every spelling that software gives it.

    Args:
        secrets: name -> value; names are what a failure shows.

    Raises:
        ValueError: a value is so short that it would be found by chance.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._spellings = {
            spelling: name for name, value in secrets.items() for spelling in _spellings(value)
        }
        short = {name for spelling, name in self._spellings.items() if len(spelling) < SHORTEST}
        if short:
            raise ValueError(f"too short to search for: {', '.join(sorted(short))}")
        self._any = re.compile(b"|".join(map(re.escape, self._spellings)))

    def search(self, place: str, content: bytes | str) -> set[Leak]:
        """Search a text or bytes, and what is packed in them."""
        given = content if isinstance(content, bytes) else content.encode()
        return {
            Leak(place, self._spellings[match])
            for layer in _unpacked(given, DEEPEST)
            for match in self._any.findall(layer)
        }

    def search_files(self, folder: Path, *, without: Collection[str] = ()) -> set[Leak]:
        """Search every file below a folder but those of some names."""
        return {
            leak
            for path in folder.rglob("*")
            if path.is_file() and path.name not in without
            for leak in self.search(str(path.relative_to(folder)), path.read_bytes())
        }

    def search_database(self, url: str, *, without: Collection[str] = ()) -> set[Leak]:
        """Search every column of every table.

        Args:
            url: URL of the database.
            without: ``schema``, ``schema.table`` or ``schema.table.column`` that may hold it.
        """
        found: set[Leak] = set()
        with psycopg.connect(url) as conn:
            for schema, table in conn.execute(TABLES).fetchall():
                if {schema, f"{schema}.{table}"}.isdisjoint(without):
                    found |= self._search_table(conn, schema, table, without)
        return found

    def _search_table(
        self, conn: psycopg.Connection[Any], schema: str, table: str, without: Collection[str]
    ) -> set[Leak]:
        found: set[Leak] = set()
        query = sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, table))
        cursor = conn.execute(query)
        places = [f"{schema}.{table}.{column.name}" for column in cursor.description or ()]
        for row in cursor:
            for place, cell in zip(places, row, strict=True):
                if cell is not None and place not in without:
                    found |= self.search(place, _as_bytes(cell))
        return found


def _as_bytes(cell: object) -> bytes:
    if isinstance(cell, bytes):
        return cell
    return (cell if isinstance(cell, str) else json.dumps(cell, default=str)).encode()


def _spellings(value: str) -> Iterator[bytes]:
    """Yield a value as it stands in texts, JSON, URLs, hexadecimal and base64."""
    raw = value.encode()
    yield from (raw, json.dumps(value)[1:-1].encode())
    yield from (quote(value).encode(), quote_plus(value).encode(), raw.hex().encode())
    for offset in range(3):
        # Only letters that depend on nothing before or after the value.
        packed = base64.b64encode(bytes(offset) + raw)
        yield packed[4 if offset else 0 : (offset + len(raw)) // 3 * 4]


def _unpacked(content: bytes, depth: int) -> Iterator[bytes]:
    """Yield bytes as they are, decompressed, and decoded from base64."""
    yield content
    if not depth:
        return
    inner = _decompressed(content)
    if inner is not None:
        yield from _unpacked(inner, depth - 1)
    for match in BASE64.findall(content):
        decoded = _decompressed(_decoded(match))
        if decoded is not None:
            yield from _unpacked(decoded, depth - 1)


def _decompressed(content: bytes) -> bytes | None:
    if content[:1] not in {b"\x78", b"\x1f"}:
        return None
    try:
        return zlib.decompress(content, AUTO_WINDOW)
    except zlib.error:
        return None


def _decoded(text: bytes) -> bytes:
    plain = text.rstrip(b"=").replace(b"+", b"-").replace(b"/", b"_")
    try:
        return base64.urlsafe_b64decode(plain + b"=" * (-len(plain) % 4))
    except binascii.Error:
        return b""
