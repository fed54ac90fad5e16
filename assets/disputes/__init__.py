"""Disputes: which payments a customer's bank questions or took back."""
