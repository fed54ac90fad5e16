"""``schemabase keys``: the ring of keys that encrypts credentials."""

import typer

from schemabase_dagster import database, key_rotation, vault
from schemabase_dagster.commands._options import AsJson
from schemabase_dagster.terminal import plural, say, show

NAME = "keys"

app = typer.Typer(help="Keys that encrypt credentials, tokens and webhook secrets.")


@app.command(epilog="Example: schemabase keys generate")
def generate() -> None:
    """Print a new entry for SCHEMABASE_KEYS. Put it first, keep the old ones behind it."""
    typer.echo(vault.generate_key())


@app.command(name="list", epilog="Example: schemabase keys list")
def list_(*, as_json: AsJson = False) -> None:
    """List key ids with what they encrypt; never a key."""
    ring = vault.key_ids()
    with database.transaction() as conn:
        counts = key_rotation.count_by_key(conn)
    lost = sorted(set(counts) - set(ring))
    rows = [
        {"key": each, "use": _use(each, ring), "secrets": counts[each]} for each in [*ring, *lost]
    ]
    show({"key": "Key", "use": "Use", "secrets": "Secrets"}, rows, as_json=as_json, empty="")


@app.command(epilog="Example: schemabase keys rotate")
def rotate() -> None:
    """Encrypt everything again that an old key encrypted; may be repeated at any time."""
    done = key_rotation.rotate()
    newest, *old = vault.key_ids()
    if done == 0:
        say(f"All secrets are encrypted with key '{newest}' already.")
    else:
        say(f"Encrypted {plural(done, 'secret')} with key '{newest}'.")
    if old:
        listed = ", ".join(f"'{each}'" for each in old)
        say(f"No secret needs {listed} any more: remove from SCHEMABASE_KEYS.")


def _use(key_id: str, ring: list[str]) -> str:
    if key_id not in ring:
        return "[red]missing[/]: its secrets cannot be read"
    return "encrypts" if key_id == ring[0] else "only decrypts"
