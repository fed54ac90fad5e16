"""``schemabase token``: bearer tokens of the read API."""

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from schemabase_dagster import api_tokens, database, tenancy
from schemabase_dagster.commands._options import AsJson, known_slug
from schemabase_dagster.settings import get_settings
from schemabase_dagster.terminal import print_json, say, show

NAME = "token"

app = typer.Typer(help="Tokens with which programs read orders and packages at /graphql.")


@app.command(
    epilog="Example: schemabase token create portal --tenant acme --scope packages --scope orders"
)
def create(
    name: Annotated[str, typer.Argument(help="Who uses it, for people.")],
    *,
    tenant: Annotated[list[str], typer.Option(help="Tenant to read; repeat.")],
    scope: Annotated[
        list[str], typer.Option(help=f"What to read: {', '.join(api_tokens.SCOPES)}; repeat.")
    ],
    days: Annotated[
        int, typer.Option(min=1, max=3650, help="How long it is valid.")
    ] = api_tokens.LIFETIME.days,
    as_json: AsJson = False,
) -> None:
    """Make a token; it is printed this once, only its hash is stored."""
    with database.transaction() as conn:
        found = [tenancy.get_tenant(conn, slug) for slug in tenant]
        created = api_tokens.create(conn, name, found, scope, timedelta(days=days))
    url = f"{get_settings().gateway_url.rstrip('/')}/graphql"
    if as_json:
        print_json(asdict(created) | {"url": url})
        return
    say(f"Token [bold]{created.id}[/] reads {', '.join(scope)} of [bold]{', '.join(tenant)}[/].")
    say("Keep this, it is not shown again:")
    say(f"  {created.token}")
    say(f"Next: send it as 'Authorization: Bearer ...' with queries to {url}.")


@app.command(name="list", epilog="Example: schemabase token list acme")
def list_(
    tenant: Annotated[
        str | None, typer.Argument(metavar="[TENANT]", help="Only those that read this tenant.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List tokens, ended ones too, with their last use."""
    with database.transaction() as conn:
        tokens = api_tokens.list_all(conn, known_slug(conn, tenant))
    show(
        {
            "id": "Token",
            "name": "Name",
            "reads": "Tenants",
            "may": "Scopes",
            "state": "State",
            "expires_at": "Expires",
            "last_used_at": "Last used",
        },
        [
            asdict(each)
            | {
                "reads": ", ".join(each.tenants),
                "may": ", ".join(each.scopes),
                "state": _state(each),
            }
            for each in tokens
        ],
        as_json=as_json,
        empty="No tokens yet. Make one with "
        "[bold]schemabase token create NAME --tenant SLUG --scope orders[/].",
    )


@app.command(epilog="Example: schemabase token revoke tk_5hqmzqy3ka")
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="TOKEN", help="Id of the token, tk_...")],
) -> None:
    """Refuse a token from the next request on."""
    with database.transaction() as conn:
        is_changed = api_tokens.revoke(conn, token_id)
    say(f"Token [bold]{token_id}[/] {'is' if is_changed else 'was already'} revoked.")


def _state(token: api_tokens.ApiToken) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "valid" if token.is_valid else "expired"
