"""The shipped definitions, but claimed deliveries are leased for seconds instead of five minutes.

What a killed run held waits for its lease; the proof would otherwise mostly wait.
"""

from typing import Final

from schemabase_dagster import inbox
from schemabase_dagster.definitions import defs

__all__ = ["defs"]

LEASE_SECONDS: Final = 15.0

inbox.claim.__kwdefaults__.update(lease_seconds=LEASE_SECONDS)  # type: ignore[union-attr]
