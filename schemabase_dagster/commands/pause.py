"""``schemabase app pause`` and ``app resume``: stop the pulls of one app for a while."""

from typing import Annotated

import typer

from schemabase_dagster.commands._options import TenantSlug
from schemabase_dagster.terminal import cell, say

NAME = "app"

app = typer.Typer()

AppKey = Annotated[str, typer.Argument(help="Key of the app.", metavar="APP")]


@app.command(epilog="Example: schemabase app pause acme books --minutes 120")
def pause(
    tenant: TenantSlug,
    app_key: AppKey,
    *,
    minutes: Annotated[float, typer.Option(min=1, help="For how long.")] = 60,
) -> None:
    """Stop the pulls of an app for a while; its webhooks are still processed."""
    from schemabase_dagster import operations  # noqa: PLC0415 - imports Dagster

    until = operations.pause_app(tenant, app_key, minutes=minutes)
    say(f"App [bold]{app_key}[/] of {tenant} is paused until {cell(until)}.")


@app.command(epilog="Example: schemabase app resume acme books")
def resume(tenant: TenantSlug, app_key: AppKey) -> None:
    """Let the pulls of a paused app go on."""
    from schemabase_dagster import operations  # noqa: PLC0415 - imports Dagster

    operations.pause_app(tenant, app_key, minutes=None)
    say(f"App [bold]{app_key}[/] of {tenant} is pulled again.")
