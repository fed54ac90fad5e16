"""``schemabase webhook``: the addresses that senders post to, and their secrets."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

import typer

from schemabase_dagster import database, tenancy, webhooks
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.settings import get_settings
from schemabase_dagster.tenancy import App
from schemabase_dagster.terminal import plural, print_json, say, show

NAME = "webhook"

app = typer.Typer(help="Addresses that external systems post their events to.")

EndpointId = Annotated[str, typer.Argument(help="Id of the endpoint, wh_...", metavar="ENDPOINT")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


@app.command(
    epilog="Example: schemabase webhook create acme books --scheme "
    "shared_secret --option header=X-Secret"
)
def create(
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="Slug of the tenant.")],
    app_key: Annotated[str, typer.Argument(help="Key of the app.", metavar="APP")],
    *,
    name: Annotated[str | None, typer.Option(help="Name for people.")] = None,
    scheme: Annotated[
        str | None,
        typer.Option(help="How deliveries are verified; default: as the system signs them."),
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
    tenant: Annotated[
        str | None, typer.Argument(metavar="[TENANT]", help="Only this tenant's.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List endpoints with their last delivery."""
    with database.transaction() as conn:
        endpoints = webhooks.list_endpoints(conn, tenant)
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


@app.command(epilog="Example: schemabase webhook delete wh_gpnvd7aa3jpojm2uckhh7xz4en")
def delete(endpoint: EndpointId) -> None:
    """Answer 404 from now on; what was stored is still processed."""
    with database.transaction() as conn:
        webhooks.delete_endpoint(conn, endpoint)
    say(f"Deleted {endpoint}.")


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
    if created.secret is None:
        say("Secret    none needed: the sender signs with its own key")
    else:
        say(f"Secret    [bold]{created.secret}[/]")
        say("It is shown only now. Enter URL and secret at the sender.")


def _url(endpoint: webhooks.Endpoint) -> str:
    return webhooks.endpoint_url(get_settings().gateway_url, endpoint.provider, endpoint.id)


def _state(endpoint: webhooks.Endpoint) -> str:
    if not endpoint.enabled:
        return "off"
    return "active" if endpoint.paused_at is None else "paused"
