"""What REVIEWS.io's answers mean, and the shapes that one and the same answer may have."""

import re
from typing import Any, Final

from resources.http import NOT_JSON, Call, RefusedError, Reply, judge_status
from schemabase_dagster.errors import ProviderContractError, ProviderRejected, ProviderUnavailable
from schemabase_dagster.streams import JsonObject

SYSTEM: Final = "reviewsio"

_ABOUT_ACCESS: Final = re.compile(
    r"api.?key|unauthori[sz]ed|invalid store|store not found", re.IGNORECASE
)


def judge(call: Call, reply: Reply) -> None:
    """Raise what an answer means; an error may come with HTTP 200 and ``success: false``.

    Raises:
        RefusedError: the store or the key is unknown.
        ProviderRejected: the request was refused.
        ProviderUnavailable: the answer is cut off or garbled.
    """
    judge_status(SYSTEM, call, reply)
    body = reply.payload
    if body is NOT_JSON:
        raise ProviderUnavailable(SYSTEM, f"{call.what}: answer is not JSON", status=reply.status)
    if isinstance(body, dict) and str(body.get("success", True)).lower() in {"false", "0"}:
        # The message is only looked at: it may repeat what was sent.
        if _ABOUT_ACCESS.search(str(body.get("message") or "")):
            raise RefusedError("unauthorized")
        raise ProviderRejected(SYSTEM, call.what, status=reply.status, code="success=false")


def rows_of(value: Any, what: str) -> list[JsonObject]:
    """Return records that come as an array, or as an object by index (a PHP array with gaps).

    Raises:
        ProviderContractError: they come as anything else.
    """
    rows = list(value.values()) if isinstance(value, dict) else value
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ProviderContractError(SYSTEM, f"{what}: no list of records")
    return rows


def whole_number(value: Any) -> int | None:
    """Return a count that comes as a number or as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() else None


def number_at(payload: JsonObject, path: str) -> int | None:
    """Return the count at a dotted path."""
    value: Any = payload
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return whole_number(value)


def shows_private(record: JsonObject, order_field: str) -> bool:
    """Tell whether a review carries what only a valid API key shows."""
    reviewer = record.get("reviewer")
    return order_field in record or (isinstance(reviewer, dict) and "email" in reviewer)
