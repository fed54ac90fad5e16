"""Braintree: a form with signed XML; kind, time and subject make a fact."""

import base64
import binascii
import hashlib
import re
from typing import Final

from schemabase_dagster.source_xml import texts
from webhook_gateway.inbound import Inbound, event_name
from webhook_gateway.providers.base import TEXT, DedupeKey, Options, Provider, Reply
from webhook_gateway.verification import Braintree, FromNetworks, Verifier

_SUBJECT: Final = re.compile(r"notification/subject/[^/]+/id")


def _payload(inbound: Inbound) -> str:
    return dict(inbound.form_pairs() or ()).get("bt_payload", "")


def _notification(inbound: Inbound) -> dict[str, str]:
    """Return the texts of the notification by path, the first of equal ones; {} if unreadable."""
    first: dict[str, str] = {}
    try:
        for path, text in texts(base64.b64decode(_payload(inbound))):
            first.setdefault(path, text)
    except (binascii.Error, ValueError):
        return {}
    return first


def _event_type(inbound: Inbound, _options: Options) -> str | None:
    return event_name(_notification(inbound).get("notification/kind"))


def _dedupe(inbound: Inbound, _options: Options) -> DedupeKey:
    found = _notification(inbound)
    subjects = (text for path, text in found.items() if _SUBJECT.fullmatch(path))
    facts = [found.get("notification/kind"), found.get("notification/timestamp")]
    facts.append(next(subjects, None))
    known = [fact.encode() for fact in facts if fact]
    if len(known) < len(facts):
        return DedupeKey((hashlib.sha256(_payload(inbound).encode()).digest(),), daily=True)
    return DedupeKey((b"id", *known), daily=False)


def _handshake(inbound: Inbound, _options: Options, verifier: Verifier) -> Reply | None:
    challenge = dict(inbound.pairs()).get("bt_challenge")
    proof = verifier.inner if isinstance(verifier, FromNetworks) else verifier
    if inbound.method != "GET" or challenge is None or not isinstance(proof, Braintree):
        return None
    answer = proof.answer(challenge)
    return None if answer is None else Reply(answer, TEXT)


PROVIDER: Final = Provider(
    "braintree", _event_type, _dedupe, accepted_status=200, handshake=_handshake
)
