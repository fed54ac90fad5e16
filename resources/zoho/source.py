"""ZohoList: how one kind of Zoho record is listed and fetched."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class ZohoList:
    """One list of the Books or Inventory API, the ``source`` of a stream.

    Attributes:
        api: which API root serves it; both read one data set (Zoho documentation, organisations).
        path: path below the root, for instance ``salesorders`` or ``settings/taxes``.
        list_key: key of the records in a list answer.
        detail_key: key of the record in a detail answer; None while only the list is read.
        sort_column: column of the newest-first listing; None for lists without sorting.
        modified_filter: whether the list honours ``last_modified_time`` (packages do not).
        ids_filter: name of a filter by comma separated ids, which finds vanished records cheaply.
        filters: fixed filters of the list.
    """

    path: str
    list_key: str
    api: Literal["inventory", "books"] = "inventory"
    detail_key: str | None = None
    sort_column: str | None = "last_modified_time"
    modified_filter: bool = True
    ids_filter: str | None = None
    filters: Mapping[str, str] = field(default_factory=dict)
