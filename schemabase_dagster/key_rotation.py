"""Re-encryption of everything that the vault sealed with an old key."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, LiteralString

from psycopg import Connection

from schemabase_dagster import database, vault

BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class _Place:
    """A column with envelopes.

    Attributes:
        select: (key columns as one list, envelope, key id) of rows whose key is not the wanted
            one; locks them. Parameters: wanted key id, batch size.
        update: parameters: envelope, key id, key columns.
        counts: (key id, number of envelopes).
        aad: additional data from the key columns.
    """

    select: LiteralString
    update: LiteralString
    counts: LiteralString
    aad: Callable[..., bytes]


_PLACES: Final = (
    _Place(
        """
        SELECT ARRAY[id::text], credentials_enc, credentials_key_id FROM platform.app
        WHERE credentials_enc IS NOT NULL AND credentials_key_id <> %s
        ORDER BY id LIMIT %s FOR UPDATE
        """,
        "UPDATE platform.app SET credentials_enc = %s, credentials_key_id = %s WHERE id = %s",
        """
        SELECT credentials_key_id, count(*) FROM platform.app
        WHERE credentials_enc IS NOT NULL GROUP BY 1
        """,
        vault.app_aad,
    ),
    _Place(
        """
        SELECT ARRAY[app_id::text, kind], token_enc, key_id FROM platform.app_token
        WHERE key_id <> %s ORDER BY app_id, kind LIMIT %s FOR UPDATE
        """,
        """
        UPDATE platform.app_token SET token_enc = %s, key_id = %s WHERE app_id = %s AND kind = %s
        """,
        "SELECT key_id, count(*) FROM platform.app_token GROUP BY 1",
        vault.token_aad,
    ),
    _Place(
        """
        SELECT ARRAY[id::text], secret_enc, key_id FROM platform.webhook_secret
        WHERE secret_enc IS NOT NULL AND key_id <> %s ORDER BY id LIMIT %s FOR UPDATE
        """,
        "UPDATE platform.webhook_secret SET secret_enc = %s, key_id = %s WHERE id = %s",
        """
        SELECT key_id, count(*) FROM platform.webhook_secret
        WHERE secret_enc IS NOT NULL GROUP BY 1
        """,
        vault.webhook_secret_aad,
    ),
)


def rotate() -> int:
    """Re-encrypt all envelopes of old keys with the first key; return how many.

    Works in batches of one transaction each: it may be killed and started again.

    Raises:
        ConfigurationError: a secret's key is not in the ring.
    """
    return sum(_rotate(place) for place in _PLACES)


def count_by_key(conn: Connection[Any]) -> Counter[str]:
    """Return how many envelopes each key has encrypted."""
    total: Counter[str] = Counter()
    for place in _PLACES:
        total.update(dict(conn.execute(place.counts).fetchall()))
    return total


def _rotate(place: _Place) -> int:
    done = 0
    while batch := _rotate_batch(place):
        done += batch
    return done


def _rotate_batch(place: _Place) -> int:
    newest = vault.key_ids()[0]
    with database.transaction() as conn:
        rows = conn.execute(place.select, (newest, BATCH)).fetchall()
        for key, envelope, key_id in rows:
            aad = place.aad(*key)
            sealed, new_id = vault.encrypt(vault.decrypt(bytes(envelope), key_id, aad), aad)
            conn.execute(place.update, (sealed, new_id, *key))
    return len(rows)
