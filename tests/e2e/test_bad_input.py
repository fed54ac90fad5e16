"""Bad input from end to end: what a faulty system, record or partition key costs, and whom."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import orjson
import pytest
from psycopg import Connection

from assets import registry
from assets.factory import all_assets
from resources.registry import default_resources
from sandbox.runner import Sandbox
from schemabase_dagster import inbox, operations, tags, tenancy, webhooks
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.clock import utc_now
from schemabase_dagster.engine.pull import PullOptions, sync_stream
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.errors import ProviderUnavailable
from schemabase_dagster.tenancy import App, Tenant
from sensors import due_syncs, nightly, webhook_inbox
from tests.support import deliveries, shops
from tests.support.rows import count, one, rows, value

STREAMS = {"saleor": "saleor_orders", "zoho": "zoho_contacts"}
EAGER = {"backoff_seconds": 0.01, "rate_limit_seconds": 0.01}
"""Pauses between attempts are no part of what is proved here."""


def pull(app: App, *, full: bool = False) -> SyncResult:
    resource = default_resources()[app.type].model_copy(update=EAGER)
    with resource.open(app) as client:
        stream = registry.streams()[STREAMS[app.type]]
        return sync_stream(client, stream, app, PullOptions(full=full))


def queued(conn: Connection[Any]) -> int:
    """Orders that wait to be merged; what lies inside them is queued beside them."""
    query = "SELECT count(*) FROM platform.todo WHERE stream = 'saleor_orders'"
    return int(value(conn, query))


def called(sandbox: Sandbox, system: str, merchant: str = "acme") -> int:
    calls: int = sandbox.control.calls().get(merchant, {}).get(system, {}).get("total", 0)
    return calls


@pytest.fixture(params=["zoho", "saleor"])
def app(request: pytest.FixtureRequest) -> App:
    """The app of one system of ``acme``, in turn."""
    made: App = request.getfixturevalue(f"{request.param}_app")
    return made


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Dagster instance in memory that knows the tenants ``acme`` and ``globex``."""
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions(tags.TENANT_PARTITIONS, ["acme", "globex"])
        yield made


def tomorrow_noon() -> datetime:
    """Return a time at which every tenant's night is over, whatever the time is now."""
    return (utc_now() + timedelta(days=1)).replace(hour=12)


def test_revoked_credentials_stop_one_app_without_a_storm_of_calls(
    conn: Connection[Any], tenant: Tenant, zoho_app: App, saleor_app: App, sandbox: Sandbox,
    instance: dg.DagsterInstance,
):  # fmt: skip
    sandbox.control.revoke_credentials("acme", "zoho")
    sandbox.control.reset_calls()

    with pytest.raises(operations.SyncFailedError, match="'books' of tenant 'acme'") as raised:
        operations.sync_one("acme", instance=instance)

    assert raised.value.exit_status == 3
    assert called(sandbox, "zoho") <= len(registry.streams_of("zoho")), "one refusal a stream"
    operations.sync_one("acme", assets=["saleor_orders"], instance=instance)
    assert count(conn, "core.orders") == count(conn, "raw.saleor_orders") > 0
    asked = due_syncs.due_requests(instance, utc_now() + timedelta(hours=1), print)
    assert {request.tags[tags.SYSTEM] for request in asked} == {"saleor"}
    night = nightly.nightly_requests(instance, tomorrow_noon())
    assert {request.tags[tags.SYSTEM] for request in night} == {"saleor"}


FAULTY = {
    "missing_field": ("map", "missing", "total"),
    "mistyped_field": ("map", "type", "total.gross.amount"),
    "no_id": ("land", "no_id", "id"),
    "nul_text": ("land", "nul_character", "customerNote"),
    "half_pair": ("land", "lone_surrogate", "customerNote"),
}


def test_faulty_records_are_kept_with_their_reasons_and_the_rest_lands(
    conn: Connection[Any], tenant: Tenant, saleor_app: App, sandbox: Sandbox
):
    known = sandbox.control.ids("acme", "saleor")
    for kind, record in zip(FAULTY, known, strict=False):
        path = FAULTY[kind][2]
        sandbox.control.add_fault(
            kind, "acme", "saleor", where="list", path=path, record=record, times=None
        )

    synced = operations.sync_one("acme", assets=["saleor_orders"])

    rejects = rows(conn, "SELECT * FROM platform.rejects")
    assert sorted((each["stage"], each["code"], each["path"]) for each in rejects) == sorted(
        FAULTY.values()
    )
    assert all(each["reason"] for each in rejects)
    assert count(conn, "raw.saleor_orders") == len(known) - 3
    assert value(conn, "SELECT count(*) FROM analytics.unmatched_record") == len(FAULTY)
    rejected = {each.asset: each.counts.get("rejected") for each in synced.assets}
    assert (rejected["raw/saleor_orders"], rejected["core/orders"]) == (3, 2)
    warned = {(each.asset, each.severity) for each in synced.failed_checks}
    assert {("raw/saleor_orders", "ERROR"), ("core/orders", "WARN")} <= warned


def test_after_a_fix_a_rejected_record_becomes_a_row_without_a_call(
    conn: Connection[Any], tenant: Tenant, saleor_app: App, sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    sandbox.control.add_fault("missing_field", "acme", "saleor", where="list")
    operations.sync_one("acme", assets=["saleor_orders"])
    faulty = value(conn, "SELECT external_id FROM platform.rejects")
    sandbox.control.reset_calls()
    stream = registry.streams()["saleor_orders"]

    def repaired(record: SourceRecord) -> Candidate:
        """Map an order as a release would that takes the subtotal where the total is missing."""
        assert stream.mapper is not None
        payload = {"total": record.payload["subtotal"], **record.payload}
        text = orjson.dumps(payload).decode()
        return stream.mapper(dataclasses.replace(record, text=text))

    streams = {
        **registry.streams(),
        "saleor_orders": dataclasses.replace(stream, mapper=repaired),
    }
    monkeypatch.setattr(registry, "streams", lambda: streams)

    operations.sync_one("acme", assets=["core/orders"])

    assert count(conn, "platform.rejects") == 0
    linked = "SELECT count(*) FROM core.external_ref WHERE external_id = %s"
    assert value(conn, linked, (faulty,)) == 1
    assert called(sandbox, "saleor") == 0


@pytest.mark.parametrize("kind", ["error_500", "cut_body", "invalid_json"])
def test_a_system_that_answers_badly_three_times_moves_no_cursor(
    conn: Connection[Any], app: App, sandbox: Sandbox, kind: str
):
    pull(app)
    before = one(conn, "SELECT watermark, cursor FROM platform.sync_state")
    sandbox.control.reset_calls()
    sandbox.control.add_fault(kind, "acme", app.type, where="list", times=None)

    with pytest.raises(ProviderUnavailable, match="cursor did not move"):
        pull(app)
    after = one(conn, "SELECT watermark, cursor FROM platform.sync_state")
    asked = sandbox.control.calls()["acme"][app.type]["list"]
    sandbox.control.clear_faults()

    assert after == before
    assert asked == 3
    assert value(conn, "SELECT last_status FROM platform.sync_state") == "failure"
    pull(app)
    assert value(conn, "SELECT last_status FROM platform.sync_state") == "success"


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "shifted_page", "rows": 3, "after": 1},
        {"kind": "moving_rows", "rows": 2, "times": None},
    ],
    ids=lambda fault: fault["kind"],
)
def test_pages_that_shift_or_repeat_miss_and_double_nothing(
    conn: Connection[Any], saleor_app: App, sandbox: Sandbox, fault: dict[str, Any]
):
    sandbox.control.add_fault(merchant="acme", system="saleor", where="list", **fault)

    result = pull(saleor_app)

    stored = rows(conn, "SELECT external_id FROM raw.saleor_orders")
    assert sorted(row["external_id"] for row in stored) == sorted(
        sandbox.control.ids("acme", "saleor")
    )
    assert result.rejected == 0
    assert queued(conn) == result.changed


def test_a_repeated_page_ends_the_run_and_the_next_one_misses_nothing(
    conn: Connection[Any], saleor_app: App, sandbox: Sandbox
):
    sandbox.control.add_fault("duplicate_page", "acme", "saleor", where="list", after=1)

    with pytest.raises(ProviderUnavailable, match="the cursor does not move"):
        pull(saleor_app)
    pull(saleor_app)

    everything = len(sandbox.control.ids("acme", "saleor"))
    assert count(conn, "raw.saleor_orders") == queued(conn) == everything


def test_equal_times_over_a_page_border_are_all_read(
    conn: Connection[Any], saleor_app: App, sandbox: Sandbox
):
    pull(saleor_app)
    all_ids = sandbox.control.ids("acme", "saleor")
    sandbox.control.touch("acme", "saleor", ids=all_ids)
    sandbox.control.align_modified("acme", "saleor", 0, len(all_ids))

    result = pull(saleor_app)

    assert (result.read, result.changed) == (len(all_ids), len(all_ids))
    assert count(conn, "raw.saleor_orders") == len(all_ids)


@pytest.mark.parametrize(
    ("key", "told"),
    [("nobody", "There is no tenant 'nobody'"), ("acme", "Tenant 'acme' is archived")],
    ids=["unknown", "archived"],
)
def test_a_partition_that_is_no_active_tenant_fails_clearly(
    conn: Connection[Any], tenant: Tenant, saleor_app: App, sandbox: Sandbox,
    instance: dg.DagsterInstance, key: str, told: str,
):  # fmt: skip
    instance.add_dynamic_partitions(tags.TENANT_PARTITIONS, [key])
    tenancy.deactivate_tenant(conn, tenant.slug)
    sandbox.control.reset_calls()

    result = dg.materialize(
        all_assets(),
        selection=[dg.AssetKey(["raw", "saleor_orders"])],
        partition_key=key,
        instance=instance,
        resources=default_resources(),
        raise_on_error=False,
    )

    (failure,) = [event for event in result.all_events if event.is_step_failure]
    message = failure.step_failure_data.user_failure_data
    assert message is not None
    assert told in str(message.description)
    assert called(sandbox, "saleor") == 0


@pytest.fixture
def crowd(
    conn: Connection[Any], tenant: Tenant, saleor_app: App, sandbox: Sandbox
) -> dict[str, App]:
    """An app of each: a tenant that works, one that is no partition, one that is archived."""
    apps = {"acme": saleor_app}
    for slug in ("aaa-unknown", "archived", "globex"):
        other = tenancy.add_tenant(conn, slug, slug, timezone="Europe/Berlin")
        apps[slug] = shops.unreachable_saleor(conn, other)
        if slug == "archived":
            tenancy.deactivate_tenant(conn, slug)
    return apps


def test_a_tenant_that_is_no_partition_costs_nobody_elses_sync(
    crowd: dict[str, App], instance: dg.DagsterInstance
):
    due = due_syncs.due_requests(instance, utc_now(), print)
    night = nightly.nightly_requests(instance, tomorrow_noon())

    assert [request.partition_key for request in due] == ["acme", "globex"]
    assert [request.partition_key for request in night] == ["acme", "globex"]


def test_a_tenant_that_is_no_partition_costs_nobody_elses_webhooks(
    conn: Connection[Any], crowd: dict[str, App], instance: dg.DagsterInstance
):
    options = {"scheme": "path_only", "reason": "a test"}
    for app in crowd.values():
        endpoint = webhooks.create_endpoint(conn, app, options)
        inbox.insert_batch(conn, [deliveries.delivery(endpoint.endpoint_id, b"{}")])

    found = webhook_inbox.due_requests(instance)

    assert sorted(str(each.partition_key) for each in found.run_requests) == ["acme", "globex"]
    assert "aaa-unknown/saleor is no partition yet" in found.reason
