"""Prices: what variants cost, by sales channel."""
