"""Connecting the sandbox's merchants as apps of tenants."""

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import Connection

from resources.braintree import BRAINTREE
from resources.dhl import DHL
from resources.reviewsio import REVIEWSIO
from resources.saleor import SALEOR
from resources.strapi import STRAPI
from resources.ups import UPS
from resources.xentral import XENTRAL
from resources.zoho import ZOHO
from sandbox.runner import Sandbox
from schemabase_dagster import tenancy
from schemabase_dagster.tenancy import App, Tenant

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

STRAPI_STREAMS = ("strapi_bulk_orders", "strapi_bulk_order_recipients")


def add_zoho(
    conn: Connection[Any],
    tenant: Tenant,
    sandbox: Sandbox,
    *,
    merchant: str = "acme",
    key: str = "books",
    streams: Iterable[str] = ZOHO_STREAMS,
    **config: Any,
) -> App:
    """Connect a merchant's Zoho organisation; ``config`` overrides single fields."""
    info = sandbox.info["merchants"][merchant]
    values = {
        "organization_id": info["zoho"]["organization_id"],
        "accounts_url": info["zoho"]["accounts_url"],
        "books_url": info["zoho"]["books_url"],
        "inventory_url": info["zoho"]["inventory_url"],
        "order_prefixes": [info["prefix"]],
        # The limits of a plan are what tests of limits set; the others must not wait for them.
        "calls_per_minute": 1_000_000,
        "calls_per_day": 100_000_000,
        **config,
    }
    names = ("client_id", "client_secret", "refresh_token")
    secrets = {name: info["zoho"][name] for name in names}
    return tenancy.add_app(conn, tenant, ZOHO, key, values, secrets, streams)


def add_saleor(
    conn: Connection[Any],
    tenant: Tenant,
    sandbox: Sandbox,
    *,
    merchant: str = "acme",
    key: str = "shop",
    streams: Iterable[str] = SALEOR_STREAMS,
    **config: Any,
) -> App:
    """Connect a merchant's Saleor shop; ``config`` overrides single fields."""
    info = sandbox.info["merchants"][merchant]
    values = {
        "api_url": info["saleor"]["api_url"],
        "domain": info["saleor"]["domain"],
        "order_prefix": info["prefix"],
        **config,
    }
    secrets = {"token": info["saleor"]["token"]}
    return tenancy.add_app(conn, tenant, SALEOR, key, values, secrets, streams)


def add_braintree(
    conn: Connection[Any],
    tenant: Tenant,
    sandbox: Sandbox,
    *,
    merchant: str = "acme",
    key: str = "gateway",
    streams: Iterable[str] = BRAINTREE_STREAMS,
    **config: Any,
) -> App:
    """Connect a merchant's account at Braintree; ``config`` overrides single fields."""
    info = sandbox.info["merchants"][merchant]["braintree"]
    values = {
        "merchant_id": info["merchant_id"],
        "environment": "sandbox",
        "api_url": info["api_url"],
        "calls_per_minute": 1_000_000,
        **config,
    }
    secrets = {name: info[name] for name in ("public_key", "private_key")}
    return tenancy.add_app(conn, tenant, BRAINTREE, key, values, secrets, streams)


def add_reviewsio(
    conn: Connection[Any],
    tenant: Tenant,
    sandbox: Sandbox,
    *,
    merchant: str = "acme",
    key: str = "reviews",
    streams: Iterable[str] = REVIEWSIO_STREAMS,
    **config: Any,
) -> App:
    """Connect a merchant's REVIEWS.io store; ``config`` overrides single fields."""
    info = sandbox.info["merchants"][merchant]
    values = {
        "store_id": info["reviewsio"]["store_id"],
        "api_url": info["reviewsio"]["api_url"],
        "shop_prefix": info["prefix"],
        "calls_per_minute": 1_000_000,
        **config,
    }
    secrets = {"api_key": info["reviewsio"]["api_key"]}
    return tenancy.add_app(conn, tenant, REVIEWSIO, key, values, secrets, streams)


def add_dhl(
    conn: Connection[Any],
    tenant: Tenant,
    sandbox: Sandbox,
    *,
    merchant: str = "acme",
    key: str = "dhl",
    **config: Any,
) -> App:
    """Connect a merchant's DHL key; ``config`` overrides single fields."""
    info = sandbox.info["merchants"][merchant]["dhl"]
    values = {
        "api_url": info["api_url"],
        "calls_per_minute": 1_000_000,
        "calls_per_day": 100_000_000,
        **config,
    }
    return tenancy.add_app(conn, tenant, DHL, key, values, {"api_key": info["api_key"]},
                           DHL_STREAMS)  # fmt: skip


def add_ups(
    conn: Connection[Any],
    tenant: Tenant,
    sandbox: Sandbox,
    *,
    merchant: str = "acme",
    key: str = "ups",
    **config: Any,
) -> App:
    """Connect a merchant's UPS client; ``config`` overrides single fields."""
    info = sandbox.info["merchants"][merchant]["ups"]
    values = {
        "root_url": info["root_url"],
        "calls_per_minute": 1_000_000,
        "calls_per_day": 100_000_000,
        **config,
    }
    secrets = {name: info[name] for name in ("client_id", "client_secret")}
    return tenancy.add_app(conn, tenant, UPS, key, values, secrets, UPS_STREAMS)


def add_xentral(
    conn: Connection[Any],
    tenant: Tenant,
    sandbox: Sandbox,
    *,
    merchant: str = "acme",
    key: str = "depot",
    streams: Iterable[str] = XENTRAL_STREAMS,
    secrets: Mapping[str, str] | None = None,
    **config: Any,
) -> App:
    """Connect a merchant's Xentral; ``config`` overrides single fields, ``secrets`` all."""
    info = sandbox.info["merchants"][merchant]["xentral"]
    values = {
        "url": info["url"],
        "project_id": info["project_id"],
        "calls_per_minute": 1_000_000,
        **config,
    }
    account = secrets or {name: info[name] for name in ("username", "password")}
    return tenancy.add_app(conn, tenant, XENTRAL, key, values, account, streams)


def add_strapi(
    conn: Connection[Any],
    tenant: Tenant,
    sandbox: Sandbox,
    *,
    merchant: str = "acme",
    key: str = "bulk",
    token: str = "",
    streams: Iterable[str] = STRAPI_STREAMS,
    **config: Any,
) -> App:
    """Connect a merchant's Strapi; ``config`` overrides single fields, ``token`` its own."""
    info = sandbox.info["merchants"][merchant]["strapi"]
    values = {
        "url": info["url"],
        "country_language": "de",
        "calls_per_minute": 1_000_000,
        **config,
    }
    secrets = {"api_token": token or info["api_token"]}
    return tenancy.add_app(conn, tenant, STRAPI, key, values, secrets, streams)


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
