"""GENERIC: any sender of webhooks without a module of its own."""

from resources.generic.system import GENERIC, GenericConfig

__all__ = ["GENERIC", "GenericConfig"]
