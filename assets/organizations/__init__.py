"""Organisations: the accounts themselves, as their systems describe them."""
