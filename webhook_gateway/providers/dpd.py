"""DPD: one GET per scan with all in the query, answered by XML that echoes the push id.

Specification: Tracking Push Service of DPD Germany (carriers 4.1). Whatever else is answered, DPD
repeats for two days: also a status that we do not know yet is stored and acknowledged.
"""

from typing import Final
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from webhook_gateway.inbound import Inbound
from webhook_gateway.providers.base import DedupeKey, Options, Provider, Reply

FACTS: Final = ("pnr", "status", "statusdate", "depot")
"""What makes a scan; whether a repeat keeps its push id is not known."""

PERSONAL: Final = frozenset({"receiver", "pod"})
"""Names of people; they are not stored."""

MAX_PUSH_ID: Final = 64
XML: Final = b"application/xml"


def _event_type(_inbound: Inbound, _options: Options) -> str | None:
    return None


def _dedupe(inbound: Inbound, _options: Options) -> DedupeKey:
    given = dict(inbound.pairs())
    if any(name in given for name in FACTS):
        return DedupeKey(tuple(given.get(name, "").encode() for name in FACTS), daily=False)
    return DedupeKey((inbound.query,), daily=True)


def _body(inbound: Inbound) -> bytes:
    kept = [(name, value) for name, value in inbound.pairs() if name not in PERSONAL]
    return urlencode(kept).encode()


def _acknowledge(inbound: Inbound, _options: Options) -> Reply:
    push_id = dict(inbound.pairs()).get("pushid", "")[:MAX_PUSH_ID]
    # What XML cannot hold is no push id of DPD.
    printable = "".join(letter for letter in push_id if letter.isprintable())
    if not printable:
        return Reply(b"", XML)
    text = f"<push><pushid>{escape(printable)}</pushid><status>OK</status></push>"
    return Reply(text.encode(), XML)


PROVIDER: Final = Provider(
    "dpd",
    _event_type,
    _dedupe,
    accepted_status=200,
    method="GET",
    max_body_bytes=8 * 1024,
    body=_body,
    acknowledge=_acknowledge,
)
