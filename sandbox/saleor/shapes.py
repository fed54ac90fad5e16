"""Shapes that all Saleor documents share: global ids and money."""

import base64
from typing import Any

JsonObject = dict[str, Any]


def global_id(kind: str, key: object) -> str:
    """Saleor's id: base64 of ``Type:pk``."""
    return base64.b64encode(f"{kind}:{key}".encode()).decode()


class Money:
    """Money of one currency in Saleor's shapes."""

    def __init__(self, currency: str) -> None:
        self._currency = currency

    def plain(self, minor: int) -> JsonObject:
        """An amount."""
        return {"amount": minor / 100, "currency": self._currency}

    def taxed(self, net: int, gross: int) -> JsonObject:
        """An amount with and without tax."""
        return {"gross": self.plain(gross), "net": self.plain(net)}
