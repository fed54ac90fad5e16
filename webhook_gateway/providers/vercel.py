"""Vercel drains: batches of records without an id, answered ``ok``; the set-up wants a code back.

While a drain is set up Vercel sends requests without a signature and looks for the code that it
shows in ``x-vercel-verify`` (Vercel, drains). They are answered only where the code was entered
(option ``verify``), and are not stored.
"""

from typing import Final

from webhook_gateway.inbound import Inbound
from webhook_gateway.providers.base import TEXT, Options, Provider, Reply, body_key
from webhook_gateway.verification import Verifier

SIGNATURE: Final = b"x-vercel-signature"


def _event_type(_inbound: Inbound, _options: Options) -> str | None:
    return None


def _code(options: Options) -> tuple[tuple[bytes, bytes], ...]:
    code = options.get("verify")
    return () if code is None else ((b"x-vercel-verify", str(code).encode()),)


def _acknowledge(_inbound: Inbound, options: Options) -> Reply:
    return Reply(b"ok", TEXT, _code(options))


def _handshake(inbound: Inbound, options: Options, _verifier: Verifier) -> Reply | None:
    if SIGNATURE in inbound.headers or "verify" not in options:
        return None
    return Reply(b"ok", TEXT, _code(options))


PROVIDER: Final = Provider(
    "vercel",
    _event_type,
    body_key,
    accepted_status=200,
    max_body_bytes=8 * 1024 * 1024,
    acknowledge=_acknowledge,
    handshake=_handshake,
)
