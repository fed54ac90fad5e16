"""Finds the systems: every module or package of ``resources`` that defines a ``System``.

Adding a system is adding ``resources/<system>.py``, or a package ``resources/<system>/`` whose
``__init__`` exposes the ``System`` and whose ``resource`` module defines the Dagster resource. The
first half is enough for the command line and does not import Dagster.
"""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING, Final

import resources
from resources.consent import Consent
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.systems import System

if TYPE_CHECKING:
    from resources.shell import SystemResource

MECHANISMS: Final = frozenset(
    {
        "api",
        "auth",
        "budget",
        "consent",
        "http",
        "limits",
        "paging",
        "registry",
        "shell",
        "silent",
        "tracking",
        "urls",
    }
)
"""Modules of ``resources`` that describe no system; named so that looking does not import them."""


@cache
def _modules() -> dict[str, ModuleType]:
    names = [found.name for found in iter_modules(resources.__path__)]
    return {name: import_module(f"resources.{name}") for name in names if name not in MECHANISMS}


@cache
def systems() -> dict[str, System]:
    """Return all systems by name."""
    found = [
        value
        for module in _modules().values()
        for value in vars(module).values()
        if isinstance(value, System)
    ]
    return {system.name: system for system in sorted(found, key=lambda system: system.name)}


def system_of(name: str) -> System:
    """Return a system by name.

    Raises:
        ConfigurationError: there is none of that name.
    """
    try:
        return systems()[name]
    except KeyError:
        known = ", ".join(systems())
        raise ConfigurationError(
            f"There is no system '{name}'.", f"Known systems: {known}."
        ) from None


def consent_of(system: System) -> Consent:
    """Return how an owner of the system's accounts lets us in.

    It stands in the module ``consent`` of the system's package.

    Raises:
        ConfigurationError: the system asks for no consent.
    """
    for module in _modules().values():
        is_package = hasattr(module, "__path__") and system in vars(module).values()
        if is_package and find_spec(f"{module.__name__}.consent"):
            home = import_module(f"{module.__name__}.consent")
            return next(
                each
                for each in vars(home).values()
                if isinstance(each, Consent) and not isinstance(each, type)
            )
    raise ConfigurationError(
        f"{system.title} asks for no consent.",
        f"Run 'schemabase app add TENANT {system.name}' with its credentials.",
    )


def resource_classes() -> "dict[str, type[SystemResource]]":
    """Return the Dagster resource class of every system, by its name; imports Dagster."""
    from resources.shell import SystemResource  # noqa: PLC0415 - keeps Dagster out of commands

    classes = {}
    for name, module in _modules().items():
        has_own = find_spec(f"{module.__name__}.resource") if hasattr(module, "__path__") else None
        home = import_module(f"{module.__name__}.resource") if has_own else module
        classes[name] = next(
            value
            for value in vars(home).values()
            if isinstance(value, type)
            and issubclass(value, SystemResource)
            and value is not SystemResource
        )
    return {system: classes[system] for system in systems()}


def default_resources() -> "dict[str, SystemResource]":
    """Return one resource per system with its default settings, by system name."""
    return {name: resource() for name, resource in resource_classes().items()}
