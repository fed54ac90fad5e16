"""Limits of a GraphQL document, found before anything is executed: depth, cost, scopes.

What a document costs is the number of rows it could fetch: lists count with their length, those
whose length nobody knows with a usual one. Fragments are measured once, wherever they are spread.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    NamedTypeNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    parse,
)
from graphql.error import GraphQLError, GraphQLSyntaxError
from graphql.type import GraphQLField, GraphQLOutputType

MAX_TOKENS: Final = 1000
MAX_NESTING: Final = 40
"""Of brackets in the text; the parser calls itself for each."""

MAX_DEPTH: Final = 8
MAX_COST: Final = 10_000
ROOT_COST: Final = 250
"""Of a field at the root, beside its rows: each is a statement of its own."""

MAX_PAGE: Final = 100
USUAL_PAGE: Final = 20
USUAL_LENGTH: Final = 10
SHORT: Final[Mapping[tuple[str, str], int]] = {
    ("OrderConnection", "edges"): 1,
    ("Order", "packages"): 3,
    ("Query", "packages"): 3,
}
"""Lists that are shorter than usual; the length of ``edges`` stands at the field above."""

SCOPE_OF: Final[Mapping[str, str]] = {
    "Order": "orders",
    "OrderLine": "orders",
    "OrderConnection": "orders",
    "Package": "packages",
    "PackageLine": "packages",
    "PackageEvent": "packages",
    "Customer": "customers",
    "Address": "customers",
}
"""Type -> scope that a document needs which touches it."""

_BRACKETS = re.compile(r"[{}\[\]()]")
_LONG_NUMBER = re.compile(r"\d{1000}")
_OPENING: Final = frozenset("{[(")


class LimitError(GraphQLError):
    """A document that is not executed, with a code for the caller's program."""

    def __init__(self, message: str, code: str) -> None:
        self.code = code
        super().__init__(message, extensions={"code": code})


@dataclass(frozen=True, slots=True)
class Usage:
    """What a selection needs.

    Attributes:
        depth: levels of fields.
        cost: rows it could fetch.
        scopes: scopes of the types it touches.
    """

    depth: int = 0
    cost: int = 0
    scopes: frozenset[str] = frozenset()

    def beside(self, other: "Usage") -> "Usage":
        """Return what two selections of one level need together."""
        return Usage(
            max(self.depth, other.depth), self.cost + other.cost, self.scopes | other.scopes
        )


def parsed(text: str) -> DocumentNode:
    """Parse a document.

    Raises:
        LimitError: it is no GraphQL, or larger than the limits.
    """
    nesting = 0
    for match in _BRACKETS.finditer(text):
        nesting += 1 if match.group() in _OPENING else -1
        if nesting > MAX_NESTING:
            raise LimitError("The document nests too deeply.", "DOCUMENT_TOO_LARGE")
    if _LONG_NUMBER.search(text):
        raise LimitError("The document has a number without end.", "DOCUMENT_TOO_LARGE")
    try:
        return parse(text, no_location=False, max_tokens=MAX_TOKENS)
    except GraphQLSyntaxError as error:
        code = "DOCUMENT_TOO_LARGE" if "tokens" in error.message else "GRAPHQL_PARSE_FAILED"
        raise LimitError(error.message, code) from None
    except RecursionError:
        raise LimitError("The document nests too deeply.", "DOCUMENT_TOO_LARGE") from None


def check(
    document: DocumentNode, schema: GraphQLSchema, scopes: frozenset[str], operation: str | None
) -> None:
    """Check a parsed document, which need not be valid, against limits and scopes.

    Args:
        document: the document.
        schema: what it is asked of.
        scopes: scopes of the caller.
        operation: name of the operation to run; None = there is only one.

    Raises:
        LimitError: the document is too deep or too costly, needs a scope that is missing, or does
            not tell which of its operations to run.
    """
    measure = _Measure(document, schema)
    if operation is None and len(measure.operations) > 1:
        raise LimitError("Name the operation to run.", "OPERATION_RESOLUTION_FAILURE")
    usage = measure.total()
    if usage.depth > MAX_DEPTH:
        raise LimitError(
            f"The query is {usage.depth} levels deep; {MAX_DEPTH} are allowed.", "QUERY_TOO_DEEP"
        )
    if usage.cost > MAX_COST:
        raise LimitError(
            f"The query could fetch {usage.cost} rows; {MAX_COST} are allowed. Ask for fewer with "
            "'first', or for less in lists.",
            "QUERY_TOO_COSTLY",
        )
    missing = sorted(usage.scopes - scopes)
    if missing:
        raise LimitError(f"The token lacks the scope '{missing[0]}'.", "FORBIDDEN")


class _Measure:
    """Measures a document, each fragment once."""

    def __init__(self, document: DocumentNode, schema: GraphQLSchema) -> None:
        self._schema = schema
        self.operations = [
            each for each in document.definitions if isinstance(each, OperationDefinitionNode)
        ]
        self._fragments = {
            each.name.value: each
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        # None while a fragment is being measured: one that spreads itself is refused as invalid
        self._measured: dict[str, Usage | None] = {}

    def total(self) -> Usage:
        """Return what the costliest reading of the document needs: all operations together."""
        usage = Usage()
        for operation in self.operations:
            root = self._schema.query_type
            usage = usage.beside(self._selections(operation.selection_set, root))
        return usage

    def _selections(
        self, selections: SelectionSetNode | None, parent: GraphQLObjectType | None
    ) -> Usage:
        usage = Usage()
        for each in selections.selections if selections is not None else ():
            if isinstance(each, FieldNode):
                usage = usage.beside(self._field(each, parent))
            elif isinstance(each, InlineFragmentNode):
                # null where nothing is said, whatever the library's annotation promises
                named: NamedTypeNode | None = each.type_condition
                inner = parent if named is None else self._type(named.name.value)
                usage = usage.beside(self._selections(each.selection_set, inner))
            elif isinstance(each, FragmentSpreadNode):
                usage = usage.beside(self._fragment(each.name.value))
        return usage

    def _field(self, node: FieldNode, parent: GraphQLObjectType | None) -> Usage:
        name = node.name.value
        # the library limits how deeply a schema may be asked for
        if parent is None or name.startswith("__"):
            return Usage()
        field = parent.fields.get(name)
        if field is None:
            return Usage()
        kind = get_named_type(field.type)
        if not isinstance(kind, GraphQLObjectType):
            return Usage(depth=1)
        inner = self._selections(node.selection_set, kind)
        scope = SCOPE_OF.get(kind.name)
        rows = _length(node, parent.name, field) * (1 + inner.cost)
        return Usage(
            depth=1 + inner.depth,
            cost=rows + (ROOT_COST if parent is self._schema.query_type else 0),
            scopes=inner.scopes | ({scope} if scope else frozenset()),
        )

    def _fragment(self, name: str) -> Usage:
        if name not in self._measured:
            self._measured[name] = None
            fragment = self._fragments.get(name)
            if fragment is not None:
                parent = self._type(fragment.type_condition.name.value)
                self._measured[name] = self._selections(fragment.selection_set, parent)
        return self._measured[name] or Usage()

    def _type(self, name: str) -> GraphQLObjectType | None:
        found = self._schema.type_map.get(name)
        return found if isinstance(found, GraphQLObjectType) else None


def _length(node: FieldNode, parent: str, field: GraphQLField) -> int:
    if "first" in field.args:
        return _page(node)
    usual = USUAL_LENGTH if _is_list(field.type) else 1
    return SHORT.get((parent, node.name.value), usual)


def _page(node: FieldNode) -> int:
    for argument in node.arguments:
        if argument.name.value == "first":
            # what a variable will hold is not looked at: it counts as the most that is allowed
            value = argument.value
            return (
                min(_whole(value.value), MAX_PAGE) if isinstance(value, IntValueNode) else MAX_PAGE
            )
    return USUAL_PAGE


def _whole(text: str) -> int:
    # numbers of thousands of digits are refused later, and cost too much to read
    return max(int(text), 1) if len(text) <= len(str(MAX_PAGE)) else MAX_PAGE


def _is_list(kind: GraphQLOutputType) -> bool:
    return isinstance(kind.of_type if isinstance(kind, GraphQLNonNull) else kind, GraphQLList)
