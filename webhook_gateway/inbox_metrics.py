"""Metrics that come from the database: what waits, what became of it, who has fallen silent.

Every gateway process shows the same numbers, so a query over several takes their maximum.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from psycopg import Connection

from schemabase_dagster import inbox
from schemabase_dagster.inbox import AttemptTotal, Backlog, Listening
from schemabase_dagster.inbox.attempts import LATENCY_SECONDS

LABEL_CHARACTERS: Final = 12
SETTLED: Final = ("processed", "ignored")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The inbox at one moment.

    Attributes:
        backlog: what is not settled, and what is dead.
        totals: all attempts ever.
        listening: endpoints with the time since their latest delivery.
        paused: endpoints whose deliveries are stored only, by sender.
        unplaced: deliveries outside of the partitions.
    """

    backlog: list[Backlog]
    totals: list[AttemptTotal]
    listening: list[Listening]
    paused: dict[str, int]
    unplaced: int


def take_snapshot(conn: Connection[Any]) -> Snapshot:
    """Ask the database."""
    return Snapshot(
        inbox.backlog(conn),
        inbox.attempt_totals(conn),
        inbox.list_listening(conn),
        inbox.count_paused(conn),
        inbox.count_unplaced(conn),
    )


def registry_of(snapshot: Snapshot) -> CollectorRegistry:
    """Return a registry that shows a snapshot."""
    registry = CollectorRegistry()
    registry.register(_Inbox(snapshot))
    return registry


def endpoint_label(endpoint_id: str) -> str:
    """Return what stands for an endpoint in metrics: its id is a part of a secret address."""
    return hashlib.sha256(endpoint_id.encode()).hexdigest()[:LABEL_CHARACTERS]


class _Inbox(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        yield from _backlog(self._snapshot.backlog)
        yield _processed(self._snapshot.totals)
        yield _latency(self._snapshot.totals)
        yield from _silence(self._snapshot.listening)
        paused = GaugeMetricFamily(
            "webhook_paused_endpoints", "Endpoints that store only", labels=["provider"]
        )
        for provider, count in self._snapshot.paused.items():
            paused.add_metric([provider], count)
        yield paused
        yield GaugeMetricFamily(
            "webhook_unplaced",
            "Deliveries in the default partition: the upkeep does not run",
            value=self._snapshot.unplaced,
        )


def _backlog(backlog: Iterable[Backlog]) -> Iterator[Metric]:
    rows = GaugeMetricFamily(
        "webhook_backlog", "Deliveries not settled, or dead", labels=["provider", "status"]
    )
    oldest = 0.0
    for each in backlog:
        rows.add_metric([each.provider, each.status], each.count)
        oldest = max(oldest, each.oldest_due_seconds)
    yield rows
    yield GaugeMetricFamily(
        "webhook_oldest_due_seconds", "Age of the oldest due delivery", value=oldest
    )


def _processed(totals: Iterable[AttemptTotal]) -> Metric:
    counts: dict[tuple[str, str, str], float] = defaultdict(float)
    for each in totals:
        counts[each.provider, each.tenant_slug, each.outcome] += each.attempts
    family = CounterMetricFamily(
        "webhook_processed",
        "Attempts to process deliveries",
        labels=["provider", "tenant", "outcome"],
    )
    for labels, count in counts.items():
        family.add_metric(labels, count)
    return family


def _latency(totals: Iterable[AttemptTotal]) -> Metric:
    counts: dict[str, list[float]] = defaultdict(lambda: [0.0] * (len(LATENCY_SECONDS) + 1))
    seconds: dict[str, float] = defaultdict(float)
    for each in totals:
        if each.outcome in SETTLED:
            counts[each.provider][each.latency_bucket] += each.attempts
            seconds[each.provider] += each.seconds
    family = HistogramMetricFamily(
        "webhook_process_latency_seconds",
        "Time from arrival to the commit of its effect",
        labels=["provider"],
    )
    bounds = [*map(str, LATENCY_SECONDS), "+Inf"]
    for provider, spans in counts.items():
        summed = [sum(spans[: number + 1]) for number in range(len(spans))]
        family.add_metric(
            [provider], list(zip(bounds, summed, strict=True)), sum_value=seconds[provider]
        )
    return family


def _silence(listening: Iterable[Listening]) -> Iterator[Metric]:
    labels = ["provider", "tenant", "endpoint"]
    silence = GaugeMetricFamily(
        "webhook_silence_seconds", "Time since the latest delivery", labels=labels
    )
    usual = GaugeMetricFamily(
        "webhook_usual_gap_seconds", "What the longest gap of a day mostly is", labels=labels
    )
    for each in listening:
        values = [each.provider, each.tenant_slug, endpoint_label(each.endpoint_id)]
        silence.add_metric(values, each.silent_seconds)
        if each.usual_gap_seconds is not None:
            usual.add_metric(values, each.usual_gap_seconds)
    yield silence
    yield usual
