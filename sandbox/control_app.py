"""The control port: every method of ``Control`` as ``POST /<method>``, arguments as JSON."""

import inspect
from collections.abc import Callable
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.control import Control
from sandbox.web import reply

READS = ("calls", "faults", "planted", "ids", "document", "truth")


def control_app(control: Control, info: Callable[[], dict[str, Any]]) -> Starlette:
    """The ASGI application; ``info`` gives what the info file holds."""

    async def show_info(request: Request) -> Response:
        del request
        return reply(info())

    async def read(request: Request) -> Response:
        return await _run(control, request.path_params["method"], dict(request.query_params))

    async def do(request: Request) -> Response:
        body = await request.body()
        return await _run(control, request.path_params["method"], orjson.loads(body or b"{}"))

    return Starlette(
        routes=[
            Route("/info", show_info),
            Route("/healthz", lambda _request: Response("ok")),
            Route("/{method}", read, methods=["GET"]),
            Route("/{method}", do, methods=["POST"]),
        ]
    )


async def _run(control: Control, name: str, arguments: dict[str, Any]) -> Response:
    method = getattr(control, name, None)
    if name.startswith("_") or not inspect.ismethod(method):
        return reply({"error": f"no method {name!r}"}, 404)
    try:
        inspect.signature(method).bind(**arguments)
        result = await run_in_threadpool(method, **arguments)
    except (TypeError, ValueError) as error:
        return reply({"error": str(error)}, 400)
    return reply({"result": result})
