"""JSON as sources send it, also what orjson refuses: text with half of a surrogate pair."""

import json
import re
from typing import Any, Final

import orjson

_HALF_PAIR: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def loads(text: bytes) -> Any:
    r"""Parse JSON; half a surrogate pair (``\\ud83d`` alone, RFC 8259, 8.2) is kept as it is.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        if not _HALF_PAIR.search(text):
            raise
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def dumps(value: object) -> bytes:
    """Return JSON with sorted keys; half of a surrogate pair is written as an escape."""
    try:
        # orjson 3.13 leaves its buffer, up to eight times the text, with the bytes it returns.
        return memoryview(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).tobytes()
    except orjson.JSONEncodeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def objects(value: object) -> list[dict[str, Any]]:
    """Return the objects of a list, whatever else it holds; none of what is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
