"""Payments: which money came in, for what, and by which method."""
