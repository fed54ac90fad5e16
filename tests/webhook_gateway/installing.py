"""A gateway that shops can install apps from, and the links that an operator makes for them."""

from collections.abc import Callable
from typing import Any

from psycopg import Connection

from resources.saleor import SALEOR
from schemabase_dagster import installs, tenancy
from schemabase_dagster.installs import Draft, Kind, Made
from schemabase_dagster.tenancy import AppDraft, Tenant

GATEWAY = {"id": "acme.prepayment", "name": "Vorkasse", "currencies": ["EUR"]}

Invite = Callable[..., Made]


def invite(
    conn: Connection[Any],
    tenant: Tenant,
    api_url: str,
    kind: Kind = "entitysync",
    *,
    key: str = "shop",
) -> Made:
    """Make an install token for a shop, as ``app install-token`` does."""
    config = SALEOR.config.model_validate({"api_url": api_url})
    verification = dict(SALEOR.verification(config))
    known = [each for each in tenancy.list_apps(conn, tenant) if each.key == key]
    drafted = (
        AppDraft("saleor", key, "Saleor", known[0].config, (), known[0].instance_key)
        if known
        else tenancy.draft_app(conn, tenant, SALEOR, key, {"api_url": api_url})
    )
    draft = Draft(
        app=drafted,
        streams=("saleor_orders",),
        verification=verification,
        answers=GATEWAY if kind == "prepayment" else None,
        api_url=api_url,
        jwks_url=verification["jwks_url"],
    )
    return installs.make_token(conn, tenant, kind, draft)


def manifest_url(hub: Any, made: Made, kind: Kind = "entitysync") -> str:
    """Return the link that a person pastes into the shop's dashboard."""
    return f"{hub.base_url}/v1/saleor/manifest/{kind}?install={made.token}".replace("//v1", "/v1")
