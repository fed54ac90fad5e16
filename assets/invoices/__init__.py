"""Invoices: what was billed, for which orders, and what is left to pay."""
