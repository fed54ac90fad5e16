"""Drain: the frozen description of one kind of log sender, from which its asset follows."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from resources.elasticsearch import Document
from schemabase_dagster.systems import System


class BadRecord(NamedTuple):
    """One record of a batch that cannot be read; the others go on.

    Attributes:
        code: stable code of the fault.
        path: where in the record.
        sample: the record as it came, or its beginning.
    """

    code: str
    path: str
    sample: bytes


class LogBatch(NamedTuple):
    """One delivery of a log sender.

    Attributes:
        inbox_id: the delivery.
        app_id: app of the sender.
        body: unpacked.
    """

    inbox_id: UUID
    app_id: UUID
    body: bytes


Read: TypeAlias = Callable[[LogBatch, Any], Iterator[Document | BadRecord]]
"""From a batch, and the client of its app."""


@dataclass(frozen=True, slots=True)
class Drain:
    """One kind of log sender.

    Attributes:
        name: last part of the asset's key, ``logs/<name>``.
        system: the sender; its apps have the endpoints.
        description: product text for the data team.
        read: yields the documents of a batch one by one; never raises for what is in it.
    """

    name: str
    system: System
    description: str
    read: Read
