"""``analytics.webhook_coverage``: what webhooks told first, and what only the pulls found.

A change is a version of a record: the one that raw holds, or one in the history. Judged are streams
that both feeds bring, from the moment on at which an app has an endpoint: what a first pull finds
is older than that and says nothing about webhooks.
"""

from collections.abc import Collection
from typing import Final

from psycopg import sql

from schemabase_dagster.streams import Stream
from schemabase_dagster.tables.made_view import MadeView

COVERAGE: Final = MadeView(
    "webhook_coverage",
    "Changes of the last 30 days by who told first, for apps with a webhook endpoint: one row per "
    "app, stream and day",
    {
        "tenant": "Slug of the tenant",
        "app": "Key of the app",
        "system": "The system behind the app, which sends the webhooks",
        "stream": "Stream: the name of the raw table",
        "day": "Day on which we saw the changes, in the tenant's time zone",
        "changes": "Changes that were seen: new versions of records and deletions",
        "webhook_first": "Changes that a webhook told first",
        "pull_first": "Changes that a pull found and a webhook told of later",
        "pull_only": "Changes that a pull found and no webhook told of",
        "coverage": "webhook_first / (webhook_first + pull_only); null = neither",
    },
)

# A later version of a record is new whatever its time: some sources do not move it (a reply to a
# review). A deletion has no time of its own.
_CURRENT: Final = """
SELECT {stream} AS stream, r.app_id, r.external_id, r.via,
    coalesce(r.deleted_at, r.changed_at) AS seen_at, 'infinity'::timestamptz AS replaced_at,
    CASE WHEN r.deleted_at IS NULL AND r.change_count = 0
        THEN coalesce(r.source_updated_at, r.changed_at)
        ELSE coalesce(r.deleted_at, r.changed_at) END AS happened_at
FROM raw.{table} AS r
WHERE coalesce(r.deleted_at, r.changed_at) > now() - interval '30 days'
"""

_EARLIER: Final = """
SELECT h.stream, h.app_id, h.external_id, h.via, h.changed_at, h.replaced_at,
    CASE WHEN h.change_count = 0 THEN coalesce(h.source_updated_at, h.changed_at)
        ELSE h.changed_at END
FROM raw.record_history AS h
WHERE h.replaced_at > now() - interval '30 days'
  AND h.changed_at > now() - interval '30 days'
  AND h.stream = ANY({streams})
"""

# A webhook that came after the pull found raw equal; a copy that a person replayed tells nothing.
_JUDGED: Final = """
SELECT c.stream, c.app_id, c.seen_at,
    CASE
        WHEN c.via = 'webhook' THEN 'webhook_first'
        WHEN EXISTS (
            SELECT FROM platform.webhook_effect AS e
            WHERE e.app_id = c.app_id AND e.stream = c.stream AND e.external_id = c.external_id
              AND e.landed_at >= c.seen_at AND e.landed_at < c.replaced_at
              AND e.raw IN ('equal', 'missing') AND NOT e.is_replay) THEN 'pull_first'
        ELSE 'pull_only'
    END AS told
FROM ({versions}) AS c
WHERE c.via IN ('pull', 'webhook')
  AND EXISTS (
      SELECT FROM platform.webhook_endpoint AS p
      WHERE p.app_id = c.app_id
        AND p.created_at <= c.happened_at
        AND (p.deleted_at IS NULL OR p.deleted_at > c.seen_at))
"""

_BY_DAY: Final = """
SELECT t.slug, a.key, a.type, j.stream, (j.seen_at AT TIME ZONE t.timezone)::date,
    count(*),
    count(*) FILTER (WHERE j.told = 'webhook_first'),
    count(*) FILTER (WHERE j.told = 'pull_first'),
    count(*) FILTER (WHERE j.told = 'pull_only'),
    round(
        count(*) FILTER (WHERE j.told = 'webhook_first')::numeric
        / nullif(count(*) FILTER (WHERE j.told IN ('webhook_first', 'pull_only')), 0), 4)
FROM ({judged}) AS j
JOIN platform.app AS a ON a.id = j.app_id
JOIN platform.tenant AS t ON t.id = a.tenant_id
GROUP BY t.slug, a.key, a.type, j.stream, (j.seen_at AT TIME ZONE t.timezone)::date
"""


def is_covered(stream: Stream) -> bool:
    """Tell whether both webhooks and pulls bring a stream."""
    return stream.webhook is not None and stream.source is not None


def judged(names: Collection[str]) -> sql.Composed:
    """Return the query of the changes of some streams: ``stream, app_id, seen_at, told``.

    Args:
        names: names of streams that are covered, at least one.
    """
    current = [
        sql.SQL(_CURRENT).format(stream=sql.Literal(name), table=sql.Identifier(name))
        for name in sorted(names)
    ]
    earlier = sql.SQL(_EARLIER).format(streams=sql.Literal(sorted(names)))
    versions = sql.SQL(" UNION ALL ").join([*current, earlier])
    return sql.SQL(_JUDGED).format(versions=versions)


def by_day(names: Collection[str]) -> sql.Composed:
    """Return the query of the view, over some streams."""
    return sql.SQL(_BY_DAY).format(judged=judged(names))
