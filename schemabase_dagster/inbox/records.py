"""What goes into the inbox and what comes out of it; and how a stored body is read."""

import gzip
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl
from uuid import UUID

import orjson

from schemabase_dagster.errors import RecordRejected

FORM_CONTENT = "application/x-www-form-urlencoded"
ZOHO_FORM_FIELD = "JSONString"
GZIP_WINDOW = 31
"""zlib's number for a gzip header and trailer."""


class Delivery(NamedTuple):
    """One verified request, ready to be stored.

    A tuple, not a dataclass: thousands are made in a second, and a batch is transposed to columns.

    Attributes:
        id: id of the inbox row if the delivery is new, UUID version 7.
        endpoint_id: endpoint it came to.
        event_type: by the sender, from headers; None when it names none.
        dedupe_key: SHA-256 of the provider's key.
        earlier_key: key of the day before, for keys that contain the UTC date (24 h rule).
        body_sha256: SHA-256 of the body.
        method: HTTP method.
        query: query string with hashed secrets, or None.
        headers: JSON object of the headers worth keeping, no secrets.
        content_type: content type as sent.
        body: bytes as received.
        verify_scheme: scheme that accepted it.
        source_ip: address of the sender.
        trace_id: follows the delivery through logs and runs.
        held: why it must not be processed yet (``entitlement``, ``paused``), or None.
    """

    id: UUID
    endpoint_id: str
    event_type: str | None
    dedupe_key: bytes
    earlier_key: bytes | None
    body_sha256: bytes
    method: str
    query: str | None
    headers: str
    content_type: str | None
    body: bytes
    verify_scheme: str
    source_ip: str | None
    trace_id: str
    held: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """Answer to one inserted delivery.

    Attributes:
        inbox_id: the row that holds it, an earlier one for a duplicate.
        is_new: a row was written; False = a duplicate was counted.
        body_conflict: another body came under the same key.
    """

    inbox_id: UUID
    is_new: bool
    body_conflict: bool


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A claimed delivery. ``attempts`` counts this claim and fences it against later ones.

    ``replay_of`` is the delivery that this one is a copy of.
    """

    id: UUID
    tenant_id: UUID
    app_id: UUID
    endpoint_id: str
    provider: str
    event_type: str | None
    query: str | None
    headers: dict[str, str]
    content_type: str | None
    body: bytes = field(repr=False)
    received_at: datetime
    trace_id: str
    attempts: int
    claimed_by: str
    replay_of: UUID | None


@dataclass(frozen=True, slots=True)
class DueGroup:
    """Deliveries that wait for one run: those of a tenant from one system.

    Attributes:
        tenant_id: tenant.
        tenant_slug: its slug, the partition key of the run.
        system: type of the apps.
        count: deliveries due now.
        oldest_received_at: arrival of the oldest of them.
        leased_until: end of the latest living lease in the group: a run is at work until then.
    """

    tenant_id: UUID
    tenant_slug: str
    system: str
    count: int
    oldest_received_at: datetime
    leased_until: datetime | None


@dataclass(frozen=True, slots=True)
class Selection:
    """A filter over the inbox; every given part must hold.

    Attributes:
        ids: ids of rows.
        tenant: slug of the tenant.
        provider: sender.
        event_type: event type.
        status: status of the row.
        since: received at or after.
        until: received before.
    """

    ids: tuple[UUID, ...] = ()
    tenant: str | None = None
    provider: str | None = None
    event_type: str | None = None
    status: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """One row for people; the body only where it was asked for."""

    id: UUID
    received_at: datetime
    tenant_slug: str
    app_key: str
    provider: str
    event_type: str | None
    status: str
    attempts: int
    next_attempt_at: datetime | None
    last_error: str | None
    body_bytes: int
    verify_scheme: str
    trace_id: str
    run_id: str | None
    replay_of: UUID | None
    content_type: str | None
    headers: dict[str, str]
    body: bytes | None = field(default=None, repr=False)


def payload(row: InboxRow) -> Any:
    """Parse the body of a delivery: JSON, or a form whose ``JSONString`` field holds JSON.

    A form without that field becomes an object of its fields (Zoho webhooks, default payload); the
    field may also stand in a JSON object (Zoho webhooks of the older gateway). A body that was
    packed with gzip is unpacked, all of its parts; the gateway has checked their size.

    Raises:
        RecordRejected: the body is none of these; such a delivery is settled as ``dead``.
    """
    content_type = (row.content_type or "").partition(";")[0].strip().lower()
    try:
        body = row.body
        if row.headers.get("content-encoding", "").strip().lower() == "gzip":
            body = gzip.decompress(body)
        if content_type == FORM_CONTENT:
            fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
            text = fields.get(ZOHO_FORM_FIELD)
            return fields if text is None else orjson.loads(text)
        value = orjson.loads(body)
        text = value.get(ZOHO_FORM_FIELD) if isinstance(value, dict) else None
        return orjson.loads(text) if isinstance(text, str) else value
    except (ValueError, EOFError, gzip.BadGzipFile, zlib.error):
        # The cause would carry parts of the body into logs.
        raise RecordRejected("not_json", "body", "the body is not valid JSON") from None
