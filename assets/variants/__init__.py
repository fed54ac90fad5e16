"""Variants: what is sold, one row per SKU."""
