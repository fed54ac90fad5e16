"""Storm: deliveries at a steady rate while everything that handles them is killed, and the count.

What is claimed: acknowledged = stored = applied once.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, LiteralString
from urllib.parse import parse_qsl

import psycopg
from psycopg import Connection, sql
from psycopg.rows import dict_row

from proofs.chaos.mix import DEPOT, STATUS, Mix, Orders, Told, fact_of_notice, fact_of_scan
from proofs.chaos.senders import Book, Senders
from proofs.chaos.victims import Service, Victim

POLL_SECONDS: Final = 0.5
SHARE_TOGETHER: Final = 0.25
"""Share of the kills at which a second victim falls with the first."""

STEADY: Final = ("orders", "order_lines", "contacts", "addresses", "payments", "packages")
"""Tables of core whose rows the storm changes but never adds to."""

SET_UP: Final = """
CREATE SCHEMA storm;

CREATE TABLE storm.settled (inbox_id uuid NOT NULL);

CREATE FUNCTION storm.note_settled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO storm.settled (inbox_id) VALUES (NEW.id);
    RETURN NULL;
END $$;

CREATE TRIGGER note_settled AFTER UPDATE ON platform.webhook_inbox FOR EACH ROW
    WHEN (NEW.status IN ('processed', 'ignored', 'dead') AND OLD.status <> NEW.status)
    EXECUTE FUNCTION storm.note_settled();
"""

# The gateway's shipped limit is half of what comes here.
_NO_RATE: Final = "UPDATE platform.webhook_endpoint SET rate_per_minute = 1000000"

# What is settled has been landed; it is applied when it has left the queue of the merges, too.
_WAITING: Final = """
SELECT (SELECT count(*) FROM platform.webhook_inbox
        WHERE status IN ('received', 'claimed', 'failed')),
       (SELECT count(*) FROM platform.todo)
"""

_INBOX: LiteralString = """
SELECT w.id, w.provider, w.body, w.status, w.last_error, d.seen_count,
       (SELECT count(*) FROM storm.settled AS s WHERE s.inbox_id = w.id) AS settled
FROM platform.webhook_inbox AS w
JOIN platform.webhook_dedupe AS d ON d.inbox_id = w.id
WHERE w.replay_of IS NULL
"""

_SCANS: LiteralString = """
SELECT r.external_id, r.change_count, count(e.id) AS events
FROM raw.dpd_tracking AS r
LEFT JOIN core.package_events AS e
    ON e.tenant_id = r.tenant_id AND e.carrier = 'dpd'
    AND e.tracking_id = split_part(r.external_id, '/', 1)
    AND e.event_at = to_timestamp(split_part(r.external_id, '/', 3), 'DDMMYYYYHH24MISS')
        AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin'
GROUP BY r.tenant_id, r.app_id, r.external_id, r.change_count
"""

_ORDERS: LiteralString = """
SELECT r.external_id, r.source_updated_at,
       o.customer_note IS NOT DISTINCT FROM r.payload ->> 'customerNote' AS is_merged
FROM raw.saleor_orders AS r
JOIN core.external_ref AS x
    ON x.app_id = r.app_id AND x.entity = 'order' AND x.external_id = r.external_id
JOIN core.orders AS o ON o.id = x.core_id
"""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a storm takes place.

    Attributes:
        url: database, for a superuser; its server falls and comes back at the same address.
        gateway_root: root of the gateway.
        scans_url: where scans are sent.
        notices_url: where notices of orders are sent.
        victims: who is killed, by name.
        services: processes that are started again whatever ended them, by name.
    """

    url: str
    gateway_root: str
    scans_url: str
    notices_url: str
    victims: Mapping[str, Victim]
    services: Mapping[str, Service] = field(default_factory=dict)

    def revive_fallen(self) -> list[str]:
        """Start again who ended without being killed, and return their names."""
        fallen = [name for name, service in self.services.items() if service.has_fallen]
        for name in fallen:
            self.services[name].revive()
        return fallen


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how wild.

    Attributes:
        seconds: length of the storm.
        per_second: deliveries.
        pauses: of senders, before the second and later tries.
        between: least and most seconds between two kills.
        down: least and most seconds until a killed one is started again.
        drain_seconds: how long what is left may take afterwards.
        seed: decides what falls when.
    """

    seconds: float
    per_second: float = 200
    pauses: Sequence[float] = (2, 4, 8, 16, 32)
    between: tuple[float, float] = (6, 14)
    down: tuple[float, float] = (0, 2)
    drain_seconds: float = 600
    seed: int = 7


@dataclass
class Outcome:
    """What happened.

    Attributes:
        kills: by victim.
        fallen: who ended without being killed, and was started again.
        book: what senders sent and heard.
        stored: rows of the inbox by provider.
        repeats: deliveries that were counted as repeats.
        unheard: facts that were stored although an answer of theirs was lost.
        outcomes: rows of the inbox by status.
        events: rows of ``core.package_events``.
        orders: orders that changed.
        changes: changes of orders that were told.
        faults: one line each; empty = it holds.
        drain_seconds: until nothing waited any more.
    """

    kills: Counter[str] = field(default_factory=Counter)
    fallen: Counter[str] = field(default_factory=Counter)
    book: Book = field(default_factory=Book)
    stored: Counter[str] = field(default_factory=Counter)
    repeats: int = 0
    unheard: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    events: int = 0
    orders: int = 0
    changes: int = 0
    faults: list[str] = field(default_factory=list)
    drain_seconds: float = 0.0


def rage(
    ground: Ground, orders: Orders, plan: Plan, say: Callable[[str], None] = lambda _line: None
) -> Outcome:
    """Let a storm rage, wait until all is settled, and count.

    Args:
        ground: where; everything serves.
        orders: what changes at the shop.
        plan: how long and how wild.
        say: takes a line about the progress.
    """
    out = Outcome()
    with psycopg.connect(ground.url, autocommit=True) as conn:
        conn.execute(SET_UP)
        conn.execute(_NO_RATE)
        before = _steady(conn)
    mix = Mix(ground.scans_url, ground.notices_url, orders, Random(plan.seed))
    senders = Senders(ground.gateway_root, mix.next, plan.pauses)
    orders.start()
    try:
        senders.start(plan.per_second, plan.seconds)
        _kill(ground, plan, senders.book, out, say)
    finally:
        orders.stop()
    senders.join()
    say("the storm is over, every sender has ended")
    out.book = senders.book
    out.drain_seconds = _drain(ground, plan, out, say)
    with psycopg.connect(ground.url, autocommit=True) as conn:
        _judge(conn, orders.told, out)
        after = _steady(conn)
    out.faults += [f"rows of {name}: {before[name]}, then {after[name]}"
                   for name in STEADY if before[name] != after[name]]  # fmt: skip
    return out


def _kill(ground: Ground, plan: Plan, book: Book, out: Outcome, say: Callable[[str], None]) -> None:
    rng, ends = Random(plan.seed), time.monotonic() + plan.seconds
    names = _in_turn(sorted(ground.victims), rng)
    while (left := ends - time.monotonic()) > 0 or _is_too_mild(ground, plan, out, left):
        # A storm strikes when nobody waits for it.
        pause = rng.uniform(*plan.between)
        time.sleep(min(pause, left) if left > 0 else pause)
        out.fallen.update(ground.revive_fallen())
        wanted = [next(names) for _ in range(2 if rng.random() < SHARE_TOGETHER else 1)]
        hit = [name for name in dict.fromkeys(wanted) if ground.victims[name].kill()]
        out.kills.update(hit)
        time.sleep(rng.uniform(*plan.down))
        for name in hit:
            ground.victims[name].revive()
        say(f"killed: {' and '.join(hit) or 'nobody'}; {book.deliveries:,} deliveries begun, "
            f"{book.acknowledged.total():,} acknowledged")  # fmt: skip
    out.fallen.update(ground.revive_fallen())


def _is_too_mild(ground: Ground, plan: Plan, out: Outcome, left: float) -> bool:
    """Tell whether somebody was spared: where it takes long to stand up, few fall in the time."""
    return out.kills.keys() != ground.victims.keys() and -left < plan.drain_seconds


def _in_turn(names: Sequence[str], rng: Random) -> Iterator[str]:
    """Yield all names in one order after the other."""
    while True:
        yield from rng.sample(names, len(names))


def _drain(ground: Ground, plan: Plan, out: Outcome, say: Callable[[str], None]) -> float:
    """Wait until all deliveries are settled and merged, and return how long that took."""
    began = time.monotonic()
    shown = began
    while True:
        out.fallen.update(ground.revive_fallen())
        with psycopg.connect(ground.url, autocommit=True) as conn:
            ((deliveries, records),) = conn.execute(_WAITING).fetchall()
        now = time.monotonic()
        if deliveries == records == 0:
            return now - began
        waiting = f"{deliveries} deliveries and {records} landed records wait"
        if now - began > plan.drain_seconds:
            out.faults.append(f"in the end {waiting}")
            return now - began
        if now - shown > 10:
            shown = now
            say(waiting)
        time.sleep(POLL_SECONDS)


def _steady(conn: Connection[Any]) -> dict[str, int]:
    counted = {}
    for name in STEADY:
        query = sql.SQL("SELECT count(*) FROM core.{}").format(sql.Identifier(name))
        row = conn.execute(query).fetchone()
        counted[name] = row[0] if row else 0
    return counted


def _judge(conn: Connection[Any], told: Mapping[str, Told], out: Outcome) -> None:
    """Compare what was acknowledged with what is stored, and that with what it did."""
    with conn.cursor(row_factory=dict_row) as cursor:
        inbox = {row["id"]: row for row in cursor.execute(_INBOX).fetchall()}
        scans = {row["external_id"]: row for row in cursor.execute(_SCANS).fetchall()}
        orders = {row["external_id"]: row for row in cursor.execute(_ORDERS).fetchall()}
        out.events = cursor.execute("SELECT count(*) AS n FROM core.package_events").fetchall()[0][
            "n"
        ]
    acknowledged = out.book.acknowledged
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in inbox.values():
        rows.setdefault(_fact(row), []).append(row)
        out.stored[row["provider"]] += 1
        out.outcomes[row["status"]] += 1
        out.repeats += row["seen_count"] - 1
    for fact in acknowledged:
        if fact not in rows:
            out.faults.append(f"acknowledged, not stored: {fact}")
    for fact, found in rows.items():
        out.faults += _faults(fact, found, acknowledged[fact], scans)
        out.unheard += sum(row["seen_count"] for row in found) > acknowledged[fact]
    for fact in rows.keys() & told.keys():
        order = orders[told[fact].order]
        if order["source_updated_at"] < told[fact].updated_at:
            out.faults.append(f"processed, but raw holds an older order: {fact}")
        elif not order["is_merged"]:
            out.faults.append(f"processed, but core holds an older order: {fact}")
    wanted = len(rows) - len(rows.keys() & told.keys())
    if not wanted == len(scans) == out.events:
        out.faults.append(f"{wanted} scans, {len(scans)} in raw, {out.events} in core")
    out.orders = len({each.order for each in told.values()})
    out.changes = len(told)


def _faults(
    fact: str, found: Sequence[Mapping[str, Any]], acknowledged: int, scans: Mapping[str, Any]
) -> Iterator[str]:
    """Yield what is wrong with the rows of one fact."""
    (row, *others) = found
    if others:
        yield f"stored {len(found)} times: {fact}"
    if row["seen_count"] < acknowledged:
        yield f"acknowledged {acknowledged} times, counted {row['seen_count']}: {fact}"
    if row["status"] != "processed" or row["settled"] != 1:
        yield f"settled {row['settled']} times, {row['status']} ({row['last_error']}): {fact}"
    elif row["provider"] == "dpd":
        _, parcel, at = fact.split()
        scan = scans.get(f"{parcel}/{STATUS}/{at}/{DEPOT}")
        if scan is None or (scan["change_count"], scan["events"]) != (0, 1):
            yield f"not applied once: {fact} ({scan})"


def _fact(row: Mapping[str, Any]) -> str:
    if row["provider"] == "dpd":
        return fact_of_scan(dict(parse_qsl(bytes(row["body"]).decode())))
    return fact_of_notice(bytes(row["body"]))
