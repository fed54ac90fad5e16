"""The play: ordinary tenants alone for some rounds of their cron, then beside three in trouble."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final, LiteralString

import dagster as dg

from proofs.fairness.tenants import (
    DRAINED,
    GIANT,
    LOCKED,
    MINUTE,
    STREAMS,
    TROUBLED,
    Cron,
    begin_trouble,
    connect,
    ordinary,
    sizes,
    use_the_day_up,
)
from proofs.fairness.traffic import planned
from proofs.fairness.watch import Seen, at_work, count_synced, p95
from proofs.steps import Steps, wait_for
from schemabase_dagster import database
from schemabase_dagster.stack.home import Home
from schemabase_dagster.stack.run import Options, Running, running
from schemabase_dagster.stack.standins import control

LOOK_SECONDS: Final = 2.0
TELL_SECONDS: Final = 60.0
FIRST_SYNC_SECONDS: Final = 600.0
_LANDED: LiteralString = """
SELECT coalesce(sum((r.counts ->> 'changed')::int), 0)
FROM platform.sync_run AS r
JOIN platform.app AS a ON a.id = r.app_id
JOIN platform.tenant AS t ON t.id = a.tenant_id
WHERE t.slug = %s
"""

_REFUSED: LiteralString = """
SELECT count(*)
FROM platform.app AS a
JOIN platform.tenant AS t ON t.id = a.tenant_id
WHERE t.slug = %s AND a.credentials_failed_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many tenants are played and for how long.

    Attributes:
        ordinary: number of ordinary tenants.
        minutes: from one time of their cron to the next; divides an hour.
        rounds: times of the cron in each of the two phases.
        size: orders of an ordinary tenant.
    """

    ordinary: int = 17
    minutes: int = 5
    rounds: int = 2
    size: int = 60

    @property
    def seconds(self) -> float:
        """Length of a round."""
        return self.minutes * MINUTE

    @property
    def first_seconds(self) -> float:
        """How long the start and the first sync take, or less, on two cores."""
        return MINUTE * (1 + self.ordinary // 5)


@dataclass(slots=True)
class Story:
    """What happened.

    Attributes:
        plan: what was planned.
        alone: the ordinary tenants by themselves.
        beside: the same beside those in trouble.
        over_the_minute: calls of the drained tenant that its Zoho refused before its day was over.
        over_the_day: those that it refused since.
        landed: records of the giant that landed.
        landed_ordinary: of an ordinary tenant.
        refused: apps of the locked tenant that are left alone since.
    """

    plan: Plan
    alone: Seen = field(default_factory=lambda: Seen("alone"))
    beside: Seen = field(default_factory=lambda: Seen("beside"))
    over_the_minute: int = 0
    over_the_day: int = 0
    landed: int = 0
    landed_ordinary: int = 0
    refused: int = 0


def play(home: Home, plan: Plan, steps: Steps) -> Story:
    """Start a stack, play both phases on it and stop it.

    Raises:
        StepFailed: the ordinary tenants' first sync does not end.
        SchemabaseError: the stack does not start, or a process of it died.
    """
    names, cron = ordinary(plan.ordinary), Cron.soon(plan.minutes, after=plan.first_seconds)

    def prepare(stand_ins: Mapping[str, Any]) -> None:
        connect(stand_ins, names, cron)

    options = Options(
        size=plan.size,
        merchants=(*names, *TROUBLED),
        sizes=sizes(plan.size),
        own_database=True,
        prepare=prepare,
    )
    with running(home, options, steps.step) as stack, dg.DagsterInstance.get() as instance:
        return _Play(stack, instance, plan, cron, steps).all()


class _Play:
    """Plays on a running stack."""

    def __init__(
        self, stack: Running, instance: dg.DagsterInstance, plan: Plan, cron: Cron, steps: Steps
    ) -> None:
        self._stack = stack
        self._instance = instance
        self._plan = plan
        self._cron = cron
        self._steps = steps
        self._names = ordinary(plan.ordinary)

    def all(self) -> Story:
        """Play both phases."""
        story, names = Story(self._plan), self._names
        with self._steps.step(f"First sync of {len(names)} ordinary tenants"):
            wait_for(self._is_synced, FIRST_SYNC_SECONDS, "the first sync of everybody")
        with self._steps.step("The next time of the cron, at which both phases begin"):
            self._stack.supervisor.pause(self._cron.seconds_to_next())
        with self._steps.step(f"{self._plan.rounds} rounds, the ordinary tenants alone"):
            story.alone = self._watch("alone", story)
        with self._steps.step(f"{self._plan.rounds} rounds beside {', '.join(TROUBLED)}"):
            begin_trouble(self._stack.stand_ins)
            connect(self._stack.stand_ins, TROUBLED, self._cron)
            story.beside = self._watch("beside", story)
        self._look_at_trouble(story)
        return story

    def _is_synced(self) -> bool:
        self._stack.supervisor.check()
        with database.transaction() as conn:
            wanted = len(self._names) * sum(map(len, STREAMS.values()))
            return count_synced(conn, self._names) == wanted

    def _watch(self, name: str, story: Story) -> Seen:
        """Let orders change and look at everybody's freshness for the rounds of a phase."""
        plan, seen = self._plan, Seen(name)
        in_trouble = name == "beside"
        length = plan.seconds * plan.rounds
        changes = planned(
            self._names, with_giant=in_trouble, seconds=plan.seconds, rounds=plan.rounds
        )
        begin, told = time.monotonic(), 0.0
        while (now := time.monotonic() - begin) < length:
            self._stack.supervisor.check()
            while changes and changes[0].second <= now:
                changes.pop(0).make(self._stack.stand_ins)
            if in_trouble and not story.over_the_minute and now > length / 2:
                self._end_the_day(story)
            with database.transaction() as conn:
                seen.look(conn, self._names)
            if now - told >= TELL_SECONDS:
                told = now
                self._tell(seen)
            self._stack.supervisor.pause(LOOK_SECONDS)
        with database.transaction() as conn:
            seen.end(conn, self._instance, self._names)
        return seen

    def _tell(self, seen: Seen) -> None:
        work = at_work(self._instance)
        troubled = ", ".join(f"{name} {work[name]}" for name in TROUBLED if work[name])
        self._steps.note(
            f"age: median {median(seen.ages):.0f} s, p95 {p95(seen.ages):.0f} s; "
            f"{work.total()} pulls wait or run{f' ({troubled})' if troubled else ''}; "
            f"load {os.getloadavg()[0]:.1f}"
        )

    def _look_at_trouble(self, story: Story) -> None:
        if story.over_the_minute:
            story.over_the_day = self._refused_calls() - story.over_the_minute
        with database.transaction() as conn:
            values = [
                conn.execute(query, (name,)).fetchone()
                for query, name in (
                    (_LANDED, GIANT),
                    (_LANDED, self._names[0]),
                    (_REFUSED, LOCKED),
                )
            ]
        story.landed, story.landed_ordinary, story.refused = (row[0] for row in values if row)

    def _end_the_day(self, story: Story) -> None:
        """Let the drained tenant's day be used up once its minute was."""
        story.over_the_minute = self._refused_calls()
        if story.over_the_minute:
            use_the_day_up(self._stack.stand_ins)

    def _refused_calls(self) -> int:
        calls = control(self._stack.stand_ins, "calls")
        refused: int = calls.get(DRAINED, {}).get("zoho", {}).get("refused", 0)
        return refused
