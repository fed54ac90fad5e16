"""A dashboard that asks for a metric nobody exports shows an empty panel for ever."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest
import yaml
from psycopg import Connection

from schemabase_dagster import inbox, webhooks
from schemabase_dagster.settings import ROOT
from schemabase_dagster.tenancy import App
from schemabase_dagster.webhooks import Created
from tests.support.wait import wait_until
from tests.webhook_gateway.test_intake import post
from webhook_gateway.inbox_metrics import endpoint_label

DASHBOARD: Final = ROOT / "deploy" / "grafana" / "webhooks.json"
ALERTS: Final = ROOT / "deploy" / "prometheus" / "alerts.yaml"
NAME: Final = re.compile(r"\b(?:gateway|webhook)_[a-z_]+\b")


@pytest.fixture
def worked(gateway: httpx.Client, endpoint: Created, conn: Connection[Any], app: App) -> str:
    """The metrics of a gateway after deliveries of all kinds, one of them processed."""
    post(gateway, endpoint, b"1")
    post(gateway, endpoint, b"1")
    post(gateway, endpoint, b"2", x_signature="0" * 64)
    claimed = inbox.claim(conn, app.tenant_id, "saleor", worker="w")
    inbox.settle(conn, claimed, "processed")
    conn.execute(
        "INSERT INTO platform.webhook_activity SELECT %s, current_date - n, 9,"
        " now() - interval '2 days', 60 FROM generate_series(2, 6) AS n",
        (endpoint.endpoint_id,),
    )
    webhooks.pause_endpoint(conn, endpoint.endpoint_id)
    post(gateway, endpoint, b"3")
    wait_until(
        lambda: 'status="received"' in gateway.get("/metrics").text, what="the held delivery"
    )
    return gateway.get("/metrics").text


def test_every_metric_of_dashboard_and_alerts_is_exported(worked: str):
    exported = set(re.findall(r"^# TYPE (\S+) ", worked, re.MULTILINE))
    histograms = set(re.findall(r"^# TYPE (\S+) histogram$", worked, re.MULTILINE))
    exported |= {f"{name}_{part}" for name in histograms for part in ("bucket", "sum", "count")}

    asked = {name for query in _queries() for name in NAME.findall(query)}

    assert len(asked) > 20
    assert asked - exported == set()


def test_every_metric_of_the_design_is_exported(worked: str):
    names = {
        "gateway_requests_total", "gateway_request_seconds", "gateway_body_bytes",
        "gateway_in_flight", "webhook_stored_total", "webhook_duplicate_total",
        "webhook_body_conflict_total", "webhook_reject_total", "webhook_secret_used_total",
        "gateway_db_insert_seconds", "gateway_db_errors_total", "gateway_pool_wait_seconds",
        "webhook_backlog", "webhook_oldest_due_seconds", "webhook_processed_total",
        "webhook_process_latency_seconds", "webhook_silence_seconds",
    }  # fmt: skip

    exported = set(re.findall(r"^# TYPE (\S+) ", worked, re.MULTILINE))

    assert names - exported == set()


def test_processing_and_silence_are_told_in_numbers(worked: str, endpoint: Created):
    label = endpoint_label(endpoint.endpoint_id)
    lines = worked.splitlines()

    assert (
        'webhook_processed_total{outcome="processed",provider="saleor",tenant="acme"} 1.0' in lines
    )
    assert 'webhook_process_latency_seconds_count{provider="saleor"} 1.0' in lines
    assert 'webhook_paused_endpoints{provider="saleor"} 1.0' in lines
    assert "webhook_unplaced 0.0" in lines
    named = f'{{endpoint="{label}",provider="saleor",tenant="acme"}}'
    assert f"webhook_usual_gap_seconds{named} 60.0" in lines
    assert any(line.startswith(f"webhook_silence_seconds{named}") for line in lines)
    assert endpoint.endpoint_id not in worked


def test_every_alert_says_what_to_do():
    rules = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]

    assert len(rules) >= 7
    assert all({"summary", "action"} <= rule["annotations"].keys() for rule in rules)


def _queries() -> Iterator[str]:
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
