"""``schemabase entitlement``: what a tenant may use."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from schemabase_dagster import database, inbox, tenancy
from schemabase_dagster.commands._options import AsJson, TenantSlug
from schemabase_dagster.terminal import plural, say, show

NAME = "entitlement"

app = typer.Typer(help="What a tenant may use: 'sync', 'webhooks', ... or '*' for all.")

Feature = Annotated[
    str, typer.Argument(help=f"One of: {', '.join(tenancy.FEATURES)}; * is all of them.")
]
Day = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="First day (UTC) without it; default: never ends."),
]


@app.command(epilog="Example: schemabase entitlement grant acme sync --until 2027-01-31")
def grant(slug: TenantSlug, feature: Feature = tenancy.EVERYTHING, *, until: Day = None) -> None:
    """Entitle a tenant to a feature; webhooks held for want of it are processed."""
    end = until.replace(tzinfo=UTC) if until else tenancy.FOREVER
    with database.transaction() as conn:
        tenant = tenancy.get_tenant(conn, slug, archived_ok=True)
        tenancy.grant(conn, tenant, feature, until=end)
        released = inbox.release_held(conn, tenant.id)
    limit = f" until {until:%Y-%m-%d}" if until else ""
    say(f"Tenant [bold]{slug}[/] is entitled to '{feature}'{limit}.")
    if released:
        say(f"{plural(released, 'held webhook')} will be processed.")


@app.command(epilog="Example: schemabase entitlement revoke acme webhooks")
def revoke(slug: TenantSlug, feature: Feature = tenancy.EVERYTHING) -> None:
    """End an entitlement now: syncs stop, webhooks are stored and held."""
    with database.transaction() as conn:
        tenant = tenancy.get_tenant(conn, slug, archived_ok=True)
        is_changed = tenancy.revoke(conn, tenant, feature)
        still = tenancy.is_entitled(conn, tenant.id, feature)
    if is_changed:
        say(f"Tenant [bold]{slug}[/] is not entitled to '{feature}' any more.")
    else:
        say(f"Tenant [bold]{slug}[/] had no entitlement to '{feature}' that holds.")
    if still:
        say(f"It may still use '{feature}': it is entitled to '*', everything.")


@app.command(name="list", epilog="Example: schemabase entitlement list acme")
def list_(
    slug: TenantSlug,
    *,
    as_json: AsJson = False,
) -> None:
    """List a tenant's entitlements, ended ones included."""
    with database.transaction() as conn:
        tenant = tenancy.get_tenant(conn, slug, archived_ok=True)
        rows = [asdict(each) for each in tenancy.list_entitlements(conn, tenant)]
    if not as_json:
        rows = [row | {"valid_until": _end(row["valid_until"])} for row in rows]
    show(
        {
            "feature": "Feature",
            "valid_from": "From",
            "valid_until": "Until",
            "is_valid": "Holds now",
        },
        rows,
        as_json=as_json,
        empty=f"Tenant {slug} may use nothing. "
        f"Run [bold]schemabase entitlement grant {slug} '*'[/].",
    )


def _end(until: datetime | None) -> datetime | str | None:
    return "never ends" if until is not None and until >= tenancy.FOREVER else until
