"""What Saleor's answers mean: GraphQL error codes to our error family (saleor 3.18 to 3.24)."""

from typing import Any, Final

from resources.http import NOT_JSON, Call, RefusedError, Reply, judge_status
from schemabase_dagster.errors import ProviderContractError, ProviderRejected, ProviderUnavailable

SYSTEM: Final = "saleor"
REFUSALS: Final = frozenset(
    {
        "PermissionDenied",
        "ExpiredSignatureError",
        "InvalidSignatureError",
        "InvalidTokenError",
        "STOREFRONT_TRAFFIC_NOT_ALLOWED",
    }
)
"""Codes of HTTP 200 answers to a revoked token: Saleor never answers an app with 401 or 403."""
PASSING: Final = frozenset({"ReadOnlyException", "Internal Server Error"})


def judge(call: Call, reply: Reply) -> None:
    """Raise what an answer means; data beside errors is never taken.

    Raises:
        RefusedError: the token is unknown or lacks a permission.
        ProviderContractError: this server does not understand the document.
        ProviderRejected: a resolver refused an argument.
        ProviderUnavailable: the server failed inside.
    """
    errors = _errors(reply)
    code = _code(errors[0]) if errors else None
    refusal = next((code for code in map(_code, errors) if code in REFUSALS), None)
    if refusal is not None:
        raise RefusedError(refusal)
    if reply.status == 400 and errors:  # noqa: PLR2004
        raise ProviderContractError(SYSTEM, call.what, status=reply.status, code=code)
    judge_status(SYSTEM, call, reply, code)
    body = reply.body(SYSTEM, call.what)
    if errors and code in PASSING:
        raise ProviderUnavailable(SYSTEM, call.what, status=reply.status, code=code)
    if errors:
        raise ProviderRejected(SYSTEM, call.what, status=reply.status, code=code)
    if not isinstance(body.get("data"), dict):
        raise ProviderContractError(SYSTEM, f"{call.what}: no data", status=reply.status)


def judge_optional(call: Call, reply: Reply) -> None:
    """Raise what an answer means, where a refusal says nothing about the token.

    Raises:
        ProviderError: as ``judge``; a refusal is a ``ProviderRejected``.
    """
    try:
        judge(call, reply)
    except RefusedError as refusal:
        raise ProviderRejected(SYSTEM, call.what, status=reply.status, code=refusal.code) from None


def _errors(reply: Reply) -> list[Any]:
    if reply.payload is NOT_JSON or not isinstance(reply.payload, dict):
        return []
    errors = reply.payload.get("errors")
    return errors if isinstance(errors, list) else []


def _code(error: Any) -> str:
    """Return the exception class name of a GraphQL error, or its code."""
    if not isinstance(error, dict):
        return "unknown"
    extensions = error.get("extensions") or {}
    code = (extensions.get("exception") or {}).get("code") or extensions.get("code")
    if isinstance(code, str) and code.isidentifier() and len(code) <= 60:  # noqa: PLR2004
        return code
    return "Internal Server Error" if error.get("message") == "Internal Server Error" else "unknown"
