"""Packages: what was packed and shipped for which order, and where it is."""
