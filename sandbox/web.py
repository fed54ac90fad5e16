"""What the stand-ins' web sides share: replies, and the faults that spoil a whole answer."""

import asyncio
from collections.abc import Sequence

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sandbox.faults import Fault, find

JSON = "application/json;charset=UTF-8"


class CutResponse(Response):
    """An answer that promises its whole length, sends half of it and hangs up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head and half the body; the server closes what is not completed."""
        del scope, receive
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})


def reply(body: object, status: int = 200) -> Response:
    """A JSON answer; ``bytes`` are taken as rendered already."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return Response(content, status, media_type=JSON)


async def refusal_by_fault(faults: Sequence[Fault], limited: object) -> Response | None:
    """The answer of a fault that comes before any work; slowness only delays."""
    if slow := find(faults, "slow"):
        await asyncio.sleep(slow.seconds)
    if fault := find(faults, "rate_limited"):
        response = reply(limited, 429)
        if fault.retry_after is not None:
            response.headers["Retry-After"] = str(fault.retry_after)
        return response
    if fault := find(faults, "error_500"):
        return reply({"code": 1000, "message": fault.text}, 500)
    if find(faults, "html_502"):
        page = "<html><head><title>502 Bad Gateway</title></head><body>502</body></html>"
        return Response(page, 502, media_type="text/html")
    return None


def spoil_body(response: Response, faults: Sequence[Fault]) -> Response:
    """Apply the faults that damage a finished answer."""
    if find(faults, "cut_body"):
        return CutResponse(bytes(response.body), response.status_code, media_type=JSON)
    if find(faults, "invalid_json"):
        broken = bytes(response.body)[:-2] + b",,"
        return Response(broken, response.status_code, media_type=JSON)
    return response
