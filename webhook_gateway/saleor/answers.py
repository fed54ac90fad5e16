"""Answers to the questions that a Saleor shop asks its payment app while a customer waits.

They are made of the endpoint's configuration and the question alone, so a repeated question gets
the same answer (webhooks C10; saleor 11.6).
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Final

import orjson

KINDS: Final[Mapping[str, str]] = {
    "payment_process": "auth",
    "payment_authorize": "auth",
    "payment_confirm": "capture",
    "payment_capture": "capture",
    "payment_void": "void",
    "payment_refund": "refund",
}

LIST_GATEWAYS: Final = "payment_list_gateways"
ID_CHARACTERS: Final = 26

_SUBJECTS: Final = ("payment", "checkout")
_LEGACY_SUBJECTS: Final = ("graphql_payment_id", "payment_id", "checkout_token")


def answer(event: str, body: bytes, gateway: Mapping[str, Any], secret: bytes) -> Any:
    """Return the answer to a question as JSON; the empty object to one that is not known.

    Args:
        event: name of the event.
        body: the question: by our subscription, or in Saleor's older form without one.
        gateway: ``id``, ``name`` and ``currencies`` of the payment method.
        secret: makes transaction ids that nobody else can tell.
    """
    transaction_id = _transaction_id(_subject(body), secret)
    if event == LIST_GATEWAYS:
        config = [{"field": "transaction_id", "value": transaction_id}]
        return [
            {
                "id": gateway["id"],
                "name": gateway["name"],
                "currencies": list(gateway["currencies"]),
                "config": config,
            }
        ]
    kind = KINDS.get(event)
    if kind is None:
        return {}
    return {"action_required": False, "kind": kind, "transaction_id": transaction_id}


def _subject(body: bytes) -> str:
    """Return the id of the payment or checkout that is asked about; empty when there is none."""
    try:
        question = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    if isinstance(question, list):
        question = question[0] if question else None
    if not isinstance(question, dict):
        return ""
    for name in _SUBJECTS:
        subject = question.get(name)
        if isinstance(subject, dict):
            found = subject.get("id") or subject.get("token")
            if found:
                return str(found)
    return next((str(question[name]) for name in _LEGACY_SUBJECTS if question.get(name)), "")


def _transaction_id(subject: str, secret: bytes) -> str:
    digest = hashlib.sha256(subject.encode() + secret).digest()
    return "vk_" + base64.b32encode(digest).decode().lower()[:ID_CHARACTERS]
