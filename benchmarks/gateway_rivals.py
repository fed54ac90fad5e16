"""What the gateway is measured against, one server process each.

``no_store``: the same app, verifying, but answering without storing. ``one_insert``: the same app
with one INSERT and COMMIT per request through a pool.
"""

import asyncio
import sys
from typing import Any, Final

import uvicorn
from psycopg_pool import AsyncConnectionPool

from schemabase_dagster.database import conninfo
from schemabase_dagster.inbox import Delivery, Stored
from webhook_gateway.app import create_app
from webhook_gateway.connections import Guarded

POOL_SIZE: Final = 10

ONE_INSERT: Final = """
WITH known AS (
    INSERT INTO platform.webhook_dedupe AS d (endpoint_id, dedupe_key, body_sha256, inbox_id)
    VALUES (%b, %b, %b, %b)
    ON CONFLICT (endpoint_id, dedupe_key) DO UPDATE
        SET seen_count = d.seen_count + 1,
            last_seen_at = now(),
            body_conflict = d.body_conflict OR d.body_sha256 <> excluded.body_sha256
    RETURNING d.inbox_id, d.body_conflict, d.seen_count
),
stored AS (
    INSERT INTO platform.webhook_inbox
        (id, endpoint_id, tenant_id, app_id, provider, event_type, dedupe_key, method, headers,
         content_type, body, verify_scheme, source_ip, trace_id)
    SELECT known.inbox_id, e.id, e.tenant_id, e.app_id, e.provider, %b::text, %b, 'POST',
           %b::text::jsonb, %b::text, %b, %b::text, %b::text::inet, %b::text
    FROM known
    JOIN platform.webhook_endpoint AS e ON e.id = %b
    WHERE known.seen_count = 1
)
SELECT inbox_id, seen_count = 1, body_conflict
FROM known
"""


class Discard:
    """Stores nothing."""

    async def store(self, delivery: Delivery) -> Stored:
        """Answer as if the delivery had been stored."""
        return Stored(delivery.id, is_new=True, body_conflict=False)


class OneInsert:
    """Stores each delivery by a statement and a commit of its own."""

    def __init__(self) -> None:
        self._pool: AsyncConnectionPool[Any] | None = None
        self._opening = asyncio.Lock()

    async def store(self, d: Delivery) -> Stored:
        """Store one delivery."""
        values = (
            d.endpoint_id, d.dedupe_key, d.body_sha256, d.id, d.event_type, d.dedupe_key, d.headers,
            d.content_type, d.body, d.verify_scheme, d.source_ip, d.trace_id, d.endpoint_id,
        )  # fmt: skip
        pool = self._pool or await self._open()
        async with pool.connection() as conn:
            cursor = await conn.execute(ONE_INSERT, values, binary=True)
            row = await cursor.fetchone()
        if row is None:
            raise AssertionError("the statement always answers")
        return Stored(*row)

    async def _open(self) -> AsyncConnectionPool[Any]:
        async with self._opening:
            if self._pool is None:
                pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
                    conninfo(),
                    min_size=POOL_SIZE,
                    max_size=POOL_SIZE,
                    kwargs={"autocommit": True},
                    open=False,
                )
                await pool.open(wait=True)
                self._pool = pool
            return self._pool


def main(variant: str, port: str) -> None:
    """Serve a rival under the same server and settings as the gateway."""
    app = create_app(store=Discard() if variant == "no_store" else OneInsert())
    uvicorn.run(
        app,
        port=int(port),
        loop="uvloop",
        http=Guarded,
        ws="none",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
