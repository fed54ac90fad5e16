"""``schemabase tenant``: add, list, archive."""

import os
from dataclasses import asdict
from typing import Annotated

import structlog
import typer
from sqlalchemy.exc import SQLAlchemyError

from schemabase_dagster import database, inbox, tags, tenancy
from schemabase_dagster.commands._options import AsJson
from schemabase_dagster.terminal import plural, say, show

NAME = "tenant"

app = typer.Typer(help="Merchants: the unit of isolation and of work.")

Slug = Annotated[
    str, typer.Argument(metavar="TENANT", help="Slug of the tenant, the partition key in Dagster.")
]

_log = structlog.get_logger(__name__)


@app.command(
    epilog="Example: schemabase tenant add acme --timezone Europe/Berlin --nightly-at 02:30"
)
def add(
    slug: Slug,
    *,
    name: Annotated[str | None, typer.Option(help="Name for people; default: the slug.")] = None,
    timezone: Annotated[str, typer.Option(help="IANA zone of the nightly sync.")] = "UTC",
    nightly_at: Annotated[str, typer.Option(help="Local time of the nightly sync.")] = "02:30",
    currency: Annotated[str, typer.Option(help="ISO 4217 code.")] = "EUR",
    country: Annotated[str | None, typer.Option(help="ISO 3166-1 code.")] = None,
    language: Annotated[str, typer.Option(help="Language tag, like de or de-AT.")] = "en",
) -> None:
    """Add a tenant, entitled to everything."""
    with database.transaction() as conn:
        tenant = tenancy.add_tenant(
            conn,
            slug,
            name or slug,
            timezone=timezone,
            nightly_at=nightly_at,
            currency=currency,
            country=country,
            language=language,
        )
    _add_partition(slug)
    say(f"Added tenant [bold]{tenant.slug}[/], nightly sync at {nightly_at} {timezone}.")
    say(f"Next: [bold]schemabase app add {slug} TYPE[/] connects a system.")


@app.command(name="list", epilog="Example: schemabase tenant list --all")
def list_(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Archived ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List tenants with the number of their apps."""
    with database.transaction() as conn:
        tenants = tenancy.list_tenants(conn, active=None if everything else True)
        apps = tenancy.list_apps(conn)
    rows = [
        asdict(each) | {"apps": sum(app.tenant_id == each.id for app in apps)} for each in tenants
    ]
    show(
        {
            "slug": "Tenant",
            "name": "Name",
            "timezone": "Zone",
            "nightly_at": "Nightly",
            "apps": "Apps",
            "active": "Active",
        },
        rows,
        as_json=as_json,
        empty="No tenants yet. Add one with [bold]schemabase tenant add SLUG[/].",
    )


@app.command(epilog="Example: schemabase tenant deactivate acme")
def deactivate(slug: Slug) -> None:
    """Archive a tenant: no syncs, webhooks are held, data stay."""
    with database.transaction() as conn:
        is_changed = tenancy.deactivate_tenant(conn, slug)
    say(f"Tenant [bold]{slug}[/] {'is archived now' if is_changed else 'was archived already'}.")


@app.command(epilog="Example: schemabase tenant activate acme")
def activate(slug: Slug) -> None:
    """Take a tenant out of the archive."""
    with database.transaction() as conn:
        is_changed = tenancy.activate_tenant(conn, slug)
        released = inbox.release_held(conn, tenancy.get_tenant(conn, slug).id)
    _add_partition(slug)
    say(f"Tenant [bold]{slug}[/] {'is active again' if is_changed else 'was active already'}.")
    if released:
        say(f"{plural(released, 'held webhook')} will be processed.")


def _add_partition(slug: str) -> None:
    """Show the tenant in Dagster at once; otherwise a sensor does so within seconds."""
    if not os.environ.get("DAGSTER_HOME"):
        return
    import dagster as dg  # noqa: PLC0415 - two seconds that no other command needs

    try:
        with dg.DagsterInstance.get() as instance:
            instance.add_dynamic_partitions(tags.TENANT_PARTITIONS, [slug])
    except (dg.DagsterError, SQLAlchemyError, OSError) as error:
        _log.warning(
            "partition_not_added", tenant=slug, reason=type(error).__name__, next="sensor adds it"
        )
