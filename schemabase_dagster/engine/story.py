"""Story: what ``explain`` tells of one core row."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Record:
    """A source record that is linked to the row.

    Attributes:
        app: key of its app.
        stream: its stream.
        external_id: its id there.
        number: the human number there.
        status: the source's own word for its state.
        linked_at: when it became a part of the row.
        modified_at: modified time by the source.
        read_at: when we read this version.
        changed_at: when the payload last changed.
        versions: how many versions we have seen.
        replaced_at: when earlier versions were replaced, newest first.
        via: how this version came.
        run_id: Dagster run that stored it.
        deleted_at: the source has it no more.
        waits: it changed and the row does not know yet.
        rejected: fault that keeps it out of the row.
    """

    app: str
    stream: str
    external_id: str
    number: str | None
    status: str | None
    linked_at: datetime
    modified_at: datetime | None
    read_at: datetime | None
    changed_at: datetime | None
    versions: int
    replaced_at: list[datetime]
    via: str | None
    run_id: str | None
    deleted_at: datetime | None
    waits: bool
    rejected: str | None


@dataclass(frozen=True, slots=True)
class Field:
    """One column of the row.

    Attributes:
        column: its name.
        value: what the row holds.
        app: whose value that is; None = of several sources, or of none.
        others: app -> what another source says instead.
    """

    column: str
    value: Any
    app: str | None
    others: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Group:
    """Columns that were decided together.

    Attributes:
        name: its name in ``field_authority``.
        app: who decided; None = by a rule over several sources, or nobody said anything.
        at: modified time of the record that decided.
        why: reason in words.
        fields: the columns.
    """

    name: str
    app: str | None
    at: str | None
    why: str
    fields: list[Field]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A contradiction about one of the records."""

    app: str
    external_id: str
    kind: str
    opened_at: datetime
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook that named one of the records.

    Attributes:
        id: the delivery.
        provider: sender.
        event_type: by the sender.
        received_at: arrival.
        status: its state in the inbox.
        run_id: Dagster run that settled it.
        stream: stream of the record; None while the delivery is not processed.
        raw: what it did to the record.
        core: what that did to the row.
    """

    id: UUID
    provider: str
    event_type: str | None
    received_at: datetime
    status: str
    run_id: str | None
    stream: str | None
    raw: str | None
    core: str | None


@dataclass(frozen=True, slots=True)
class Story:
    """Where a row comes from.

    Attributes:
        tenant: slug.
        entity: kind of row.
        id: our id.
        number: natural key; our id where there is none.
        owner: app that owns the row; None = nobody does.
        created_at: when we first wrote it.
        updated_at: when it last really changed.
        deleted_at: gone at every source since.
        records: its source records.
        groups: its fields.
        children: kind of child -> app that decided -> number of rows.
        conflicts: contradictions, settled ones too.
        deliveries: webhooks that named its records.
    """

    tenant: str
    entity: str
    id: UUID
    number: str
    owner: str | None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    records: list[Record]
    groups: list[Group]
    children: dict[str, dict[str, int]]
    conflicts: list[Conflict]
    deliveries: list[Delivery]
