"""``schemabase demo``: the whole product once, against stand-ins, with what happened printed."""

import statistics
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from schemabase_dagster.clock import utc_now
from schemabase_dagster.settings import ROOT, get_settings
from schemabase_dagster.stack import figures, showcase
from schemabase_dagster.stack.figures import Pair, StreamSync
from schemabase_dagster.stack.home import fresh
from schemabase_dagster.stack.process import interruptible
from schemabase_dagster.stack.run import Options, Running, running
from schemabase_dagster.stack.screen import Screen
from schemabase_dagster.stack.standins import connect_demo_tenants, subscribe

app = typer.Typer()

ORDERS_PER_WEBHOOK_ROUND = 5
CHANGED_ORDERS = 10


@app.command(epilog="Example: schemabase demo")
def demo(
    *, size: Annotated[int, typer.Option(min=50, help="Orders of each stand-in merchant.")] = 200
) -> None:
    """Sync two tenants from stand-ins of all systems, by schedule and by webhook.

    Starts everything in a state directory of its own, prints what happened, stops everything.
    """
    begin = time.monotonic()
    screen = Screen()
    home = fresh(ROOT, get_settings().state_dir.resolve() / "demo")
    options = Options(size=size, own_database=True, prepare=connect_demo_tenants)
    try:
        with interruptible(), running(home, options, screen.step) as stack:
            subscribe(stack)
            _play(screen, stack)
    except KeyboardInterrupt:
        screen.console.print("Stopped before the end; nothing is left running.")
        raise typer.Exit(130) from None
    _farewell(screen, time.monotonic() - begin)


def _play(screen: Screen, stack: Running) -> None:
    since = utc_now()
    _headline(screen, "1. First sync: the daemon sees two new tenants and pulls everything")
    _first_sync(screen, stack, since)
    _headline(screen, "2. Webhooks: both shops change orders and tell the gateway")
    _webhooks(screen, stack)
    _headline(screen, "3. Incremental sync: orders changed in Zoho, new ones in the shops")
    with screen.step("Runs of both tenants"):
        since = showcase.sync_changes(stack, CHANGED_ORDERS)
    screen.console.print(_sync_table(figures.syncs_since(since)))
    _headline(screen, "What is in Postgres now")
    screen.console.print(_row_table(figures.rows_by_table()))
    _headline(screen, "What an analyst asks: revenue of the last 30 days")
    screen.console.print(f"[dim]{figures.ANALYST_SQL.strip()}[/]\n", soft_wrap=True)
    screen.console.print(_revenue_table(figures.revenue()))


def _first_sync(screen: Screen, stack: Running, since: datetime) -> None:
    begin = time.monotonic()
    expected = showcase.expected_records(stack.stand_ins)
    columns = (TextColumn("  {task.description:18}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=screen.console) as progress:
        tasks = {
            pair: progress.add_task(" ".join(pair), total=total) for pair, total in expected.items()
        }
        showcase.await_first_sync(stack, lambda counts: _advance(progress, tasks, counts))
    screen.done("Runs of both tenants and systems", time.monotonic() - begin)
    screen.console.print(_sync_table(figures.syncs_since(since)))


def _advance(progress: Progress, tasks: Mapping[Pair, TaskID], counts: Mapping[Pair, int]) -> None:
    for pair, task in tasks.items():
        progress.update(task, completed=counts.get(pair, 0))


def _webhooks(screen: Screen, stack: Running) -> None:
    with screen.step("From the change in the shop to the changed row in core.orders"):
        delivered = showcase.send_webhooks(stack, ORDERS_PER_WEBHOOK_ROUND)
    table = _table("tenant", "acknowledged", "median", "slowest")
    for tenant, done in delivered.items():
        table.add_row(
            tenant,
            str(done.sent),
            f"{statistics.median(done.seconds):.1f} s",
            f"{max(done.seconds):.1f} s",
        )
    screen.console.print(table)
    statuses = ", ".join(
        f"{count} {status}" for status, count in sorted(figures.inbox_by_status().items())
    )
    screen.console.print(f"  [dim]platform.webhook_inbox: {statuses}[/]")


def _sync_table(syncs: Sequence[StreamSync]) -> Table:
    table = _table("tenant", "stream", "read", "changed", "unchanged", "rejected", "calls", "took")
    for sync in syncs:
        table.add_row(
            sync.tenant,
            sync.stream,
            *(f"{n:,}" for n in (sync.read, sync.changed, sync.unchanged, sync.rejected)),
            f"{sync.api_calls:,}",
            f"{sync.seconds:.1f} s",
        )
    return table


def _row_table(rows: Mapping[str, Mapping[str, int]]) -> Table:
    tenants = sorted({tenant for counts in rows.values() for tenant in counts})
    table = _table("table", *tenants)
    for name, counts in rows.items():
        table.add_row(name, *(f"{counts.get(tenant, 0):,}" for tenant in tenants))
    return table


def _revenue_table(rows: Sequence[figures.Revenue]) -> Table:
    table = _table("tenant", "source_system", "orders", "revenue", "currency")
    for row in rows:
        table.add_row(
            row.tenant, row.source_system, f"{row.orders:,}", f"{row.revenue:,.2f}", row.currency
        )
    return table


def _table(*columns: str) -> Table:
    """Return an indented table; all but texts stand to the right."""
    texts = {"tenant", "stream", "table", "source_system", "currency"}
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for column in columns:
        table.add_column(column, justify="left" if column in texts else "right", no_wrap=True)
    return table


def _headline(screen: Screen, text: str) -> None:
    screen.console.print(f"\n[bold]{text}[/]")


def _farewell(screen: Screen, seconds: float) -> None:
    screen.console.print(
        f"\n[green]✓[/] Done in {seconds:.0f} s; everything is stopped.\n\n"
        "Where to go next\n"
        "  [bold]make up[/]                   the same stack kept running, with the Dagster UI\n"
        "  [bold]docs/architecture.md[/]      how a record travels, and where in the tree\n"
        "  [bold]docs/adding-a-system.md[/]   the next system is one small file\n"
        "  [bold].venv/bin/schemabase[/]      tenants, apps, syncs, webhooks: every command\n"
    )
