"""``schemabase analyst``: people who read the result in SQL."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape

from schemabase_dagster import database, tenancy
from schemabase_dagster.commands._options import AsJson
from schemabase_dagster.tenancy import analysts
from schemabase_dagster.terminal import say, show

NAME = "analyst"

app = typer.Typer(help="Analysts: database logins that read some tenants' rows, and nothing else.")

Name = Annotated[str, typer.Argument(help="Name of the database role.")]


@app.command(epilog="Example: schemabase analyst add anna --tenant acme --tenant globex")
def add(
    name: Name,
    *,
    tenant: Annotated[list[str], typer.Option(help="Tenant to read; repeat.")],
) -> None:
    """Make a login that reads core and analytics of tenants; repeat it to add tenants.

    The connection string is shown once: only a hash of its password is stored.
    """
    with database.transaction() as conn:
        found = [tenancy.get_tenant(conn, slug, archived_ok=True) for slug in tenant]
        link = analysts.add(conn, name, found)
    say(f"Analyst [bold]{name}[/] reads [bold]{', '.join(tenant)}[/].")
    if link is None:
        say("The login existed already and keeps its password.")
        return
    say("Keep this, it is not shown again:")
    say(f"  {escape(link)}")
    say("Next: open it in psql or a BI tool; 'TABLE fct_order LIMIT 5' shows orders.")


@app.command(name="list", epilog="Example: schemabase analyst list")
def list_(
    *,
    as_json: AsJson = False,
) -> None:
    """List analysts and what they read."""
    with database.transaction() as conn:
        found = analysts.list_all(conn)
    show(
        {"name": "Analyst", "reads": "Tenants", "added_at": "Since", "can_log_in": "Login",
         "sessions": "Sessions"},
        [asdict(each) | {"reads": ", ".join(each.tenants)} for each in found],
        as_json=as_json,
        empty="No analysts yet. Add one with [bold]schemabase analyst add NAME --tenant SLUG[/].",
    )  # fmt: skip


@app.command(epilog="Example: schemabase analyst remove anna")
def remove(
    name: Name,
    *,
    tenant: Annotated[
        list[str] | None, typer.Option(help="Only the access to this tenant; repeat.")
    ] = None,
) -> None:
    """Take the access away, from the next query on; without any left the login is dropped."""
    with database.transaction() as conn:
        found = [tenancy.get_tenant(conn, each, archived_ok=True) for each in tenant or []]
        is_gone = analysts.remove(conn, name, found or None)
    if is_gone:
        say(f"Analyst [bold]{name}[/] is removed.")
    else:
        say(f"Analyst [bold]{name}[/] does not read {', '.join(tenant or [])} any more.")
