"""What the gateway answers: the codes, and refusals with one body for all routes."""

from typing import Any, Final, TypeAlias

import orjson

from schemabase_dagster.errors import SchemabaseError

Headers: TypeAlias = list[tuple[bytes, bytes]]

JSON_CONTENT: Final = (b"content-type", b"application/json")
TRACE_HEADER: Final = b"eci-trace-id"

CODES: Final = {
    400: ("bad_request", "The request is malformed."),
    401: ("unauthorized", "The delivery could not be verified."),
    403: ("forbidden", "This is switched off or not open to you."),
    404: ("not_found", "There is nothing here."),
    405: ("method_not_allowed", "Use another method."),
    408: ("timeout", "The body did not arrive in time."),
    410: ("gone", "This endpoint is switched off."),
    413: ("payload_too_large", "The request is too large."),
    429: ("rate_limited", "Too many requests, slow down."),
    500: ("internal", "Something went wrong on our side."),
    503: ("overloaded", "Not possible right now, try again."),
}


class Refusal(SchemabaseError):  # noqa: N818 - an answer rather than a fault
    """A request that is not stored.

    Args:
        status: HTTP status; everything that is our fault is 429 or 5xx, since senders give up
            on any other 4xx.
        reason: label for metrics and ``webhook_reject``; the sender never sees it.
        retry_after: seconds after which the sender should come back.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        *,
        retry_after: float | None = None,
        headers: Headers | None = None,
    ) -> None:
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
        self.headers = headers or []
        super().__init__(f"refused with {status}: {reason}")


def error_body(status: int, trace_id: str) -> bytes:
    """Return the JSON body of an error; equal for all reasons of one status."""
    code, message = CODES.get(status, CODES[500])
    return orjson.dumps({"error": code, "message": message, "traceId": trace_id})


async def respond(send: Any, status: int, body: bytes, headers: Headers) -> None:
    """Send a complete ASGI answer."""
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
