"""``schemabase db``: the embedded server, and a prompt in the database."""

import os
from typing import NoReturn
from urllib.parse import unquote, urlsplit

import typer

from schemabase_dagster import database, embedded
from schemabase_dagster.commands._options import AsJson
from schemabase_dagster.embedded import EmbeddedServer
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.settings import get_settings
from schemabase_dagster.terminal import print_json, say

NAME = "db"

app = typer.Typer(help="The embedded PostgreSQL; needed only without DATABASE_URL.")


@app.command(epilog="Example: schemabase db start")
def start() -> None:
    """Start the embedded server and leave it running."""
    server = _server()
    server.start()
    server.leave_running()
    say(f"PostgreSQL runs on 127.0.0.1:{server.status().port}.")
    say("Next: [bold]schemabase migrate[/]; stop it with [bold]schemabase db stop[/].")


@app.command(epilog="Example: schemabase db stop")
def stop() -> None:
    """Stop the embedded server."""
    server = _server()
    was_running = server.status().running
    server.claim()
    server.stop()
    say("PostgreSQL is stopped." if was_running else "PostgreSQL was not running.")


@app.command(epilog="Example: schemabase db status --json")
def status(*, as_json: AsJson = False) -> None:
    """Tell which server is used and whether it runs."""
    settings = get_settings()
    if settings.database_url is not None:
        host = urlsplit(database.conninfo()).hostname or "this machine"
        facts: dict[str, object] = {"server": "DATABASE_URL", "host": host}
        text = f"DATABASE_URL names a server on {host}; the embedded one is not used."
    else:
        found = _server().status()
        facts = {"server": "embedded", "running": found.running, "port": found.port}
        text = (
            f"The embedded PostgreSQL runs on 127.0.0.1:{found.port} (process {found.pid})."
            if found.running
            else "The embedded PostgreSQL does not run. Start it with [bold]schemabase db start[/]."
        )
    if as_json:
        print_json(facts)
    else:
        say(text)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog="Example: schemabase db shell -c 'SELECT count(*) FROM analytics.fct_order'",
)
def shell(context: typer.Context) -> NoReturn:
    """Open psql in the database; further arguments are handed to it."""
    parts = urlsplit(database.conninfo())
    known = {
        "PGHOST": parts.hostname,
        "PGPORT": str(parts.port) if parts.port else None,
        "PGUSER": unquote(parts.username) if parts.username else None,
        # Not as an argument: those can be read by every user of the machine.
        "PGPASSWORD": unquote(parts.password) if parts.password else None,
        "PGDATABASE": unquote(parts.path.lstrip("/")) or None,
    }
    environment = os.environ | {name: value for name, value in known.items() if value}
    program = embedded.binaries() / "psql"
    os.execve(program, [str(program), *context.args], environment)  # noqa: S606 - the same terminal


def _server() -> EmbeddedServer:
    settings = get_settings()
    if settings.database_url is not None:
        raise ConfigurationError(
            "DATABASE_URL is set, so the embedded PostgreSQL is not used.",
            "Unset it to use the embedded server.",
        )
    return EmbeddedServer(settings.state_dir)
