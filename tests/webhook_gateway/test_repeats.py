"""Without these, a repeated or replayed delivery does twice what it tells."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx
import pytest
from psycopg import Connection

from assets import registry
from assets.deliveries import Server
from proofs.chaos.traffic import Gateway
from resources.dpd import DPD
from resources.registry import default_resources, system_of
from sandbox.runner import Sandbox
from schemabase_dagster import database, inbox, tenancy, webhooks
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.inbox import Selection
from schemabase_dagster.tenancy import App, Tenant
from schemabase_dagster.webhooks import Created
from tests.support import shops
from tests.support.pulls import pull
from tests.support.rows import count, one, rows, value, versions, waiters
from tests.support.shops import Filled
from tests.support.wait import wait_until
from tests.webhook_gateway.conftest import Start
from tests.webhook_gateway.raw import PATIENT_ENVIRONMENT
from tests.webhook_gateway.test_intake import BODY, path, post

COPIES: Final = 100
ORDERS: Final = 10
SCANS: Final = 10

_CORE_TABLES: Final = """
SELECT c.relname
FROM pg_class AS c
WHERE c.relnamespace = 'core'::regnamespace AND c.relkind = 'r'
"""


@pytest.fixture(scope="module")
def synced(filled: Filled) -> Iterator[str]:
    """A database in which shop and books were pulled once, and DPD tells of parcels."""

    def fill(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> None:
        pull(shops.add_saleor(conn, tenant, sandbox), "saleor_orders")
        pull(shops.add_zoho(conn, tenant, sandbox), "zoho_sales_orders")
        tenancy.add_app(conn, tenant, DPD, "dpd", {}, {}, list(registry.streams_of("dpd")))
        for entity in registry.entities().values():
            merge_entity(entity, tenant, registry.streams())

    with filled(fill) as name:
        yield name


@pytest.fixture
def endpoints(
    conn: Connection[Any], tenant: Tenant, sandbox: Sandbox, synced: str
) -> dict[str, Created]:
    """An endpoint of every app, verified as its sender does, by system."""
    made = {}
    for app in tenancy.list_apps(conn, tenant):
        system = system_of(app.type)
        verification = system.verification(system.config.model_validate(app.config))
        made[app.type] = webhooks.create_endpoint(conn, app, verification)
    return made


def serve() -> None:
    """Do what is due, as runs of the sensor would."""
    for system in ("saleor", "zoho", "dpd"):
        open_client = default_resources()[system].open
        list(Server("acme", system, open_client, "run", linger_seconds=0.0).serve())


def snapshot(conn: Connection[Any]) -> dict[str, dict[str, str]]:
    """Return the row versions of all tables of core."""
    names = [row["relname"] for row in rows(conn, _CORE_TABLES)]
    return {name: versions(conn, f"core.{name}") for name in names}


def test_a_hundred_copies_at_once_change_their_order_once(
    start: Start, conn: Connection[Any], sandbox: Sandbox, endpoints: dict[str, Created]
):
    gateway = start(cache_seconds=60)
    (order,) = sandbox.control.change_orders("acme", "saleor", 1, kind="note")
    notice = sandbox.control.prepare_webhook("acme", "saleor", order)
    before = snapshot(conn)

    def send(_copy: int) -> httpx.Response:
        return gateway.post(
            path(endpoints["saleor"]), content=notice["body"], headers=notice["headers"]
        )

    with ThreadPoolExecutor(COPIES) as threads:
        answers = list(threads.map(send, range(COPIES)))
    serve()

    assert {answer.status_code for answer in answers} == {200}
    assert one(conn, "SELECT status, attempts FROM platform.webhook_inbox") == {
        "status": "processed", "attempts": 1,
    }  # fmt: skip
    assert value(conn, "SELECT seen_count FROM platform.webhook_dedupe") == COPIES
    after = snapshot(conn)
    changed = {name: len(after[name].items() - before[name].items()) for name in after}
    assert changed["orders"] == 1
    assert {name: len(found) for name, found in after.items()} == {
        name: len(found) for name, found in before.items()
    }


def test_a_replayed_day_changes_no_row_of_core(
    gateway: httpx.Client, conn: Connection[Any], sandbox: Sandbox, endpoints: dict[str, Created]
):
    sent = a_day(gateway, sandbox, endpoints)
    serve()
    before = snapshot(conn)

    replayed = inbox.replay(conn, Selection(tenant="acme")).copied
    serve()

    assert replayed == sent
    assert value(conn, "SELECT array_agg(DISTINCT status) FROM platform.webhook_inbox") == [
        "processed"
    ]
    assert snapshot(conn) == before


def a_day(gateway: httpx.Client, sandbox: Sandbox, endpoints: dict[str, Created]) -> int:
    """Send what senders tell in a day: changed orders of shop and books, scans of parcels."""
    control, sent = sandbox.control, 0
    for system in ("saleor", "zoho"):
        endpoint = endpoints[system]
        url = webhooks.endpoint_url(str(gateway.base_url), system, endpoint.endpoint_id)
        for order in control.change_orders("acme", system, ORDERS):
            notice = control.prepare_webhook(
                "acme", system, order, secret=endpoint.secret or "", url=url
            )
            answer = gateway.post(url, content=notice["body"], headers=notice["headers"])
            sent += answer.status_code == 200
    for hour in range(SCANS):
        scan = {"pnr": "05212345678901", "status": "pickup_depot", "pushid": str(hour)}
        scanned = {**scan, "statusdate": f"05012026{hour:02}0000"}
        answer = gateway.get(path(endpoints["dpd"]), params=scanned)
        sent += answer.status_code == 200
    assert sent == 2 * ORDERS + SCANS
    return sent


def test_a_gateway_that_was_killed_before_its_answer_knows_the_repeat(
    postgres: str,
    endpoint: Created,
    app: App,
    conn: Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
):
    for name, seconds in PATIENT_ENVIRONMENT.items():
        monkeypatch.setenv(name, seconds)
    gateway = Gateway(postgres, os.environ["SCHEMABASE_KEYS"])
    gateway.start()
    heard: list[int] = []

    def send() -> None:
        with httpx.Client(base_url=gateway.root, timeout=60, trust_env=False) as client:
            try:
                heard.append(post(client, endpoint).status_code)
            except httpx.TransportError:
                heard.append(0)

    sender = threading.Thread(target=send)
    try:
        with database.connect(url=postgres) as holder:
            holder.execute("LOCK TABLE platform.webhook_dedupe IN EXCLUSIVE MODE")
            sender.start()
            wait_until(lambda: waiters(conn), what="the statement to wait")
            gateway.kill()
        sender.join()
        wait_until(lambda: count(conn, "platform.webhook_inbox"), what="the commit")
        gateway.start()
        with httpx.Client(base_url=gateway.root, timeout=60, trust_env=False) as client:
            repeated = post(client, endpoint, BODY)
    finally:
        gateway.stop()

    assert heard == [0]
    assert (repeated.status_code, repeated.json()["status"]) == (200, "duplicate")
    assert count(conn, "platform.webhook_inbox") == 1
