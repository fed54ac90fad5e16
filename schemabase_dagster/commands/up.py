"""``schemabase up``: the whole stack in one terminal."""

from dataclasses import replace
from typing import Annotated

import typer

from schemabase_dagster.settings import ROOT, get_settings
from schemabase_dagster.stack.home import Home
from schemabase_dagster.stack.process import interruptible
from schemabase_dagster.stack.run import Options, Running, running
from schemabase_dagster.stack.screen import Screen
from schemabase_dagster.stack.standins import connect_demo_tenants, subscribe

app = typer.Typer()


@app.command(epilog="Example: schemabase up --size 500")
def up(
    *,
    demo_data: Annotated[
        bool, typer.Option(help="Connect two demo tenants to the stand-ins.")
    ] = True,
    size: Annotated[int, typer.Option(min=10, help="Orders of each stand-in merchant.")] = 200,
    warm: Annotated[
        bool, typer.Option("--warm", help="Fork runs from a process that has the code loaded.")
    ] = False,
) -> None:
    """Start database, stand-ins, gateway and Dagster; stop all of it with Ctrl-C.

    Without DATABASE_URL the embedded PostgreSQL is used. A process that dies is named, and the
    stack stops.
    """
    screen = Screen()
    home = Home(ROOT, get_settings().state_dir.resolve())
    options = Options(size=size, is_warm=warm)
    if demo_data:
        options = replace(options, prepare=connect_demo_tenants)
    try:
        with interruptible(), running(home, options, screen.step) as stack:
            if demo_data:
                subscribe(stack)
            _welcome(screen, stack)
            stack.supervisor.watch()
    except KeyboardInterrupt:
        screen.console.print("[green]✓[/] Everything is stopped.")


def _welcome(screen: Screen, stack: Running) -> None:
    console = screen.console
    console.print()
    screen.addresses(stack)
    console.print(
        "\nIn another terminal: [bold]schemabase status[/], [bold]schemabase tenant list[/]\n"
        f"[dim](after . .venv/bin/activate and . {stack.home.env_file})[/]\n"
        "Stop with Ctrl-C.\n",
        soft_wrap=True,
    )
