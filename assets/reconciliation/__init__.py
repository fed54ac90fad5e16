"""Reconciliation: whether shop, books, gateway and warehouse tell of one order the same."""
