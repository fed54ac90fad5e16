"""Taxes: the rates that orders and invoices are calculated with."""
