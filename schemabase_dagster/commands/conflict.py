"""``schemabase conflict``: list contradictions and decide about them."""

from typing import Annotated

import typer

from schemabase_dagster.commands._options import AsJson, TenantFilter, TenantSlug
from schemabase_dagster.engine.decisions import list_conflicts
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.terminal import say, show

NAME = "conflict"

app = typer.Typer(help="Records that no rule can match.")

Record = Annotated[str, typer.Argument(help="APP:ID, for instance books:73518000000500011.")]


@app.command(name="list", epilog="Example: schemabase conflict list acme")
def list_(
    tenant: TenantFilter = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List open conflicts."""
    rows = [
        {"tenant": each.tenant, "entity": each.entity, "record": f"{each.app}:{each.external_id}",
         "kind": each.kind, "opened_at": each.opened_at, "detail": each.detail}
        for each in list_conflicts(tenant)
    ]  # fmt: skip
    columns = {"tenant": "Tenant", "entity": "Entity", "record": "Record", "kind": "Kind",
               "opened_at": "Since"}  # fmt: skip
    show(columns, rows, as_json=as_json, empty="No conflict is open.")


@app.command(
    epilog="Example: schemabase conflict resolve acme order link "
    "books:73518000000500011 shop:T3JkZXI6MQ=="
)
def resolve(
    tenant: TenantSlug,
    entity: Annotated[str, typer.Argument(help="order, contact or invoice.")],
    decision: Annotated[str, typer.Argument(help="link: one row; split: never one row.")],
    record: Record,
    other: Record,
    *,
    note: Annotated[str, typer.Option(help="Why, for those who read it later.")] = "",
) -> None:
    """Decide that two records are one row, or never are; it survives every rebuild."""
    from schemabase_dagster import operations  # noqa: PLC0415 - imports Dagster

    operations.resolve_conflict(
        tenant, entity, kind=decision, record=_split(record), other=_split(other), note=note
    )
    say(f"Decided. Run [bold]schemabase sync {tenant}[/] or wait for the next run.")


@app.command(
    epilog="Example: schemabase conflict accept acme refund_duplicate r65cc3921 --note 'two pieces'"
)
def accept(
    tenant: TenantSlug,
    kind: Annotated[str, typer.Argument(help="Kind in analytics.reconciliation_defect.")],
    record: Annotated[str, typer.Argument(help="Its record there.")],
    *,
    note: Annotated[str, typer.Option(help="Why, for those who read it later.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take it back.")] = False,
) -> None:
    """Accept a disagreement about money or goods: the check leaves it out as long as it stays."""
    from schemabase_dagster import operations  # noqa: PLC0415 - imports Dagster

    operations.accept_difference(tenant, kind, record, note=note, is_accepted=not withdraw)
    say("Taken back." if withdraw else "Accepted.")


def _split(text: str) -> tuple[str, str]:
    app_key, colon, external_id = text.partition(":")
    if not colon or not external_id:
        raise ConfigurationError(f"'{text}' names no record.", "Write APP:ID.")
    return app_key, external_id
