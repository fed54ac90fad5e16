"""Tenancy decides who is synced and with which secrets; a slip here mixes merchants."""

from typing import Any

import pytest
from psycopg import Connection

from resources.saleor import SALEOR
from resources.zoho import ZOHO
from sandbox.runner import Sandbox
from schemabase_dagster import tenancy
from schemabase_dagster.errors import ConfigurationError, CredentialError, UnknownTenantError
from schemabase_dagster.tenancy import App, Tenant
from tests.support import shops
from tests.support.rows import value


def test_new_tenant_may_use_everything(conn: Connection[Any], tenant: Tenant):
    assert tenancy.is_entitled(conn, tenant.id, "sync")
    assert tenancy.is_entitled(conn, tenant.id, "anything")


def test_credentials_come_back_as_they_were_given(
    conn: Connection[Any], zoho_app: App, sandbox: Sandbox
):
    stored = tenancy.load_credentials(conn, zoho_app, ZOHO)

    given = sandbox.info["merchants"]["acme"]["zoho"]
    assert stored.client_secret.get_secret_value() == given["client_secret"]


def test_both(conn, zoho_app, saleor_app):
    print(zoho_app, saleor_app)
    assert [a.key for a in tenancy.list_apps(conn, tenant="acme")] == ["books", "shop"]
