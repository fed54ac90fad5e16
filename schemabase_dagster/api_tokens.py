"""Bearer tokens of the read API: make, list, revoke, find out who calls.

A token is shown once. The database keeps its SHA-256: it has 256 random bits, so that no slow hash
is needed, and finding it by the hash in an index tells a guesser nothing.
"""

import hashlib
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.tenancy import Tenant

FEATURE: Final = "read_api"
"""Entitlement without which a token reads nothing of a tenant."""

SCOPES: Final = {
    "orders": "orders with their lines, without customers",
    "packages": "packages with their lines and events",
    "customers": "names, e-mail and addresses on orders",
}
"""What a token may read."""

LIFETIME: Final = timedelta(days=365)
PREFIX: Final = "sbt_"
"""By which a scanner for leaked secrets knows our tokens."""

ID_CHARACTERS: Final = 10
TOKEN_BYTES: Final = 32
MAX_LENGTH: Final = 100
"""Longer ones are refused before they are hashed."""

_CREATE: LiteralString = """
INSERT INTO platform.api_token (id, name, token_hash, scopes, expires_at)
VALUES (%(id)s, %(name)s, %(token_hash)s, %(scopes)s, now() + %(lifetime)s)
"""

_LET_READ: LiteralString = """
INSERT INTO platform.api_token_tenant (token_id, tenant_id)
SELECT %s, unnest(%s::uuid[])
"""

_LIST: LiteralString = """
SELECT
    k.id, k.name, array_agg(t.slug ORDER BY t.slug) AS tenants, k.scopes, k.created_at,
    k.expires_at, k.revoked_at, k.last_used_at,
    k.revoked_at IS NULL AND k.expires_at > now() AS is_valid
FROM platform.api_token AS k
JOIN platform.api_token_tenant AS m ON m.token_id = k.id
JOIN platform.tenant AS t ON t.id = m.tenant_id
GROUP BY k.id
HAVING %(tenant)s::text IS NULL OR bool_or(t.slug = %(tenant)s)
ORDER BY k.created_at, k.id
"""

_REVOKE: LiteralString = """
UPDATE platform.api_token
SET revoked_at = now()
WHERE id = %s
  AND revoked_at IS NULL
"""

_IS_THERE: LiteralString = "SELECT FROM platform.api_token WHERE id = %s"

# A tenant that is archived or has not paid is not there, whatever else the token reads.
FIND_CALLER: Final[LiteralString] = """
SELECT
    k.id AS token_id, k.scopes,
    coalesce(array_agg(t.id ORDER BY t.slug) FILTER (WHERE t.id IS NOT NULL), '{}') AS tenant_ids,
    coalesce(array_agg(t.slug ORDER BY t.slug) FILTER (WHERE t.id IS NOT NULL), '{}') AS tenants
FROM platform.api_token AS k
LEFT JOIN platform.api_token_tenant AS m ON m.token_id = k.id
LEFT JOIN platform.tenant AS t
    ON t.id = m.tenant_id AND t.active
    AND EXISTS (
        SELECT FROM platform.entitlement AS e
        WHERE e.tenant_id = t.id AND e.feature IN (%(feature)s, '*')
          AND e.valid_from <= now() AND e.valid_until > now()
    )
WHERE k.token_hash = %(token_hash)s
  AND k.revoked_at IS NULL
  AND k.expires_at > now()
GROUP BY k.id
"""

_MARK_USED: LiteralString = """
UPDATE platform.api_token
SET last_used_at = now()
WHERE id = %s
"""


@dataclass(frozen=True, slots=True)
class Created:
    """A new token; its text is known only now."""

    id: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as people see it."""

    id: str
    name: str
    tenants: list[str]
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    is_valid: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """Who holds a valid token: what it may read, and of whom.

    Attributes:
        token_id: public id of the token.
        scopes: what it may read.
        tenant_ids: tenants that are active and entitled, among those of the token.
        tenants: their slugs, in the same order.
    """

    token_id: str
    scopes: Sequence[str]
    tenant_ids: Sequence[UUID]
    tenants: Sequence[str]


def create(
    conn: Connection[Any],
    name: str,
    tenants: Sequence[Tenant],
    scopes: Sequence[str],
    lifetime: timedelta = LIFETIME,
) -> Created:
    """Make a token that reads some tenants.

    Raises:
        ConfigurationError: no tenant, no scope, an unknown scope, or it would never be valid.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        what = f"There is no scope '{unknown[0]}'." if unknown else "The token has no scope."
        raise ConfigurationError(what, f"Known: {', '.join(SCOPES)}.")
    if not tenants:
        raise ConfigurationError("The token reads no tenant.", "Name at least one.")
    if lifetime <= timedelta():
        raise ConfigurationError("The token would never be valid.", "Let it live for a day.")
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    token_id = "tk_" + "".join(
        secrets.choice(string.ascii_lowercase + "234567") for _ in range(ID_CHARACTERS)
    )
    values = {
        "id": token_id,
        "name": name,
        "token_hash": hash_of(token),
        "scopes": sorted(set(scopes)),
        "lifetime": lifetime,
    }
    conn.execute(_CREATE, values)
    conn.execute(_LET_READ, (token_id, sorted({tenant.id for tenant in tenants})))
    return Created(token_id, token)


def list_all(conn: Connection[Any], tenant: str | None = None) -> list[ApiToken]:
    """Return all tokens, or those that read a tenant, oldest first; ended ones too."""
    with conn.cursor(row_factory=class_row(ApiToken)) as cursor:
        return cursor.execute(_LIST, {"tenant": tenant}).fetchall()


def revoke(conn: Connection[Any], token_id: str) -> bool:
    """Refuse a token from the next request on; return False when it was revoked before.

    Raises:
        ConfigurationError: there is no such token.
    """
    if conn.execute(_IS_THERE, (token_id,)).fetchone() is None:
        raise ConfigurationError(
            f"There is no token '{token_id}'.", "Run 'schemabase token list' to see all."
        )
    return conn.execute(_REVOKE, (token_id,)).rowcount > 0


def mark_used(conn: Connection[Any], token_id: str) -> None:
    """Note that a token was used now."""
    conn.execute(_MARK_USED, (token_id,))


def hash_of(token: str) -> bytes:
    """Return what the database knows of a token."""
    return hashlib.sha256(token.encode()).digest()
