"""Zoho: no event name and no delivery id; what is signed identifies a delivery."""

import hashlib
from typing import Final

from webhook_gateway.inbound import Inbound
from webhook_gateway.providers.base import DedupeKey, Options, Provider
from webhook_gateway.verification import zoho_signed_text


def _event_type(_inbound: Inbound, _options: Options) -> str | None:
    return None


def _dedupe(inbound: Inbound, options: Options) -> DedupeKey:
    if options.get("scheme") != "zoho":
        # A token in the query must not be part of the key, or its rotation would repeat all.
        return DedupeKey((inbound.body_sha256,), daily=True)
    return DedupeKey((hashlib.sha256(zoho_signed_text(inbound)).digest(),), daily=True)


PROVIDER: Final = Provider("zoho", _event_type, _dedupe, accepted_status=200)
