"""SaleorConnection: how one kind of Saleor object is listed and fetched."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SaleorConnection:
    """One Relay connection of the GraphQL API, the ``source`` of a stream.

    Attributes:
        root: root field, for instance ``orders``.
        object_type: type name inside the global ids, for instance ``Order``.
        id_kind: form of the key inside the global ids.
        page_operation: operation that lists, with the variables ``first``, ``after``, ``from``.
        page_document: its text.
        ids_operation: operation that reads up to 100 ids, with the variables ``first``, ``ids``.
        ids_document: its text.
        count_document: a page operation that selects ``totalCount`` only.
    """

    root: str
    object_type: str
    id_kind: Literal["uuid", "integer"]
    page_operation: str
    page_document: str
    ids_operation: str
    ids_document: str
    count_document: str
