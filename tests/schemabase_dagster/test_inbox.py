"""Without these, a delivery is processed twice, never, or by two workers at once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection, sql
from uuid_utils.compat import uuid7

from resources.saleor import SALEOR
from schemabase_dagster import database, inbox, tenancy, webhooks
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.inbox import Delivery, InboxRow, Selection
from schemabase_dagster.tenancy import App, Tenant
from tests.support.deliveries import delivery
from tests.support.rows import count, one, value

Make = Callable[..., Delivery]


@pytest.fixture
def app(conn: Connection[Any], tenant: Tenant) -> App:
    """App ``shop`` of ``acme``; nobody answers at its address."""
    return add_shop(conn, tenant, "shop")


def add_shop(conn: Connection[Any], tenant: Tenant, key: str) -> App:
    config = {"api_url": f"http://localhost:9/{key}/graphql/", "domain": f"{tenant.slug}-{key}"}
    config["order_prefix"] = key.upper()
    return tenancy.add_app(conn, tenant, SALEOR, key, config, {"token": "t" * 30})


def add_endpoint(conn: Connection[Any], app: App) -> str:
    options = {"scheme": "path_only", "reason": "a test"}
    return webhooks.create_endpoint(conn, app, options).endpoint_id


@pytest.fixture
def endpoint_id(conn: Connection[Any], app: App) -> str:
    """An endpoint of the app."""
    return add_endpoint(conn, app)


def store(conn: Connection[Any], endpoint_id: str, *bodies: bytes, **changes: Any) -> list[UUID]:
    made = [delivery(endpoint_id, body, **changes) for body in bodies]
    return [each.inbox_id for each in inbox.insert_batch(conn, made) if each]


def claim(conn: Connection[Any], app: App, limit: int = 200, worker: str = "w") -> list[InboxRow]:
    return inbox.claim(conn, app.tenant_id, app.type, limit, worker=worker)


def state(conn: Connection[Any], inbox_id: UUID) -> dict[str, Any]:
    return one(conn, "SELECT * FROM platform.webhook_inbox WHERE id = %s", (inbox_id,))


def hurry(conn: Connection[Any]) -> None:
    """Let all waiting times and leases be over."""
    conn.execute(
        "UPDATE platform.webhook_inbox SET next_attempt_at = now(),"
        " claimed_until = claimed_until - interval '1 day'"
    )


def test_equal_deliveries_in_one_batch_are_one_row(conn: Connection[Any], endpoint_id: str):
    twins = [delivery(endpoint_id, b"1"), delivery(endpoint_id, b"2"), delivery(endpoint_id, b"1")]

    first, other, copy = inbox.insert_batch(conn, twins)

    assert first
    assert other
    assert copy
    assert (first.is_new, other.is_new, copy.is_new) == (True, True, False)
    assert copy.inbox_id == first.inbox_id != other.inbox_id
    assert count(conn, "platform.webhook_inbox") == 2
    seen = "SELECT seen_count FROM platform.webhook_dedupe WHERE inbox_id = %s"
    assert value(conn, seen, (first.inbox_id,)) == 2


def test_another_body_under_a_known_key_is_marked(conn: Connection[Any], endpoint_id: str):
    one_key = {"dedupe_key": b"k"}
    changed = [delivery(endpoint_id, b"1", **one_key), delivery(endpoint_id, b"2", **one_key)]

    (first,) = inbox.insert_batch(conn, changed[:1])
    (second,) = inbox.insert_batch(conn, changed[1:])
    both = inbox.insert_batch(
        conn, [delivery(endpoint_id, body, dedupe_key=b"x") for body in (b"1", b"2")]
    )

    assert first
    assert second
    assert (first.body_conflict, second.body_conflict) == (False, True)
    assert second.inbox_id == first.inbox_id
    assert all(each and each.body_conflict for each in both)
    assert count(conn, "platform.webhook_inbox") == 2


def test_the_key_of_yesterday_counts(conn: Connection[Any], endpoint_id: str):
    store(conn, endpoint_id, b"1", dedupe_key=b"monday")
    tuesday = delivery(endpoint_id, b"1", dedupe_key=b"tuesday", earlier_key=b"monday")
    wednesday = delivery(endpoint_id, b"1", dedupe_key=b"wednesday", earlier_key=b"tuesday")

    (repeated,) = inbox.insert_batch(conn, [tuesday])
    (new,) = inbox.insert_batch(conn, [wednesday])

    assert repeated
    assert new
    assert not repeated.is_new
    assert new.is_new


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_a_batch_over_midnight_holds_one_fact(
    conn: Connection[Any], endpoint_id: str, order: slice
):
    monday = delivery(endpoint_id, b"1", dedupe_key=b"monday", earlier_key=b"sunday")
    tuesday = delivery(endpoint_id, b"1", dedupe_key=b"tuesday", earlier_key=b"monday")

    answers = inbox.insert_batch(conn, [monday, tuesday][order])
    again = [inbox.insert_batch(conn, [each._replace(id=uuid7())])[0] for each in (tuesday, monday)]

    assert [each.is_new for each in [*answers, *again] if each] == [True, False, False, False]


def test_equal_keys_of_two_endpoints_are_two_facts(
    conn: Connection[Any], app: App, endpoint_id: str
):
    other = add_endpoint(conn, app)

    stored = store(conn, endpoint_id, b"1") + store(conn, other, b"1")

    assert len(set(stored)) == 2


def test_a_missing_endpoint_stores_nothing(conn: Connection[Any], endpoint_id: str):
    gone = delivery("wh_" + "z" * 26, b"1")

    assert inbox.insert_batch(conn, [gone, delivery(endpoint_id, b"2")])[0] is None
    assert count(conn, "platform.webhook_inbox") == 1
    assert count(conn, "platform.webhook_dedupe") == 1


def test_two_transactions_with_equal_keys_store_one(
    conn: Connection[Any], postgres: str, endpoint_id: str
):
    with database.connect(url=postgres) as first:
        inbox.insert_batch(first, [delivery(endpoint_id, b"1")])
        conn.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            store(conn, endpoint_id, b"1")
        first.rollback()

    (stored,) = inbox.insert_batch(conn, [delivery(endpoint_id, b"1")])
    assert stored
    assert stored.is_new


def test_a_claim_takes_due_rows_in_order_and_once(
    conn: Connection[Any], app: App, endpoint_id: str
):
    for body in (b"1", b"2", b"3"):
        store(conn, endpoint_id, body)

    rows = claim(conn, app)

    assert [row.body for row in rows] == [b"1", b"2", b"3"]
    assert {(row.attempts, row.claimed_by, row.app_id) for row in rows} == {(1, "w", app.id)}
    assert rows[0].headers == {"a": "b"}
    assert claim(conn, app) == []


def test_two_workers_share_the_rows(
    conn: Connection[Any], postgres: str, app: App, endpoint_id: str
):
    store(conn, endpoint_id, *(b"%d" % number for number in range(20)))

    conn.execute("SET lock_timeout = '2s'")
    with database.connect(url=postgres) as other:
        first = claim(other, app, limit=12, worker="a")
        second = claim(conn, app, worker="b")
        other.commit()

    assert first
    assert second
    assert {row.id for row in first} & {row.id for row in second} == set()
    assert len(first) + len(second) == 20


def test_a_claim_names_its_app(conn: Connection[Any], tenant: Tenant, app: App, endpoint_id: str):
    other = add_shop(conn, tenant, "outlet")
    store(conn, endpoint_id, b"1")
    store(conn, add_endpoint(conn, other), b"2")

    rows = inbox.claim(conn, tenant.id, "saleor", worker="w", app_id=other.id)

    assert [row.body for row in rows] == [b"2"]
    assert inbox.claim(conn, tenant.id, "zoho", worker="w") == []
    assert inbox.claim(conn, uuid4(), "saleor", worker="w") == []


def test_the_lease_of_a_dead_worker_ends(conn: Connection[Any], app: App, endpoint_id: str):
    store(conn, endpoint_id, b"1")
    (lost,) = claim(conn, app, worker="dead")
    assert claim(conn, app) == []
    hurry(conn)
    assert [group.count for group in inbox.due_groups(conn)] == [1]

    (again,) = claim(conn, app, worker="alive")

    assert (again.id, again.attempts, again.claimed_by) == (lost.id, 2, "alive")
    assert inbox.settle(conn, [lost], "failed", "too late") == 0
    assert state(conn, again.id)["status"] == "claimed"
    assert inbox.settle(conn, [again], "processed") == 1
    assert inbox.settle(conn, [again], "failed", "twice") == 0
    assert state(conn, again.id)["status"] == "processed"


def give_back(conn: Connection[Any], rows: list[InboxRow]) -> int:
    return inbox.give_back(conn, rows, 0, "quota")


def settle(conn: Connection[Any], rows: list[InboxRow]) -> int:
    return inbox.settle(conn, rows, "processed")


@pytest.mark.parametrize("end", [settle, give_back])
def test_the_same_worker_cannot_end_an_earlier_claim(
    conn: Connection[Any], app: App, endpoint_id: str, end: Callable[..., int]
):
    store(conn, endpoint_id, b"1")
    (first,) = claim(conn, app)
    hurry(conn)
    (second,) = claim(conn, app)

    assert end(conn, [first]) == 0
    assert end(conn, [second]) == 1


@pytest.mark.parametrize("end", [settle, give_back])
def test_who_gave_a_row_back_cannot_end_the_claim_of_another(
    conn: Connection[Any], app: App, endpoint_id: str, end: Callable[..., int]
):
    store(conn, endpoint_id, b"1")
    before = claim(conn, app, worker="a")
    give_back(conn, before)
    now = claim(conn, app, worker="b")
    assert [row.attempts for row in before] == [row.attempts for row in now]

    assert end(conn, before) == 0
    assert end(conn, now) == 1


def test_a_row_that_kills_its_workers_dies(conn: Connection[Any], app: App, endpoint_id: str):
    (poison,) = store(conn, endpoint_id, b"1")
    claims = []
    for _ in range(9):
        claims.append(claim(conn, app))
        hurry(conn)
    assert [len(rows) for rows in claims] == [1] * 9

    assert claim(conn, app) == []
    assert inbox.settle(conn, claims[-1], "processed") == 0
    assert inbox.give_back(conn, claims[-1], 0, "quota") == 0
    row = state(conn, poison)
    assert row["status"] == "dead"
    assert row["last_error"].startswith("permanent: the worker died 9 times")


def test_a_worker_at_its_last_attempt_may_finish(conn: Connection[Any], app: App, endpoint_id: str):
    store(conn, endpoint_id, b"1")
    for _ in range(8):
        claim(conn, app)
        hurry(conn)
    (last,) = claim(conn, app)

    assert claim(conn, app) == []
    assert inbox.settle(conn, [last], "processed") == 1


def test_only_the_claimed_tenants_and_systems_poison_is_buried(
    conn: Connection[Any], app: App, endpoint_id: str
):
    (poison,) = store(conn, endpoint_id, b"1")
    for _ in range(9):
        claim(conn, app)
        hurry(conn)

    inbox.claim(conn, uuid4(), app.type, worker="w")
    inbox.claim(conn, app.tenant_id, "zoho", worker="w")

    assert state(conn, poison)["status"] == "claimed"


@pytest.mark.parametrize(
    ("outcome", "reason", "stored_reason"),
    [
        ("processed", None, None),
        ("ignored", "filtered", "filtered"),
        ("dead", "not_json", "permanent: not_json"),
        ("dead", "permanent: schema", "permanent: schema"),
    ],
)
def test_a_settled_row_is_never_claimed_again(
    conn: Connection[Any],
    app: App,
    endpoint_id: str,
    outcome: Any,
    reason: str | None,
    stored_reason: str | None,
):
    (inbox_id,) = store(conn, endpoint_id, b"1")

    assert inbox.settle(conn, claim(conn, app), outcome, reason, run_id="run") == 1

    row = state(conn, inbox_id)
    assert (row["status"], row["last_error"], row["run_id"]) == (outcome, stored_reason, "run")
    assert row["processed_at"] is not None
    hurry(conn)
    assert claim(conn, app) == []
    assert inbox.due_groups(conn) == []


def test_settling_is_part_of_the_callers_transaction(
    conn: Connection[Any], postgres: str, app: App, endpoint_id: str
):
    (inbox_id,) = store(conn, endpoint_id, b"1")
    rows = claim(conn, app)

    with database.connect(url=postgres) as landing:
        inbox.settle(landing, rows, "processed")
        landing.rollback()

    assert state(conn, inbox_id)["status"] == "claimed"


def test_failures_back_off_and_end_dead(conn: Connection[Any], app: App, endpoint_id: str):
    (inbox_id,) = store(conn, endpoint_id, b"1")
    waits = []
    for _ in range(8):
        inbox.settle(conn, claim(conn, app), "failed", "HTTP 500")
        row = state(conn, inbox_id)
        assert (row["status"], row["processed_at"]) == ("failed", None)
        wait = "SELECT extract(epoch FROM next_attempt_at - now()) FROM platform.webhook_inbox"
        waits.append(float(value(conn, wait)))
        assert claim(conn, app) == []
        hurry(conn)
    inbox.settle(conn, claim(conn, app), "failed", "HTTP 500")

    expected = (10, 60, 300, 1800, 7200, 21600, 43200, 86400)
    for found, seconds in zip(waits, expected, strict=True):
        assert 0.79 * seconds < found < 1.21 * seconds
    row = state(conn, inbox_id)
    assert (row["status"], row["attempts"]) == ("dead", 9)


def test_a_failure_waits_at_least_as_long_as_it_was_told(
    conn: Connection[Any], app: App, endpoint_id: str
):
    store(conn, endpoint_id, b"1")

    inbox.settle(conn, claim(conn, app), "failed", "429", retry_after_seconds=500)

    wait = "SELECT extract(epoch FROM next_attempt_at - now()) FROM platform.webhook_inbox"
    assert 490 < value(conn, wait) <= 500


def test_a_row_given_back_counts_no_attempt(conn: Connection[Any], app: App, endpoint_id: str):
    (inbox_id,) = store(conn, endpoint_id, b"1")
    rows = claim(conn, app)

    assert inbox.give_back(conn, rows, 60, "quota") == 1
    assert inbox.give_back(conn, rows, 60, "quota") == 0

    row = state(conn, inbox_id)
    assert (row["status"], row["attempts"], row["last_error"]) == ("received", 0, "quota")
    assert claim(conn, app) == []
    hurry(conn)
    assert [row.attempts for row in claim(conn, app)] == [1]


def test_retries_do_not_starve_fresh_deliveries(conn: Connection[Any], app: App, endpoint_id: str):
    store(conn, endpoint_id, *(b"old %d" % number for number in range(50)))
    while rows := claim(conn, app):
        inbox.settle(conn, rows, "failed", "x")
    hurry(conn)
    store(conn, endpoint_id, *(b"new %d" % number for number in range(10)))

    rows = claim(conn, app, limit=16)

    assert sum(row.body.startswith(b"new") for row in rows) == 10


@pytest.fixture(params=["fresh", "failed", "abandoned"])
def due(
    request: pytest.FixtureRequest, conn: Connection[Any], app: App, endpoint_id: str
) -> list[UUID]:
    """Six due deliveries, never tried, tried without success, or of a worker that died."""
    ids = [store(conn, endpoint_id, b"%d" % number)[0] for number in range(6)]
    if request.param != "fresh":
        for number, row in enumerate(claim(conn, app)):
            assert row.id == ids[number]
            if request.param == "failed":
                inbox.settle(conn, [row], "failed", "x")
            conn.execute(
                "UPDATE platform.webhook_inbox SET next_attempt_at = now() - %(age)s,"
                " claimed_until = claimed_until - interval '1 day' - %(age)s WHERE id = %(id)s",
                {"age": timedelta(minutes=10 - number), "id": row.id},
            )
    return ids


def test_whatever_is_due_is_claimed_by_its_own_app_only(
    conn: Connection[Any], tenant: Tenant, app: App, due: list[UUID]
):
    outlet = add_shop(conn, tenant, "outlet")

    assert inbox.claim(conn, uuid4(), app.type, worker="w") == []
    assert inbox.claim(conn, tenant.id, "zoho", worker="w") == []
    assert inbox.claim(conn, tenant.id, app.type, worker="w", app_id=outlet.id) == []
    assert {row.id for row in claim(conn, app)} == set(due)


def test_nothing_of_a_paused_endpoint_is_claimed(
    conn: Connection[Any], app: App, endpoint_id: str, due: list[UUID]
):
    conn.execute("UPDATE platform.webhook_endpoint SET paused_at = now()")

    assert claim(conn, app) == []


def test_the_oldest_are_claimed_first_up_to_a_limit(
    conn: Connection[Any], app: App, due: list[UUID]
):
    rows = claim(conn, app, limit=4)

    # a quarter of a batch each may be retries and what dead workers left, the rest is fresh
    assert rows
    assert len(rows) < 4
    assert {row.id for row in rows} == set(due[: len(rows)])


def test_due_groups_take_turns_between_tenants(conn: Connection[Any], tenant: Tenant, app: App):
    other = tenancy.add_tenant(conn, "globex", "Globex")
    first, second = add_endpoint(conn, app), add_endpoint(conn, add_shop(conn, other, "shop"))
    store(conn, first, b"1")
    store(conn, first, b"2")
    store(conn, second, b"3")

    groups = inbox.due_groups(conn)

    assert [(group.tenant_slug, group.system, group.count) for group in groups] == [
        ("acme", "saleor", 2),
        ("globex", "saleor", 1),
    ]
    assert groups[0].tenant_id == tenant.id
    assert groups[0].leased_until is None
    assert [group.tenant_slug for group in inbox.due_groups(conn, limit=1)] == ["acme"]

    claim(conn, app, limit=1)
    leased = inbox.due_groups(conn)[0]
    assert leased.count == 1
    assert leased.leased_until is not None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE platform.app SET enabled = false",
        "UPDATE platform.app SET deleted_at = now()",
        "UPDATE platform.app SET credentials_failed_at = now()",
        "UPDATE platform.tenant SET active = false",
        "UPDATE platform.entitlement SET valid_until = now()",
        "UPDATE platform.webhook_endpoint SET paused_at = now()",
    ],
)
def test_what_must_wait_is_not_due(conn: Connection[Any], endpoint_id: str, statement: Any):
    store(conn, endpoint_id, b"1")
    assert inbox.due_groups(conn)

    conn.execute(statement)

    assert inbox.due_groups(conn) == []


def test_a_paused_endpoint_is_not_claimed(conn: Connection[Any], app: App, endpoint_id: str):
    """A gateway that has not heard of the pause yet stores deliveries that are not held."""
    webhooks.pause_endpoint(conn, endpoint_id)
    store(conn, endpoint_id, b"1")
    store(conn, add_endpoint(conn, app), b"2")

    assert [row.body for row in claim(conn, app)] == [b"2"]


def test_released_are_only_those_whose_reason_is_gone(
    conn: Connection[Any], tenant: Tenant, app: App, endpoint_id: str
):
    paused = add_endpoint(conn, app)
    webhooks.pause_endpoint(conn, paused)
    store(conn, paused, b"1", held="paused")
    store(conn, endpoint_id, b"2", held="entitlement")
    assert inbox.release_held(conn, uuid4()) == 0

    assert inbox.release_held(conn, tenant.id) == 1
    assert [row.body for row in claim(conn, app)] == [b"2"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("next_attempt_at = now() + interval '1 hour'", id="waits for its turn"),
        pytest.param("status = 'dead'", id="is dead"),
    ],
)
def test_what_is_not_held_is_not_released(
    conn: Connection[Any], app: App, endpoint_id: str, change: str
):
    store(conn, endpoint_id, b"held", held="entitlement")
    (other,) = store(conn, endpoint_id, b"other", held="entitlement")
    conn.execute(f"UPDATE platform.webhook_inbox SET {change} WHERE id = %s", (other,))

    assert inbox.release_held(conn) == 1
    assert [row.body for row in claim(conn, app)] == [b"held"]


def test_what_an_archived_tenant_was_sent_stays_held(
    conn: Connection[Any], tenant: Tenant, endpoint_id: str
):
    store(conn, endpoint_id, b"1", held="archived")
    conn.execute("UPDATE platform.tenant SET active = false")

    assert inbox.release_held(conn) == 0


@pytest.mark.parametrize("body", [b"", b'{"canary"', b"\xffcanary", b'{"a": 1} canary'])
def test_a_body_that_is_not_json_is_rejected_without_its_text(
    conn: Connection[Any], app: App, endpoint_id: str, body: bytes
):
    store(conn, endpoint_id, body)
    (row,) = claim(conn, app)

    with pytest.raises(RecordRejected) as caught:
        inbox.payload(row)

    assert caught.value.code == "not_json"
    assert caught.value.__cause__ is None
    assert "canary" not in repr(row) + str(caught.value)


def test_forms_are_read(conn: Connection[Any], app: App, endpoint_id: str):
    form = {"content_type": "application/x-www-form-urlencoded;charset=UTF-8"}
    store(conn, endpoint_id, b"JSONString=%7B%22a%22%3A1%7D&x=2", **form)
    store(conn, endpoint_id, b"a=1&b=%20", **form)

    assert [inbox.payload(row) for row in claim(conn, app)] == [{"a": 1}, {"a": "1", "b": " "}]


def test_settled_deliveries_are_replayed_as_copies(
    conn: Connection[Any], app: App, endpoint_id: str
):
    store(conn, endpoint_id, b"1", b"2")
    done = claim(conn, app)
    inbox.settle(conn, done, "processed")
    store(conn, endpoint_id, b"waiting")
    chosen = Selection(tenant="acme", provider="saleor", event_type="order_updated")

    assert inbox.count_selected(conn, chosen) == 3
    assert inbox.replay(conn, chosen) == 2
    inbox.settle(conn, claim(conn, app), "processed")
    assert inbox.replay(conn, Selection(ids=tuple(row.id for row in done))) == 2

    copies = claim(conn, app)
    assert sorted(row.body for row in copies) == [b"1", b"2"]
    assert {state(conn, row.id)["replay_of"] for row in copies} == {row.id for row in done}
    keys = value(conn, "SELECT count(DISTINCT dedupe_key) FROM platform.webhook_inbox")
    assert keys == count(conn, "platform.webhook_inbox") == 7


def test_replay_works_in_chunks(
    conn: Connection[Any], app: App, endpoint_id: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("schemabase_dagster.inbox.replays.CHUNK_ROWS", 2)
    store(conn, endpoint_id, *(b"%d" % number for number in range(5)))
    inbox.settle(conn, claim(conn, app), "processed")

    assert inbox.replay(conn, Selection(tenant="acme")) == 5
    commits = "SELECT count(DISTINCT xmin::text) FROM platform.webhook_inbox WHERE replay_of <> id"
    assert value(conn, commits) == 3
    assert len(claim(conn, app)) == 5


def test_dead_deliveries_are_revived_in_place(conn: Connection[Any], app: App, endpoint_id: str):
    store(conn, endpoint_id, b"1", b"2")
    dead, done = claim(conn, app)
    inbox.settle(conn, [dead], "dead", "schema")
    inbox.settle(conn, [done], "processed")

    assert inbox.revive_dead(conn, Selection(tenant="globex")) == 0
    assert inbox.revive_dead(conn, Selection()) == 1

    (revived,) = claim(conn, app)
    assert (revived.id, revived.attempts) == (dead.id, 1)


def test_rows_are_listed_without_bodies_and_shown_with_them(
    conn: Connection[Any], endpoint_id: str
):
    first, second = *store(conn, endpoint_id, b"1"), *store(conn, endpoint_id, b"22")
    conn.execute("UPDATE platform.webhook_inbox SET next_attempt_at = 'infinity'")

    listed = inbox.list_rows(conn, Selection(status="received"))
    shown = inbox.show(conn, second)

    assert [row.id for row in listed] == [second, first]
    assert {row.body for row in listed} == {None}
    assert [row.body_bytes for row in listed] == [2, 1]
    assert listed[0].next_attempt_at is None
    assert shown
    assert shown.body == b"22"
    assert inbox.show(conn, uuid4()) is None
    received_at = listed[0].received_at
    later = Selection(since=received_at + timedelta(hours=1))
    assert inbox.list_rows(conn, later) == []
    assert len(inbox.list_rows(conn, Selection(until=received_at + timedelta(hours=1)))) == 2


def test_old_rows_are_purged_and_keys_outlive_them(
    conn: Connection[Any], app: App, endpoint_id: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("schemabase_dagster.inbox.upkeep.CHUNK_ROWS", 2)
    store(conn, endpoint_id, *(b"%d" % number for number in range(5)))
    inbox.settle(conn, claim(conn, app), "processed")
    store(conn, endpoint_id, b"due")
    conn.execute("UPDATE platform.webhook_inbox SET received_at = now() - interval '31 days'")
    store(conn, endpoint_id, b"fresh")

    assert inbox.purge(conn) == 5
    left = conn.execute("SELECT body FROM platform.webhook_inbox ORDER BY received_at").fetchall()
    assert left == [(b"due",), (b"fresh",)]
    assert count(conn, "platform.webhook_dedupe") == 7

    conn.execute("UPDATE platform.webhook_dedupe SET first_seen_at = now() - interval '36 days'")
    assert inbox.purge(conn) == 7


@pytest.mark.parametrize(
    ("table", "column", "days"),
    [
        pytest.param("webhook_inbox", "received_at", 30, id="deliveries"),
        pytest.param("webhook_dedupe", "first_seen_at", 35, id="keys"),
    ],
)
def test_retention_ends_on_the_day(
    conn: Connection[Any], app: App, endpoint_id: str, table: str, column: str, days: int
):
    store(conn, endpoint_id, b"1", b"2")
    inbox.settle(conn, claim(conn, app), "ignored", "a test")
    conn.execute(
        sql.SQL(
            "UPDATE platform.{table} SET {column} = now() - make_interval(days => %s)"
            " + interval '1 hour' * (CASE WHEN {key} = sha256('1') THEN 1 ELSE -1 END)"
        ).format(
            table=sql.Identifier(table),
            column=sql.Identifier(column),
            key=sql.Identifier("dedupe_key"),
        ),
        (days,),
    )

    assert inbox.purge(conn) == 1
    assert count(conn, f"platform.{table}") == 1


@pytest.mark.parametrize(
    ("change", "is_kept"),
    [
        pytest.param("status = 'processed'", False, id="processed"),
        pytest.param("status = 'ignored'", False, id="ignored"),
        pytest.param("status = 'dead'", False, id="dead"),
        pytest.param("next_attempt_at = 'infinity'", False, id="held"),
        pytest.param("status = 'received'", True, id="due"),
        pytest.param("status = 'failed'", True, id="failed"),
        pytest.param("status = 'claimed'", True, id="claimed"),
    ],
)
def test_only_what_is_over_or_held_is_purged(
    conn: Connection[Any], endpoint_id: str, change: str, *, is_kept: bool
):
    store(conn, endpoint_id, b"1")
    conn.execute(
        "UPDATE platform.webhook_inbox SET received_at = now() - interval '31 days', " + change
    )

    inbox.purge(conn)

    assert count(conn, "platform.webhook_inbox") == int(is_kept)


def test_notes_of_refusals_are_purged_with_the_deliveries(conn: Connection[Any], endpoint_id: str):
    for days in (29, 31, 31):
        conn.execute(
            "INSERT INTO platform.webhook_reject"
            " (endpoint_id, reason, http_status, trace_id, received_at)"
            " VALUES (%s, 'signature', 401, 't', now() - make_interval(days => %s))",
            (endpoint_id, days),
        )

    assert inbox.purge(conn) == 2
    assert count(conn, "platform.webhook_reject") == 1


def test_an_empty_batch_is_answered_without_a_statement(conn: Connection[Any]):
    assert inbox.insert_batch(conn, []) == []


def test_the_backlog_is_counted(conn: Connection[Any], app: App, endpoint_id: str):
    ends: tuple[inbox.Outcome, ...] = ("processed", "ignored", "dead", "failed")
    for end in ends:
        store(conn, endpoint_id, end.encode())
        inbox.settle(conn, claim(conn, app), end, "x")
    store(conn, endpoint_id, b"in work")
    claim(conn, app)
    store(conn, endpoint_id, b"due")
    for status, seconds in {"received": 100, "failed": 200, "claimed": 300, "dead": 400}.items():
        conn.execute(
            "UPDATE platform.webhook_inbox SET received_at = now() - make_interval(secs => %s)"
            " WHERE status = %s",
            (seconds, status),
        )

    found = {each.status: each for each in inbox.backlog(conn)}

    assert {status: (each.provider, each.count) for status, each in found.items()} == dict.fromkeys(
        ("received", "failed", "claimed", "dead"), ("saleor", 1)
    )
    # what failed waits for its turn, and what is dead for a person
    ages = {status: round(each.oldest_due_seconds, -1) for status, each in found.items()}
    assert ages == {"received": 100, "failed": 0, "claimed": 300, "dead": 0}


def test_only_a_running_lease_counts_as_one(conn: Connection[Any], app: App, endpoint_id: str):
    store(conn, endpoint_id, b"1", b"2")
    claim(conn, app, limit=1)
    assert inbox.due_groups(conn)[0].leased_until is not None

    hurry(conn)

    (group,) = inbox.due_groups(conn)
    assert (group.count, group.leased_until) == (2, None)
