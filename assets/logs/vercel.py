"""logs/vercel: the log records of Vercel deployments, as documents of Elasticsearch.

Field names are those of the system that this one replaces, so that dashboards stay as they are.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from assets.drain import BadRecord, Drain, LogBatch
from assets.logs.lambda_text import LambdaText, Line, read_lambda
from assets.logs.splitting import Found, sample, split
from resources.elasticsearch import Document
from resources.vercel import VERCEL
from schemabase_dagster.streams import JsonObject

NO_MESSAGE: Final = "No message (request log)"
"""Text of a record that tells of a request only."""

NOT_DELIVERED: Final = frozenset({"build"})
"""Sources whose records are no logs of a running deployment."""


class Hiding(Protocol):
    """What is needed of the sender's client."""

    def hidden(self, address: str) -> str:
        """Return what stands for a visitor's address."""
        ...


class _Source(BaseModel):
    """Only what becomes a field is typed; whatever Vercel adds to its records is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)


class _Proxy(_Source):
    method: str | None = None
    scheme: str | None = None
    host: str | None = None
    path: str | None = None
    user_agent: tuple[str, ...] | str | None = None
    referer: str | None = None
    status_code: int | None = None
    client_ip: str | None = None
    region: str | None = None
    cache_id: str | None = None


class _Record(_Source):
    """One record (Vercel, log drains reference); ``timestamp`` in milliseconds."""

    id: str = Field(min_length=1)
    timestamp: int
    source: str
    message: str | None = None
    request_id: str | None = None
    status_code: int | None = None
    project_id: str | None = None
    deployment_id: str | None = None
    host: str | None = None
    path: str | None = None
    level: str | None = None
    execution_region: str | None = None
    proxy: _Proxy | None = None


def read_batch(batch: LogBatch, client: Hiding) -> Iterator[Document | BadRecord]:
    """Yield the documents of a batch, and what is no record."""
    for item in split(batch.body):
        if isinstance(item, BadRecord):
            yield item
            continue
        try:
            record = _Record.model_validate(item.value)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            path = ".".join(map(str, first["loc"]))
            yield BadRecord(first["type"], path, sample(item.text))
            continue
        if record.source not in NOT_DELIVERED:
            yield from _documents(item, record, batch, client)


def _documents(
    item: Found, record: _Record, batch: LogBatch, client: Hiding
) -> Iterator[Document | BadRecord]:
    text = _text(record)
    for number, line in enumerate(text.lines or (Line(NO_MESSAGE),)):
        try:
            body = orjson.dumps(_fields(record, line, text, client))
        except orjson.JSONEncodeError:
            # half a surrogate pair, a number of more than 64 bits, or nested too deep
            yield BadRecord("not_storable", "", sample(item.text))
        else:
            yield Document(_document_id(batch.app_id, record, number), body, batch.inbox_id)


def _text(record: _Record) -> LambdaText:
    if not record.message:
        return LambdaText(())
    if record.source == "lambda":
        return read_lambda(record.message)
    return LambdaText((Line(record.message),))


def _document_id(app_id: UUID, record: _Record, line: int) -> str:
    """Return an id that a repeat of the record has, too."""
    named = f"{app_id}\n{record.id}\n{line}".encode()
    return hashlib.sha1(named, usedforsecurity=False).hexdigest()


def _fields(record: _Record, line: Line, text: LambdaText, client: Hiding) -> JsonObject:
    proxy = record.proxy or _Proxy()
    status = record.status_code if record.status_code is not None else proxy.status_code
    path = record.path or proxy.path
    agent = proxy.user_agent
    told = line.content if isinstance(line.content, Mapping) else {}
    fields = _filled({
        "message": _message(line),
        "@timestamp": line.at_ms if line.at_ms is not None else record.timestamp,
        "log": {"level": line.level or _text_of(told, "level") or record.level},
        "transaction": {"id": record.request_id or line.request_id or text.request_id},
        "metrics": dict(text.metrics),
        "cloud": {
            "provider": "vercel",
            "instance": {"id": record.deployment_id},
            "project": {"id": record.project_id},
            "service": {"name": record.source},
            "region": proxy.region or record.execution_region,
        },
        "url": {"path": path, "original": _url(record)},
        "host": {"hostname": record.host},
        "http": {
            "request": {"method": proxy.method, "referrer": proxy.referer},
            "response": {"status_code": status},
        },
        "user_agent": {"original": ", ".join(agent) if isinstance(agent, tuple) else agent},
        "client": {"address": client.hidden(proxy.client_ip) if proxy.client_ip else None},
        "cache": {"id": proxy.cache_id},
    })  # fmt: skip
    return _merged(told, fields)


def _message(line: Line) -> str:
    if isinstance(line.content, str):
        return line.content
    return _text_of(line.content, "message") or orjson.dumps(line.content, default=str).decode()


def _text_of(told: Mapping[str, Any], name: str) -> str | None:
    value = told.get(name)
    return value if isinstance(value, str) and value else None


def _url(record: _Record) -> str | None:
    """Return the address that was asked for, as far as the record tells it."""
    proxy = record.proxy or _Proxy()
    host, path = proxy.host or record.host, proxy.path or record.path
    return f"{proxy.scheme or 'https'}://{host}{path}" if host and path else None


def _filled(fields: Mapping[str, Any]) -> JsonObject:
    """Leave out what is not known, and what is empty for it."""
    pairs = (
        (name, _filled(value) if isinstance(value, Mapping) else value)
        for name, value in fields.items()
    )
    return {name: value for name, value in pairs if value is not None and value != {}}


def _merged(told: Mapping[str, Any], own: Mapping[str, Any]) -> JsonObject:
    """Add what a function's object tells; what we say of the same field wins.

    One that is an object here and a value there would not fit the index's mapping.
    """
    merged: JsonObject = dict(own)
    for name, value in told.items():
        ours = own.get(name)
        if isinstance(ours, Mapping) and isinstance(value, Mapping):
            merged[name] = _merged(value, ours)
        elif name.partition(".")[0] not in own:
            merged[name] = value
    return merged


VERCEL_LOGS = Drain(
    name="vercel",
    system=VERCEL,
    description=(
        "Logs of Vercel deployments: what a log drain posts to the gateway becomes documents in "
        "every Elasticsearch of the tenant, one for each line of a record. Records of builds are "
        "left out. A repeat makes no second document; addresses of visitors are hidden. `read` "
        "counts documents and records that are none, `unchanged` documents that were there already."
    ),
    read=read_batch,
)
