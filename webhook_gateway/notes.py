"""Notes: what is written down beside the inbox: access log, activity, refusals, used secrets."""

import asyncio
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg import Connection

from schemabase_dagster.inbox import note_activity
from webhook_gateway.answers import Refusal
from webhook_gateway.link import Desk

LOG_SECONDS: Final = 0.1
FLUSH_SECONDS: Final = 1.0
MAX_REFUSALS: Final = 100
"""Refusals written per flush; more are only counted, so that a flood cannot fill the table."""

SECRET_SECONDS: Final = 60
"""The use of a secret is written at most so often."""

_REFUSALS: Final = """
INSERT INTO platform.webhook_reject
    (endpoint_id, reason, http_status, source_ip, body_bytes, trace_id)
SELECT endpoint_id, reason, http_status, source_ip::inet, body_bytes, trace_id
FROM unnest(%s::text[], %s::text[], %s::int[], %s::text[], %s::int[], %s::text[])
     AS r (endpoint_id, reason, http_status, source_ip, body_bytes, trace_id)
"""

_SECRETS_USED: Final = """
UPDATE platform.webhook_secret
SET last_used_at = now()
WHERE id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Refused:
    """One refused request; the endpoint only if its id has the right form."""

    endpoint_id: str | None
    reason: str
    http_status: int
    source_ip: str | None
    body_bytes: int | None
    trace_id: str


class Notes:
    """Collects notes in memory and writes them from a task, away from the requests."""

    def __init__(self, desk: Desk, *, access_log: bool) -> None:
        self._desk = desk
        self._access_log = access_log
        self._lines: list[bytes] = []
        self._refusals: list[Refused] = []
        self._delivered: dict[str, int] = {}
        self._secrets: set[UUID] = set()
        self._secret_noted_at: dict[UUID, float] = {}

    def access(self, line: dict[str, Any]) -> None:
        """Note a request for the access log: no body, no secret."""
        if self._access_log:
            self._lines.append(orjson.dumps(line))

    def refused(self, refused: Refused) -> None:
        """Note a refused request."""
        if len(self._refusals) < MAX_REFUSALS:
            self._refusals.append(refused)

    def delivered(self, endpoint_id: str) -> None:
        """Note that a verified delivery came to an endpoint, new or not."""
        self._delivered[endpoint_id] = self._delivered.get(endpoint_id, 0) + 1

    def secret_used(self, secret_id: UUID) -> None:
        """Note that a secret proved a delivery."""
        now = time.monotonic()
        if now - self._secret_noted_at.get(secret_id, float("-inf")) >= SECRET_SECONDS:
            self._secret_noted_at[secret_id] = now
            self._secrets.add(secret_id)

    async def run(self) -> None:
        """Write notes until cancelled."""
        flushed_at = 0.0
        while True:
            await asyncio.sleep(LOG_SECONDS)
            self.write_log()
            if time.monotonic() - flushed_at >= FLUSH_SECONDS:
                flushed_at = time.monotonic()
                await self.flush()

    def write_log(self) -> None:
        """Write the gathered lines of the access log at once."""
        if self._lines:
            lines, self._lines = self._lines, []
            sys.stdout.buffer.write(b"\n".join(lines) + b"\n")
            sys.stdout.buffer.flush()

    async def flush(self) -> None:
        """Write what was noted to the database; what it does not take is dropped."""
        refusals, self._refusals = self._refusals, []
        delivered, self._delivered = self._delivered, {}
        secrets, self._secrets = self._secrets, set()
        if not refusals and not delivered and not secrets:
            return
        try:
            await self._desk.ask(_write, refusals, delivered, sorted(secrets))
        except Refusal:
            return


def _write(
    conn: Connection[Any],
    refusals: list[Refused],
    delivered: Mapping[str, int],
    secrets: list[UUID],
) -> None:
    columns = (
        [each.endpoint_id for each in refusals],
        [each.reason for each in refusals],
        [each.http_status for each in refusals],
        [each.source_ip for each in refusals],
        [each.body_bytes for each in refusals],
        [each.trace_id for each in refusals],
    )
    conn.execute(_REFUSALS, columns)
    note_activity(conn, delivered)
    conn.execute(_SECRETS_USED, (secrets,))
