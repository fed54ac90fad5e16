"""What is seen of a phase: how old the ordinary tenants' data is, and what all runs took."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import quantiles
from typing import Any, Final, LiteralString

import dagster as dg
from psycopg import Connection

from schemabase_dagster import tags
from sensors.requests import UNFINISHED

SLOWEST_SHARE: Final = 20
"""The slowest of so many equal parts begins at the 95th percentile."""

# The view tells when a sync ended; what it read is as old as the time when it began.
_AGES: LiteralString = """
SELECT f.tenant, f.stream,
       extract(epoch FROM f.age)::float8 AS age,
       extract(epoch FROM now() - max(r.started_at))::float8 AS age_of_data
FROM analytics.sync_freshness AS f
JOIN platform.tenant AS t ON t.slug = f.tenant
JOIN platform.app AS a ON a.tenant_id = t.id AND a.key = f.app
JOIN platform.sync_run AS r
    ON r.app_id = a.id AND r.stream = f.stream AND r.status = 'success'
WHERE f.tenant = ANY(%s)
GROUP BY f.tenant, f.stream, f.age
"""

_ENDED: LiteralString = """
SELECT count(r.id) FILTER (WHERE r.status = 'success'),
       count(r.id) FILTER (WHERE r.status = 'failure')
FROM analytics.sync_freshness AS f
JOIN platform.tenant AS t ON t.slug = f.tenant
JOIN platform.app AS a ON a.tenant_id = t.id AND a.key = f.app
LEFT JOIN platform.sync_run AS r
    ON r.app_id = a.id AND r.stream = f.stream AND r.finished_at >= %(since)s
WHERE f.tenant = ANY(%(tenants)s)
GROUP BY f.tenant, f.stream
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """One run; seconds from its request to its start and from there to its end (or to now)."""

    tenant: str
    system: str
    status: str
    waited: float
    took: float


@dataclass(slots=True)
class Seen:
    """What a phase gave.

    Attributes:
        name: of the phase.
        began: when it began.
        ages: seconds since the latest complete sync, of every stream at every look.
        ages_of_data: the same, since that sync began to read.
        fewest: complete syncs of the stream that had the fewest.
        failed: syncs of ordinary tenants that failed.
        runs: those that were asked for in the phase.
    """

    name: str
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    ages: list[float] = field(default_factory=list)
    ages_of_data: list[float] = field(default_factory=list)
    fewest: int = 0
    failed: int = 0
    runs: list[Ran] = field(default_factory=list)

    def look(self, conn: Connection[Any], tenants: Sequence[str]) -> None:
        """Add how old each stream of these tenants is now."""
        for _, _, age, age_of_data in conn.execute(_AGES, (list(tenants),)):
            self.ages.append(age)
            self.ages_of_data.append(age_of_data)

    def end(
        self, conn: Connection[Any], instance: dg.DagsterInstance, tenants: Sequence[str]
    ) -> None:
        """Add what was completed since the phase began."""
        values = {"since": self.began, "tenants": list(tenants)}
        ended = conn.execute(_ENDED, values).fetchall()
        self.fewest = min(completed for completed, _ in ended)
        self.failed = sum(failed for _, failed in ended)
        self.runs = list(_runs(instance, self.began))


def p95(values: Sequence[float]) -> float:
    """Return the 95th percentile."""
    return quantiles(values, n=SLOWEST_SHARE, method="inclusive")[-1]


def count_synced(conn: Connection[Any], tenants: Sequence[str]) -> int:
    """Return how many streams of these tenants were synced completely by now."""
    return len(conn.execute(_AGES, (list(tenants),)).fetchall())


def at_work(instance: dg.DagsterInstance) -> Counter[str]:
    """Return how many pulls of each tenant wait or run."""
    pulls = dg.RunsFilter(statuses=list(UNFINISHED), tags={tags.LANE: tags.LANE_PULL})
    return Counter(run.tags[tags.TENANT] for run in instance.get_runs(pulls))


def _runs(instance: dg.DagsterInstance, since: datetime) -> Iterable[Ran]:
    wanted = dg.RunsFilter(tags={tags.LANE: tags.LANE_PULL}, created_after=since)
    now = datetime.now(UTC).timestamp()
    for record in instance.get_run_records(wanted):
        run, asked = record.dagster_run, record.create_timestamp.timestamp()
        started = record.start_time or record.end_time or now
        yield Ran(
            run.tags[tags.TENANT],
            run.tags[tags.SYSTEM],
            run.status.value,
            started - asked,
            (record.end_time or now) - started,
        )
