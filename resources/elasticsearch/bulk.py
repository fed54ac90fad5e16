"""Bulk requests: documents packed into them, and what their answers say of each document.

Source: Elasticsearch, bulk API. The status of the request is 200 even when all its items failed.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

from schemabase_dagster.errors import ProviderContractError, ProviderRejected

SYSTEM: Final = "elasticsearch"
WHAT: Final = "bulk"
CREATED: Final = frozenset({200, 201})
EXISTS: Final = 409
"""Of ``create``: a document of this id is there already."""

REFUSED: Final = frozenset({400, 413})
"""The fault is the document's: it does not fit the mapping, or is too large."""

AGAIN: Final = 429
SERVER_ERROR: Final = 500
LONGEST_CODE: Final = 100
LONGEST_REASON: Final = 1000

_FIELD: Final = re.compile(r"(?:field|mapping for) \[([^\]]{1,200})\]")


class Document(NamedTuple):
    """One document.

    Attributes:
        id: letters and digits; who creates it again creates nothing.
        body: JSON in one line.
        origin: the delivery that it came in; it is not sent.
    """

    id: str
    body: bytes
    origin: UUID


class RefusedDocument(NamedTuple):
    """A document that will never be taken as it is; ``reason`` may repeat a value of it."""

    document: Document
    status: int
    code: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Written:
    """What became of documents.

    Attributes:
        created: new ones.
        existing: ones that were there already, by id.
        refused: ones that the index does not take.
    """

    created: int = 0
    existing: int = 0
    refused: tuple[RefusedDocument, ...] = ()

    def __add__(self, other: "Written") -> "Written":
        """Add up what two requests did."""
        return Written(
            self.created + other.created,
            self.existing + other.existing,
            self.refused + other.refused,
        )


def packed(
    documents: Iterable[Document], *, max_bytes: int, max_documents: int
) -> Iterator[list[Document]]:
    """Yield documents in groups for one request each; one larger than the limit goes alone."""
    group: list[Document] = []
    size = 0
    for document in documents:
        length = len(_lines(document))
        if group and (size + length > max_bytes or len(group) == max_documents):
            yield group
            group, size = [], 0
        group.append(document)
        size += length
    if group:
        yield group


def request_body(documents: Sequence[Document]) -> bytes:
    """Return the NDJSON of a request, which ends with a newline.

    ``create``, not ``index``: a data stream takes nothing else, and a repeat changes nothing.
    """
    return b"".join(map(_lines, documents))


def sort_items(documents: Sequence[Document], answer: Any) -> tuple[Written, list[Document]]:
    """Return what an answer says of the documents of a request, and which to send again.

    Raises:
        ProviderContractError: it does not speak of every document.
        ProviderRejected: the cluster refuses what no document can change, such as a missing
            right or index.
    """
    items = answer.get("items") if isinstance(answer, dict) else None
    if not isinstance(items, list) or len(items) != len(documents):
        raise ProviderContractError(SYSTEM, f"{WHAT}: answer does not speak of every document")
    created = existing = 0
    refused, again = [], []
    for document, item in zip(documents, items, strict=True):
        status, error = _outcome(item)
        if status in CREATED:
            created += 1
        elif status == EXISTS:
            existing += 1
        elif status == AGAIN or status >= SERVER_ERROR:
            again.append(document)
        elif status in REFUSED:
            refused.append(refusal(document, status, error))
        else:
            raise ProviderRejected(SYSTEM, WHAT, status=status, code=_code(error))
    return Written(created, existing, tuple(refused)), again


def refusal(document: Document, status: int, error: Any) -> RefusedDocument:
    """Return a document with what an item's error says of it."""
    reason = str(error.get("reason") or "") if isinstance(error, dict) else ""
    cause = error.get("caused_by") if isinstance(error, dict) else None
    if isinstance(cause, dict) and cause.get("reason"):
        reason = f"{reason}: {cause['reason']}"
    field = _FIELD.search(reason)
    path = _plain(field.group(1)) if field else ""
    return RefusedDocument(document, status, _code(error), path, _plain(reason[:LONGEST_REASON]))


def _lines(document: Document) -> bytes:
    return b'{"create":{"_id":"%s"}}\n%s\n' % (document.id.encode(), document.body)


def _outcome(item: Any) -> tuple[int, Any]:
    created = item.get("create") if isinstance(item, dict) else None
    status = created.get("status") if isinstance(created, dict) else None
    if not isinstance(created, dict) or not isinstance(status, int):
        raise ProviderContractError(SYSTEM, f"{WHAT}: an item of the answer has no status")
    return status, created.get("error")


def _code(error: Any) -> str:
    kind = error.get("type") if isinstance(error, dict) else None
    return _plain(str(kind or "unknown")[:LONGEST_CODE])


def _plain(text: str) -> str:
    """Return a text without what Postgres cannot hold."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
