"""An app of a tenant with an endpoint."""

from typing import Any

import pytest
from psycopg import Connection

from schemabase_dagster.tenancy import App, Tenant
from tests.schemabase_dagster.inbox.deliveries import add_endpoint, add_shop


@pytest.fixture
def app(conn: Connection[Any], tenant: Tenant) -> App:
    """App ``shop`` of ``acme``; nobody answers at its address."""
    return add_shop(conn, tenant, "shop")


@pytest.fixture
def endpoint_id(conn: Connection[Any], app: App) -> str:
    """An endpoint of the app."""
    return add_endpoint(conn, app)
