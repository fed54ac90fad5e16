"""Connected apps for client tests: a sandbox of our own, large enough for several pages."""

from typing import Any

from psycopg import Connection

from resources.saleor import SALEOR
from resources.zoho import ZOHO
from sandbox.runner import Sandbox
from schemabase_dagster import tenancy
from schemabase_dagster.tenancy import App

MERCHANT = "acme"


def add_zoho_app(
    conn: Connection[Any], sandbox: Sandbox, tenant: tenancy.Tenant, **changes: str
) -> App:
    """Connect the tenant to the sandbox's Zoho organisation.

    Args:
        conn: connection to the test's database.
        sandbox: the sandbox.
        tenant: the tenant.
        changes: configuration or credentials that differ from the right ones.
    """
    facts = {**sandbox.info["merchants"][MERCHANT]["zoho"], **changes}
    secrets = ("client_id", "client_secret", "refresh_token")
    return tenancy.add_app(
        conn,
        tenant,
        ZOHO,
        key="books",
        config={name: value for name, value in facts.items() if name not in secrets},
        credentials={name: facts[name] for name in secrets if facts[name]},
        streams=[],
    )


def add_saleor_app(
    conn: Connection[Any], sandbox: Sandbox, tenant: tenancy.Tenant, **changes: Any
) -> App:
    """Connect the tenant to the sandbox's shop; see ``add_zoho_app``."""
    facts = {**sandbox.info["merchants"][MERCHANT]["saleor"], **changes}
    return tenancy.add_app(
        conn,
        tenant,
        SALEOR,
        key="shop",
        config={name: value for name, value in facts.items() if name != "token"},
        credentials={"token": facts["token"]},
        streams=[],
    )
