"""The check that webhooks tell what they should: are the pulls the only ones that find changes?"""

from typing import Any, Final

from psycopg import Connection, sql

from assets.checking import Check, Row, Verdict, fetch_rows
from schemabase_dagster.streams import Stream
from schemabase_dagster.tables import coverage
from schemabase_dagster.tenancy import Tenant

LEAST_CHANGES: Final = 5
"""Fewer say nothing about the webhooks."""

DROP: Final = 0.2
"""So much less than before is worth a look."""

# A pull may find a change a moment before its webhook is processed: judged is what had some time.
_SHARES: Final = """
SELECT a.key AS app,
    count(*) FILTER (WHERE is_recent AND told = 'webhook_first') AS webhook_first,
    count(*) FILTER (WHERE is_recent AND told = 'pull_first') AS pull_first,
    count(*) FILTER (WHERE is_recent AND told = 'pull_only') AS pull_only,
    count(*) FILTER (WHERE NOT is_recent AND told = 'webhook_first') AS webhook_first_before,
    count(*) FILTER (WHERE NOT is_recent AND told = 'pull_only') AS pull_only_before
FROM platform.app AS a
LEFT JOIN (
    SELECT app_id, told, seen_at > now() - interval '1 day' AS is_recent
    FROM ({judged}) AS c
    WHERE seen_at > now() - interval '8 days'
      AND NOT (told = 'pull_only' AND seen_at > now() - interval '10 minutes')
) AS j ON j.app_id = a.id
WHERE a.tenant_id = %(tenant_id)s
  AND a.enabled
  AND a.deleted_at IS NULL
  AND EXISTS (
      SELECT FROM platform.webhook_endpoint AS p
      WHERE p.app_id = a.id AND p.deleted_at IS NULL AND a.type = %(system)s)
GROUP BY a.key
ORDER BY a.key
"""


def webhook_coverage(stream: Stream) -> Check:
    """Return the check of a stream that both webhooks and pulls bring."""
    return Check(
        "webhook_coverage",
        ("raw", stream.name),
        "Of the last day's changes, webhooks told about as many first as in the week before. If "
        "not, look whether the sender still has our address and the right secret ('schemabase "
        "webhook list' shows the last delivery). Nothing is lost: the pulls find every change, "
        "later. analytics.webhook_coverage has the numbers by day.",
        lambda conn, tenant: check_coverage(conn, tenant, stream),
    )


def check_coverage(conn: Connection[Any], tenant: Tenant, stream: Stream) -> Verdict:
    """Compare, by app, what webhooks told first with what only the pulls found."""
    query = sql.SQL(_SHARES).format(judged=coverage.judged([stream.name]))
    values = {"tenant_id": tenant.id, "system": stream.system.name}
    apps = fetch_rows(conn, query, values)
    if not apps:
        return Verdict(True, "no app has a webhook endpoint", "WARN")
    faults = [fault for app in apps if (fault := _fault(app)) is not None]
    facts = {str(app["app"]): _told(app) for app in apps}
    shown = apps if faults else ()
    return Verdict(not faults, "; ".join(faults) or "webhooks tell", "WARN", facts, shown)


def _fault(app: Row) -> str | None:
    """Tell what is wrong with the webhooks of an app."""
    if app["pull_only"] < LEAST_CHANGES:
        return None
    if not app["webhook_first"] and not app["pull_first"]:
        return f"{app['app']}: silent, a pull found {app['pull_only']} changes"
    before = app["webhook_first_before"] + app["pull_only_before"]
    now, usual = _share(app, ""), _share(app, "_before")
    if before >= LEAST_CHANGES and now < usual - DROP:
        return f"{app['app']}: webhooks told {now:.0%} of the changes, {usual:.0%} the week before"
    return None


def _share(app: Row, when: str) -> float:
    told, missed = app[f"webhook_first{when}"], app[f"pull_only{when}"]
    return float(told / (told + missed)) if told + missed else 1.0


def _told(app: Row) -> str:
    if not app["webhook_first"] and not app["pull_only"]:
        return "no change in a day"
    return f"{_share(app, ''):.0%} of {app['webhook_first'] + app['pull_only']} changes in a day"
