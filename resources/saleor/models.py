"""What the parts of a Saleor order know of it, and how they are told apart."""

import base64
import binascii
from typing import Final

from schemabase_dagster.normalise.fields import Amount, Currency, SourceModel, Text
from schemabase_dagster.streams import JsonObject

ORDER_KEYS: Final = ("id", "number", "externalReference")


class Money(SourceModel):
    """An amount."""

    amount: Amount
    currency: Currency


class OrderRef(SourceModel):
    """The order that a part lies in."""

    id: str
    number: str
    externalReference: Text = None

    def canonical_number(self, prefix: str) -> str:
        """Return the order's number as the canonical model has it."""
        return self.externalReference or f"{prefix}-{self.number}"


def order_ref(order: JsonObject) -> JsonObject:
    """Return what a part keeps of its order."""
    return {key: order.get(key) for key in ORDER_KEYS}


def short_id(gid: str) -> str:
    """Return the key inside a global id (``Payment:12`` -> ``12``), the id itself if there is none.

    A key made of it is unique beside the order's number, which no two shops share.
    """
    try:
        return base64.b64decode(gid, validate=True).decode().partition(":")[2] or gid
    except (ValueError, binascii.Error):
        return gid
