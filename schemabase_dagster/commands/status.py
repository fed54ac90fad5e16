"""``schemabase status``: freshness, back-fills, webhooks, conflicts and rejects at a glance."""

from typing import Any

import typer
from psycopg import Connection, Cursor
from psycopg.rows import dict_row

from schemabase_dagster import database, inbox, tenancy
from schemabase_dagster.commands._options import AsJson, TenantFilter
from schemabase_dagster.terminal import duration, plural, print_json, say, show

app = typer.Typer()

_FRESHNESS = """
SELECT tenant, app, stream, enabled, last_status, last_success_at, age, consecutive_errors,
    estimate_seconds, last_error
FROM analytics.sync_freshness
WHERE %(tenant)s::text IS NULL OR tenant = %(tenant)s
ORDER BY tenant, app, stream
"""

_REJECTS = """
SELECT t.slug AS tenant, r.stream, r.stage, r.code, r.path, count(*) AS records
FROM platform.rejects AS r
JOIN platform.tenant AS t ON t.id = r.tenant_id
WHERE %(tenant)s::text IS NULL OR t.slug = %(tenant)s
GROUP BY 1, 2, 3, 4, 5
ORDER BY 1, 2, 3, 4, 5
"""

_INBOX = """
SELECT t.slug AS tenant, i.provider, i.status, count(*) AS deliveries,
    min(i.received_at) AS oldest
FROM platform.webhook_inbox AS i
JOIN platform.tenant AS t ON t.id = i.tenant_id
WHERE i.status IN ('received', 'claimed', 'failed', 'dead')
    AND (%(tenant)s::text IS NULL OR t.slug = %(tenant)s)
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
"""

_PAUSED = """
SELECT t.slug AS tenant, e.provider, e.id AS endpoint,
    'paused: ' || coalesce(e.paused_reason, 'by a person') AS trouble
FROM platform.webhook_endpoint AS e
JOIN platform.tenant AS t ON t.id = e.tenant_id
WHERE e.paused_at IS NOT NULL
    AND e.deleted_at IS NULL
    AND (%(tenant)s::text IS NULL OR t.slug = %(tenant)s)
ORDER BY 1, 2, 3
"""

_CONFLICTS = """
SELECT t.slug AS tenant, c.entity, c.kind, count(*) AS records
FROM platform.match_conflict AS c
JOIN platform.tenant AS t ON t.id = c.tenant_id
WHERE c.resolved_at IS NULL AND (%(tenant)s::text IS NULL OR t.slug = %(tenant)s)
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
"""


@app.command(epilog="Example: schemabase status acme")
def status(
    tenant: TenantFilter = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show how fresh everything is and what waits for somebody."""
    with database.transaction() as conn, conn.cursor(row_factory=dict_row) as cursor:
        if tenant is not None:
            tenancy.get_tenant(conn, tenant, archived_ok=True)
        parts: dict[str, list[dict[str, Any]]] = {
            name: cursor.execute(query, {"tenant": tenant}).fetchall()
            for name, query in (
                ("freshness", _FRESHNESS),
                ("inbox", _INBOX),
                ("rejects", _REJECTS),
                ("conflicts", _CONFLICTS),
            )
        }
        parts["webhooks"] = _troubled(conn, cursor, tenant)
    if as_json:
        print_json(parts)
        return
    say("[bold]Freshness[/]")
    show(
        {"tenant": "Tenant", "app": "App", "stream": "Stream", "state": "State", "ago": "Synced",
         "back_fill": "Back-fill"},
        [_fresh(row) for row in parts["freshness"]],
        empty="No app is connected yet. Connect one with [bold]schemabase app add TENANT TYPE[/].",
    )  # fmt: skip
    say("\n[bold]Inbox[/]")
    show(
        {"tenant": "Tenant", "provider": "From", "status": "State", "deliveries": "Deliveries",
         "oldest": "Oldest"},
        parts["inbox"],
        empty="Nothing waits.",
    )  # fmt: skip
    say("\n[bold]Webhook endpoints that do not work as usual[/]")
    show(
        {"tenant": "Tenant", "provider": "From", "endpoint": "Endpoint", "trouble": "Trouble"},
        parts["webhooks"],
        empty="None.",
    )
    say("\n[bold]Rejected records[/]")
    show(
        {"tenant": "Tenant", "stream": "Stream", "code": "Code", "path": "Path",
         "records": "Records"},
        parts["rejects"],
        empty="None.",
    )  # fmt: skip
    say("\n[bold]Conflicts[/]")
    show(
        {"tenant": "Tenant", "entity": "Entity", "kind": "Kind", "records": "Records"},
        parts["conflicts"],
        empty="None.",
    )


def _troubled(
    conn: Connection[Any], cursor: Cursor[dict[str, Any]], tenant: str | None
) -> list[dict[str, Any]]:
    """List endpoints that are paused, or silent for longer than usual."""
    return [
        *cursor.execute(_PAUSED, {"tenant": tenant}).fetchall(),
        *(
            {
                "tenant": each.tenant_slug,
                "provider": each.provider,
                "endpoint": each.endpoint_id,
                "trouble": f"silent for {duration(each.silent_seconds)}, usual is at most "
                f"{duration(each.usual_gap_seconds or 0)}",
            }
            for each in inbox.list_listening(conn)
            if each.is_silent and tenant in {None, each.tenant_slug}
        ),
    ]


def _fresh(row: dict[str, Any]) -> dict[str, Any]:
    state = "off" if not row["enabled"] else row["last_status"] or "never synced"
    if row["consecutive_errors"]:
        state += f", {plural(row['consecutive_errors'], 'failure')}: {row['last_error']}"
    rest = row["estimate_seconds"]
    return {
        **row,
        "state": state,
        "ago": f"{duration(row['age'].total_seconds())} ago" if row["age"] is not None else None,
        "back_fill": f"about {duration(rest)} left" if rest else None,
    }
