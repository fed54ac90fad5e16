"""The web side of Elasticsearch: bulk requests and rights, below the merchant's name."""

import asyncio
import base64
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.elasticsearch.cluster import Cluster, MappingError
from sandbox.faults import Fault, find
from sandbox.state import State
from sandbox.web import refusal_by_fault, reply, spoil_body

BUSY = {"type": "es_rejected_execution_exception", "reason": "rejected execution"}
TYPES = {
    400: "document_parsing_exception",
    429: "es_rejected_execution_exception",
    503: "unavailable_shards_exception",
}


class ElasticsearchApi:
    """Elasticsearch for all merchants; the first part of the path tells whose cluster it is."""

    def __init__(self, state: State) -> None:
        self._state = state

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/{merchant}/{index}/_bulk", self._bulk, methods=["POST"]),
                Route("/{merchant}/_security/user/_has_privileges", self._rights, methods=["POST"]),
            ]
        )

    async def _bulk(self, request: Request) -> Response:
        cluster, faults, refused = await self._admit(request, "list", "/_bulk")
        if refused is not None or cluster is None:
            return refused or _error(404, "resource_not_found_exception", "no such cluster")
        body = await request.body()
        if len(body) > cluster.max_content_bytes or find(faults, "too_large"):
            return Response(status_code=413)
        early = await refusal_by_fault(faults, {"error": BUSY, "status": 429})
        if early is not None:
            return early
        if find(faults, "unavailable_503"):
            return _error(503, "cluster_block_exception", "no master")
        with self._state.lock:
            answer = _answered(cluster, request.path_params["index"], request, body, faults)
        return spoil_body(answer, faults)

    async def _rights(self, request: Request) -> Response:
        cluster, _, refused = await self._admit(request, "check", "/_has_privileges")
        if refused is not None or cluster is None:
            return refused or _error(404, "resource_not_found_exception", "no such cluster")
        return reply({"username": cluster.username, "has_all_requested": cluster.may_write})

    async def _admit(
        self, request: Request, kind: str, path: str
    ) -> tuple[Cluster | None, Sequence[Fault], Response | None]:
        name = request.path_params["merchant"]
        account = self._state.accounts.get(name)
        if account is None:
            return None, (), None
        with self._state.lock:
            self._state.calls.note(name, "elasticsearch", kind, path)
            faults = self._state.faults.strike(name, "elasticsearch", path, kind)
        if self._state.options.latency:
            await asyncio.sleep(self._state.options.latency)
        given = request.headers.get("Authorization", "")
        if not _is_known(account.cluster, given):
            return None, (), _error(401, "security_exception", "unable to authenticate")
        return account.cluster, faults, None


def _is_known(cluster: Cluster, given: str) -> bool:
    pair = f"{cluster.username}:{cluster.password}".encode()
    ways = (f"Basic {base64.b64encode(pair).decode()}", f"ApiKey {cluster.api_key}")
    return given in ways and not cluster.is_revoked


def _answered(
    cluster: Cluster, index: str, request: Request, body: bytes, faults: Sequence[Fault]
) -> Response:
    if request.headers.get("Content-Type") not in {"application/x-ndjson", "application/json"}:
        return _error(406, "media_type_header_exception", "Content-Type is not supported")
    if not body.endswith(b"\n"):
        reason = "The bulk request must be terminated by a newline [\\n]"
        return _error(400, "illegal_argument_exception", reason)
    struck = [fault for fault in faults if fault.kind == "refused_items"]
    items = []
    for number, (action, document_id, text) in enumerate(_actions(body)):
        fault = next((each for each in struck if number < each.rows), None)
        if fault is not None:
            items.append(_item(action, fault.status, fault.text))
        elif action != "create":
            items.append(_item(action, 400, "only write ops with an op_type of create are allowed"))
        elif not cluster.may_write:
            items.append(_item(action, 403, "action [indices:data/write/bulk] is unauthorized"))
        else:
            items.append(_created(cluster, index, document_id, text))
    is_wrong = any("error" in inner for item in items for inner in item.values())
    return reply({"errors": is_wrong, "items": items})


def _created(cluster: Cluster, index: str, document_id: str, text: bytes) -> dict[str, Any]:
    try:
        is_new = cluster.create(index, document_id, text)
    except MappingError as error:
        return _item("create", 400, str(error))
    if is_new:
        return {"create": {"status": 201}}
    return _item("create", 409, "document already exists", "version_conflict_engine_exception")


def _actions(body: bytes) -> Iterator[tuple[str, str, bytes]]:
    lines = body.split(b"\n")[:-1]
    for action, document in zip(lines[::2], lines[1::2], strict=True):
        ((name, settings),) = orjson.loads(action).items()
        yield name, settings["_id"], document


def _item(action: str, status: int, reason: str, kind: str = "") -> dict[str, Any]:
    error = {"type": kind or TYPES.get(status, "security_exception"), "reason": reason}
    return {action: {"status": status, "error": error}}


def _error(status: int, kind: str, reason: str) -> Response:
    return reply({"error": {"type": kind, "reason": reason}, "status": status}, status)
