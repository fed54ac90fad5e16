"""``schemabase doctor``: is everything there that the product needs?"""

import json
from dataclasses import asdict

import typer
from rich.table import Table

from schemabase_dagster import terminal
from schemabase_dagster.commands._options import AsJson
from schemabase_dagster.stack.diagnosis import Finding, Level, diagnose

app = typer.Typer()

MARKS: dict[Level, str] = {
    "ok": "[green]ok[/]",
    "warning": "[yellow]note[/]",
    "failure": "[red]FAIL[/]",
}


@app.command(epilog="Example: schemabase doctor")
def doctor(*, as_json: AsJson = False) -> None:
    """Check database, migrations, keys, Dagster, time zones and ports; exit 1 when one fails."""
    findings = list(diagnose())
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        terminal.console().print(_table(findings))
    if any(finding.level == "failure" for finding in findings):
        raise typer.Exit(1)


def _table(findings: list[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        text = f"{finding.text}\n[dim]{finding.hint}[/]" if finding.hint else finding.text
        table.add_row(MARKS[finding.level], finding.subject, text)
    return table
