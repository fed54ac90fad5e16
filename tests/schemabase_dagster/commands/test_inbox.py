"""Without these, people on call cannot see what came, or a replay does harm."""

import base64
import json
from typing import Any, LiteralString
from uuid import UUID

import pytest
from psycopg import Connection

from assets import registry
from assets.orders.zoho import ZOHO_SALES_ORDERS
from resources.saleor import SALEOR
from schemabase_dagster import inbox, tenancy, webhooks
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.inbox import Selection
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import zoho_order
from tests.schemabase_dagster.commands.conftest import Run
from tests.schemabase_dagster.engine.test_hints import deliver, land
from tests.support import shops
from tests.support.deliveries import delivery
from tests.support.rows import count, value
from tests.support.source import Source


@pytest.fixture
def app(conn: Connection[Any], tenant: Tenant) -> App:
    """App ``shop`` of ``acme``; nobody answers at its address."""
    config = {"api_url": "http://localhost:9/graphql/"}
    return tenancy.add_app(conn, tenant, SALEOR, "shop", config, {"token": "t" * 30})


@pytest.fixture
def stored(conn: Connection[Any], app: App) -> list[UUID]:
    """Three deliveries: processed, dead, received."""
    options = {"scheme": "path_only", "reason": "a test"}
    endpoint_id = webhooks.create_endpoint(conn, app, options).endpoint_id
    done, dead = (
        inbox.insert_batch(conn, [delivery(endpoint_id, body)])[0] for body in (b"canary", b"bad")
    )
    first, second = inbox.claim(conn, app.tenant_id, "saleor", worker="w")
    inbox.settle(conn, [first], "processed")
    inbox.settle(conn, [second], "dead", "not_json")
    (waiting,) = inbox.insert_batch(conn, [delivery(endpoint_id, b"waiting")])
    return [each.inbox_id for each in (done, dead, waiting) if each]


def listed(run: Run, *options: str) -> list[str]:
    """Ids that a list command shows."""
    return [row["id"] for row in json.loads(run("inbox", *options, "--json").out)]


def test_deliveries_are_listed_newest_first(run: Run, stored: list[UUID]):
    done, dead, waiting = map(str, stored)

    assert listed(run, "list") == [waiting, dead, done]
    assert listed(run, "list", "--limit", "1") == [waiting]
    assert listed(run, "list", "--status", "processed") == [done]
    assert listed(run, "list", "--until", "2020-01-01") == []
    assert listed(run, "dead") == [dead]
    ran = run("inbox", "dead")
    assert "permanent: not_json" in ran.out


def test_a_body_is_shown_only_when_asked_for(run: Run, stored: list[UUID]):
    inbox_id = str(stored[0])

    assert "canary" not in run("inbox", "show", inbox_id).out
    assert "canary" in run("inbox", "show", inbox_id, "--body").out
    assert "canary" not in run("inbox", "show", inbox_id, "--json").out
    assert "canary" not in run("inbox", "list", "--json").out
    assert "a: b" in run("inbox", "show", inbox_id).out


def test_deliveries_are_exported_as_they_came(run: Run, stored: list[UUID]):
    lines = run("inbox", "export", "--tenant", "acme").out.splitlines()

    exported = [json.loads(line) for line in lines]
    assert [each["id"] for each in exported] == list(map(str, stored))
    assert [base64.b64decode(each["body"]) for each in exported] == [b"canary", b"bad", b"waiting"]
    assert exported[1]["status"] == "dead"
    assert exported[1]["headers"] == {"a": "b"}


def test_an_export_tells_no_secret_address(conn: Connection[Any], run: Run, stored: list[UUID]):
    (endpoint,) = webhooks.list_endpoints(conn)

    ran = run("inbox", "export", str(stored[0]))

    assert len(ran.out.splitlines()) == 1
    assert endpoint.id not in ran.out
    assert "127.0.0.1" not in ran.out


def test_an_export_of_everything_has_to_be_narrowed_down(run: Run, stored: list[UUID]):
    ran = run("inbox", "export")

    assert ran.status == 2
    assert "Nothing was chosen to be exported" in ran.err
    assert ran.out == ""
    assert run("inbox", "export", "--until", "2020-01-01").out == ""


def test_a_sender_does_not_write_on_the_terminal(
    run: Run, stored: list[UUID], conn: Connection[Any]
):
    conn.execute("""UPDATE platform.webhook_inbox
        SET headers = '{"x-note": "\\u009b2J"}', last_error = E'\\x1b]0;canary\\x07'""")

    shown, named = run("inbox", "show", str(stored[0])).out, run("inbox", "list").out

    assert r"x-note: \x9b2J" in shown
    assert r"\x1b]0;canary\x07" in named
    assert not {"\x9b", "\x1b", "\x07"} & {*shown, *named}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("status = 'received'", "Not processed yet, due "),
        (
            "status = 'received', next_attempt_at = 'infinity', last_error = 'paused'",
            "Not processed yet, is held: paused.",
        ),
        ("status = 'claimed'", "A run is processing it."),
        ("status = 'failed', attempts = 2, last_error = 'HTTP 502'", "Failed 2 times, due "),
        (
            "status = 'ignored', last_error = 'no stream is concerned'",
            "It changed nothing: no stream is concerned.",
        ),
        ("status = 'dead', last_error = 'permanent: x'", "It was given up: permanent: x."),
        ("status = 'processed'", "It changed nothing that is still known."),
    ],
)
def test_a_delivery_without_effect_says_why(
    run: Run, stored: list[UUID], conn: Connection[Any], change: LiteralString, told: str
):
    conn.execute(f"UPDATE platform.webhook_inbox SET {change} WHERE id = %s", (stored[0],))

    assert told in run("inbox", "show", str(stored[0])).out


def test_a_delivery_shows_the_records_and_rows_it_changed(
    run: Run, conn: Connection[Any], tenant: Tenant
):
    books = shops.unreachable_zoho(conn, tenant)
    (first,) = deliver(conn, books, {"salesorder": zoho_order("1")})
    land(Source(ZOHO_SALES_ORDERS), books)
    merge_entity(registry.entities()["order"], tenant, registry.streams())
    (again,) = deliver(conn, books, {"salesorder": zoho_order("1")})
    land(Source(ZOHO_SALES_ORDERS), books)

    row = str(value(conn, "SELECT id FROM core.orders"))
    shown = run("inbox", "show", str(first)).out
    assert "What it changed" in shown
    assert shown.splitlines()[-1].split() == ["zoho_sales_orders", "1", "changed", "order", row,
                                              "changed"]  # fmt: skip
    (effect,) = json.loads(run("inbox", "show", str(first), "--json").out)["effects"]
    assert (effect["stream"], effect["core_id"]) == ("zoho_sales_orders", row)
    shown = run("inbox", "show", str(again)).out
    assert "It changed nothing:" in shown
    assert "equal: raw held the same" in shown


def test_a_replay_revives_the_dead_and_copies_the_done(
    run: Run, stored: list[UUID], conn: Connection[Any], app: App
):
    ran = run("inbox", "replay", "--tenant", "acme", "--yes")

    assert ran.status == 0
    assert "1 failed or dead delivery tried again, 1 delivery copied" in ran.out
    bodies = sorted(row.body for row in inbox.claim(conn, app.tenant_id, "saleor", worker="w"))
    assert bodies == [b"bad", b"canary", b"waiting"]


def test_a_replay_by_filter_asks_first(run: Run, stored: list[UUID], conn: Connection[Any]):
    refused = run("inbox", "replay", "--tenant", "acme", stdin="n\n")

    assert refused.status != 0
    assert count(conn, "platform.webhook_inbox") == 3
    assert run("inbox", "replay", str(stored[0])).status == 0
    assert count(conn, "platform.webhook_inbox") == 4


def test_a_dry_run_replays_nothing(run: Run, stored: list[UUID], conn: Connection[Any]):
    ran = run("inbox", "replay", "--tenant", "acme", "--dry-run")

    assert ran.status == 0
    assert "copied" in ran.out
    assert "tried again" in ran.out
    assert count(conn, "platform.webhook_inbox") == 3
    assert count(conn, "platform.webhook_replay") == 0


def test_a_stopped_replay_is_resumed_by_its_id(run: Run, stored: list[UUID], conn: Connection[Any]):
    replay_id = inbox.start_replay(conn, Selection(tenant="acme"))

    ran = run("inbox", "replay", "--resume", str(replay_id))

    assert ran.status == 0
    assert "1 failed or dead delivery tried again, 1 delivery copied" in ran.out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["replay", "--resume", "01a20adb-81d4-7513-b576-daf2a7f8a04f"], "There is no replay"),
        (["show", "x"], "'x' is not the id of a delivery."),
        (["show", "01a20adb-81d4-7513-b576-daf2a7f8a04f"], "There is no delivery"),
        (["list", "--since", "yesterday"], "'yesterday' is not an instant."),
        (["replay"], "Nothing was chosen"),
    ],
)
def test_wrong_arguments_are_explained(run: Run, conn: Any, words: list[str], complaint: str):
    ran = run("inbox", *words)

    assert ran.status == 2
    assert complaint in ran.err
    assert "Traceback" not in ran.err
