"""Checks of ``logs/vercel``: batches, records and documents that did not arrive."""

from typing import Final

from assets.checking import Check, none_found

ASSET: Final = ("logs", "vercel")

_DEAD_DOCUMENTS: Final = """
SELECT a.key AS sink, d.code, count(*) AS documents, max(d.attempts) AS attempts,
       max(d.last_at) AS last_at, sum(count(*)) OVER () AS found
FROM platform.log_dead_document AS d
JOIN platform.app AS a ON a.id = d.app_id
WHERE d.tenant_id = %(tenant_id)s
GROUP BY a.key, d.code
ORDER BY count(*) DESC
LIMIT 10
"""

_REJECTED_RECORDS: Final = """
SELECT a.key AS app, r.code, sum(r.count) AS records, max(r.last_at) AS last_at,
       sum(sum(r.count)) OVER () AS found
FROM platform.log_reject AS r
JOIN platform.app AS a ON a.id = r.app_id
WHERE r.tenant_id = %(tenant_id)s
  AND a.type = 'vercel'
GROUP BY a.key, r.code
ORDER BY sum(r.count) DESC
LIMIT 10
"""

_DEAD_BATCHES: Final = """
SELECT w.id::text AS delivery, w.received_at, coalesce(w.last_error, '') AS reason,
       count(*) OVER () AS found
FROM platform.webhook_inbox AS w
WHERE w.tenant_id = %(tenant_id)s
  AND w.provider = 'vercel'
  AND w.status = 'dead'
ORDER BY w.received_at DESC
LIMIT 10
"""

DEAD_DOCUMENTS = Check(
    "dead_documents",
    ASSET,
    "Every document fits its index. 'schemabase logs dead' names the fields; once the mapping is "
    "mended, 'schemabase logs retry' sends the documents again.",
    none_found(_DEAD_DOCUMENTS, "dead document", "dead documents"),
)

REJECTED_RECORDS = Check(
    "rejected_records",
    ASSET,
    "Every record could be read. 'schemabase logs rejects' counts the others by fault and shows "
    "one of each.",
    none_found(_REJECTED_RECORDS, "rejected record", "rejected records"),
)

DEAD_BATCHES = Check(
    "dead_letters",
    ASSET,
    "No batch was given up. 'schemabase inbox dead' shows and revives them.",
    none_found(_DEAD_BATCHES, "dead batch", "dead batches"),
)
