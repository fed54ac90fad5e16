"""Tenants: add, find, archive."""

import re
from typing import Any, Final, LiteralString, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from psycopg import Connection
from psycopg.rows import class_row
from uuid_utils.compat import uuid7

from schemabase_dagster.errors import ConfigurationError, UnknownTenantError
from schemabase_dagster.tenancy.entitlements import EVERYTHING, grant
from schemabase_dagster.tenancy.records import Tenant

Connected: TypeAlias = Connection[Any]

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,38}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_LANGUAGE: Final = re.compile(r"[a-z]{2}(-[A-Z]{2})?")
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")

_SELECT: LiteralString = """
SELECT
    id, slug, name, timezone, active, nightly_at, default_currency, default_country,
    default_language
FROM platform.tenant
"""

_INSERT: LiteralString = """
INSERT INTO platform.tenant (
    id, slug, name, timezone, nightly_at, default_currency, default_country, default_language)
VALUES (
    %(id)s, %(slug)s, %(name)s, %(timezone)s, %(nightly_at)s, %(currency)s, %(country)s,
    %(language)s)
ON CONFLICT (slug) DO NOTHING
"""

_SET_ACTIVE: LiteralString = """
UPDATE platform.tenant
SET active = %(active)s, updated_at = now()
WHERE slug = %(slug)s AND active <> %(active)s
"""


def get_tenant(conn: Connected, slug: str, *, archived_ok: bool = False) -> Tenant:
    """Return a tenant by its slug.

    Raises:
        UnknownTenantError: there is none, or it is archived and ``archived_ok`` is not set.
    """
    with conn.cursor(row_factory=class_row(Tenant)) as cursor:
        tenant = cursor.execute(_SELECT + "WHERE slug = %s", (slug,)).fetchone()
    if tenant is None:
        raise UnknownTenantError(slug)
    if not tenant.active and not archived_ok:
        raise UnknownTenantError(slug, archived=True)
    return tenant


def list_tenants(conn: Connected, *, active: bool | None = None) -> list[Tenant]:
    """Return all tenants, or only active or archived ones, by slug."""
    with conn.cursor(row_factory=class_row(Tenant)) as cursor:
        query = _SELECT + "WHERE %(active)s::boolean IS NULL OR active = %(active)s ORDER BY slug"
        return cursor.execute(query, {"active": active}).fetchall()


def add_tenant(
    conn: Connected,
    slug: str,
    name: str,
    *,
    timezone: str = "UTC",
    nightly_at: str = "02:30",
    currency: str = "EUR",
    country: str | None = None,
    language: str = "en",
) -> Tenant:
    """Add a tenant, entitled to everything.

    Args:
        conn: connection; both rows are written in one transaction.
        slug: Dagster partition key: lower-case letters, digits and dashes.
        name: name for people.
        timezone: IANA zone, such as ``Europe/Berlin``.
        nightly_at: local time of the nightly full sync, ``HH:MM``.
        currency: ISO 4217 code.
        country: ISO 3166-1 alpha-2 code.
        language: BCP 47 tag such as ``de`` or ``de-AT``.

    Raises:
        ConfigurationError: a value is not possible, or the slug is taken.
    """
    _demand(_SLUG, slug, "slug", "2 to 39 lower-case letters, digits and dashes, like 'my-shop'")
    _demand(_CURRENCY, currency, "currency", "an ISO 4217 code, like 'EUR'")
    _demand(_LANGUAGE, language, "language", "a language tag, like 'de' or 'de-AT'")
    _demand(_TIME, nightly_at, "nightly time", "a local time, like '02:30'")
    if country is not None:
        _demand(_COUNTRY, country, "country", "an ISO 3166-1 code of two letters, like 'DE'")
    if not name.strip():
        raise ConfigurationError("The name of a tenant must not be empty.")
    check_timezone(timezone)
    values = {
        "id": uuid7(),
        "slug": slug,
        "name": name.strip(),
        "timezone": timezone,
        "nightly_at": nightly_at,
        "currency": currency,
        "country": country,
        "language": language,
    }
    with conn.transaction():
        if conn.execute(_INSERT, values).rowcount == 0:
            raise ConfigurationError(
                f"There already is a tenant '{slug}'.", "Run 'schemabase tenant list' to see all."
            )
        tenant = get_tenant(conn, slug)
        grant(conn, tenant, EVERYTHING)
    return tenant


def activate_tenant(conn: Connected, slug: str) -> bool:
    """Take a tenant out of the archive; return False when it was active already."""
    get_tenant(conn, slug, archived_ok=True)
    return conn.execute(_SET_ACTIVE, {"slug": slug, "active": True}).rowcount > 0


def deactivate_tenant(conn: Connected, slug: str) -> bool:
    """Archive a tenant: nothing is synced any more, data stay; return False if it was archived."""
    get_tenant(conn, slug, archived_ok=True)
    return conn.execute(_SET_ACTIVE, {"slug": slug, "active": False}).rowcount > 0


def check_timezone(name: str) -> None:
    """Raise ConfigurationError unless a name is an IANA time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(
            f"'{name}' is not a time zone.", "Use an IANA name such as 'Europe/Berlin' or 'UTC'."
        ) from None


def _demand(pattern: re.Pattern[str], value: str, what: str, wanted: str) -> None:
    if not pattern.fullmatch(value):
        raise ConfigurationError(f"'{value}' is not a possible {what}.", f"Use {wanted}.")
