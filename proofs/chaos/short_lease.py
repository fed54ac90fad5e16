"""The shipped definitions, but claimed deliveries are leased for seconds (``leases``)."""

from typing import Final

from proofs.chaos import leases
from schemabase_dagster.definitions import defs

__all__ = ["defs"]

LEASE_SECONDS: Final = 15.0

leases.shorten(LEASE_SECONDS)
