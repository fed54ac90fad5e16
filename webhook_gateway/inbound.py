"""Inbound: one received request as verification and dedupe see it; and its safe parts."""

import hashlib
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, urlencode

import orjson

FORM_CONTENT: Final = b"application/x-www-form-urlencoded"
DROPPED_HEADERS: Final = frozenset(
    {
        b"accept", b"accept-encoding", b"authorization", b"connection", b"content-length",
        b"cookie", b"host", b"keep-alive", b"proxy-authorization", b"te", b"transfer-encoding",
    }
)  # fmt: skip
"""Headers that are never stored: those of the connection, and credentials."""

_SECRET_NAME: Final = re.compile(rb"secret|token|passw|api[-_]?key|auth|credential", re.ASCII)
_EVENT: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")


@dataclass(slots=True, weakref_slot=True)
class Inbound:
    """A request whose body is complete. Header names are lower case; the last of equals wins."""

    headers: dict[bytes, bytes]
    query: bytes
    body: bytes
    source_ip: str | None
    received_on: str
    """UTC date of arrival, ISO 8601."""
    day_before: str
    method: str = "POST"
    body_sha256: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.body_sha256 = hashlib.sha256(self.body).digest()

    def header(self, name: bytes) -> str | None:
        """Return a header as text, or None."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def pairs(self) -> list[tuple[str, str]]:
        """Return the decoded parameters of the query string."""
        return parse_qsl(self.query.decode("latin-1"), keep_blank_values=True)

    def form_pairs(self) -> list[tuple[str, str]] | None:
        """Return the decoded fields of a form body, or None when the body is no form."""
        content_type = self.headers.get(b"content-type", b"")
        if content_type.partition(b";")[0].strip().lower() != FORM_CONTENT:
            return None
        return parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True)

    def event(self, *names: bytes) -> str | None:
        """Return the first of some headers that looks like the name of an event."""
        for name in names:
            value = event_name(self.header(name))
            if value is not None:
                return value
        return None

    def stored_headers(self, secret_names: frozenset[bytes]) -> str:
        """Return the headers worth keeping as a JSON object; secrets only as their SHA-256."""
        kept: dict[str, str] = {}
        for raw, value in self.headers.items():
            name, is_kept, is_secret = _classify(raw)
            if is_secret or raw in secret_names:
                kept[name] = _digest(value)
            elif is_kept:
                kept[name] = value.decode("latin-1")
        return orjson.dumps(kept).decode()

    def stored_query(self, secret_names: frozenset[bytes]) -> str | None:
        """Return the query string with the values of secret parameters hashed."""
        if not self.query:
            return None
        return urlencode(
            [
                (name, _digest(value.encode()) if _is_secret(name, secret_names) else value)
                for name, value in self.pairs()
            ]
        )


def event_name(value: object) -> str | None:
    """Return a value if it looks like the name of an event, else None."""
    return value if isinstance(value, str) and _EVENT.fullmatch(value) else None


@lru_cache(512)
def _classify(raw: bytes) -> tuple[str, bool, bool]:
    """Return a header's name as text, whether it is kept, and whether it holds a secret."""
    is_dropped = raw in DROPPED_HEADERS
    is_secret = not is_dropped and _SECRET_NAME.search(raw) is not None
    return raw.decode("latin-1"), not is_dropped, is_secret


def _is_secret(name: str, secret_names: frozenset[bytes]) -> bool:
    raw = name.lower().encode()
    return raw in secret_names or _SECRET_NAME.search(raw) is not None


def _digest(value: bytes) -> str:
    return f"sha256:{hashlib.sha256(value).hexdigest()}"
