"""``schemabase webhook``: the addresses that senders post to, and their secrets."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import typer

from schemabase_dagster import database, schemes, tenancy, webhook_aliases, webhooks
from schemabase_dagster.commands import _credentials
from schemabase_dagster.commands._options import AsJson, TenantFilter, TenantSlug, known_slug
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.settings import get_settings
from schemabase_dagster.tenancy import App
from schemabase_dagster.terminal import plural, print_json, say, show

NAME = "webhook"

app = typer.Typer(help="Addresses that external systems post their events to.")

MOST = 2**31 - 1
"""Largest number that the database's column holds."""

EndpointId = Annotated[str, typer.Argument(help="Id of the endpoint, wh_...", metavar="ENDPOINT")]


@app.command(
    epilog="Example: schemabase webhook create acme books --scheme "
    "shared_secret --option header=X-Secret"
)
def create(
    tenant: TenantSlug,
    app_key: Annotated[str, typer.Argument(help="Key of the app.", metavar="APP")],
    *,
    name: Annotated[str | None, typer.Option(help="Name for people.")] = None,
    scheme: Annotated[
        str | None,
        typer.Option(
            help="How deliveries are verified, see 'webhook schemes'; default: as the system does."
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(help="Option of the scheme as name=value, such as header=X-Secret."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make an address for an app's events; prints the URL and, this once, the secret."""
    with database.transaction() as conn:
        connected = tenancy.get_app(conn, tenant, app_key)
        verification = _verification(connected, scheme, option or [])
        created = webhooks.create_endpoint(conn, connected, verification, name=name)
    _print_created(created, as_json=as_json)


@app.command(name="list", epilog="Example: schemabase webhook list acme")
def list_(
    tenant: TenantFilter = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List endpoints with their last delivery."""
    with database.transaction() as conn:
        endpoints = webhooks.list_endpoints(conn, known_slug(conn, tenant))
    show(
        {
            "id": "Endpoint",
            "tenant_slug": "Tenant",
            "app_key": "App",
            "provider": "Sender",
            "name": "Name",
            "scheme": "Verified by",
            "state": "State",
            "last_delivery_at": "Last delivery",
            "body_conflicts": "Conflicts",
        },
        [
            asdict(each) | {"scheme": each.scheme, "state": _state(each), "url": _url(each)}
            for each in endpoints
        ],
        as_json=as_json,
        empty="No webhook endpoints yet. Make one with "
        "[bold]schemabase webhook create TENANT APP[/].",
    )


@app.command(
    epilog="Example: schemabase webhook rotate wh_gpnvd7aa3jpojm2uckhh7xz4en --grace-hours 2"
)
def rotate(
    endpoint: EndpointId,
    *,
    grace_hours: Annotated[
        float, typer.Option(min=0, help="How long the old secret is still accepted.")
    ] = webhooks.GRACE / timedelta(hours=1),
    as_json: AsJson = False,
) -> None:
    """Make a new secret; prints it this once. The old one works for a day."""
    with database.transaction() as conn:
        created = webhooks.rotate_secret(conn, endpoint, timedelta(hours=grace_hours))
    _print_created(created, as_json=as_json)


@app.command(name="schemes", epilog="Example: schemabase webhook schemes")
def schemes_(*, as_json: AsJson = False) -> None:
    """List the ways to verify deliveries, with their options."""
    rows = [
        {"scheme": scheme, "option": option, "meaning": meaning}
        for scheme, option, meaning in schemes.describe()
    ]
    columns = {"scheme": "Scheme", "option": "Option", "meaning": "Meaning"}
    show(columns, rows, as_json=as_json, empty="There are none.")


@app.command(
    name="add-secret",
    epilog="Example: schemabase webhook add-secret wh_gpnvd7aa3jpojm2uckhh7xz4en --stdin",
)
def add_secret(
    endpoint: EndpointId,
    *,
    stdin: Annotated[bool, typer.Option("--stdin", help="Read it from standard input.")] = False,
    is_hash: Annotated[
        bool, typer.Option("--hash", help="It is the hex SHA-256 that another system kept.")
    ] = False,
    grace_hours: Annotated[
        float | None,
        typer.Option(min=0, help="Accept the older secrets only so long; default: they stay."),
    ] = None,
) -> None:
    """Accept a secret that the sender made, beside those that are valid."""
    secret = _read_secret(stdin=stdin)
    grace = None if grace_hours is None else timedelta(hours=grace_hours)
    with database.transaction() as conn:
        webhooks.add_secret(conn, endpoint, secret, is_hash=is_hash, grace=grace)
    say(f"{endpoint} accepts it from now on.")


@app.command(
    name="secrets", epilog="Example: schemabase webhook secrets wh_gpnvd7aa3jpojm2uckhh7xz4en"
)
def secrets_(endpoint: EndpointId, *, as_json: AsJson = False) -> None:
    """List the secrets of an endpoint with their last use, never the secrets themselves."""
    with database.transaction() as conn:
        found = webhooks.list_secrets(conn, endpoint)
    show(
        {
            "id": "Secret",
            "valid_from": "From",
            "valid_until": "Until",
            "last_used_at": "Last used",
        },
        [asdict(each) for each in found],
        as_json=as_json,
        empty="It has none.",
    )


@app.command(
    name="end-secret",
    epilog="Example: schemabase webhook end-secret wh_gpnvd7aa3jpojm2uckhh7xz4en "
    "01a21370-b1bc-74db-92ee-3f80f14d7bac",
)
def end_secret(
    endpoint: EndpointId,
    secret: Annotated[str, typer.Argument(help="Id of the secret.", metavar="SECRET")],
) -> None:
    """Accept a secret no longer; 'webhook secrets' shows whether it is still used."""
    try:
        secret_id = UUID(secret)
    except ValueError:
        raise ConfigurationError(
            "That is not the id of a secret.",
            f"Run 'schemabase webhook secrets {endpoint}' to see ids.",
        ) from None
    with database.transaction() as conn:
        webhooks.end_secret(conn, endpoint, secret_id)
    say(f"{endpoint} does not accept it any more.")


@app.command(epilog="Example: schemabase webhook pause wh_gpnvd7aa3jpojm2uckhh7xz4en")
def pause(endpoint: EndpointId) -> None:
    """Store deliveries without processing them."""
    with database.transaction() as conn:
        held = webhooks.pause_endpoint(conn, endpoint)
    waiting = plural(held, "delivery", "deliveries")
    say(f"Paused {endpoint}: what comes is stored and waits; {waiting} held now.")


@app.command(epilog="Example: schemabase webhook resume wh_gpnvd7aa3jpojm2uckhh7xz4en")
def resume(endpoint: EndpointId) -> None:
    """Process deliveries again, those that waited first."""
    with database.transaction() as conn:
        released = webhooks.resume_endpoint(conn, endpoint)
    say(f"Resumed {endpoint}: {plural(released, 'delivery', 'deliveries')} due now.")


@app.command(
    epilog="Example: schemabase webhook change wh_gpnvd7aa3jpojm2uckhh7xz4en --max-body-bytes 65536"
)
def change(
    endpoint: EndpointId,
    *,
    enabled: Annotated[
        bool | None,
        typer.Option("--enable/--disable", help="Take deliveries, or refuse and forget them."),
    ] = None,
    unentitled: Annotated[
        webhooks.Unentitled | None,
        typer.Option(help="While the tenant is not entitled: hold deliveries, or refuse them."),
    ] = None,
    max_body_bytes: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="Larger bodies are refused.")
    ] = None,
    rate_per_minute: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="More deliveries are refused.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            help="Option of the scheme as name=value, such as ip_allow=192.0.2.0/24; name= takes "
            "it away."
        ),
    ] = None,
) -> None:
    """Change what an endpoint takes: whether, how large, how often, and how it is verified."""
    limits = (enabled, unentitled, max_body_bytes, rate_per_minute)
    if not option and all(each is None for each in limits):
        raise ConfigurationError(
            "Nothing was chosen to be changed.", "See 'schemabase webhook change --help'."
        )
    with database.transaction() as conn:
        if option:
            webhooks.set_options(conn, endpoint, _parse_options(option))
        webhooks.restrict_endpoint(
            conn,
            endpoint,
            enabled=enabled,
            unentitled=unentitled,
            max_body_bytes=max_body_bytes,
            rate_per_minute=rate_per_minute,
        )
    say(f"Changed {endpoint}.")


@app.command(epilog="Example: schemabase webhook delete wh_gpnvd7aa3jpojm2uckhh7xz4en")
def delete(endpoint: EndpointId) -> None:
    """Answer 404 from now on; what was stored is still processed."""
    with database.transaction() as conn:
        webhooks.delete_endpoint(conn, endpoint)
    say(f"Deleted {endpoint}.")


@app.command(epilog="Example: schemabase webhook alias wh_gpnvd7aa3jpojm2uckhh7xz4en wh_8fJ2kQ")
def alias(
    endpoint: EndpointId,
    old: Annotated[
        str,
        typer.Argument(metavar="OLD", help="Id in the old address, or the whole old path."),
    ],
) -> None:
    """Let an address of the older gateway lead here; needs GATEWAY_LEGACY_ROUTES."""
    with database.transaction() as conn:
        webhook_aliases.add_alias(conn, old, endpoint)
    say(f"{old} leads to {endpoint}.")


@app.command(epilog="Example: schemabase webhook unalias wh_8fJ2kQ")
def unalias(
    old: Annotated[str, typer.Argument(metavar="OLD", help="Id in the old address, or path.")],
) -> None:
    """Answer 404 under an address of the older gateway."""
    with database.transaction() as conn:
        webhook_aliases.remove_alias(conn, old)
    say(f"{old} leads nowhere now.")


@app.command(epilog="Example: schemabase webhook aliases")
def aliases(*, as_json: AsJson = False) -> None:
    """List the addresses of the older gateway and where they lead."""
    with database.transaction() as conn:
        found = webhook_aliases.list_aliases(conn)
    show(
        {"alias": "Old", "endpoint_id": "Endpoint", "provider": "Sender", "tenant_slug": "Tenant"},
        [asdict(each) for each in found],
        as_json=as_json,
        empty="No aliases. Make one with [bold]schemabase webhook alias ENDPOINT OLD[/].",
    )


def _verification(connected: App, scheme: str | None, options: Sequence[str]) -> dict[str, Any]:
    # Late: walking all systems costs time that other commands need not spend.
    from resources.registry import systems  # noqa: PLC0415

    system = systems()[connected.type]
    default = dict(system.verification(system.config.model_validate(connected.config)))
    is_default = scheme is None or scheme == default.get("scheme")
    return {**(default if is_default else {"scheme": scheme}), **_parse_options(options)}


def _parse_options(options: Sequence[str]) -> Mapping[str, str]:
    parsed = {}
    for each in options:
        name, separator, value = each.partition("=")
        if not separator or not name or name == "scheme":
            raise ConfigurationError(
                f"'{name}' is not an option of the form name=value.",
                "Write for instance --option header=X-Secret.",
            )
        parsed[name] = value
    return parsed


def _print_created(created: webhooks.Created, *, as_json: bool) -> None:
    url = webhooks.endpoint_url(get_settings().gateway_url, created.provider, created.endpoint_id)
    if as_json:
        print_json(asdict(created) | {"url": url})
        return
    say(f"Endpoint  [bold]{created.endpoint_id}[/], verified by {created.scheme}")
    say(f"URL       [bold]{url}[/]")
    scheme = schemes.SCHEMES[created.scheme]
    if created.secret is None and (scheme.secret is None or scheme.is_optional):
        say(f"Secret    none needed; checked is {scheme.summary}")
    elif created.secret is None:
        say("Secret    the sender makes it. Enter the URL there, then what it shows here, with")
        say(f"          [bold]schemabase webhook add-secret {created.endpoint_id}[/]")
    else:
        if created.user is not None:
            say(f"User      [bold]{created.user}[/]")
        say(f"Secret    [bold]{created.secret}[/]")
        say("It is shown only now. Enter URL and secret at the sender.")


def _read_secret(*, stdin: bool) -> str:
    """Return a secret from a prompt or standard input: all may read the arguments of a command."""
    if stdin:
        return sys.stdin.read().strip()
    if not _credentials.is_terminal():
        raise ConfigurationError("There is no terminal to ask for the secret.", "Use --stdin.")
    answer: str = typer.prompt("Secret (not shown while you type)", hide_input=True)
    return answer.strip()


def _url(endpoint: webhooks.Endpoint) -> str:
    return webhooks.endpoint_url(get_settings().gateway_url, endpoint.provider, endpoint.id)


def _state(endpoint: webhooks.Endpoint) -> str:
    if not endpoint.enabled:
        return "off"
    if endpoint.paused_at is None:
        return "active"
    return f"paused: {endpoint.paused_reason}" if endpoint.paused_reason else "paused"
