"""SaleorConnection: how one kind of Saleor object is listed and fetched."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from schemabase_dagster.streams import JsonObject


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
        count_document: a page operation that selects ``totalCount`` only; empty = it has none.
        is_list: the root field is a plain list, which comes whole.
        unfold: makes that list of a root field that holds it somewhere inside.
        is_optional: a refusal concerns this field alone, the app's token may be good.
    """

    root: str
    object_type: str
    id_kind: Literal["uuid", "integer"]
    page_operation: str
    page_document: str
    ids_operation: str
    ids_document: str
    count_document: str
    is_list: bool = False
    unfold: Callable[[Any], list[JsonObject]] | None = None
    is_optional: bool = False


def connection(
    root: str,
    object_type: str,
    fields: str,
    *,
    ids: str,
    arguments: str = "",
    id_kind: Literal["uuid", "integer"] = "integer",
) -> SaleorConnection:
    """Return a connection that is listed whole, in the server's order.

    Args:
        root: root field.
        object_type: type name inside the global ids.
        fields: selection of a node.
        ids: argument that selects by ids, such as ``filter: {ids: $ids}``.
        arguments: further arguments of the list.
        id_kind: form of the key inside the global ids.
    """
    name = root[0].upper() + root[1:]
    further = f", {arguments}" if arguments else ""
    page, by_ids = f"{name}Page", f"{name}ByIds"
    nodes = f"{{ pageInfo {{ hasNextPage endCursor }} edges {{ node {{ {fields} }} }} }}"
    return SaleorConnection(
        root=root,
        object_type=object_type,
        id_kind=id_kind,
        page_operation=page,
        page_document=(
            f"query {page}($first: Int!, $after: String) "
            f"{{ {root}(first: $first, after: $after{further}) {nodes} }}"
        ),
        ids_operation=by_ids,
        ids_document=(
            f"query {by_ids}($first: Int!, $ids: [ID!]) {{ {root}(first: $first, {ids}) {nodes} }}"
        ),
        count_document=(
            f"query {page}($first: Int!) {{ {root}(first: $first{further}) {{ totalCount }} }}"
        ),
    )


def changes(root: str, object_type: str, fields: str, *, ids: str, sort: str) -> SaleorConnection:
    """Return a connection that is listed by ascending time of the last change.

    Args:
        root: root field.
        object_type: type name inside the global ids, whose keys are numbers.
        fields: selection of a node.
        ids: argument that selects by ids.
        sort: sort field, ascending.
    """
    listed = f"sortBy: {{field: {sort}, direction: ASC}}"
    whole = connection(root, object_type, fields, ids=ids, arguments=listed)
    document = whole.page_document.replace("$after: String", "$after: String, $from: DateTime")
    filtered = document.replace(listed, f"filter: {{updatedAt: {{gte: $from}}}}, {listed}")
    return replace(whole, page_document=filtered)


def plain_list(root: str, object_type: str, fields: str) -> SaleorConnection:
    """Return a field that is a list without pages; records are not fetched by id."""
    name = root[0].upper() + root[1:]
    document = f"query {name} {{ {root} {{ {fields} }} }}"
    return SaleorConnection(root, object_type, "integer", name, document, "", "", "", is_list=True)
