"""``schemabase logs``: log records and documents that did not arrive, and their second chance."""

from dataclasses import asdict
from typing import Annotated

import typer

from schemabase_dagster import database
from schemabase_dagster.commands._options import AsJson, known_slug
from schemabase_dagster.inbox import log_batches
from schemabase_dagster.terminal import plural, say, show

NAME = "logs"

app = typer.Typer(help="Log drains: what was left out, and delivering it once more.")

Tenant = Annotated[str | None, typer.Argument(metavar="[TENANT]", help="Only of this tenant.")]


@app.command(epilog="Example: schemabase logs dead acme")
def dead(tenant: Tenant = None, *, as_json: AsJson = False) -> None:
    """List the documents that sinks refused, by fault; nothing of what they say."""
    with database.transaction() as conn:
        found = log_batches.list_dead(conn, known_slug(conn, tenant))
    show(
        {
            "tenant": "Tenant",
            "app": "Sink",
            "code": "Fault",
            "path": "Field",
            "count": "Documents",
            "attempts": "Attempts",
            "last_at": "Latest",
        },
        [asdict(each) for each in found],
        as_json=as_json,
        empty="No dead documents.",
    )


@app.command(epilog="Example: schemabase logs rejects acme --sample")
def rejects(
    tenant: Tenant = None,
    *,
    sample: Annotated[
        bool, typer.Option("--sample", help="Print one record of each; it may be personal.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Count the records that could not be read, by fault."""
    with database.transaction() as conn:
        found = log_batches.list_rejects(conn, known_slug(conn, tenant))
    rows = [asdict(each) for each in found]
    for row in rows:
        text = row.pop("sample").decode("utf-8", "replace")
        if sample:
            row["sample"] = text
    show(
        {
            "tenant": "Tenant",
            "app": "Sender",
            "code": "Fault",
            "path": "Field",
            "count": "Records",
            "inbox_id": "Latest batch",
            "last_at": "Latest",
            **({"sample": "Sample"} if sample else {}),
        },
        rows,
        as_json=as_json,
        empty="No rejected records.",
    )


@app.command(epilog="Example: schemabase logs retry acme")
def retry(tenant: Annotated[str, typer.Argument(metavar="TENANT", help="Slug.")]) -> None:
    """Deliver what waits and send dead documents again, in this process."""
    from assets import registry  # noqa: PLC0415 - all assets, needed by this one only
    from schemabase_dagster import operations  # noqa: PLC0415 - Dagster, likewise

    names = [f"logs/{drain.name}" for drain in registry.drains().values()]
    done = operations.sync_one(tenant, assets=names)
    created = sum(int(each.counts.get("changed", 0)) for each in done.assets)
    refused = sum(int(each.counts.get("rejected", 0)) for each in done.assets)
    say(f"{plural(created, 'document')} delivered, {refused} refused.")
