"""The check that senders still send what they used to: new and vanished fields of webhooks."""

from typing import Any, Final

from psycopg import Connection

from assets.checking import SHOWN_ROWS, Check, Verdict, fetch_rows
from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import Tenant

ENOUGH: Final = 20
"""So many deliveries show what a sender always sends, and as many that he does so no more."""

_DRIFT: Final = """
SELECT 'vanished' AS change, s.event_type, s.path, s.type, s.missing_since AS since
FROM platform.webhook_shape AS s
JOIN platform.webhook_shape AS r
    ON r.tenant_id = s.tenant_id AND r.provider = s.provider AND r.event_type = s.event_type
    AND r.path = ''
WHERE s.tenant_id = %(tenant_id)s
  AND s.provider = %(provider)s
  AND s.missing_since IS NOT NULL
  AND s.missing_delivery - s.first_delivery >= %(enough)s
  AND r.deliveries - s.missing_delivery >= %(enough)s
UNION ALL
SELECT CASE WHEN o.types IS NULL THEN 'new' ELSE 'other type than ' || o.types END,
    s.event_type, s.path, s.type, s.first_seen_at
FROM platform.webhook_shape AS s
CROSS JOIN LATERAL (
    SELECT string_agg(k.type, ', ' ORDER BY k.type) AS types
    FROM platform.webhook_shape AS k
    WHERE k.tenant_id = s.tenant_id AND k.provider = s.provider AND k.event_type = s.event_type
      AND k.path = s.path AND k.first_delivery < s.first_delivery
) AS o
WHERE s.tenant_id = %(tenant_id)s
  AND s.provider = %(provider)s
  AND s.first_seen_at > now() - interval '1 day'
  AND s.first_delivery >= %(enough)s
  AND s.type <> 'null'
  AND o.types IS DISTINCT FROM 'null'
ORDER BY 1 DESC, 2, 3
"""


def webhook_shape(stream: Stream) -> Check:
    """Return the check of a stream that webhooks feed."""
    return Check(
        "webhook_shape",
        ("raw", stream.name),
        "The system's webhooks look as they always did. A field that all had and none has any "
        "more is an error: what is read from it is lost. A field or type that is new since "
        "yesterday is a warning: perhaps there is something to read.",
        lambda conn, tenant: check_shape(conn, tenant, stream),
    )


def check_shape(conn: Connection[Any], tenant: Tenant, stream: Stream) -> Verdict:
    """Tell what a sender's deliveries lack or have anew; names of fields only, no values."""
    values = {
        "tenant_id": tenant.id,
        "provider": stream.system.name,
        "enough": ENOUGH,
    }
    rows = fetch_rows(conn, _DRIFT, values)
    vanished = sum(row["change"] == "vanished" for row in rows)
    facts = {"vanished": vanished, "new": len(rows) - vanished}
    if not rows:
        return Verdict(True, "webhooks look as they did", "WARN", facts)
    summary = f"{vanished} vanished and {len(rows) - vanished} new fields or types"
    return Verdict(False, summary, "ERROR" if vanished else "WARN", facts, rows[:SHOWN_ROWS])
