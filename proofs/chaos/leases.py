"""Leases of claimed deliveries that end sooner than the product's five minutes.

What a killed worker held waits for the end of its lease: a proof would otherwise mostly wait.
Workers of a proof are processes of their own, which only an import or their first line can reach.
"""

from schemabase_dagster import inbox


def shorten(seconds: float) -> None:
    """Lease what this process claims from now on for some seconds."""
    inbox.claim.__kwdefaults__.update(lease_seconds=seconds)  # type: ignore[union-attr]  # it has some
