"""Warehouses: the places goods are kept."""
