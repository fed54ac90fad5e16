"""What Zoho's answers mean: HTTP status and ``code`` to our error family (Zoho Books, errors)."""

import re
from collections.abc import Callable
from typing import Any, Final

import httpx

from resources.http import NOT_JSON, Call, Judge, RefusedError, Reply, judge_status
from schemabase_dagster.errors import (
    ProviderContractError,
    ProviderRejected,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    SchemabaseError,
)

SYSTEM: Final = "zoho"
TOO_MANY_A_MINUTE: Final = "44"
TOO_MANY_AT_ONCE: Final = "1070"
DAY_USED_UP: Final = frozenset({"43", "45"})
TOKEN_REFUSED: Final = frozenset({"14", "57"})
WRONG_ORGANIZATION: Final = "6041"
INTERNAL_ERROR: Final = "1000"
UNKNOWN_PATH: Final = "5"

MINUTE_BLOCK_SECONDS: Final = 60.0
IN_FLIGHT_SECONDS: Final = 5.0
TOKEN_BLOCK_SECONDS: Final = 600.0
"""Ten tokens in ten minutes, then blocked for the rest of that window (Zoho Accounts, limits)."""


def api_judge(scale: float) -> Judge:
    """Return the judge of API answers.

    Args:
        scale: by how much Zoho's windows are shortened, 1 but for a sandbox.
    """

    def judge(call: Call, reply: Reply) -> None:
        if reply.status >= 500:  # noqa: PLR2004
            judge_status(SYSTEM, call, reply, _code(reply.payload))
        code = _code(reply.payload)
        _judge_code(call, reply, code, scale)
        judge_status(SYSTEM, call, reply, code)
        reply.body(SYSTEM, call.what)
        if code not in {None, "0"}:
            raise ProviderRejected(SYSTEM, call.what, status=reply.status, code=code)

    return judge


def is_missing(reply: Reply) -> bool:
    """Return whether an answer proves that an id does not exist.

    A 404 of a proxy or of a wrong path (code 5) proves nothing.
    """
    return reply.status == httpx.codes.NOT_FOUND and _code(reply.payload) not in {
        None,
        "0",
        UNKNOWN_PATH,
    }


def detail_judge(judge: Judge) -> Judge:
    """Return a judge that lets the proof pass that an id does not exist."""

    def judge_detail(call: Call, reply: Reply) -> None:
        if not is_missing(reply):
            judge(call, reply)

    return judge_detail


def _judge_code(call: Call, reply: Reply, code: str | None, scale: float) -> None:
    what, status = call.what, reply.status
    if code == TOO_MANY_A_MINUTE or (code is None and status == 429):  # noqa: PLR2004
        seconds = reply.retry_after or MINUTE_BLOCK_SECONDS / scale
        raise RateLimited(SYSTEM, what, status=status, code=code, retry_after=seconds)
    if code == TOO_MANY_AT_ONCE:
        seconds = reply.retry_after or IN_FLIGHT_SECONDS / scale
        raise RateLimited(SYSTEM, what, status=status, code=code, retry_after=seconds)
    if code in DAY_USED_UP:
        raise QuotaExhausted(SYSTEM, what, status=status, code=code, retry_after=reply.retry_after)
    if code in TOKEN_REFUSED:
        raise RefusedError(code or "")
    if code == WRONG_ORGANIZATION:
        what = f"{what}: 'organization_id' is not an organisation of these credentials"
        raise ProviderRejected(SYSTEM, what, status=status, code=code)
    if code == INTERNAL_ERROR:
        raise ProviderUnavailable(SYSTEM, what, status=status, code=code)


def token_judge(refused: Callable[[str], SchemabaseError], scale: float) -> Judge:
    """Return the judge of the accounts server, whose errors come with HTTP 200.

    Args:
        refused: makes the error of a refusal from Zoho's code.
        scale: see ``api_judge``.
    """

    def judge(call: Call, reply: Reply) -> None:
        error = reply.payload.get("error") if isinstance(reply.payload, dict) else None
        if error == "Access Denied" or reply.status == 429:  # noqa: PLR2004
            seconds = reply.retry_after or TOKEN_BLOCK_SECONDS / scale
            raise RateLimited(SYSTEM, call.what, status=reply.status, retry_after=seconds)
        if isinstance(error, str):
            raise refused(error if re.fullmatch(r"[a-z_]{1,40}", error) else "refused")
        judge_status(SYSTEM, call, reply)
        body = reply.body(SYSTEM, call.what)
        if not isinstance(body.get("access_token"), str):
            raise ProviderContractError(SYSTEM, f"{call.what}: no access_token")

    return judge


def _code(payload: Any) -> str | None:
    """Return ``code`` as text; None when the body has none."""
    if payload is NOT_JSON or not isinstance(payload, dict):
        return None
    code = payload.get("code")
    return str(code) if isinstance(code, int | str) else None
