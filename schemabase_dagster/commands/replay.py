"""``schemabase replay``: map raw records again, without an API call."""

from typing import Annotated

import typer

from schemabase_dagster.commands._options import TenantSlug
from schemabase_dagster.terminal import plural, say

app = typer.Typer()


@app.command(epilog="Example: schemabase replay acme --stream zoho_sales_orders")
def replay(
    tenant: TenantSlug,
    *,
    stream: Annotated[
        list[str] | None, typer.Option(help="Stream, like zoho_sales_orders; repeatable.")
    ] = None,
) -> None:
    """Queue a tenant's raw records to be mapped again; the next run of core does it."""
    from schemabase_dagster import operations  # noqa: PLC0415 - imports Dagster

    count = operations.replay(tenant, stream or ())
    say(f"Queued {plural(count, 'record')}; [bold]schemabase sync {tenant}[/] maps them now.")
