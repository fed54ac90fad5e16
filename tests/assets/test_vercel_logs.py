"""Vercel records to documents: the field names that dashboards read, and nothing else."""

import hashlib
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import orjson
import pytest

from assets.drain import BadRecord, LogBatch
from assets.logs.vercel import NO_MESSAGE, read_batch
from resources.elasticsearch import Document

APP = UUID("00000000-0000-7000-8000-000000000001")
BATCH = UUID("00000000-0000-7000-8000-000000000002")
REPORT = (
    "START RequestId: 1f3a-9b Version: $LATEST\n{text}\nEND RequestId: 1f3a-9b\n"
    "REPORT RequestId: 1f3a-9b\tDuration: 12.34 ms\tBilled Duration: 13 ms\t"
    "Memory Size: 1024 MB\tMax Memory Used: 85 MB\tInit Duration: 99.9 ms\t\n"
)


class Sender:
    """Hides an address where one can see it."""

    def hidden(self, address: str) -> str:
        return f"hidden {address}"


def record(**fields: Any) -> dict[str, Any]:
    return {
        "id": "r1", "timestamp": 1_767_600_000_123, "source": "edge", "level": "info",
        "message": "hello", **fields,
    }  # fmt: skip


def read(*records: Any) -> Iterator[Document | BadRecord]:
    return read_batch(LogBatch(BATCH, APP, orjson.dumps(list(records))), Sender())


def documents(*records: Any) -> list[dict[str, Any]]:
    return [orjson.loads(each.body) for each in read(*records) if isinstance(each, Document)]


def document(**fields: Any) -> dict[str, Any]:
    (only,) = documents(record(**fields))
    return only


def test_every_field_of_a_record_has_its_place():
    made = document(
        source="external", requestId="req", statusCode=404, projectId="prj", deploymentId="dpl",
        host="shop.example", path="/cart", environment="production", ja4Digest="left out",
        proxy={
            "timestamp": 1, "method": "GET", "scheme": "https", "host": "www.shop.example",
            "path": "/cart?x=1", "userAgent": ["Mozilla", "more"], "referer": "https://a.example",
            "statusCode": 200, "clientIp": "203.0.113.7", "region": "fra1", "cacheId": "c1",
            "vercelCache": "MISS",
        },
    )  # fmt: skip

    assert made == {
        "message": "hello",
        "@timestamp": 1_767_600_000_123,
        "log": {"level": "info"},
        "transaction": {"id": "req"},
        "cloud": {
            "provider": "vercel", "instance": {"id": "dpl"}, "project": {"id": "prj"},
            "service": {"name": "external"}, "region": "fra1",
        },
        "url": {"path": "/cart", "original": "https://www.shop.example/cart?x=1"},
        "host": {"hostname": "shop.example"},
        "http": {
            "request": {"method": "GET", "referrer": "https://a.example"},
            "response": {"status_code": 404},
        },
        "user_agent": {"original": "Mozilla, more"},
        "client": {"address": "hidden 203.0.113.7"},
        "cache": {"id": "c1"},
    }  # fmt: skip


def test_a_request_log_is_a_document():
    made = document(message=None, proxy=None)

    assert made["message"] == NO_MESSAGE


@pytest.mark.parametrize("source", ["firewall", "redirect", "brand-new", "static"])
def test_any_source_but_builds_passes(source: str):
    assert document(source=source)["cloud"]["service"] == {"name": source}
    assert documents(record(source="build")) == []


def test_the_platform_s_lines_become_numbers():
    made = document(source="lambda", message=REPORT.format(text="plain"), requestId=None)

    assert made["message"] == "plain"
    assert made["transaction"] == {"id": "1f3a-9b"}
    assert made["metrics"] == {
        "duration": 12.34, "billedDuration": 13, "memorySize": 1024, "maxMemoryUsed": 85,
    }  # fmt: skip


def test_a_run_that_wrote_nothing_keeps_its_numbers():
    made = document(source="lambda", message=REPORT.format(text=""))

    assert made["message"] == NO_MESSAGE
    assert made["metrics"]["duration"] == 12.34


def test_every_line_of_a_function_is_a_document_with_its_own_time_and_level():
    text = (
        "2026-01-05T08:15:00.5Z\treq-1\tERROR\tno stock\nplain text\n"
        '{"level": "warn", "message": "slow", "took": 7}'
    )

    first, second, third = documents(record(source="lambda", message=text))

    assert (first["message"], first["log"], first["@timestamp"], first["transaction"]) == (
        "no stock", {"level": "ERROR"}, 1_767_600_900_500, {"id": "req-1"},
    )  # fmt: skip
    assert (second["message"], second["log"]) == ("plain text", {"level": "info"})
    assert second["@timestamp"] == 1_767_600_000_123
    assert (third["message"], third["log"], third["took"]) == ("slow", {"level": "warn"}, 7)


def test_a_whole_text_that_is_an_object_is_one_document():
    made = document(source="lambda", message='{\n  "a": {"b": 1},\n  "message": "x"\n}')

    assert (made["a"], made["message"]) == ({"b": 1}, "x")


def test_an_object_without_message_is_shown_as_it_is():
    assert document(source="lambda", message='{"a": 1}')["message"] == '{"a":1}'


def test_what_we_say_of_a_field_is_not_replaced_by_a_function():
    text = orjson.dumps({
        "url": "https://x.example", "host": {"hostname": "other", "ip": "::1"},
        "@timestamp": "yesterday", "log.level": "fatal",
    }).decode()  # fmt: skip

    made = document(source="lambda", message=text, host="shop.example", path="/")

    assert made["url"] == {"path": "/", "original": "https://shop.example/"}
    assert made["host"] == {"hostname": "shop.example", "ip": "::1"}
    assert made["@timestamp"] == 1_767_600_000_123
    assert "log.level" not in made


def test_text_of_other_sources_is_not_looked_into():
    assert document(message='{"a": 1}')["message"] == '{"a": 1}'
    assert "a" not in document(message='{"a": 1}')


def test_ids_follow_from_app_record_and_line():
    text = "one\ntwo"
    first = [
        each.id
        for each in read(record(source="lambda", message=text))
        if isinstance(each, Document)
    ]
    again = [
        each.id
        for each in read(record(source="lambda", message=text))
        if isinstance(each, Document)
    ]

    assert first == again
    assert first == [
        hashlib.sha1(f"{APP}\nr1\n{number}".encode(), usedforsecurity=False).hexdigest()
        for number in (0, 1)
    ]


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"id": None}, "string_type", "id"),
        ({"timestamp": "soon"}, "int_parsing", "timestamp"),
        ({"proxy": {"statusCode": "ok"}}, "int_parsing", "proxy.statusCode"),
        ({"source": 7}, "string_type", "source"),
    ],
)
def test_a_record_of_another_shape_is_told_and_the_others_go_on(
    fields: dict[str, Any], code: str, path: str
):
    good, bad, last = read(record(), record(**fields), record(id="r3"))

    assert isinstance(good, Document)
    assert isinstance(last, Document)
    assert isinstance(bad, BadRecord)
    assert (bad.code, bad.path) == (code, path)


@pytest.mark.parametrize("text", ['{"big": 18446744073709551616}', '{"half": "\\ud83d"}'])
def test_what_no_document_can_hold_is_told(text: str):
    (bad,) = read(record(source="lambda", message=text))

    assert isinstance(bad, BadRecord)
    assert bad.code == "not_storable"
