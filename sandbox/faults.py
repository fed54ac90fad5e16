"""Misbehaviour on demand: which fault hits which requests, how often, and with what effect."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

KINDS = frozenset(
    {
        "rate_limited",
        "error_500",
        "html_502",
        "slow",
        "cut_body",
        "invalid_json",
        "expired_token",
        "duplicate_page",
        "shifted_page",
        "moving_rows",
        "partial_data",
        "missing_field",
        "mistyped_field",
        "no_id",
        "nul_text",
        "half_pair",
        "refused_200",
        "object_root",
        "refused_422",
        "wrong_root",
        "too_large",
        "unavailable_503",
        "refused_items",
    }
)
RECORD_KINDS = frozenset({"missing_field", "mistyped_field", "no_id", "nul_text", "half_pair"})
UNSTORABLE = {"nul_text": "\x00", "half_pair": "\ud83d"}
TEXT_KEYS = (
    "notes",
    "customer_name",
    "contact_name",
    "customerNote",
    "review",
    "comments",
    "internet",
    "bezeichnung",
)


@dataclass(slots=True)
class Fault:
    """One switch.

    Attributes:
        kind: one of ``KINDS``.
        merchant: whose requests it hits.
        system: whose API misbehaves.
        match: path prefix below the API root (``/salesorders``), or a GraphQL operation name;
            empty hits every request of the system.
        where: ``list``, ``detail``, ``token`` or empty for any.
        times: how many requests it hits; None until cleared.
        after: how many matching requests pass before the first hit.
        retry_after: seconds in ``Retry-After`` of a 429; None leaves the header out.
        seconds: how long a slow answer takes.
        path: dotted path of the field that goes missing or gets a wrong type.
        record: id of the record a record fault hits; empty is the first of the answer.
        text: what the answer of a server error and the value of a wrong type say.
        rows: by how many rows pages shift (positive repeats rows, negative leaves rows out), or
            how many records are modified before each later page is cut.
        hits: how often it struck.
    """

    kind: str
    merchant: str
    system: str
    match: str = ""
    where: str = ""
    times: int | None = 1
    after: int = 0
    retry_after: int | None = None
    seconds: float = 1.0
    path: str = "total"
    record: str = ""
    text: str = "something unexpected"
    rows: int = 1
    status: int = 429
    hits: int = field(default=0)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}, known are {', '.join(sorted(KINDS))}")


class FaultDesk:
    """All switches that are on."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Switch a fault on."""
        self._faults.append(fault)
        return fault

    def clear(self, merchant: str | None = None, system: str | None = None) -> int:
        """Switch faults off, all or those of a merchant or system; return how many."""
        gone = [
            fault
            for fault in self._faults
            if merchant in {None, fault.merchant} and system in {None, fault.system}
        ]
        self._faults = [fault for fault in self._faults if fault not in gone]
        return len(gone)

    def shown(self) -> list[dict[str, Any]]:
        """Every switch with its counters."""
        return [asdict(fault) for fault in self._faults]

    def strike(self, merchant: str, system: str, match: str, where: str) -> list[Fault]:
        """Faults that hit this request, each counted once."""
        struck = []
        for fault in self._faults:
            if fault.times == 0 or not _hits(fault, merchant, system, match, where):
                continue
            if fault.after:
                fault.after -= 1
                continue
            fault.hits += 1
            if fault.times is not None:
                fault.times -= 1
            struck.append(fault)
        return struck


def find(faults: Iterable[Fault], kind: str) -> Fault | None:
    """The first fault of a kind."""
    return next((fault for fault in faults if fault.kind == kind), None)


def spoil(rows: list[bytes], faults: Iterable[Fault], id_key: str) -> list[bytes]:
    """Apply record faults to rendered records."""
    for fault in faults:
        if fault.kind not in RECORD_KINDS or not rows:
            continue
        documents = [orjson.loads(row) for row in rows]
        index = next((i for i, d in enumerate(documents) if d.get(id_key) == fault.record), None)
        if index is None and fault.record:
            continue
        _spoil(documents[index or 0], fault, id_key)
        rows = list(rows)
        # orjson would refuse half of a surrogate pair
        rows[index or 0] = json.dumps(documents[index or 0]).encode()
    return rows


def _hits(fault: Fault, merchant: str, system: str, match: str, where: str) -> bool:
    return (
        fault.merchant == merchant
        and fault.system == system
        and (not fault.where or fault.where == where)
        and (
            match.startswith(fault.match)
            if fault.match.startswith("/")
            else fault.match in {"", match}
        )
    )


def _spoil(document: dict[str, Any], fault: Fault, id_key: str) -> None:
    if fault.kind == "no_id":
        del document[id_key]
        return
    if fault.kind in UNSTORABLE:
        key = next(k for k in TEXT_KEYS if k in document)
        document[key] = f"{document[key]}{UNSTORABLE[fault.kind]}end"
        return
    *parents, last = fault.path.split(".")
    target: Any = document
    for part in parents:
        target = target[int(part)] if isinstance(target, list) else target[part]
    if fault.kind == "missing_field":
        target.pop(last, None)
    else:
        target[last] = {"unexpected": fault.text}
