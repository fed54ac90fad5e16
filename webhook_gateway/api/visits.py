"""Visit: one request that reads, from its answer or refusal to its line in the access log."""

import time
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from starlette.requests import Request
from starlette.responses import Response

from schemabase_dagster.clock import utc_now
from webhook_gateway import metrics
from webhook_gateway.answers import TRACE_HEADER, Refusal, error_body
from webhook_gateway.endpoints import SHOWN_CHARACTERS
from webhook_gateway.intake import trace_of
from webhook_gateway.notes import Notes

NOTE_SECONDS: Final = 60
"""Uses are noted in the database at most so often."""

log = structlog.get_logger(__name__)


class Visit:
    """One request on its way, with what is known of who reads what."""

    def __init__(self, request: Request, route: str) -> None:
        self.request = request
        self.route = route
        self.started = time.perf_counter()
        self.trace_id = trace_of(dict(request.scope["headers"])).decode()
        self.source_ip = request.client.host if request.client else None
        self.endpoint: str | None = None
        self.token: str | None = None
        self.tenants: list[str] = []
        self.reason: str | None = None


async def answer(
    visit: Visit,
    notes: Notes,
    work: Callable[[], Awaitable[Response]],
    show: Callable[[Refusal, str], Response],
) -> Response:
    """Answer a request; what nobody foresaw is a 500 of which only class and place are logged.

    Args:
        visit: the request.
        notes: takes the line of the access log.
        work: makes the answer or raises a Refusal.
        show: makes the answer of a Refusal with a trace id.
    """
    try:
        response = await work()
    except Refusal as refusal:
        visit.reason = refusal.reason
        response = show(refusal, visit.trace_id)
    except Exception as fault:  # noqa: BLE001 - the outermost edge of the gateway
        log_fault(fault, visit.trace_id)
        visit.reason = "internal"
        response = show(Refusal(500, "internal", retry_after=5), visit.trace_id)
    response.headers[TRACE_HEADER.decode()] = visit.trace_id
    metrics.requests(visit.route, response.status_code).inc()
    notes.access(_line(visit, response.status_code))
    return response


def refused(refusal: Refusal, trace_id: str) -> Response:
    """Return a refusal as all routes but GraphQL answer it: equal for all reasons of a status."""
    return Response(
        error_body(refusal.status, trace_id),
        refusal.status,
        headers_of(refusal),
        media_type="application/json",
    )


def headers_of(refusal: Refusal) -> dict[str, str]:
    """Return the headers of a refusal."""
    headers = {name.decode(): value.decode() for name, value in refusal.headers}
    if refusal.retry_after is not None:
        headers["retry-after"] = str(max(round(refusal.retry_after), 1))
    return headers


def log_fault(fault: BaseException, trace_id: str) -> None:
    """Log an unforeseen error without its text, which may hold data."""
    frames = traceback.extract_tb(fault.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown"
    log.warning("read_failed", error=type(fault).__name__, place=place, trace_id=trace_id)


class Rarely:
    """Lets an event of a key pass once a minute."""

    def __init__(self) -> None:
        self._passed_at: dict[str, float] = {}

    def passes(self, key: str) -> bool:
        """Tell whether a minute went by since the key passed last."""
        now = time.monotonic()
        if now - self._passed_at.get(key, float("-inf")) < NOTE_SECONDS:
            return False
        self._passed_at[key] = now
        return True


def _line(visit: Visit, status: int) -> dict[str, Any]:
    return {
        "event": "read",
        "timestamp": utc_now(),
        "trace_id": visit.trace_id,
        "route": visit.route,
        # the whole id opens it
        "endpoint": visit.endpoint and visit.endpoint[:SHOWN_CHARACTERS],
        "token": visit.token,
        "tenants": visit.tenants,
        "status": status,
        "reason": visit.reason,
        "ms": round((time.perf_counter() - visit.started) * 1000, 1),
    }
