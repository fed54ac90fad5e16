"""Endpoints: where a delivery belongs and how it is verified; kept ten seconds per process.

Only settings are kept, and only of endpoints that exist: a new endpoint works at once. Every
unknown id costs a question, one after the other on one connection; who asks for many is told to
slow down.
"""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from schemabase_dagster import schemes, tenancy, vault
from schemabase_dagster.inbox.due import FEATURE
from webhook_gateway.answers import Refusal
from webhook_gateway.buckets import Buckets
from webhook_gateway.endpoint_secrets import Secret
from webhook_gateway.jwks import Jwks
from webhook_gateway.link import Desk
from webhook_gateway.providers import provider
from webhook_gateway.providers.base import Provider
from webhook_gateway.verification import Verifier, build_verifier

ENDPOINT_ID: Final = re.compile(r"wh_[a-z2-7]{26}", re.ASCII)
UNKNOWN_PER_MINUTE: Final = 120
"""Unknown ids for which an address is answered 404; then it is 429. They are looked for all the
same: a sender behind the same address, whose endpoint is there, would lose events by a 4xx."""

SHOWN_CHARACTERS: Final = 10
"""Of an id that opens its endpoint by itself: enough to know it again."""

_ENDPOINT: Final = """
SELECT e.id, e.tenant_id, t.slug AS tenant_slug, t.active, e.app_id, e.provider, e.enabled,
       e.paused_at IS NOT NULL AS is_paused, e.unentitled, e.verification, e.answers,
       e.max_body_bytes, e.rate_per_minute
FROM platform.webhook_endpoint AS e
JOIN platform.tenant AS t ON t.id = e.tenant_id
WHERE e.id = %(id)s
  AND e.deleted_at IS NULL
"""

_SECRETS: Final = """
SELECT id, kind, secret_enc, key_id, secret_hash, valid_from, valid_until
FROM platform.webhook_secret
WHERE endpoint_id = %(id)s
  AND (valid_until IS NULL OR valid_until > now())
ORDER BY valid_from DESC, id
"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The settings of an endpoint.

    Attributes:
        id: public id.
        tenant_id: tenant.
        tenant_slug: its slug.
        app_id: app.
        provider: kind of the sender.
        is_enabled: False = a person switched it off.
        is_refused: its tenant is not entitled, and its deliveries are not wanted until it is.
        held: why its deliveries must wait, or None.
        options: options of its verification.
        verifier: proves deliveries.
        max_body_bytes: limit of bodies, packed or unpacked.
        rate_per_minute: limit of deliveries.
    """

    id: str
    tenant_id: UUID
    tenant_slug: str
    app_id: UUID
    provider: Provider
    is_enabled: bool
    is_refused: bool
    held: str | None
    options: Mapping[str, Any]
    verifier: Verifier
    secrets: tuple[Secret, ...]
    answers: Mapping[str, Any] | None
    max_body_bytes: int
    rate_per_minute: int

    @property
    def shown_id(self) -> str:
        """The id as a log may show it: only its beginning where it is all that a sender proves."""
        is_secret = self.options.get("scheme") == "path_only"
        return self.id[:SHOWN_CHARACTERS] if is_secret else self.id


class Endpoints:
    """Finds endpoints, one question to the database per endpoint and ten seconds."""

    def __init__(self, desk: Desk, jwks: Jwks, keep_seconds: float) -> None:
        self._desk = desk
        self._jwks = jwks
        self._keep_seconds = keep_seconds
        self._known: dict[str, tuple[float, Endpoint]] = {}
        self._loading: dict[str, asyncio.Task[Endpoint | None]] = {}
        self._unknown = Buckets()

    def cached(self, provider_name: str, endpoint_id: str) -> Endpoint | None:
        """Return the endpoint if it is in memory and fresh."""
        kept = self._known.get(endpoint_id)
        if kept is None or kept[0] < time.monotonic() or kept[1].provider.name != provider_name:
            return None
        return kept[1]

    async def find(self, provider_name: str, endpoint_id: str, source_ip: str | None) -> Endpoint:
        """Return the endpoint of a path.

        Raises:
            Refusal: 404, equal for unknown, deleted and another provider's; 429 for an address
                that asks for too many unknown ones; 503 without a database.
        """
        if not ENDPOINT_ID.fullmatch(endpoint_id):
            raise Refusal(404, "endpoint_syntax")
        found = await self._load(endpoint_id)
        if found is not None and found.provider.name == provider_name:
            return found
        wait = self._unknown.take(source_ip or "", UNKNOWN_PER_MINUTE)
        if wait:
            raise Refusal(429, "unknown_endpoints", retry_after=wait)
        raise Refusal(404, "endpoint_unknown")

    def forget(self, endpoint_id: str | None = None) -> None:
        """Drop one endpoint from memory, or all."""
        if endpoint_id is None:
            self._known.clear()
        else:
            self._known.pop(endpoint_id, None)

    async def _load(self, endpoint_id: str) -> Endpoint | None:
        task = self._loading.get(endpoint_id)
        if task is None:
            task = asyncio.create_task(self._ask(endpoint_id))
            self._loading[endpoint_id] = task
            task.add_done_callback(lambda _: self._loading.pop(endpoint_id, None))
        return await asyncio.shield(task)

    async def _ask(self, endpoint_id: str) -> Endpoint | None:
        endpoint = await self._desk.ask(load_endpoint, endpoint_id, self._jwks)
        if endpoint is not None:
            self._known[endpoint_id] = (time.monotonic() + self._keep_seconds, endpoint)
        return endpoint


def load_endpoint(conn: Connection[Any], endpoint_id: str, jwks: Jwks) -> Endpoint | None:
    """Read an endpoint with its secrets and whether its tenant may use it."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_ENDPOINT, {"id": endpoint_id}).fetchone()
        if row is None:
            return None
        secrets = tuple(_secret(each) for each in cursor.execute(_SECRETS, {"id": endpoint_id}))
    credentials = _credentials(conn, row["app_id"], row["verification"])
    is_entitled = row["active"] and tenancy.is_entitled(conn, row["tenant_id"], FEATURE)
    held = "entitlement" if not is_entitled else "paused" if row["is_paused"] else None
    sender = provider(row["provider"], row["verification"].get("sender"))
    return Endpoint(
        id=row["id"],
        tenant_id=row["tenant_id"],
        tenant_slug=row["tenant_slug"],
        app_id=row["app_id"],
        provider=sender,
        is_enabled=row["enabled"],
        is_refused=not is_entitled and row["unentitled"] == "reject",
        held=held,
        options=row["verification"],
        verifier=build_verifier(row["verification"], secrets, jwks, credentials),
        secrets=secrets,
        answers=row["answers"],
        max_body_bytes=row["max_body_bytes"] or sender.max_body_bytes,
        rate_per_minute=row["rate_per_minute"],
    )


def _credentials(
    conn: Connection[Any], app_id: UUID, verification: Mapping[str, Any]
) -> Mapping[str, str] | None:
    """Return the credentials of an app whose sender proves itself by them, and of no other."""
    scheme = schemes.SCHEMES.get(str(verification.get("scheme")))
    if scheme is None or scheme.app_type is None:
        return None
    return tenancy.open_credentials(conn, app_id)


def _secret(row: dict[str, Any]) -> Secret:
    value = row["secret_hash"]
    if row["kind"] == "hmac":
        value = vault.decrypt(row["secret_enc"], row["key_id"], vault.webhook_secret_aad(row["id"]))
    return Secret(row["id"], row["kind"], value, row["valid_from"], row["valid_until"])
