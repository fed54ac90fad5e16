"""Integrations connect apps of one tenant; a wrong member would move data to the wrong place."""

from typing import Any

import pytest
from psycopg import Connection

from schemabase_dagster import tenancy
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.tenancy import App, Tenant, integrations


def test_integration_lists_its_apps_by_role(
    conn: Connection[Any], tenant: Tenant, zoho_app: App, saleor_app: App
):
    members = [("target", zoho_app), ("source", saleor_app)]
    added = integrations.add_integration(conn, tenant, "entity_sync", members)

    assert list(added.apps) == ["source:shop", "target:books"]
    assert integrations.list_integrations(conn, tenant) == [added]


def test_integration_is_found_by_the_beginning_of_its_id(
    conn: Connection[Any], tenant: Tenant, saleor_app: App
):
    added = integrations.add_integration(conn, tenant, "entity_sync", [("source", saleor_app)])

    assert integrations.get_integration(conn, tenant, str(added.id)[:20]) == added
    with pytest.raises(ConfigurationError, match="has no integration 'nothing'"):
        integrations.get_integration(conn, tenant, "nothing")


def test_integration_is_switched_off_and_on(conn: Connection[Any], tenant: Tenant, saleor_app: App):
    added = integrations.add_integration(conn, tenant, "entity_sync", [("source", saleor_app)])

    assert integrations.set_integration_enabled(conn, added, enabled=False)
    assert not integrations.set_integration_enabled(conn, added, enabled=False)
    assert not integrations.get_integration(conn, tenant, str(added.id)).enabled


def test_impossible_integration_is_refused(conn: Connection[Any], tenant: Tenant, saleor_app: App):
    other = tenancy.add_tenant(conn, "globex", "Globex")

    with pytest.raises(ConfigurationError, match="no integration type 'magic'"):
        integrations.add_integration(conn, tenant, "magic", [("source", saleor_app)])
    with pytest.raises(ConfigurationError, match="cannot be 'wizard'"):
        integrations.add_integration(conn, tenant, "entity_sync", [("wizard", saleor_app)])
    with pytest.raises(ConfigurationError, match="cannot be 'source'"):
        integrations.add_integration(conn, other, "entity_sync", [("source", saleor_app)])
    with pytest.raises(ConfigurationError, match="twice"):
        integrations.add_integration(conn, tenant, "entity_sync", [("source", saleor_app)] * 2)
    assert integrations.list_integrations(conn) == []
