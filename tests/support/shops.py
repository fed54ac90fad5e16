"""Connecting the sandbox's merchants as apps of tenants."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeAlias

from psycopg import Connection

from resources.braintree import BRAINTREE
from resources.dhl import DHL
from resources.elasticsearch import ELASTICSEARCH
from resources.reviewsio import REVIEWSIO
from resources.saleor import SALEOR
from resources.strapi import STRAPI
from resources.ups import UPS
from resources.vercel import VERCEL
from resources.xentral import XENTRAL
from resources.zoho import ZOHO
from sandbox.runner import Sandbox
from schemabase_dagster import tenancy
from schemabase_dagster.stack.standins import app_settings
from schemabase_dagster.systems import System
from schemabase_dagster.tenancy import App, Tenant

MERCHANT = "acme"
ZOHO_STREAMS = ("zoho_sales_orders", "zoho_invoices", "zoho_contacts")
SALEOR_STREAMS = ("saleor_orders",)
BRAINTREE_STREAMS = (
    "braintree_transactions",
    "braintree_payments",
    "braintree_refunds",
    "braintree_fees",
    "braintree_disputes",
    "braintree_fee_report",
)
DHL_STREAMS = ("dhl_tracking", "dhl_events")
UPS_STREAMS = ("ups_tracking", "ups_events")
REVIEWSIO_STREAMS = (
    "reviewsio_product_reviews",
    "reviewsio_merchant_reviews",
    "reviewsio_product_ratings",
)
XENTRAL_STREAMS = (
    "xentral_articles",
    "xentral_orders",
    "xentral_delivery_notes",
    "xentral_tracking_numbers",
    "xentral_shipping_methods",
)

BRAINTREE_KEYS = {"public_key": "publickey1", "private_key": "privatekey" * 3}

STRAPI_STREAMS = ("strapi_bulk_orders", "strapi_bulk_order_recipients")


Fill: TypeAlias = Callable[[Connection[Any], Tenant, Sandbox], None]
"""Fills a database that holds the tenant only, from stand-ins that were just reset."""
Filled: TypeAlias = Callable[[Fill], AbstractContextManager[str]]


def add_tenant(conn: Connection[Any]) -> Tenant:
    """Make the tenant ``acme``, if the database does not hold it already."""
    for tenant in tenancy.list_tenants(conn):
        if tenant.slug == MERCHANT:
            return tenant
    return tenancy.add_tenant(conn, MERCHANT, "Acme", timezone="Europe/Berlin")


def add(
    system: System,
    conn: Connection[Any],
    tenant: Tenant,
    sandbox: Sandbox,
    *,
    merchant: str = MERCHANT,
    key: str,
    streams: Iterable[str],
    secrets: Mapping[str, str] | None = None,
    **config: Any,
) -> App:
    """Connect a merchant's account, if the database does not hold the app already.

    Args:
        system: the system.
        conn: connection to the test's database.
        tenant: the tenant.
        sandbox: the sandbox.
        merchant: name of the merchant there.
        key: key of the app.
        streams: streams that are switched on.
        secrets: credentials that differ from the right ones; an empty one is left out.
        config: configuration that differs.
    """
    for app in tenancy.list_apps(conn, tenant, type=system.name):
        if app.key == key:
            return app
    values, account = app_settings(merchant, sandbox.info["merchants"][merchant])[system.name]
    given = {name: secret for name, secret in {**account, **(secrets or {})}.items() if secret}
    return tenancy.add_app(conn, tenant, system, key, {**values, **config}, given, streams)


add_zoho = partial(add, ZOHO, key="books", streams=ZOHO_STREAMS)
add_saleor = partial(add, SALEOR, key="shop", streams=SALEOR_STREAMS)
add_braintree = partial(add, BRAINTREE, key="gateway", streams=BRAINTREE_STREAMS)
add_reviewsio = partial(add, REVIEWSIO, key="reviews", streams=REVIEWSIO_STREAMS)
add_dhl = partial(add, DHL, key="dhl", streams=DHL_STREAMS)
add_ups = partial(add, UPS, key="ups", streams=UPS_STREAMS)
add_xentral = partial(add, XENTRAL, key="depot", streams=XENTRAL_STREAMS)
add_strapi = partial(add, STRAPI, key="bulk", streams=STRAPI_STREAMS)
add_vercel = partial(add, VERCEL, key="site", streams=())
add_elasticsearch = partial(add, ELASTICSEARCH, key="search", streams=())


def unreachable_zoho(conn: Connection[Any], tenant: Tenant, key: str = "books") -> App:
    """Connect a Zoho organisation at whose address nobody answers."""
    url = "http://localhost:9"
    config = {
        "organization_id": str(int.from_bytes(f"{tenant.slug}{key}".encode()) % 10**9),
        "accounts_url": url,
        "books_url": url,
        "inventory_url": url,
    }
    secrets = {"client_id": "1000.A", "client_secret": "c" * 30, "refresh_token": "r" * 30}
    return tenancy.add_app(conn, tenant, ZOHO, key, config, secrets, ZOHO_STREAMS)


def unreachable_saleor(conn: Connection[Any], tenant: Tenant, key: str = "shop") -> App:
    """Connect a Saleor shop at whose address nobody answers; its prefix is its key."""
    config = {
        "api_url": f"http://localhost:9/{tenant.slug}/{key}/graphql/",
        "domain": f"{tenant.slug}-{key}",
        "order_prefix": key.upper(),
    }
    return tenancy.add_app(conn, tenant, SALEOR, key, config, {"token": "t" * 30}, SALEOR_STREAMS)


def unreachable_reviewsio(conn: Connection[Any], tenant: Tenant, key: str = "reviews") -> App:
    """Connect a store whose reviews name orders of ``unreachable_saleor``; nobody answers there."""
    config = {
        "store_id": f"{tenant.slug}-{key}",
        "api_url": "http://localhost:9",
        "shop_prefix": "SHOP",
    }
    secrets = {"api_key": "k" * 30}
    return tenancy.add_app(conn, tenant, REVIEWSIO, key, config, secrets, REVIEWSIO_STREAMS)


def unreachable_dhl(conn: Connection[Any], tenant: Tenant, key: str = "parcels") -> App:
    """Connect a DHL key; nobody answers at its address."""
    config = {"api_url": "http://localhost:9"}
    return tenancy.add_app(conn, tenant, DHL, key, config, {"api_key": "k" * 30}, DHL_STREAMS)


def unreachable_braintree(conn: Connection[Any], tenant: Tenant, key: str = "gateway") -> App:
    """Connect a merchant of Braintree; nobody answers at its address."""
    config = {"merchant_id": tenant.slug, "api_url": "http://localhost:9"}
    return tenancy.add_app(conn, tenant, BRAINTREE, key, config, BRAINTREE_KEYS, BRAINTREE_STREAMS)
