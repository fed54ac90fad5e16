"""Counts of the calls that stand-ins received, to prove how many calls a sync needs."""

from collections import Counter
from typing import Any


class CallBook:
    """Counts per merchant, system and kind; ``refused`` are answers 429 within them."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def note(self, merchant: str, system: str, kind: str, name: str) -> None:
        """Count one call of a kind (list, detail, token, ...) for one path or operation."""
        self._counts[merchant, system, kind] += 1
        self._counts[merchant, system, f"{kind}:{name}"] += 1
        self._counts[merchant, system, "total"] += 1

    def refused(self, merchant: str, system: str) -> None:
        """Count one call that was answered 429."""
        self._counts[merchant, system, "refused"] += 1

    def clear(self) -> None:
        """Start again from zero."""
        self._counts.clear()

    def shown(self) -> dict[str, Any]:
        """Counts as merchant -> system -> kind -> number."""
        tree: dict[str, Any] = {}
        for (merchant, system, kind), count in sorted(self._counts.items()):
            tree.setdefault(merchant, {}).setdefault(system, {})[kind] = count
        return tree
