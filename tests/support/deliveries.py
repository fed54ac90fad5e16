"""Deliveries as the gateway stores them."""

import hashlib
from typing import Any

from uuid_utils.compat import uuid7

from schemabase_dagster.inbox import Delivery


def delivery(endpoint_id: str, body: bytes, **changes: Any) -> Delivery:
    """Return a verified delivery that is ready to be stored; its key is the body's hash."""
    digest = hashlib.sha256(body).digest()
    made = Delivery(
        uuid7(), endpoint_id, "order_updated", digest, None, digest, "POST", None, '{"a": "b"}',
        "application/json", body, "path_only", "127.0.0.1", "tr_1", None,
    )  # fmt: skip
    return made._replace(**changes)
