"""What commands print: tables, numbers with words, JSON for scripts."""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
import typer
from rich.console import Console
from rich.table import Table

from schemabase_dagster.clock import show_instant

PIPE_WIDTH: Final = 200
"""Columns when nobody watches: a pipe has no width, and cut cells would be lost."""

_CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def console(*, stderr: bool = False) -> Console:
    """Return a console for people; made anew so that it writes to the present stream."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else PIPE_WIDTH, highlight=False)


def say(text: str) -> None:
    """Print one line for people; rich markup is read, and nothing is wrapped: URLs stay whole."""
    console().print(text, soft_wrap=True)


def plural(count: int, singular: str, several: str | None = None) -> str:
    """Return a number with its word: ``1 app``, ``2 apps``, ``0 entries``."""
    return f"{count:,} {singular if count == 1 else several or singular + 's'}"


def duration(seconds: float) -> str:
    """Return a span in its largest unit, such as ``2 days``."""
    whole = max(int(seconds), 0)
    for size, word in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if whole >= size:
            return plural(whole // size, word)
    return plural(whole, "second")


def show(
    columns: Mapping[str, str],
    rows: Iterable[Mapping[str, Any]],
    *,
    as_json: bool = False,
    empty: str,
) -> None:
    """Print rows as a table, as JSON, or say that there are none.

    Args:
        columns: key of a row -> heading.
        rows: the rows; keys without heading only appear in JSON.
        as_json: print a JSON array instead.
        empty: what to say when there is none, with the next step.
    """
    listed = list(rows)
    if as_json:
        print_json(listed)
    elif not listed:
        say(empty)
    else:
        table = Table(*columns.values(), box=None, pad_edge=False, header_style="bold")
        for row in listed:
            table.add_row(*(cell(row.get(key)) for key in columns))
        console().print(table)


def print_json(value: Sequence[Any] | Mapping[str, Any]) -> None:
    """Print a value as indented JSON."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_DATACLASS
    typer.echo(orjson.dumps(value, default=str, option=options).decode())


def cell(value: object) -> str:
    """Return a value as people read it in a table."""
    if value is None or value == "":
        return "[dim]-[/]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return show_instant(value)
    return printable(str(value))


def printable(text: str) -> str:
    """Return a text with its control characters spelled out.

    What a sender wrote could otherwise move the cursor, hide lines, or rename the window.
    """
    return _CONTROLS.sub(lambda found: found.group().encode("unicode_escape").decode(), text)
