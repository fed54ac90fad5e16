"""What differs between senders: event names, dedupe keys and the status they take for success.

Every module here that defines ``PROVIDER`` is found by itself; all other senders are generic.
"""

import importlib
import pkgutil
from dataclasses import replace
from functools import cache

from webhook_gateway.providers.base import GENERIC, Provider


@cache
def providers() -> dict[str, Provider]:
    """Return the providers of this package by name."""
    found: dict[str, Provider] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        provider = getattr(module, "PROVIDER", None)
        if isinstance(provider, Provider):
            found[provider.name] = provider
    return found


def provider(name: str, rules: str | None = None) -> Provider:
    """Return the provider of a name; a sender without a module behaves like the generic one.

    Args:
        name: part of the URL, the type of the app.
        rules: name of the provider whose rules hold instead.
    """
    found = providers().get(rules or name, GENERIC)
    return found if found.name == name else replace(found, name=name)
