"""``schemabase feed``: addresses at which others read product feeds and logistics numbers."""

from dataclasses import asdict
from typing import Annotated

import typer

from schemabase_dagster import database, read_endpoints, tenancy
from schemabase_dagster.commands._options import AsJson, TenantFilter, TenantSlug, known_slug
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.settings import get_settings
from schemabase_dagster.tenancy import App, Tenant
from schemabase_dagster.terminal import print_json, say, show

NAME = "feed"

app = typer.Typer(help="Addresses at which others read product feeds and logistics numbers.")

EndpointId = Annotated[str, typer.Argument(help="Id of the endpoint, rd_...", metavar="ENDPOINT")]
Name = Annotated[str | None, typer.Option(help="Name for people.")]
FormerId = Annotated[
    str | None, typer.Option(help="Id in the address by which the older gateway served it.")
]


@app.command(epilog="Example: schemabase feed products acme --link https://shop.example/p")
def products(
    tenant: TenantSlug,
    *,
    link: Annotated[
        str, typer.Option(help="Address of a product in the storefront, without its slug.")
    ],
    shop: Annotated[str | None, typer.Option(help="Key of the shop's app, if several.")] = None,
    channel: Annotated[
        str | None, typer.Option(help="Sales channel whose prices are shown, if several.")
    ] = None,
    name: Name = None,
    former_id: FormerId = None,
    as_json: AsJson = False,
) -> None:
    """Make a product feed for Google and Facebook, and fill it at once."""
    from assets.published.product_feed import publish  # noqa: PLC0415 - costs other commands time

    with database.transaction() as conn:
        found = tenancy.get_tenant(conn, tenant)
        endpoint_id = read_endpoints.create_feed(
            conn,
            _shop(conn, found, shop),
            link,
            channel=channel,
            name=name,
            former_id=former_id,
        )
        publish(conn, found)
    _print_created(endpoint_id, as_json=as_json)


@app.command(epilog="Example: schemabase feed logistics acme")
def logistics(
    tenant: TenantSlug,
    *,
    name: Name = None,
    former_id: FormerId = None,
    as_json: AsJson = False,
) -> None:
    """Make an address of logistics numbers, and count them at once."""
    from assets.published.logistics_numbers import publish  # noqa: PLC0415 - as above

    with database.transaction() as conn:
        found = tenancy.get_tenant(conn, tenant)
        endpoint_id = read_endpoints.create_logistics(conn, found, name=name, former_id=former_id)
        publish(conn, found)
    _print_created(endpoint_id, as_json=as_json)


@app.command(name="list", epilog="Example: schemabase feed list acme")
def list_(
    tenant: TenantFilter = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the addresses with their last reader."""
    with database.transaction() as conn:
        endpoints = read_endpoints.list_endpoints(conn, known_slug(conn, tenant))
    show(
        {
            "id": "Endpoint",
            "tenant_slug": "Tenant",
            "kind": "Kind",
            "name": "Name",
            "app_key": "Shop",
            "sales_channel": "Channel",
            "state": "State",
            "last_read_at": "Last read",
        },
        [
            asdict(each) | {"state": "on" if each.enabled else "off", "urls": _urls(each)}
            for each in endpoints
        ],
        as_json=as_json,
        empty="Nothing is published yet. Begin with "
        "[bold]schemabase feed products TENANT --link URL[/].",
    )


@app.command(epilog="Example: schemabase feed off rd_gpnvd7aa3jpojm2uckhh7xz4en")
def off(endpoint: EndpointId) -> None:
    """Answer 403 from now on."""
    with database.transaction() as conn:
        read_endpoints.switch(conn, endpoint, is_on=False)
    say(f"{endpoint} is switched off.")


@app.command(epilog="Example: schemabase feed on rd_gpnvd7aa3jpojm2uckhh7xz4en")
def on(endpoint: EndpointId) -> None:
    """Serve it again."""
    with database.transaction() as conn:
        read_endpoints.switch(conn, endpoint, is_on=True)
    say(f"{endpoint} is switched on.")


@app.command(epilog="Example: schemabase feed delete rd_gpnvd7aa3jpojm2uckhh7xz4en")
def delete(endpoint: EndpointId) -> None:
    """Answer 404 from now on."""
    with database.transaction() as conn:
        read_endpoints.delete(conn, endpoint)
    say(f"Deleted {endpoint}.")


def _shop(conn: database.Connection[object], tenant: Tenant, key: str | None) -> App:
    from resources.registry import systems  # noqa: PLC0415 - walks all systems

    if key is not None:
        chosen = tenancy.get_app(conn, tenant.slug, key)
        if systems()[chosen.type].role != "shop":
            raise ConfigurationError(f"App '{key}' is no shop.", "Name the key of a shop's app.")
        return chosen
    shops = [
        each
        for each in tenancy.list_apps(conn, tenant=tenant)
        if systems()[each.type].role == "shop"
    ]
    if len(shops) != 1:
        keys = ", ".join(each.key for each in shops)
        raise ConfigurationError(
            f"Tenant '{tenant.slug}' has {len(shops)} shops.",
            f"Choose one with --shop: {keys}." if shops else "Connect one first.",
        )
    return shops[0]


def _print_created(endpoint_id: str, *, as_json: bool) -> None:
    with database.transaction() as conn:
        endpoint = read_endpoints.get_endpoint(conn, endpoint_id)
    if as_json:
        print_json({"id": endpoint.id, "urls": _urls(endpoint)})
        return
    say(f"Endpoint  [bold]{endpoint.id}[/]")
    for url in _urls(endpoint):
        say(f"URL       [bold]{url}[/]")
    say("Who knows the address reads it: give it only to those who are to.")


def _urls(endpoint: read_endpoints.Endpoint) -> list[str]:
    return read_endpoints.urls(get_settings().gateway_url, endpoint.kind, endpoint.id)
