"""OAuth access tokens that all processes share, refreshed once for all of them."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal, LiteralString

from psycopg import Connection

from schemabase_dagster import database, vault
from schemabase_dagster.tenancy import App

Kind = Literal["access", "refresh", "session"]

LOCK: Final = "token"


@dataclass(frozen=True, slots=True)
class Token:
    """A new token.

    Attributes:
        value: the secret; not shown by ``repr``.
        expires_in: seconds until it ends, by the provider.
    """

    value: str = field(repr=False)
    expires_in: float


_READ: LiteralString = """
SELECT token_enc, key_id
FROM platform.app_token
WHERE app_id = %s AND kind = %s AND expires_at > now() + %s
"""

_WRITE: LiteralString = """
INSERT INTO platform.app_token (app_id, kind, token_enc, key_id, obtained_at, expires_at)
VALUES (%s, %s, %s, %s, clock_timestamp(), clock_timestamp() + %s)
ON CONFLICT (app_id, kind) DO UPDATE
SET token_enc = excluded.token_enc, key_id = excluded.key_id,
    obtained_at = excluded.obtained_at, expires_at = excluded.expires_at
"""

_DROP: LiteralString = """
DELETE FROM platform.app_token
WHERE app_id = %s AND kind = %s AND token_enc = %s
"""

_ANY: LiteralString = """
SELECT token_enc, key_id FROM platform.app_token WHERE app_id = %s AND kind = %s
"""


def shared_token(
    app: App,
    kind: Kind = "access",
    *,
    refresh: Callable[[], Token],
    min_seconds_left: float = 300,
) -> str:
    """Return a token that stays valid for a while, refreshing it at most once for all processes.

    Whoever finds none takes the lock of the app's token, looks again, and only then refreshes. A
    process that dies while it refreshes frees the lock with its connection.

    Args:
        app: whose token.
        kind: which of its tokens.
        refresh: asks the system for a new token; called under the lock. What it raises is passed
            on, and nothing is stored.
        min_seconds_left: a token closer to its end is refreshed.
    """
    left = timedelta(seconds=min_seconds_left)
    with database.transaction() as conn:
        found = _read(conn, app, kind, left)
        if found is not None:
            return found
    # A dedicated connection: a refresh may take seconds, which a pooled one must not be held for.
    with database.connect(autocommit=True) as conn:
        database.advisory_lock(conn, LOCK, app.id, kind)
        found = _read(conn, app, kind, left)
        if found is not None:
            return found
        token = refresh()
        _write(conn, app, kind, token)
        return token.value


def invalidate(app: App, token: str, kind: Kind = "access") -> None:
    """Drop a token that the system refused, unless another one replaced it already."""
    with database.transaction() as conn:
        row = conn.execute(_ANY, (app.id, kind)).fetchone()
        if row is not None and _open(app, kind, row[0], row[1]) == token:
            conn.execute(_DROP, (app.id, kind, row[0]))


def _read(conn: Connection[Any], app: App, kind: Kind, left: timedelta) -> str | None:
    row = conn.execute(_READ, (app.id, kind, left)).fetchone()
    return _open(app, kind, row[0], row[1]) if row else None


def _write(conn: Connection[Any], app: App, kind: Kind, token: Token) -> None:
    envelope, key_id = vault.encrypt(token.value.encode(), vault.token_aad(app.id, kind))
    seconds = timedelta(seconds=math.floor(token.expires_in))
    conn.execute(_WRITE, (app.id, kind, envelope, key_id, seconds))


def _open(app: App, kind: Kind, envelope: bytes, key_id: str) -> str:
    return vault.decrypt(bytes(envelope), key_id, vault.token_aad(app.id, kind)).decode()
