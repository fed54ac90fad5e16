"""Elasticsearch's stand-in by plain HTTP: what it takes, and how it refuses."""

from typing import Any

import httpx
import orjson
import pytest

from sandbox.runner import Sandbox

NDJSON = {"Content-Type": "application/x-ndjson"}


def lines(*documents: Any, action: str = "create", first: int = 0) -> bytes:
    parts = []
    for number, document in enumerate(documents, start=first):
        parts += [orjson.dumps({action: {"_id": str(number)}}), orjson.dumps(document)]
    return b"\n".join(parts) + b"\n"


def bulk(box: Sandbox, http: httpx.Client, body: bytes, **changes: Any) -> httpx.Response:
    info = box.info["merchants"]["acme"]["elasticsearch"]
    given = {"auth": (info["username"], info["password"]), "headers": NDJSON, **changes}
    return http.post(f"{info['url']}/logs-x/_bulk", content=body, **given)


def statuses(answer: httpx.Response) -> list[int]:
    return [inner["status"] for item in answer.json()["items"] for inner in item.values()]


def test_a_document_is_created_once(box: Sandbox, http: httpx.Client):
    first = bulk(box, http, lines({"a": 1}))
    again = bulk(box, http, lines({"a": 2}))

    assert (statuses(first), first.json()["errors"]) == ([201], False)
    assert (statuses(again), again.json()["errors"]) == ([409], True)
    assert box.control.documents("acme") == [{"a": 1}]


def test_a_field_keeps_its_first_type(box: Sandbox, http: httpx.Client):
    answer = bulk(
        box, http, lines({"url": {"path": "/"}}, {"url": "text"}, {"n": 1}, {"n": "x"}, {"n": "2"})
    )

    assert statuses(answer) == [201, 400, 201, 400, 201]
    assert "[n] of type [long]" in answer.json()["items"][3]["create"]["error"]["reason"]


@pytest.mark.parametrize(
    ("body", "changes", "status"),
    [
        (lines({"a": 1})[:-1], {}, 400),
        (lines({"a": 1}), {"headers": {"Content-Type": "text/plain"}}, 406),
        (lines({"a": 1}), {"auth": ("log-writer", "wrong")}, 401),
    ],
    ids=["no last newline", "media type", "password"],
)
def test_wrong_requests(
    box: Sandbox, http: httpx.Client, body: bytes, changes: dict[str, Any], status: int
):
    assert bulk(box, http, body, **changes).status_code == status


def test_a_data_stream_takes_creations_only(box: Sandbox, http: httpx.Client):
    assert statuses(bulk(box, http, lines({"a": 1}, action="index"))) == [400]
