"""REVIEWS.io: no event name, no delivery id, no signature; repeats carry the same bytes."""

from typing import Final

from webhook_gateway.inbound import Inbound
from webhook_gateway.providers.base import Options, Provider, body_key


def _event_type(_inbound: Inbound, _options: Options) -> str | None:
    return None


PROVIDER: Final = Provider("reviewsio", _event_type, body_key, accepted_status=200)
