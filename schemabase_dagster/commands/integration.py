"""``schemabase integration``: features that connect several apps."""

from dataclasses import asdict
from typing import Annotated

import typer

from schemabase_dagster import database, tenancy
from schemabase_dagster.commands._options import AsJson, TenantFilter, TenantSlug
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.tenancy import integrations
from schemabase_dagster.terminal import say, show

NAME = "integration"

app = typer.Typer(help="Features that connect several apps of a tenant.")

Id = Annotated[str, typer.Argument(metavar="ID", help="Id, or its beginning.")]


@app.command(
    epilog="Example: schemabase integration add acme entity_sync --app "
    "source=shop --app target=books"
)
def add(
    slug: TenantSlug,
    kind: Annotated[
        str, typer.Argument(metavar="TYPE", help=f"One of: {', '.join(integrations.TYPES)}.")
    ],
    *,
    apps: Annotated[
        list[str], typer.Option("--app", metavar="ROLE=APP", help="An app and its role; repeat.")
    ],
) -> None:
    """Connect apps, such as --app source=shop --app target=books."""
    with database.transaction() as conn:
        tenant = tenancy.get_tenant(conn, slug)
        members = [(role, tenancy.get_app(conn, tenant, key)) for role, key in map(_split, apps)]
        added = integrations.add_integration(conn, tenant, kind, members)
    say(f"Added integration [bold]{added.id}[/]: {', '.join(added.apps)}.")


@app.command(name="list", epilog="Example: schemabase integration list acme")
def list_(
    slug: TenantFilter = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List integrations."""
    with database.transaction() as conn:
        tenant = tenancy.get_tenant(conn, slug, archived_ok=True) if slug else None
        found = integrations.list_integrations(conn, tenant)
    rows = [asdict(each) for each in found]
    columns = {
        "id": "Id",
        "tenant_slug": "Tenant",
        "type": "Type",
        "apps": "Apps",
        "enabled": "Enabled",
    }
    if not as_json:
        rows = [row | {"apps": ", ".join(row["apps"])} for row in rows]
    show(
        columns,
        rows,
        as_json=as_json,
        empty="No integrations. Add one with [bold]schemabase integration add TENANT TYPE[/].",
    )


@app.command(epilog="Example: schemabase integration enable acme 01a21370")
def enable(slug: TenantSlug, integration: Id) -> None:
    """Switch an integration on."""
    _switch(slug, integration, enabled=True)


@app.command(epilog="Example: schemabase integration disable acme 01a21370")
def disable(slug: TenantSlug, integration: Id) -> None:
    """Switch an integration off."""
    _switch(slug, integration, enabled=False)


def _switch(slug: str, integration_id: str, *, enabled: bool) -> None:
    with database.transaction() as conn:
        tenant = tenancy.get_tenant(conn, slug, archived_ok=True)
        found = integrations.get_integration(conn, tenant, integration_id)
        is_changed = integrations.set_integration_enabled(conn, found, enabled=enabled)
    state = "enabled" if enabled else "disabled"
    say(f"Integration [bold]{found.id}[/] {'is now' if is_changed else 'was already'} {state}.")


def _split(member: str) -> tuple[str, str]:
    role, separator, key = member.partition("=")
    if not separator or not role or not key:
        raise ConfigurationError(
            f"'{member}' is not a role and an app.", "Write --app source=shop, for instance."
        )
    return role, key
