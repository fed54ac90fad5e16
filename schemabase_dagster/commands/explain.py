"""``schemabase explain``: where every field of a row comes from, on one screen."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer
from rich.markup import escape

from schemabase_dagster import database
from schemabase_dagster.commands._options import AsJson
from schemabase_dagster.engine import explain as engine
from schemabase_dagster.engine.entity import Entity
from schemabase_dagster.engine.story import Delivery, Field, Record, Story
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.terminal import cell, print_json, say, show

HIDDEN: Final = "(text)"

app = typer.Typer()


@app.command(epilog="Example: schemabase explain order STORE-1042")
def explain(
    entity: Annotated[str, typer.Argument(help="Kind of row: order, invoice, package, ...")],
    key: Annotated[
        str, typer.Argument(help="Its number, its id in one of the systems, or our id.")
    ],
    *,
    tenant: Annotated[
        str | None, typer.Option(help="Slug; needed when several tenants have such a row.")
    ] = None,
    personal: Annotated[
        bool, typer.Option("--personal", help="Show names, notes and other free texts, too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell who decided every field of a row and why, from which records, and what waits."""
    from assets import registry  # noqa: PLC0415 - all assets, which few commands need
    from resources import registry as systems  # noqa: PLC0415 - same

    known = registry.entities()
    if entity not in known:
        raise ConfigurationError(
            f"There is no entity '{entity}'.", f"Known: {', '.join(sorted(known))}."
        )
    with database.transaction() as conn:
        story = engine.explain(
            conn, known[entity], key, tenant, registry.streams(), systems.systems()
        )
    shown = _without_texts(known[entity]) if not personal else frozenset[str]()
    if as_json:
        print_json(_as_json(story, shown))
    else:
        _tell(story, shown)


def _without_texts(entity: Entity) -> frozenset[str]:
    """Return the columns that may hold free text: no natural key, no choice of fixed words."""
    from sqlalchemy import CheckConstraint, Text  # noqa: PLC0415 - a third of a second

    table = entity.table
    checks = [each.sqltext.text for each in table.constraints if isinstance(each, CheckConstraint)]
    return frozenset(
        column.name
        for column in table.columns
        if isinstance(column.type, Text)
        and column.name not in {*entity.sample, entity.number_column}
        and not any(check.startswith(f"{column.name} ") for check in checks)
    )


def _as_json(story: Story, hidden: frozenset[str]) -> Mapping[str, Any]:
    told = asdict(story)
    for group in told["groups"]:
        for field in group["fields"]:
            if field["column"] in hidden:
                field["value"] = field["value"] and HIDDEN
                field["others"] = dict.fromkeys(field["others"], HIDDEN)
    return told


def _tell(story: Story, hidden: frozenset[str]) -> None:
    number = escape(story.number)
    say(
        f"[bold]{story.entity} {number}[/] of [bold]{story.tenant}[/]"
        f"{f', owned by {story.owner}' if story.owner else ''}; id {story.id}"
    )
    say(
        f"written {cell(story.created_at)}, changed {cell(story.updated_at)}"
        f"{f', [red]deleted {cell(story.deleted_at)}[/]' if story.deleted_at else ''}\n"
    )
    show(
        {"app": "Source", "stream": "Record of", "external_id": "Id there", "number": "Number",
         "state": "Status there", "modified_at": "Modified", "read_at": "Read", "via": "By",
         "versions": "Versions", "note": "Note"},
        [_record(each) for each in story.records],
        empty="No source record is linked to it.",
    )  # fmt: skip
    say("")
    show(
        {"group": "Group", "field": "Field", "value": "Value", "app": "From",
         "others": "Others say", "why": "Why"},
        list(_fields(story, hidden)),
        empty="No field is set.",
    )  # fmt: skip
    say("")
    for line in _rest(story):
        say(line)


def _record(record: Record) -> dict[str, Any]:
    notes = []
    if record.deleted_at is not None:
        notes.append(f"gone since {cell(record.deleted_at)}")
    if record.waits:
        notes.append("a change waits to be merged")
    if record.rejected:
        notes.append(f"rejected: {record.rejected}")
    texts = {"state": record.status, "number": record.number, "external_id": record.external_id}
    escaped = {name: escape(text) if text else None for name, text in texts.items()}
    return {**asdict(record), **escaped, "note": escape("; ".join(notes))}


def _fields(story: Story, hidden: frozenset[str]) -> Iterator[Mapping[str, Any]]:
    for group in story.groups:
        name, why = group.name, group.why
        for field in group.fields:
            if field.value is None and not field.others:
                continue
            yield {
                "group": name,
                "field": field.column,
                "value": _value(field, field.value, hidden),
                "app": field.app or group.app,
                "others": ", ".join(
                    f"{app}: {_value(field, said, hidden)}" for app, said in field.others.items()
                ),
                "why": escape(why),
            }
            name = why = " "


def _value(field: Field, value: object, hidden: frozenset[str]) -> str:
    if value is not None and field.column in hidden:
        return HIDDEN
    return escape(cell(value)) if isinstance(value, str) and value else cell(value)


def _rest(story: Story) -> Iterator[str]:
    for kind, apps in story.children.items():
        told = ", ".join(f"{count} decided by {app}" for app, count in apps.items())
        yield f"{kind}: {told or 'none'}"
    for each in story.conflicts:
        state = f"settled {cell(each.resolved_at)}" if each.resolved_at else "[red]open[/]"
        yield f"conflict: {each.kind} of {each.app}:{escape(each.external_id)}, {state}"
    for event in story.deliveries:
        yield f"webhook: {escape(event.event_type or event.provider)} {_delivery(event)}"
    if not story.deliveries:
        yield "webhooks: none named it"


def _delivery(event: Delivery) -> str:
    """Tell when a delivery came and what it did to which record and the row."""
    told = [f"{cell(event.received_at)}, {event.status}"]
    if event.raw is not None:
        told.append(f"{event.stream} {event.raw}")
    if event.core is not None:
        told.append(f"row {event.core}")
    return f"{', '.join(told)}; delivery {event.id}"
