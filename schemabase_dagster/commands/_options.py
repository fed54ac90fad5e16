"""Arguments and options that several commands take, with one help text each."""

from typing import Annotated, Any

import typer
from psycopg import Connection

from schemabase_dagster import tenancy

TenantSlug = Annotated[str, typer.Argument(metavar="TENANT", help="Slug of the tenant.")]
TenantFilter = Annotated[str | None, typer.Argument(metavar="[TENANT]", help="Only this tenant's.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def known_slug(conn: Connection[Any], slug: str | None) -> str | None:
    """Return a slug to filter by, so that a typo is not taken for an empty list.

    Raises:
        UnknownTenantError: there is no such tenant, archived ones included.
    """
    return tenancy.get_tenant(conn, slug, archived_ok=True).slug if slug else None
