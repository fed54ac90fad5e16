"""``schemabase tenant`` and ``entitlement``: the first words a newcomer types."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from psycopg import Connection

from schemabase_dagster import tags, tenancy
from schemabase_dagster.tenancy import App, Tenant
from tests.support.rows import value


def test_tenant_is_added_and_listed(run, postgres: str):
    added = run("tenant", "add", "acme", "--name", "Acme", "--timezone", "Europe/Berlin")
    listed = run("tenant", "list")

    assert added.status == 0
    assert "app add acme" in added.out
    assert "acme" in listed.out
    assert "Europe/Berlin" in listed.out


def test_empty_list_tells_the_next_step(run, postgres: str):
    assert "schemabase tenant add SLUG" in run("tenant", "list").out
    assert "schemabase app add" in run("app", "list").out
    assert "schemabase integration add" in run("integration", "list").out
    assert json.loads(run("tenant", "list", "--json").out) == []


def test_wrong_slug_is_one_line(run, postgres: str):
    ran = run("tenant", "add", "My Shop")

    assert ran.status == 2
    assert "'My Shop' is not a possible slug" in ran.err
    assert ran.err.count("\n") == 1


def test_json_counts_the_apps(run, zoho_app: App):
    (listed,) = json.loads(run("tenant", "list", "--json").out)

    assert (listed["slug"], listed["apps"], listed["active"]) == ("acme", 1, True)


def test_archived_tenant_is_only_listed_with_all(run, tenant: Tenant):
    assert "is archived now" in run("tenant", "deactivate", "acme").out
    assert "was archived already" in run("tenant", "deactivate", "acme").out

    assert json.loads(run("tenant", "list", "--json").out) == []
    assert len(json.loads(run("tenant", "list", "--all", "--json").out)) == 1
    assert "is active again" in run("tenant", "activate", "acme").out


def test_unknown_tenant_is_named(run, postgres: str):
    ran = run("tenant", "activate", "nobody")

    assert (ran.status, "no tenant 'nobody'" in ran.err) == (2, True)


def test_new_tenant_is_a_partition_at_once(
    run, postgres: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")

    run("tenant", "add", "acme")

    with dg.DagsterInstance.get() as instance:
        assert instance.get_dynamic_partitions(tags.TENANT_PARTITIONS) == ["acme"]


def test_tenant_is_added_though_dagster_is_not_there(
    run, conn: Connection[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "missing"))

    ran = run("tenant", "add", "acme")

    assert ran.status == 0
    assert tenancy.get_tenant(conn, "acme").active


def test_entitlement_is_granted_and_revoked(run, conn: Connection[Any], tenant: Tenant):
    assert "not entitled to '*' any more" in run("entitlement", "revoke", "acme").out
    assert not tenancy.is_entitled(conn, tenant.id, "sync")

    assert run("entitlement", "grant", "acme", "sync", "--until", "9000-01-01").status == 0

    assert tenancy.is_entitled(conn, tenant.id, "sync")
    features = {
        each["feature"] for each in json.loads(run("entitlement", "list", "acme", "--json").out)
    }
    assert features == {"*", "sync"}


def test_revoking_less_than_everything_is_pointed_out(run, tenant: Tenant):
    run("entitlement", "grant", "acme", "sync")

    assert "entitled to '*'" in run("entitlement", "revoke", "acme", "sync").out


def test_grant_lets_held_webhooks_go(run, conn: Connection[Any], zoho_app: App):
    run("entitlement", "revoke", "acme")
    conn.execute(
        "INSERT INTO platform.webhook_endpoint (id, tenant_id, app_id, provider, verification) "
        "VALUES (%s, %s, %s, 'zoho', '{}')",
        (f"wh_{'a' * 26}", zoho_app.tenant_id, zoho_app.id),
    )
    conn.execute(
        "INSERT INTO platform.webhook_inbox (endpoint_id, tenant_id, app_id, provider, dedupe_key, "
        "method, headers, body, verify_scheme, trace_id, next_attempt_at, last_error) "
        "VALUES (%s, %s, %s, 'zoho', 'k', 'POST', '{}', 'x', 'zoho', 't', 'infinity', "
        "'entitlement')",
        (f"wh_{'a' * 26}", zoho_app.tenant_id, zoho_app.id),
    )

    ran = run("entitlement", "grant", "acme")

    assert "1 held webhook will be processed" in ran.out
    assert value(conn, "SELECT next_attempt_at <= now() FROM platform.webhook_inbox")


def test_entitlement_without_end_is_told_in_words(run, tenant: Tenant):
    assert "never ends" in run("entitlement", "list", "acme").out
    (listed,) = json.loads(run("entitlement", "list", "acme", "--json").out)
    assert listed["valid_until"].startswith("9999")
