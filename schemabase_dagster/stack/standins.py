"""Connecting demo tenants to the stand-ins, and speaking to the sandbox's control port."""

import json
import urllib.request
from collections.abc import Collection, Mapping
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.types.json import Jsonb

from assets import registry
from resources.registry import system_of
from schemabase_dagster import database, tenancy, webhooks
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.stack.run import Running
from schemabase_dagster.systems import System
from schemabase_dagster.tenancy import App, Tenant

DEMO_TENANTS = {"acme": "Acme Trading", "globex": "Globex Trading"}
"""Slug, which is also the name of the stand-in merchant, and name for people."""

NO_LIMIT = 1_000_000
"""Calls a minute and a day: the stand-ins have no limits unless one switches them on."""

ENDPOINT_NAME = "demo"
CONTROL_SECONDS = 60

_MOVE_APP: LiteralString = """
UPDATE platform.app
SET config = %s, config_version = config_version + 1, updated_at = now()
WHERE id = %s
"""


def connect_demo_tenants(stand_ins: Mapping[str, Any]) -> None:
    """Make the demo tenants, their apps and webhook endpoints, where they are missing.

    Args:
        stand_ins: content of the sandbox's info file.
    """
    connect_tenants(stand_ins, DEMO_TENANTS)


def connect_tenants(
    stand_ins: Mapping[str, Any],
    tenants: Mapping[str, str],
    systems: Collection[str] | None = None,
) -> None:
    """Make tenants of stand-in merchants, their apps and webhook endpoints, where missing.

    Args:
        stand_ins: content of the sandbox's info file.
        tenants: name of the merchant, which becomes the slug, and name for people.
        systems: types of the apps; None = all.
    """
    with database.transaction() as conn:
        for slug, name in tenants.items():
            merchant = stand_ins["merchants"][slug]
            tenant = _ensure_tenant(conn, slug, name, merchant)
            for system, (config, credentials) in app_settings(slug, merchant).items():
                if systems is not None and system not in systems:
                    continue
                app = _ensure_app(conn, tenant, system_of(system), config, credentials)
                _ensure_endpoint(conn, app, system_of(system))


def app_settings(
    slug: str, merchant: Mapping[str, Any]
) -> dict[str, tuple[dict[str, Any], dict[str, str]]]:
    """Return configuration and credentials of a merchant's apps by system."""
    zoho, saleor, reviews = merchant["zoho"], merchant["saleor"], merchant["reviewsio"]
    gateway = merchant["braintree"]
    return {
        "zoho": (
            {
                "organization_id": zoho["organization_id"],
                "order_prefixes": [merchant["prefix"]],
                "accounts_url": zoho["accounts_url"],
                "books_url": zoho["books_url"],
                "inventory_url": zoho["inventory_url"],
                "calls_per_minute": NO_LIMIT,
                "calls_per_day": NO_LIMIT,
            },
            {name: zoho[name] for name in ("client_id", "client_secret", "refresh_token")},
        ),
        "saleor": (
            {
                "api_url": saleor["api_url"],
                # the port may change from start to start, the shop stays the same
                "domain": f"{slug}.sandbox",
                "order_prefix": merchant["prefix"],
            },
            {"token": saleor["token"]},
        ),
        "reviewsio": (
            {
                "store_id": reviews["store_id"],
                "api_url": reviews["api_url"],
                "shop_prefix": merchant["prefix"],
                "calls_per_minute": NO_LIMIT,
            },
            {"api_key": reviews["api_key"]},
        ),
        "braintree": (
            {
                "merchant_id": gateway["merchant_id"],
                "environment": "sandbox",
                "api_url": gateway["api_url"],
                "calls_per_minute": NO_LIMIT,
            },
            {name: gateway[name] for name in ("public_key", "private_key")},
        ),
        "dhl": (
            {
                "api_url": merchant["dhl"]["api_url"],
                "calls_per_minute": NO_LIMIT,
                "calls_per_day": NO_LIMIT,
            },
            {"api_key": merchant["dhl"]["api_key"]},
        ),
        "ups": (
            {
                "root_url": merchant["ups"]["root_url"],
                "calls_per_minute": NO_LIMIT,
                "calls_per_day": NO_LIMIT,
            },
            {name: merchant["ups"][name] for name in ("client_id", "client_secret")},
        ),
        "dpd": ({}, {}),
        "easypost": ({}, {}),
        "generic": ({}, {}),
        "xentral": (
            {
                "url": merchant["xentral"]["url"],
                "project_id": merchant["xentral"]["project_id"],
                "calls_per_minute": NO_LIMIT,
            },
            {name: merchant["xentral"][name] for name in ("username", "password")},
        ),
        "strapi": (
            {
                "url": merchant["strapi"]["url"],
                "country_language": merchant["language"],
                "calls_per_minute": NO_LIMIT,
            },
            {"api_token": merchant["strapi"]["api_token"]},
        ),
        "vercel": ({}, {}),
        "elasticsearch": (
            {"url": merchant["elasticsearch"]["url"]},
            {name: merchant["elasticsearch"][name] for name in ("username", "password")},
        ),
    }


def endpoint_of(conn: Connection[Any], tenant: str, system: str) -> webhooks.Endpoint:
    """Return the webhook endpoint of a demo tenant's app.

    Raises:
        ConfigurationError: it has none.
    """
    for endpoint in webhooks.list_endpoints(conn, tenant):
        if endpoint.provider == system:
            return endpoint
    raise ConfigurationError(
        f"Tenant '{tenant}' has no {system} endpoint.",
        f"Run 'schemabase webhook create {tenant} {system}'.",
    )


def subscribe(stack: Running) -> None:
    """Let the demo shops send their events to the gateway, signed as a real shop signs them."""
    for slug in DEMO_TENANTS:
        with database.transaction() as conn:
            endpoint = endpoint_of(conn, slug, "saleor")
        url = f"{stack.ports.gateway_url}/v1/webhooks/saleor/{endpoint.id}"
        control(stack.stand_ins, "subscribe", merchant=slug, system="saleor", url=url)


def control(stand_ins: Mapping[str, Any], action: str, **arguments: Any) -> Any:
    """Make something happen at the stand-ins and return its result."""
    request = urllib.request.Request(  # noqa: S310 - our own sandbox
        f"{stand_ins['control_url']}/{action}",
        data=json.dumps(arguments).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=CONTROL_SECONDS) as response:  # noqa: S310
        return json.load(response)["result"]


def _ensure_tenant(
    conn: Connection[Any], slug: str, name: str, merchant: Mapping[str, Any]
) -> Tenant:
    known = {tenant.slug: tenant for tenant in tenancy.list_tenants(conn)}
    if slug in known:
        return known[slug]
    return tenancy.add_tenant(
        conn, slug, name, timezone=merchant["timezone"], currency=merchant["currency"]
    )


def _ensure_app(
    conn: Connection[Any],
    tenant: Tenant,
    system: System,
    config: Mapping[str, Any],
    credentials: Mapping[str, str],
) -> App:
    apps = tenancy.list_apps(conn, tenant, type=system.name)
    if not apps:
        streams = registry.streams_of(system.name)
        return tenancy.add_app(
            conn, tenant, system, system.name, config, credentials, streams, environment="sandbox"
        )
    wanted = system.config.model_validate(dict(config)).model_dump(mode="json")
    if apps[0].config != wanted:
        conn.execute(_MOVE_APP, (Jsonb(wanted), apps[0].id))
    return tenancy.get_app(conn, tenant, apps[0].key)


def _ensure_endpoint(conn: Connection[Any], app: App, system: System) -> None:
    """Make the endpoint of an app whose sender signs with keys of its own."""
    if system.webhook_secret is not None:
        return
    wanted = dict(system.verification(system.config.model_validate(app.config)))
    for endpoint in webhooks.list_endpoints(conn, app.tenant_slug):
        if endpoint.app_id == app.id and endpoint.verification == wanted:
            return
        if endpoint.app_id == app.id and endpoint.name == ENDPOINT_NAME:
            # the stand-in moved to another port, and with it the address of its keys
            webhooks.delete_endpoint(conn, endpoint.id)
    webhooks.create_endpoint(conn, app, wanted, name=ENDPOINT_NAME)
