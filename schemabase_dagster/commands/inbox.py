"""``schemabase inbox``: see stored webhook deliveries and process them again."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

import typer
from rich.markup import escape

from schemabase_dagster import database, inbox
from schemabase_dagster.clock import parse_instant
from schemabase_dagster.commands._options import AsJson, known_slug
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.inbox import Effect, Selection, Summary
from schemabase_dagster.terminal import cell, plural, print_json, printable, say, show

NAME = "inbox"

T = TypeVar("T")

app = typer.Typer(help="Webhook deliveries: what came, what became of it, once more.")

Deliveries = Annotated[list[str] | None, typer.Argument(help="Ids of deliveries.")]
Tenant = Annotated[str | None, typer.Option(help="Only of this tenant.")]
Provider = Annotated[str | None, typer.Option(help="Only from this system.")]
Status = Annotated[
    Literal["received", "claimed", "processed", "ignored", "failed", "dead"] | None,
    typer.Option(help="Only in this state."),
]
Since = Annotated[str | None, typer.Option(help="Received at or after, ISO 8601.")]
Until = Annotated[str | None, typer.Option(help="Received before, ISO 8601.")]
Limit = Annotated[int, typer.Option(min=1, help="Number of rows.")]
Sure = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

COLUMNS = {
    "id": "Delivery",
    "received_at": "Received",
    "tenant_slug": "Tenant",
    "app_key": "App",
    "event_type": "Event",
    "status": "Status",
    "attempts": "Attempts",
    "last_error": "Why",
}


EFFECTS = {
    "stream": "Record of",
    "external_id": "Id there",
    "raw": "In raw",
    "entity": "Row",
    "core_id": "Its id",
    "core": "In core",
}

IN_RAW: Final = {
    "equal": "equal: raw held the same",
    "stale": "stale: raw held a newer version",
    "missing": "missing: the source does not show it",
    "rejected": "rejected: raw cannot hold it",
}

IN_CORE: Final = {
    "waits": "waits to be merged",
    "rejected": "rejected: see analytics.unmatched_record",
    "deleted": "lost this source",
}


@app.command(
    name="list",
    epilog="Example: schemabase inbox list --tenant acme --status failed "
    "--since 2026-01-31T08:00:00Z",
)
def list_(
    *,
    tenant: Tenant = None,
    provider: Provider = None,
    status: Status = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first."""
    selection = _selected(None, tenant, provider, status, since, until)
    _print_list(selection, limit, as_json=as_json, empty="No deliveries match.")


@app.command(epilog="Example: schemabase inbox dead --tenant acme")
def dead(
    *,
    tenant: Tenant = None,
    provider: Provider = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List deliveries that were given up, with the reason."""
    selection = Selection(tenant=tenant, provider=provider, status="dead")
    _print_list(selection, limit, as_json=as_json, empty="No dead deliveries.")


@app.command(
    name="show", epilog="Example: schemabase inbox show 01a21370-b1bc-74db-92ee-3f80f14d7bac --body"
)
def show_(
    delivery: Annotated[str, typer.Argument(help="Id of the delivery.")],
    *,
    body: Annotated[
        bool, typer.Option("--body", help="Print the body; it may be personal.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show one delivery and what it changed: no secrets, and the body only with --body."""
    inbox_id = _id(delivery)
    with database.transaction() as conn:
        found = inbox.show(conn, inbox_id)
        effects = inbox.list_effects(conn, [inbox_id])
    if found is None:
        raise ConfigurationError(
            f"There is no delivery '{delivery}'.", "Run 'schemabase inbox list' to see some."
        )
    facts = asdict(found)
    text = (facts.pop("body") or b"").decode("utf-8", "replace")
    if as_json:
        facts["effects"] = [asdict(effect) for effect in effects]
        print_json(facts | ({"body": text} if body else {}))
        return
    _print_facts(found)
    say(f"\n{escape(_outcome(found, effects))}")
    if effects:
        show(EFFECTS, [_effect(effect) for effect in effects], empty="")
    if body:
        # a file gets it as it came
        typer.echo(printable(text) if sys.stdout.isatty() else text)


@app.command(
    epilog="Example: schemabase inbox export --tenant acme --status dead > deliveries.ndjson"
)
def export(
    deliveries: Deliveries = None,
    *,
    tenant: Tenant = None,
    provider: Provider = None,
    status: Status = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Print deliveries as they came, one JSON object a line: no secrets, but personal data."""
    selection = _selected(deliveries, tenant, provider, status, since, until)
    _refuse_everything(selection, "exported")
    with database.transaction() as conn:
        known_slug(conn, selection.tenant)
        for line in inbox.iter_exported(conn, selection):
            typer.echo(line)


@app.command(epilog="Example: schemabase inbox replay --tenant acme --status dead --dry-run")
def replay(
    deliveries: Deliveries = None,
    *,
    tenant: Tenant = None,
    provider: Provider = None,
    status: Status = None,
    since: Since = None,
    until: Until = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be processed again.")
    ] = False,
    per_second: Annotated[
        float, typer.Option(min=0.1, help="Deliveries made due in a second, at most.")
    ] = inbox.PER_SECOND,
    resume: Annotated[
        str | None, typer.Option(help="Go on with a replay that was stopped.", metavar="REPLAY")
    ] = None,
    yes: Sure = False,
) -> None:
    """Process deliveries again: failed and dead ones in place, others as a copy."""
    if resume is not None:
        _run_replay(_replay_id(resume), per_second)
        return
    selection = _selected(deliveries, tenant, provider, status, since, until)
    _refuse_everything(selection, "replayed")
    with database.transaction() as conn:
        known_slug(conn, selection.tenant)
        found = inbox.preview(conn, selection)
    count = sum(each.count for each in found)
    if dry_run or not count:
        _print_preview(found)
        return
    if not yes and len(selection.ids) != count:
        typer.confirm(f"Replay {plural(count, 'delivery', 'deliveries')}?", abort=True)
    with database.transaction() as conn:
        replay_id = inbox.start_replay(conn, selection)
    _run_replay(replay_id, per_second)


def _selected(  # noqa: PLR0917 - the options as the commands take them
    deliveries: Sequence[str] | None,
    tenant: str | None,
    provider: str | None,
    status: str | None,
    since: str | None,
    until: str | None,
) -> Selection:
    return Selection(
        ids=tuple(map(_id, deliveries or [])),
        tenant=tenant,
        provider=provider,
        status=status,
        since=_instant(since),
        until=_instant(until),
    )


def _refuse_everything(selection: Selection, purpose: str) -> None:
    if selection == Selection():
        raise ConfigurationError(
            f"Nothing was chosen to be {purpose}.",
            "Name deliveries, or narrow down with --tenant, --status, --since, --until.",
        )


def _run_replay(replay_id: UUID, per_second: float) -> None:
    with database.connect(autocommit=True) as conn:
        for state in inbox.run_replay(conn, replay_id, per_second):
            counts = (
                f"{plural(state.retried, 'failed or dead delivery', 'failed or dead deliveries')} "
                f"tried again, {plural(state.copied, 'delivery', 'deliveries')} copied"
            )
            if state.finished_at is None:
                say(f"{counts} so far; if this is stopped: --resume {replay_id}")
            else:
                say(f"{counts}; the next run takes them.")


def _print_preview(found: list[inbox.Preview]) -> None:
    show(
        {
            "tenant_slug": "Tenant",
            "provider": "From",
            "status": "State",
            "count": "Deliveries",
            "first_received_at": "First",
            "last_received_at": "Last",
            "effect": "Would be",
        },
        [
            asdict(each) | {"effect": "copied" if each.is_copied else "tried again"}
            for each in found
        ],
        empty="Nothing would be processed again.",
    )


def _replay_id(text: str) -> UUID:
    return _parsed(UUID, text, "the id of a replay", "It was printed when the replay began.")


def _print_list(selection: Selection, limit: int, *, as_json: bool, empty: str) -> None:
    with database.transaction() as conn:
        known_slug(conn, selection.tenant)
        rows = inbox.list_rows(conn, selection, limit)
    show(COLUMNS, [_facts(row) for row in rows], as_json=as_json, empty=empty)


def _facts(row: Summary) -> dict[str, Any]:
    return {name: value for name, value in asdict(row).items() if name != "body"}


def _print_facts(found: Summary) -> None:
    for name, value in _facts(found).items():
        if name == "headers":
            continue
        typer.echo(printable(f"{name:<16} {'-' if value is None else value}"))
    for name, value in found.headers.items():
        typer.echo(printable(f"  {name}: {value}"))


def _outcome(found: Summary, effects: Sequence[Effect]) -> str:
    """Tell in one sentence what a delivery changed, or why it changed nothing."""
    why = found.last_error or "no reason was kept"
    due = "is held" if found.next_attempt_at is None else f"due {cell(found.next_attempt_at)}"
    unsettled = {
        "received": f"Not processed yet, {due}{f': {why}' if found.last_error else ''}.",
        "claimed": "A run is processing it.",
        "failed": f"Failed {plural(found.attempts, 'time')}, {due}: {why}.",
        "ignored": f"It changed nothing: {why}.",
        "dead": f"It was given up: {why}.",
    }
    if found.status in unsettled:
        return unsettled[found.status]
    if not effects:
        return "It changed nothing that is still known."
    if all(effect.raw not in {"changed", "deleted"} for effect in effects):
        return "It changed nothing:"
    return "What it changed ('schemabase explain ROW ID' tells more of a row):"


def _effect(effect: Effect) -> dict[str, Any]:
    return asdict(effect) | {
        "external_id": escape(effect.external_id) if effect.external_id else None,
        "raw": IN_RAW.get(effect.raw, effect.raw),
        "core": effect.core and IN_CORE.get(effect.core, effect.core),
    }


def _id(text: str) -> UUID:
    return _parsed(UUID, text, "the id of a delivery", "Run 'schemabase inbox list' to see ids.")


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    return _parsed(parse_instant, text, "an instant", "Write it as 2026-01-31T08:00:00Z.")


def _parsed(parse: Callable[[str], T], text: str, what: str, hint: str) -> T:
    try:
        return parse(text)
    except ValueError:
        raise ConfigurationError(f"'{text}' is not {what}.", hint) from None
