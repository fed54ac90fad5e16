"""What Xentral's answers mean: error codes of REST v1, and lists that are empty by being 404."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from resources.http import Call, RefusedError, Reply, judge_status
from schemabase_dagster.errors import ProviderContractError, ProviderRejected
from schemabase_dagster.streams import JsonObject

SYSTEM: Final = "xentral"
NOT_FOUND: Final = "7452"
"""Code of a record that is not there, and of a list without rows (OpenXE, ``ResourceNotFound``)."""

NOT_PERMITTED: Final = "7421"


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list.

    Attributes:
        rows: its records.
        last: number of the last page; 0 when there is none.
        total: records of the whole list.
    """

    rows: Sequence[JsonObject]
    last: int
    total: int


def judge(call: Call, reply: Reply) -> None:
    """Raise what an answer means; 404 by code 7452 is none of a failure.

    Every error carries a new challenge, so only the status 401 says that one must log in; and 401
    also says that the account lacks the permission for this route.

    Raises:
        RefusedError: the account is unknown, inactive or its password is wrong.
        ProviderRejected: the request was refused, or the account may not make it.
    """
    code = _code(reply.payload)
    if reply.status == httpx.codes.NOT_FOUND and code == NOT_FOUND:
        return
    if reply.status == httpx.codes.UNAUTHORIZED and code == NOT_PERMITTED:
        raise ProviderRejected(SYSTEM, call.what, status=reply.status, code=code)
    if reply.status == httpx.codes.UNAUTHORIZED:
        raise RefusedError(code or str(reply.status))
    judge_status(SYSTEM, call, reply, code)


def list_page(reply: Reply, what: str) -> ListPage:
    """Return the rows of a list and its totals.

    Raises:
        ProviderUnavailable: the body is not JSON.
        ProviderContractError: it does not have the shape of a list.
    """
    if reply.status == httpx.codes.NOT_FOUND:
        return ListPage((), 0, 0)
    body = reply.body(SYSTEM, what)
    rows, pagination = body.get("data"), body.get("pagination")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ProviderContractError(SYSTEM, f"{what}: no list of records")
    numbers = pagination if isinstance(pagination, dict) else {}
    last, total = numbers.get("page_last"), numbers.get("items_total")
    if not isinstance(last, int) or not isinstance(total, int):
        raise ProviderContractError(SYSTEM, f"{what}: no pagination")
    return ListPage(rows, last, total)


def record(reply: Reply, what: str) -> JsonObject | None:
    """Return the record of a single answer, None when it is not there.

    Raises:
        ProviderUnavailable: the body is not JSON.
        ProviderContractError: it has no record.
    """
    if reply.status == httpx.codes.NOT_FOUND:
        return None
    found = reply.body(SYSTEM, what).get("data")
    if not isinstance(found, dict):
        raise ProviderContractError(SYSTEM, f"{what}: no record")
    return found


def _code(payload: Any) -> str | None:
    error = payload.get("error") if isinstance(payload, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return str(code) if isinstance(code, int | str) and not isinstance(code, bool) else None
