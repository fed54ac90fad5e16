"""ZohoList: how one kind of Zoho record is listed and fetched."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from schemabase_dagster.streams import JsonObject

MODULES: Final[Mapping[str, str]] = {"organizations": "settings", "bankaccounts": "banking"}
"""First part of a path -> module of its scope, where the two differ (Zoho, OAuth scopes)."""


@dataclass(frozen=True, slots=True)
class ZohoInside:
    """Records of a record that its detail leaves out; they are fetched with it and put into it.

    Attributes:
        path: below the record's own path, such as ``refunds``.
        keys: names under which answers were seen to hold them, as a list or as a single object.
        field: name under which they are put into the record.
        needed: tells by the detail whether there are any; without a call for those without.
    """

    path: str
    keys: tuple[str, ...]
    field: str
    needed: Callable[[JsonObject], bool]


@dataclass(frozen=True, slots=True)
class ZohoList:
    """One list of the Books or Inventory API, the ``source`` of a stream.

    Attributes:
        api: which API root serves it; both read one data set (Zoho documentation, organisations).
        path: path below the root, for instance ``salesorders`` or ``settings/taxes``.
        list_key: key of the records in a list answer.
        other_list_keys: further names under which the documentation or answers have them.
        detail_key: key of the record in a detail answer; None while only the list is read.
        sort_column: column of the newest-first listing; None for lists without sorting.
        modified_filter: whether the list honours ``last_modified_time`` (packages do not).
        ids_filter: name of a filter by comma separated ids, which finds vanished records cheaply.
        filters: fixed filters of the list.
        detail_params: query of a detail call.
        inside: what is fetched with every detail.
        bulk: path that gives many details in a call; None = one call each.
        bulk_ids: its parameter with comma separated ids.
    """

    path: str
    list_key: str
    api: Literal["inventory", "books"] = "inventory"
    detail_key: str | None = None
    sort_column: str | None = "last_modified_time"
    modified_filter: bool = True
    ids_filter: str | None = None
    filters: Mapping[str, str] = field(default_factory=dict)
    detail_params: Mapping[str, str] = field(default_factory=dict)
    other_list_keys: tuple[str, ...] = ()
    inside: tuple[ZohoInside, ...] = ()
    bulk: str | None = None
    bulk_ids: str = "item_ids"

    @property
    def scope(self) -> str:
        """Right that reading it needs; what lies inside its records needs no other one."""
        first = self.path.partition("/")[0]
        service = {"inventory": "ZohoInventory", "books": "ZohoBooks"}[self.api]
        return f"{service}.{MODULES.get(first, first)}.READ"
