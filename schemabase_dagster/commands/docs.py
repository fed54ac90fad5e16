"""``schemabase docs``: write the generated pages of the documentation anew."""

import typer

from schemabase_dagster import terminal
from schemabase_dagster.settings import ROOT

app = typer.Typer()


@app.command(epilog="Example: schemabase docs")
def docs() -> None:
    """Write the data dictionary and a page for each system, from the comments in the code."""
    from schemabase_dagster.commands import _reference  # noqa: PLC0415 - all tables

    changed = _reference.write(ROOT / "docs")
    for page in changed:
        terminal.say(f"{'Wrote' if page.exists() else 'Removed'} {page.relative_to(ROOT)}")
    if not changed:
        terminal.say("All generated pages are up to date.")
