"""``schemabase migrate``: bring the database up to date."""

import typer

from schemabase_dagster import database
from schemabase_dagster.terminal import plural, say

app = typer.Typer()


@app.command(epilog="Example: schemabase migrate")
def migrate() -> None:
    """Make or update all tables and views; safe to repeat, and to start twice at once."""
    from assets import registry  # noqa: PLC0415 - all assets, which no other command needs

    streams = list(registry.streams().values())
    database.migrate(streams=streams)
    say(f"The database is up to date, with raw tables of {plural(len(streams), 'stream')}.")
