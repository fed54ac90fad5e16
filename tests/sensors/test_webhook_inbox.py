"""The webhook sensor: one run for a group, whatever state it is in, and another if it is gone."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.test_utils import create_run_for_test
from psycopg import Connection

from sandbox.runner import Sandbox
from schemabase_dagster import tags
from schemabase_dagster.tenancy import App
from sensors import webhook_delivery, webhook_inbox
from tests.support.deliveries import put_delivery

ORIGIN = RemoteJobOrigin(
    RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("schemabase"), "__repository__"),
    "webhook_delivery",
)


@pytest.fixture
def instance(conn: Connection[Any], saleor_app: App, sandbox: Sandbox) -> Iterator[Any]:
    """Dagster instance in memory that knows the tenant, for which one delivery is due."""
    put_delivery(conn, saleor_app, sandbox, sandbox.control.ids("acme", "saleor")[0])
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions(tags.TENANT_PARTITIONS, ["acme"])
        yield made


def _ask_for(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, system: str) -> None:
    """Make a delivery's run of ``acme`` that is in some state."""
    run_tags = {tags.LANE: tags.LANE_WEBHOOK, tags.TENANT: "acme", tags.SYSTEM: system}
    create_run_for_test(instance, tags=run_tags, status=status, remote_job_origin=ORIGIN)


@pytest.mark.parametrize(
    "status",
    [
        dg.DagsterRunStatus.QUEUED,
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        # it has no lock yet by which it is known to serve
        dg.DagsterRunStatus.STARTED,
    ],
)
def test_a_group_waits_for_the_run_that_was_asked_for(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus
):
    _ask_for(instance, status, "saleor")

    assert "on its way" in webhook_inbox.due_requests(instance).reason


def test_a_run_that_left_the_queue_long_ago_and_does_not_serve_is_given_up(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    _ask_for(instance, dg.DagsterRunStatus.STARTED, "saleor")
    monkeypatch.setattr(webhook_inbox, "REQUEST_SECONDS", -1.0)

    assert len(webhook_inbox.due_requests(instance).run_requests) == 1


def test_a_run_in_the_queue_is_waited_for_however_long(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    _ask_for(instance, dg.DagsterRunStatus.QUEUED, "saleor")
    monkeypatch.setattr(webhook_inbox, "REQUEST_SECONDS", -1.0)

    assert webhook_inbox.due_requests(instance).run_requests == []


def test_another_groups_run_holds_nobody_back(instance: dg.DagsterInstance):
    _ask_for(instance, dg.DagsterRunStatus.QUEUED, "zoho")

    assert len(webhook_inbox.due_requests(instance).run_requests) == 1


def test_a_lingering_run_ends_for_one_that_waits_for_a_slot_only(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(webhook_delivery, "ASK_EVERY_SECONDS", 0.0)
    is_wanted = webhook_delivery.queue_watch(instance)
    _ask_for(instance, dg.DagsterRunStatus.QUEUED, "saleor")

    assert not is_wanted()
    monkeypatch.setattr(webhook_delivery, "QUEUED_SECONDS", -1.0)
    assert is_wanted()
