"""Tracking numbers: as columns of a package, and as the key by which two systems' packages meet."""

import re
from collections.abc import Sequence
from typing import Any

_SEPARATORS = re.compile(r"[+,;]")
_BLANKS = re.compile(r"\s+")


def tracking_ids(text: str | None) -> tuple[str, ...]:
    """Return the tracking numbers of a text, each once: several pieces are written ``A+B``.

    They are sorted, so that two systems that write them in other orders number the pieces alike.
    """
    parts = {_BLANKS.sub("", part) for part in _SEPARATORS.split(text or "")}
    return tuple(sorted((part for part in parts if part), key=str.upper))


def tracking_key(ids: Sequence[str]) -> str | None:
    """Return the key of a package known by its tracking numbers, in whatever order and case."""
    return f"tracking:{'+'.join(sorted(ids)).upper()}" if ids else None


def piece_of(ids: Sequence[str], piece: int) -> Sequence[str]:
    """Return the tracking number of a piece, counted from 1; none when there is none."""
    return ids[piece - 1 : piece]


def piece_number(number: str, piece: int) -> str:
    """Return the package number of a piece: the first one bears the package's own."""
    return number if piece == 1 else f"{number}-{piece}"


def tracking_values(ids: Sequence[str], piece: int = 1) -> dict[str, Any]:
    """Return the columns that tracking numbers fill; none when there is no number yet.

    Args:
        ids: numbers of all pieces of a package.
        piece: the piece that the row is, counted from 1.
    """
    own = piece_of(ids, piece)
    if not own:
        return {}
    several = len(ids) > 1
    return {
        "tracking_id": own[0],
        "tracking_ids": list(ids) if several else None,
        "is_multi_piece": several,
    }
