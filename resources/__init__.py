"""Clients of the external systems: one module or package per system over a common base."""
