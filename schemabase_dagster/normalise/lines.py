"""Order lines: position and occurrence of a SKU, the key by which lines of two systems meet."""

from collections import Counter
from collections.abc import Iterable
from typing import Any


def numbered(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add ``line_no`` (1-based) and ``sku_occurrence`` to lines in source order."""
    seen: Counter[str] = Counter()
    out = []
    for line_no, line in enumerate(lines, start=1):
        seen[line["sku"]] += 1
        out.append({**line, "line_no": line_no, "sku_occurrence": seen[line["sku"]]})
    return out
