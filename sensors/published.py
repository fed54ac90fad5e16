"""The sensor that makes feeds and numbers anew after changes that came in by webhook.

A pull makes them in its own run. A webhook run must not: its next delivery would wait for the feed.
What the merges wrote down says what is out of date (``platform.webhook_effect``), there is no
cursor.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import dagster as dg
from psycopg import Connection, sql

from assets import registry
from assets.publication import Publication
from assets.syncing import SYNC_FEATURE
from schemabase_dagster import database, tags, tenancy
from sensors.jobs import TENANT_SYNC
from sensors.requests import PRIORITY_DUE, known_tenants

INTERVAL_SECONDS: Final = 30
PAUSE: Final = timedelta(seconds=60)
"""What was made so recently waits, however many deliveries there are."""

OVERLAP: Final = timedelta(seconds=30)
"""A merge bears the time at which its transaction began: one that ended while a feed was being made
may be missing there although it looks older."""

REQUESTS_PER_TICK: Final = 20

_STALE: Final = sql.SQL("""
WITH made AS (
    SELECT tenant_id, max(made_at) AS made_at
    FROM platform.{table}
    GROUP BY tenant_id
)
SELECT t.id, t.slug, made.made_at
FROM made
JOIN platform.tenant AS t ON t.id = made.tenant_id AND t.active
WHERE made.made_at <= now() - %(pause)s
  AND EXISTS (
      SELECT FROM platform.read_endpoint AS r
      WHERE r.tenant_id = made.tenant_id
        AND r.kind = %(kind)s
        AND r.enabled)
  AND EXISTS (
      SELECT FROM platform.webhook_effect AS e
      WHERE e.tenant_id = made.tenant_id
        AND e.merged_at > made.made_at - %(overlap)s
        AND e.core IN ('changed', 'deleted')
        AND e.stream = ANY(%(streams)s))
ORDER BY made.made_at
""")


@dg.sensor(
    name="published_after_webhooks",
    job_name=TENANT_SYNC,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Makes feeds and numbers anew when webhooks have changed what they are made from: "
    "each at most once a minute.",
)
def published_after_webhooks(
    context: dg.SensorEvaluationContext,
) -> dg.SensorResult | dg.SkipReason:
    """Ask for what is out of date."""
    requests = publish_requests(context.instance)
    if not requests:
        return dg.SkipReason("nothing is out of date")
    return dg.SensorResult(run_requests=requests)


def publish_requests(instance: dg.DagsterInstance) -> list[dg.RunRequest]:
    """Return a request for each publication of a tenant that is out of date, the oldest first.

    One that failed is not asked for again before it was made by a pull, or by a person: the key of
    a run names what it replaces.
    """
    with database.transaction() as conn:
        tenants = known_tenants(instance)
        found = [
            request
            for each in registry.publications().values()
            for request in _stale(conn, each)
            if request.partition_key in tenants
        ]
    return found[:REQUESTS_PER_TICK]


def _stale(conn: Connection[Any], publication: Publication) -> Iterator[dg.RunRequest]:
    values = {
        "kind": publication.kind,
        "streams": _streams_below(publication),
        "pause": PAUSE,
        "overlap": OVERLAP,
    }
    statement = _STALE.format(table=sql.Identifier(publication.name))
    for tenant_id, slug, made_at in conn.execute(statement, values).fetchall():
        if tenancy.is_entitled(conn, tenant_id, SYNC_FEATURE):
            yield dg.RunRequest(
                run_key=f"{publication.name}/{slug}/{made_at.isoformat()}",
                partition_key=slug,
                asset_selection=[dg.AssetKey(["platform", publication.name])],
                tags={
                    tags.TENANT: slug,
                    tags.TRIGGER: tags.TRIGGER_WEBHOOK,
                    # not one of the slots of webhook runs, which must not wait for a feed
                    tags.LANE: tags.LANE_PULL,
                    "dagster/priority": str(PRIORITY_DUE),
                },
            )


def _streams_below(publication: Publication) -> list[str]:
    """Return the streams whose records change what a publication is made from."""
    made_from = set(publication.entities)
    return [name for name in registry.streams() if made_from & set(registry.affected([name]))]
