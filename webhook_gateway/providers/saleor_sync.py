"""Saleor's questions about payments: answered at once, and noted afterwards."""

from typing import Final

from webhook_gateway.providers.base import Provider, body_key
from webhook_gateway.providers.saleor import saleor_event

PROVIDER: Final = Provider("saleor_sync", saleor_event, body_key, is_asking=True)
