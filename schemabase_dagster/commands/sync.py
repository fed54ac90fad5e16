"""``schemabase sync``: run a tenant's assets in this process, with progress bars."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from schemabase_dagster.commands._options import AsJson, TenantSlug
from schemabase_dagster.engine.result import Progress as Callback
from schemabase_dagster.terminal import console, duration, plural, say, show

app = typer.Typer()

COLUMNS = {
    "asset": "Asset",
    "read": "Read",
    "changed": "Changed",
    "unchanged": "Unchanged",
    "rejected": "Rejected",
    "deleted": "Deleted",
    "api_calls": "API calls",
    "seconds": "Seconds",
    "dagster/partition_row_count": "Rows now",
}


@app.command(epilog="Example: schemabase sync acme --asset zoho_contacts --full")
def sync(
    tenant: TenantSlug,
    *,
    asset: Annotated[
        list[str] | None,
        typer.Option(help="Stream or asset, like zoho_contacts or core/orders; repeatable."),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="List everything and find what vanished.")
    ] = False,
    confirm_deletes: Annotated[
        bool,
        typer.Option("--confirm-deletes", help="Prove and delete a wave of vanished records."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Sync a tenant now and show what it did."""
    # Dagster takes a second to import; the other commands need not wait for it.
    import dagster as dg  # noqa: PLC0415

    from schemabase_dagster import operations  # noqa: PLC0415

    # Where an instance is set up, the run is shown in its UI.
    recorded = dg.DagsterInstance.get() if os.environ.get("DAGSTER_HOME") else nullcontext()
    with recorded as instance, _bars(hidden=as_json):
        done = operations.sync_one(
            tenant,
            assets=asset or (),
            full=full,
            confirm_deletes=confirm_deletes,
            instance=instance,
        )
    rows = [{"asset": each.asset, **each.counts} for each in done.assets]
    show(COLUMNS, rows, as_json=as_json, empty="Nothing was synced.")
    if as_json:
        return
    for row in rows:
        if notes := row.get("notes"):
            say(f"[dim]{row['asset']}: {escape(str(notes))}[/]")
    for check in done.failed_checks:
        say(f"[yellow]{check.severity}[/] {check.asset}: {check.name}: {check.summary}")
    unfinished = [row for row in rows if row.get("partial")]
    for row in unfinished:
        minutes = row.get("estimate_minutes")
        left = f", about {duration(minutes * 60)} left" if minutes is not None else ""
        left += f", {unasked} left to ask for" if (unasked := row.get("unasked")) else ""
        say(f"[yellow]{row['asset']}[/] is not complete yet{left}; the next sync goes on.")
    say(f"{plural(len(rows) - len(unfinished), 'asset')} of [bold]{tenant}[/] up to date.")


@contextmanager
def _bars(*, hidden: bool) -> Iterator[None]:
    """Show one bar for every stream of every app that is being synced."""
    from assets import progress  # noqa: PLC0415

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    screen = console(stderr=True)
    quiet = hidden or not screen.is_terminal
    with Progress(*columns, console=screen, disable=quiet, transient=True) as bars:

        def observer(asset: str, app_key: str) -> Callback:
            label = f"{asset} ({app_key})" if app_key else asset
            task = bars.add_task(label, total=None)

            def advance(done: int, total: int | None) -> None:
                bars.update(task, completed=done, total=total)

            return advance

        with progress.observed(observer):
            yield
