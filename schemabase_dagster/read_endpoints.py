"""Read endpoints: addresses at which others read a product feed or logistics numbers of a tenant.

Nobody logs in there (Google and Meta fetch a feed by its address alone), so the id is the secret:
130 random bits, and what is served holds nothing that the storefront does not show.
"""

import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, LiteralString, TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.tenancy import App, Tenant

Kind: TypeAlias = Literal["product_feed", "logistics"]

FEATURES: Final[Mapping[Kind, str]] = {
    "product_feed": "product_feed",
    "logistics": "logistics_stats",
}
"""Entitlement that each kind needs."""

VARIANTS: Final = ("googlemerchant", "facebookcommerce")
"""Formats of a product feed, as the reference names them in its routes."""

ID_CHARACTERS: Final = 26

_CREATE: LiteralString = """
INSERT INTO platform.read_endpoint
    (id, tenant_id, kind, name, former_id, app_id, sales_channel_id, link_prefix)
VALUES
    (%(id)s, %(tenant_id)s, %(kind)s, %(name)s, %(former_id)s, %(app_id)s, %(sales_channel_id)s,
     %(link_prefix)s)
ON CONFLICT (former_id) DO NOTHING
"""

_LIST: LiteralString = """
SELECT
    e.id, e.tenant_id, t.slug AS tenant_slug, e.kind, e.name, e.app_id, a.key AS app_key,
    e.sales_channel_id, c.name AS sales_channel, e.link_prefix, e.enabled, e.last_read_at,
    e.created_at
FROM platform.read_endpoint AS e
JOIN platform.tenant AS t ON t.id = e.tenant_id
LEFT JOIN platform.app AS a ON a.id = e.app_id
LEFT JOIN core.sales_channels AS c ON c.id = e.sales_channel_id
WHERE e.deleted_at IS NULL
  AND (%(tenant)s::text IS NULL OR t.slug = %(tenant)s)
  AND (%(kind)s::text IS NULL OR e.kind = %(kind)s)
  AND (%(id)s::text IS NULL OR e.id = %(id)s)
ORDER BY t.slug, e.kind, e.created_at
"""

_SWITCH: LiteralString = """
UPDATE platform.read_endpoint
SET enabled = %(is_on)s, updated_at = now()
WHERE id = %(id)s
"""

_DELETE: LiteralString = """
UPDATE platform.read_endpoint
SET deleted_at = now(), updated_at = now(), former_id = NULL
WHERE id = %s
"""

_MARK_READ: LiteralString = """
UPDATE platform.read_endpoint
SET last_read_at = now()
WHERE id = %s
"""

_PRICED_CHANNELS: LiteralString = """
SELECT c.id, c.name
FROM core.sales_channels AS c
WHERE c.tenant_id = %(tenant_id)s
  AND c.deleted_at IS NULL
  AND EXISTS (
      SELECT FROM core.prices AS p
      WHERE p.tenant_id = c.tenant_id AND p.sales_channel_id = c.id
        AND p.owner_app_id = %(app_id)s AND p.deleted_at IS NULL
  )
ORDER BY c.name
"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as people see it; the last four columns of a feed are None elsewhere."""

    id: str
    tenant_id: UUID
    tenant_slug: str
    kind: Kind
    name: str | None
    app_id: UUID | None
    app_key: str | None
    sales_channel_id: UUID | None
    sales_channel: str | None
    link_prefix: str | None
    enabled: bool
    last_read_at: datetime | None
    created_at: datetime


def create_feed(
    conn: Connection[Any],
    app: App,
    link_prefix: str,
    *,
    channel: str | None = None,
    name: str | None = None,
    former_id: str | None = None,
) -> str:
    """Make the endpoint of a product feed and return its id.

    Args:
        conn: connection.
        app: shop whose products it lists.
        link_prefix: address of a product in the storefront, without its slug.
        channel: name of the sales channel whose prices it shows; None = the only one.
        name: for people.
        former_id: id in the address by which the older gateway served it.

    Raises:
        ConfigurationError: the address is none, the channel is unknown or not certain, or the
            former id is taken.
    """
    if urlsplit(link_prefix).scheme not in {"http", "https"}:
        raise ConfigurationError(
            "The address of the storefront does not begin with http:// or https://.",
            "Write the address of a product without its slug, such as https://shop.example/p.",
        )
    channels = conn.execute(
        _PRICED_CHANNELS, {"tenant_id": app.tenant_id, "app_id": app.id}
    ).fetchall()
    return _create(
        conn,
        app.tenant_id,
        "product_feed",
        name,
        former_id,
        app_id=app.id,
        sales_channel_id=_choose(channels, channel),
        link_prefix=link_prefix,
    )


def create_logistics(
    conn: Connection[Any],
    tenant: Tenant,
    *,
    name: str | None = None,
    former_id: str | None = None,
) -> str:
    """Make an endpoint of logistics numbers and return its id.

    Raises:
        ConfigurationError: the former id is taken.
    """
    return _create(conn, tenant.id, "logistics", name, former_id)


def list_endpoints(
    conn: Connection[Any], tenant: str | None = None, *, kind: Kind | None = None
) -> list[Endpoint]:
    """Return the endpoints of a tenant, or all."""
    return _select(conn, {"tenant": tenant, "kind": kind, "id": None})


def get_endpoint(conn: Connection[Any], endpoint_id: str) -> Endpoint:
    """Return an endpoint.

    Raises:
        ConfigurationError: there is none with this id.
    """
    found = _select(conn, {"tenant": None, "kind": None, "id": endpoint_id})
    if not found:
        raise ConfigurationError(
            f"There is no read endpoint '{endpoint_id}'.", "Run 'schemabase feed list' to see all."
        )
    return found[0]


def switch(conn: Connection[Any], endpoint_id: str, *, is_on: bool) -> None:
    """Answer 403 from now on, or serve again.

    Raises:
        ConfigurationError: there is no such endpoint.
    """
    get_endpoint(conn, endpoint_id)
    conn.execute(_SWITCH, {"id": endpoint_id, "is_on": is_on})


def delete(conn: Connection[Any], endpoint_id: str) -> None:
    """Answer 404 from now on.

    Raises:
        ConfigurationError: there is no such endpoint.
    """
    get_endpoint(conn, endpoint_id)
    conn.execute(_DELETE, (endpoint_id,))


def mark_read(conn: Connection[Any], endpoint_id: str) -> None:
    """Note that an endpoint was read now."""
    conn.execute(_MARK_READ, (endpoint_id,))


def urls(gateway_url: str, kind: Kind, endpoint_id: str) -> list[str]:
    """Return the addresses that an endpoint is read at."""
    root = gateway_url.rstrip("/")
    if kind == "logistics":
        return [f"{root}/v1/stats/logistics/{endpoint_id}"]
    return [f"{root}/v1/feeds/{variant}/{endpoint_id}" for variant in VARIANTS]


def _create(
    conn: Connection[Any],
    tenant_id: UUID,
    kind: Kind,
    name: str | None,
    former_id: str | None,
    **feed: Any,
) -> str:
    endpoint_id = "rd_" + "".join(
        secrets.choice(string.ascii_lowercase + "234567") for _ in range(ID_CHARACTERS)
    )
    values = {
        "id": endpoint_id,
        "tenant_id": tenant_id,
        "kind": kind,
        "name": name,
        "former_id": former_id,
        "app_id": None,
        "sales_channel_id": None,
        "link_prefix": None,
        **feed,
    }
    if not conn.execute(_CREATE, values).rowcount:
        raise ConfigurationError(
            f"The former id '{former_id}' leads to another endpoint.",
            "Delete that one, or leave --former-id out.",
        )
    return endpoint_id


def _choose(channels: Sequence[tuple[UUID, str]], wanted: str | None) -> UUID | None:
    known = ", ".join(name for _, name in channels) or "none; sync the shop first"
    if wanted is not None:
        found = [channel_id for channel_id, name in channels if name == wanted]
        if not found:
            raise ConfigurationError(
                f"No sales channel '{wanted}' has prices of this shop.", f"Known: {known}."
            )
        return found[0]
    if len(channels) > 1:
        raise ConfigurationError(
            "The shop has prices in several sales channels.",
            f"Choose one with --channel; known: {known}.",
        )
    return channels[0][0] if channels else None


def _select(conn: Connection[Any], values: Mapping[str, Any]) -> list[Endpoint]:
    with conn.cursor(row_factory=class_row(Endpoint)) as cursor:
        return cursor.execute(_LIST, values).fetchall()
