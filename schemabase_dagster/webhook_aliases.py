"""Aliases: addresses of an older gateway that lead to endpoints, so that senders need no change.

An alias is the id in an old address, or the whole path of an address that had none. Shops of Saleor
need no alias: they say in a header who they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from psycopg import Connection
from psycopg.rows import class_row

from schemabase_dagster import webhooks
from schemabase_dagster.errors import ConfigurationError

MAX_CHARACTERS: Final = 128

_ADD: Final = """
INSERT INTO platform.webhook_alias AS known (alias, endpoint_id)
VALUES (%(alias)s, %(endpoint_id)s)
ON CONFLICT (alias) DO UPDATE
    SET endpoint_id = excluded.endpoint_id,
        created_at = now()
    WHERE EXISTS (
        SELECT FROM platform.webhook_endpoint AS e
        WHERE e.id = known.endpoint_id AND e.deleted_at IS NOT NULL)
"""

_REMOVE: Final = "DELETE FROM platform.webhook_alias WHERE alias = %s"

_LIST: Final = """
SELECT w.alias, w.endpoint_id, e.provider, t.slug AS tenant_slug, w.created_at
FROM platform.webhook_alias AS w
JOIN platform.webhook_endpoint AS e ON e.id = w.endpoint_id
JOIN platform.tenant AS t ON t.id = e.tenant_id
WHERE e.deleted_at IS NULL
ORDER BY t.slug, w.alias
"""

# Of several endpoints of a shop the newest takes the deliveries.
_SHOPS: Final = """
SELECT e.provider, a.config ->> 'api_url', a.instance_key, e.id
FROM platform.webhook_endpoint AS e
JOIN platform.app AS a ON a.id = e.app_id
WHERE a.type = 'saleor'
  AND a.deleted_at IS NULL
  AND e.deleted_at IS NULL
ORDER BY e.created_at
"""


@dataclass(frozen=True, slots=True)
class Alias:
    """An alias as people see it."""

    alias: str
    endpoint_id: str
    provider: str
    tenant_slug: str
    created_at: datetime


class Target(NamedTuple):
    """Where an old address leads."""

    provider: str
    endpoint_id: str


@dataclass(frozen=True, slots=True)
class Targets:
    """Where all old addresses lead.

    Attributes:
        aliases: by alias.
        shops: of Saleor's shops, by (provider, API URL or domain).
    """

    aliases: Mapping[str, Target]
    shops: Mapping[tuple[str, str], Target]


def add_alias(conn: Connection[Any], alias: str, endpoint_id: str) -> None:
    """Let an old address lead to an endpoint; that of a deleted one leads there from now on.

    Raises:
        ConfigurationError: no such endpoint, the alias is not possible or leads elsewhere.
    """
    webhooks.get_endpoint(conn, endpoint_id)
    if not (0 < len(alias) <= MAX_CHARACTERS and alias.isprintable() and " " not in alias):
        raise ConfigurationError(
            "That is not the id of an old address.",
            "Give the last part of its path, or the whole path where it has no id.",
        )
    if not conn.execute(_ADD, {"alias": alias, "endpoint_id": endpoint_id}).rowcount:
        raise ConfigurationError(
            f"There is an alias '{alias}' already.",
            "Run 'schemabase webhook aliases' to see where it leads, or 'webhook unalias' first.",
        )


def remove_alias(conn: Connection[Any], alias: str) -> None:
    """Answer 404 under an old address.

    Raises:
        ConfigurationError: there is no such alias.
    """
    if not conn.execute(_REMOVE, (alias,)).rowcount:
        raise ConfigurationError(
            f"There is no alias '{alias}'.", "Run 'schemabase webhook aliases' to see all."
        )


def list_aliases(conn: Connection[Any]) -> list[Alias]:
    """List all aliases."""
    with conn.cursor(row_factory=class_row(Alias)) as cursor:
        return cursor.execute(_LIST).fetchall()


def load_targets(conn: Connection[Any]) -> Targets:
    """Read where all old addresses lead."""
    shops: dict[tuple[str, str], Target] = {}
    for provider, api_url, domain, endpoint_id in conn.execute(_SHOPS).fetchall():
        for address in filter(None, (api_url, urlsplit(api_url).netloc, domain)):
            shops[provider, address] = Target(provider, endpoint_id)
    aliases = {each.alias: Target(each.provider, each.endpoint_id) for each in list_aliases(conn)}
    return Targets(aliases, shops)
