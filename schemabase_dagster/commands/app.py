"""``schemabase app``: connect accounts of external systems to a tenant."""

from dataclasses import asdict
from typing import Annotated

import typer

from resources import registry as systems
from resources.consent import RIGHTS
from schemabase_dagster import database, tenancy
from schemabase_dagster.clock import utc_now
from schemabase_dagster.commands import _config, _credentials
from schemabase_dagster.commands._options import AsJson, TenantFilter, TenantSlug
from schemabase_dagster.commands.connect import needed_rights, warn
from schemabase_dagster.errors import ConfigurationError, CredentialError
from schemabase_dagster.terminal import cell, plural, say, show

NAME = "app"

app = typer.Typer(help="Apps: connected accounts of external systems.")

Key = Annotated[str, typer.Argument(metavar="APP", help="Key of the app.")]
Streams = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Only this stream; repeat.")
]


@app.command(
    epilog="Example: schemabase app add acme zoho --key books --set organization_id=20011122000"
)
def add(
    slug: TenantSlug,
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="Kind of system, like zoho.")],
    *,
    key: Annotated[str | None, typer.Option(help="Stable name; default: the type.")] = None,
    settings: _config.Settings = None,
    name: Annotated[str | None, typer.Option(help="Name for people.")] = None,
    environment: Annotated[str, typer.Option(help="production or sandbox.")] = "production",
    cron: Annotated[str | None, typer.Option(help="When it is pulled, as cron.")] = None,
    cron_timezone: Annotated[str | None, typer.Option(help="IANA zone of the cron.")] = None,
    credentials_stdin: _credentials.FromStdin = False,
    credentials_env: _credentials.FromEnvironment = None,
) -> None:
    """Connect an account and enable its streams.

    Credentials are asked for, or come from stdin or the environment; never from an argument.
    """
    from assets import registry as assets  # noqa: PLC0415 - all assets, needed by this one only

    system = systems.system_of(kind)
    config = _config.parse(settings or [])
    with database.transaction() as conn:
        tenant = tenancy.get_tenant(conn, slug)
        # Asked for last: what can be wrong without them is told before anybody types a secret.
        tenancy.check_app(conn, tenant, system, key or kind, config)
    credentials = _credentials.read(
        system.credentials, system.title, stdin=credentials_stdin, prefix=credentials_env
    )
    streams = list(assets.streams_of(system.name))
    with database.transaction() as conn:
        added = tenancy.add_app(
            conn,
            tenant,
            system,
            key or kind,
            config,
            credentials,
            streams,
            name=name,
            environment=environment,
            cron_schedule=cron,
            cron_timezone=cron_timezone,
        )
    say(f"Added app [bold]{added.key}[/] ({system.title}) of tenant [bold]{slug}[/].")
    say(f"It pulls {plural(len(streams), 'stream')}: {', '.join(streams) or 'none'}.")
    say(f"Next: [bold]schemabase app check {slug} {added.key}[/] tries the credentials.")


@app.command(name="list", epilog="Example: schemabase app list acme")
def list_(
    slug: TenantFilter = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List apps."""
    with database.transaction() as conn:
        tenant = tenancy.get_tenant(conn, slug, archived_ok=True) if slug else None
        found = tenancy.list_apps(conn, tenant)
    rows = [asdict(each) | {"state": _state(each)} for each in found]
    show(
        {
            "tenant_slug": "Tenant",
            "key": "App",
            "type": "System",
            "name": "Name",
            "instance_key": "Account",
            "state": "State",
        },
        rows,
        as_json=as_json,
        empty="No apps. Connect one with [bold]schemabase app add TENANT TYPE[/].",
    )


@app.command(epilog="Example: schemabase app check acme books")
def check(slug: TenantSlug, key: Key) -> None:
    """Prove the credentials by cheap calls, tell what they can see and which scopes they lack."""
    with database.transaction() as conn:
        found = tenancy.get_app(conn, slug, key)
    resource = systems.default_resources()[found.type]
    try:
        with resource.open(found) as client:
            facts = dict(client.check())
    except CredentialError as error:
        with database.transaction() as conn:
            tenancy.mark_credentials_failed(conn, found, error.reason)
        raise
    with database.transaction() as conn:
        tenancy.mark_credentials_working(conn, found)
    say(f"[green]App [bold]{key}[/] of tenant [bold]{slug}[/] works.[/]")
    granted = facts.pop(RIGHTS, "")
    for name, value in facts.items():
        say(f"  {name}: {value}")
    if granted:
        consent = systems.consent_of(systems.system_of(found.type))
        warn(consent.missing(granted, needed_rights(consent, found)))


@app.command(epilog="Example: schemabase app set-credentials acme books --credentials-env ZOHO")
def set_credentials(
    slug: TenantSlug,
    key: Key,
    *,
    credentials_stdin: _credentials.FromStdin = False,
    credentials_env: _credentials.FromEnvironment = None,
) -> None:
    """Replace the credentials; runs stopped by a refusal start again."""
    with database.transaction() as conn:
        found = tenancy.get_app(conn, slug, key)
    system = systems.system_of(found.type)
    credentials = _credentials.read(
        system.credentials, system.title, stdin=credentials_stdin, prefix=credentials_env
    )
    with database.transaction() as conn:
        tenancy.set_credentials(conn, found, system, credentials)
    say(f"Stored the credentials of app [bold]{key}[/] of tenant [bold]{slug}[/].")
    say(f"Next: [bold]schemabase app check {slug} {key}[/] tries them.")


@app.command(epilog="Example: schemabase app disable acme books --stream zoho_contacts")
def disable(slug: TenantSlug, key: Key, *, stream: Streams = None) -> None:
    """Neither pull nor process the app, or pull some of its streams, any more; data stay."""
    with database.transaction() as conn:
        found = tenancy.get_app(conn, slug, key)
        if stream:
            tenancy.disable_streams(conn, found, _known(found, stream))
            say(f"App [bold]{key}[/] pulls {', '.join(tenancy.enabled_streams(conn, found))}.")
            return
        is_changed = tenancy.disable_app(conn, found)
    say(f"App [bold]{key}[/] {'is disabled now' if is_changed else 'was disabled already'}.")


@app.command(epilog="Example: schemabase app enable acme books")
def enable(slug: TenantSlug, key: Key, *, stream: Streams = None) -> None:
    """Pull and process the app, or pull some of its streams, again."""
    with database.transaction() as conn:
        found = tenancy.get_app(conn, slug, key)
        if stream:
            tenancy.enable_streams(conn, found, _known(found, stream))
            say(f"App [bold]{key}[/] pulls {', '.join(tenancy.enabled_streams(conn, found))}.")
            return
        is_changed = tenancy.enable_app(conn, found)
    say(f"App [bold]{key}[/] {'is enabled now' if is_changed else 'was enabled already'}.")


def _known(found: tenancy.App, streams: list[str]) -> list[str]:
    """Return names of streams; refuse those that the app's system has not."""
    from assets import registry as assets  # noqa: PLC0415 - all assets, needed by few commands

    known = assets.streams_of(found.type)
    for name in streams:
        if name not in known:
            raise ConfigurationError(
                f"App '{found.key}' has no stream '{name}'.", f"Known: {', '.join(known)}."
            )
    return streams


def _state(found: tenancy.App) -> str:
    if not found.enabled:
        return "disabled"
    if not found.has_credentials:
        return "no credentials"
    if found.credentials_failed_at is not None:
        return f"credentials refused ({found.credentials_error})"
    if found.paused_until is not None and found.paused_until > utc_now():
        return f"paused until {cell(found.paused_until)}"
    return "enabled"
