"""From a signed request to the row it changed: through gateway and run, to link and screen."""

from collections.abc import Callable, Iterator
from typing import Any, LiteralString

import dagster as dg
import httpx
import pytest
from psycopg import Connection, sql

from assets import registry
from assets.coverage import check_coverage
from assets.orders.saleor import SALEOR_ORDERS
from resources import registry as systems
from resources.dpd import DPD
from sandbox.runner import Sandbox
from schemabase_dagster import inbox, tags, tenancy, webhooks
from schemabase_dagster.definitions import defs
from schemabase_dagster.tenancy import App, Tenant
from schemabase_dagster.webhooks import Created
from sensors import webhook_inbox
from tests.support import shops
from tests.support.deliveries import serve
from tests.support.pulls import pull
from tests.support.rows import one, rows, value
from tests.webhook_gateway.servers import running
from webhook_gateway.app import create_app
from webhook_gateway.settings import GatewaySettings

COVERAGE: LiteralString = """
SELECT changes, webhook_first, pull_first, pull_only, coverage::float8
FROM analytics.webhook_coverage WHERE tenant = 'acme' AND stream = 'saleor_orders'
"""
SCAN = {"pushid": "1", "pnr": "05212345678901", "depot": "0112", "status": "pickup_depot",
        "statusdate": "05012026081500"}  # fmt: skip


@pytest.fixture
def root(postgres: str) -> Iterator[str]:
    """Address of a gateway on the test's database."""
    settings = GatewaySettings(access_log=False, cache_seconds=0.0)
    with running(create_app(settings, address=lambda: postgres)) as address:
        yield address


def endpoint(conn: Connection[Any], app: App) -> Created:
    """Make an endpoint as ``schemabase webhook create`` does."""
    system = systems.system_of(app.type)
    config = system.config.model_validate(app.config)
    return webhooks.create_endpoint(conn, app, system.verification(config))


def address(root: str, made: Created) -> str:
    return webhooks.endpoint_url(root, made.provider, made.endpoint_id)


def send_saleor(conn: Connection[Any], root: str, sandbox: Sandbox, tenant: Tenant) -> App:
    app = shops.add_saleor(conn, tenant, sandbox)
    ids = sandbox.control.ids("acme", "saleor")[:1]
    sandbox.control.send_saleor_webhook("acme", address(root, endpoint(conn, app)), ids)
    return app


def send_zoho(conn: Connection[Any], root: str, sandbox: Sandbox, tenant: Tenant) -> App:
    app = shops.add_zoho(conn, tenant, sandbox)
    made = endpoint(conn, app)
    ids = sandbox.control.ids("acme", "zoho")[:1]
    sandbox.control.send_zoho_webhook("acme", address(root, made), ids, secret=made.secret or "")
    return app


def send_strapi(conn: Connection[Any], root: str, sandbox: Sandbox, tenant: Tenant) -> App:
    app = shops.add_strapi(conn, tenant, sandbox)
    made = endpoint(conn, app)
    order = sandbox.control.ids("acme", "strapi", "bulk_orders")[0]
    sent = sandbox.control.prepare_webhook(
        "acme", "strapi", order, event="entry.update", entity="bulk_orders"
    )
    post(address(root, made), sent, Authorization=made.secret or "")
    return app


def send_review(conn: Connection[Any], root: str, sandbox: Sandbox, tenant: Tenant) -> App:
    app = shops.add_reviewsio(conn, tenant, sandbox)
    review = sandbox.control.ids("acme", "reviewsio", "product_reviews")[-1]
    sent = sandbox.control.prepare_webhook("acme", "reviewsio", review, entity="product_reviews")
    post(address(root, endpoint(conn, app)), sent)
    return app


def send_scan(conn: Connection[Any], root: str, _: Sandbox, tenant: Tenant) -> App:
    app = tenancy.add_app(conn, tenant, DPD, "dpd", {}, {}, ["dpd_tracking"])
    httpx.get(address(root, endpoint(conn, app)), params=SCAN, trust_env=False).raise_for_status()
    return app


def post(url: str, sent: dict[str, Any], **headers: str) -> None:
    answer = httpx.post(
        url, content=sent["body"], headers={**sent["headers"], **headers}, trust_env=False
    )
    answer.raise_for_status()


def table_of(entity: str) -> sql.Identifier:
    return sql.Identifier("core", registry.entities()[entity].table.name)


@pytest.mark.parametrize(
    ("send", "streams"),
    [
        (send_saleor, {"saleor_orders"}),
        (send_zoho, {"zoho_sales_orders"}),
        (send_strapi, {"strapi_bulk_orders", "strapi_bulk_order_recipients"}),
        (send_review, {"reviewsio_product_reviews"}),
        (send_scan, {"dpd_tracking"}),
    ],
)
def test_every_sender_leads_to_the_rows_it_made(
    conn: Connection[Any],
    root: str,
    sandbox: Sandbox,
    tenant: Tenant,
    send: Callable[..., App],
    streams: set[str],
):
    app = send(conn, root, sandbox, tenant)

    serve(app.type)

    delivery = value(conn, "SELECT id FROM platform.webhook_inbox WHERE status = 'processed'")
    effects = inbox.list_effects(conn, [delivery])
    assert streams <= {each.stream for each in effects}
    assert {each.raw for each in effects} == {"changed"}
    merged = [each for each in effects if registry.streams()[each.stream].mapper is not None]
    assert merged
    for each in merged:
        assert each.core == "changed"
        query = sql.SQL("SELECT tenant_id FROM {} WHERE id = %s").format(
            table_of(each.entity or "")
        )
        assert conn.execute(query, (each.core_id,)).fetchone() == (tenant.id,)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Dagster instance in memory that knows the tenant."""
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions(tags.TENANT_PARTITIONS, ["acme"])
        yield made


def test_a_run_tells_which_delivery_changed_which_row(
    conn: Connection[Any],
    root: str,
    sandbox: Sandbox,
    tenant: Tenant,
    instance: dg.DagsterInstance,
):
    send_saleor(conn, root, sandbox, tenant)
    (request,) = webhook_inbox.due_requests(instance).run_requests
    request.run_config["ops"]["deliver"]["config"]["linger_seconds"] = 0.0

    result = defs.resolve_job_def("webhook_delivery").execute_in_process(
        run_config=request.run_config,
        partition_key=request.partition_key,
        tags=dict(request.tags),
        instance=instance,
    )

    told = {
        event.step_materialization_data.materialization.asset_key.to_user_string(): (
            event.step_materialization_data.materialization.metadata
        )
        for event in result.all_events
        if event.is_step_materialization
    }
    delivery = value(conn, "SELECT id::text FROM platform.webhook_inbox")
    order = one(conn, "SELECT core_id::text, external_id FROM platform.webhook_effect "
                      "WHERE stream = 'saleor_orders'")  # fmt: skip
    record = f"saleor_orders {order['external_id']}"
    for asset in ("raw/saleor_orders", "core/orders"):
        table = told[asset]["latest_deliveries"]
        assert isinstance(table, dg.TableMetadataValue)
        (shown,) = table.records
        assert shown.data == {
            "delivery": delivery, "record": record, "outcome": "changed",
            "row": f"order {order['core_id']}",
        }  # fmt: skip
        assert told[asset]["deliveries"].value == 1
    assert told["raw/saleor_orders"]["changed"].value == 1
    assert "jana" not in repr(told).lower()


def change_by_pull(sandbox: Sandbox, app: App, number: int) -> list[str]:
    """Change orders of which no webhook tells, and pull them."""
    changed = sandbox.control.change_orders("acme", "saleor", number, kind="note")
    pull(app, "saleor_orders")
    return changed


def test_coverage_counts_who_told_first(
    conn: Connection[Any], root: str, sandbox: Sandbox, tenant: Tenant
):
    app = shops.add_saleor(conn, tenant, sandbox)
    url = address(root, endpoint(conn, app))
    pull(app, "saleor_orders")
    assert rows(conn, COVERAGE) == []

    told = sandbox.control.change_orders("acme", "saleor", 3, kind="note")
    sandbox.control.send_saleor_webhook("acme", url, told)
    serve(app.type)
    pull(app, "saleor_orders")
    (late,) = change_by_pull(sandbox, app, 1)
    sandbox.control.send_saleor_webhook("acme", url, [late])
    serve(app.type)
    # what a webhook told of the version before says nothing about this one
    sandbox.control.change_orders("acme", "saleor", 1, kind="note", ids=[late])
    pull(app, "saleor_orders")

    assert one(conn, COVERAGE) == {
        "changes": 5, "webhook_first": 3, "pull_first": 1, "pull_only": 1, "coverage": 0.75,
    }  # fmt: skip


def tell_first_and_pull_later(
    conn: Connection[Any], root: str, sandbox: Sandbox, tenant: Tenant
) -> App:
    """Let a webhook bring a new order and a pull its change; return the shop."""
    app = shops.add_saleor(conn, tenant, sandbox)
    url = address(root, endpoint(conn, app))
    (order,) = sandbox.control.new_orders("acme", "saleor", 1)
    sandbox.control.send_saleor_webhook("acme", url, [order])
    serve(app.type)
    sandbox.control.change_orders("acme", "saleor", 1, kind="note", ids=[order])
    pull(app, "saleor_orders")
    return app


def test_coverage_knows_versions_that_were_replaced_since(
    conn: Connection[Any], root: str, sandbox: Sandbox, tenant: Tenant
):
    tell_first_and_pull_later(conn, root, sandbox, tenant)

    assert one(conn, COVERAGE) == {
        "changes": 2, "webhook_first": 1, "pull_first": 0, "pull_only": 1, "coverage": 0.5,
    }  # fmt: skip


def test_a_replay_makes_no_coverage(
    conn: Connection[Any], root: str, sandbox: Sandbox, tenant: Tenant
):
    app = tell_first_and_pull_later(conn, root, sandbox, tenant)

    inbox.replay(conn, inbox.Selection(tenant="acme"))
    serve(app.type)

    assert one(conn, COVERAGE)["pull_only"] == 1


def old_shop(conn: Connection[Any], root: str, sandbox: Sandbox, tenant: Tenant) -> tuple[App, str]:
    """Connect the shop as if its webhooks had come for nine days; return their address, too."""
    app = shops.add_saleor(conn, tenant, sandbox)
    pull(app, "saleor_orders")
    conn.execute("UPDATE raw.saleor_orders SET source_updated_at = '2020-01-01'")
    url = address(root, endpoint(conn, app))
    conn.execute("UPDATE platform.webhook_endpoint SET created_at = now() - interval '9 days'")
    return app, url


def pass_time(conn: Connection[Any], span: str) -> None:
    """Let everything that was seen so far be older."""
    conn.execute("UPDATE raw.saleor_orders SET changed_at = changed_at - %s::interval", (span,))


def test_webhooks_that_went_silent_are_noticed(
    conn: Connection[Any], root: str, sandbox: Sandbox, tenant: Tenant
):
    app, url = old_shop(conn, root, sandbox, tenant)
    change_by_pull(sandbox, app, 6)
    assert check_coverage(conn, tenant, SALEOR_ORDERS).passed, "their webhooks may be on the way"
    pass_time(conn, "1 hour")

    silent = check_coverage(conn, tenant, SALEOR_ORDERS)

    assert (silent.passed, silent.severity) == (False, "WARN")
    assert silent.summary == "shop: silent, a pull found 6 changes"
    sandbox.control.send_saleor_webhook(
        "acme", url, sandbox.control.new_orders("acme", "saleor", 1)
    )
    serve(app.type)
    assert check_coverage(conn, tenant, SALEOR_ORDERS).passed


def test_a_drop_below_the_week_before_is_noticed(
    conn: Connection[Any], root: str, sandbox: Sandbox, tenant: Tenant
):
    app, url = old_shop(conn, root, sandbox, tenant)
    told = sandbox.control.new_orders("acme", "saleor", 6)
    sandbox.control.send_saleor_webhook("acme", url, told[:5])
    serve(app.type)
    pass_time(conn, "3 days")
    sandbox.control.send_saleor_webhook("acme", url, told[5:])
    serve(app.type)
    sandbox.control.new_orders("acme", "saleor", 5)
    pull(app, "saleor_orders")
    pass_time(conn, "1 hour")

    verdict = check_coverage(conn, tenant, SALEOR_ORDERS)

    assert not verdict.passed
    assert verdict.summary == "shop: webhooks told 17% of the changes, 100% the week before"


def test_without_an_endpoint_no_webhook_is_missed(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant
):
    pull(shops.add_saleor(conn, tenant, sandbox), "saleor_orders")

    verdict = check_coverage(conn, tenant, SALEOR_ORDERS)

    assert (verdict.passed, verdict.summary) == (True, "no app has a webhook endpoint")
