"""Alerts: one per system and class of error within an hour, counted."""

from typing import Any

import dagster as dg
from psycopg import Connection

from schemabase_dagster.operator_jobs import pause_app
from schemabase_dagster.tenancy import App, Tenant
from sensors.alerts import Alert, send
from tests.support.rows import one


def test_equal_alerts_within_an_hour_are_one(conn: Connection[Any]):
    first = send(Alert("run/zoho/CredentialError", "acme"))
    again = send(Alert("run/zoho/CredentialError", "globex"))

    told = one(conn, "SELECT message, count, delivered FROM platform.alert")
    assert (first, again) == (True, False)
    assert told == {"message": "acme", "count": 2, "delivered": True}


def test_other_class_of_error_is_told(conn: Connection[Any]):
    send(Alert("run/zoho/CredentialError", "acme"))

    assert send(Alert("run/zoho/ProviderUnavailable", "acme"))


def test_operator_pauses_an_app_from_the_launchpad(
    conn: Connection[Any], tenant: Tenant, saleor_app: App
):
    config = {"tenant": "acme", "app": "shop", "minutes": 30}

    with dg.DagsterInstance.ephemeral() as instance:
        done = pause_app.execute_in_process(
            run_config={"ops": {"pause": {"config": config}}}, instance=instance
        )

    assert done.success
    assert one(conn, "SELECT paused_until > now() AS paused FROM platform.app") == {"paused": True}
