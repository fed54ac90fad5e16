"""Tracking numbers: as columns of a package, and as the key by which two systems' packages meet."""

import re
from collections.abc import Sequence
from typing import Any

_SEPARATORS = re.compile(r"[+,;]")
_BLANKS = re.compile(r"\s+")


def tracking_ids(text: str | None) -> tuple[str, ...]:
    """Return the tracking numbers of a text, each once: several pieces are written ``A+B``."""
    parts = (_BLANKS.sub("", part) for part in _SEPARATORS.split(text or ""))
    return tuple(dict.fromkeys(part for part in parts if part))


def tracking_key(ids: Sequence[str]) -> str | None:
    """Return the key of a package known by its tracking numbers, in whatever order and case."""
    return f"tracking:{'+'.join(sorted(ids)).upper()}" if ids else None


def tracking_values(ids: Sequence[str]) -> dict[str, Any]:
    """Return the columns that tracking numbers fill; none when there is no number yet."""
    if not ids:
        return {}
    several = len(ids) > 1
    return {
        "tracking_id": ids[0],
        "tracking_ids": list(ids) if several else None,
        "is_multi_piece": several,
    }
