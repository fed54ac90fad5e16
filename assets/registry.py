"""What there is: streams, entities, checks, views and the like, found by walking ``assets/``.

Nothing is listed by hand, so that a new stream is one new file. Imports no Dagster: the command
line, the migrations and the documentation read it too.
"""

import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType, ModuleType
from typing import TypeVar

import assets
from assets.checking import Check
from assets.drain import Drain
from assets.publication import Publication
from assets.view import View
from schemabase_dagster.engine.entity import Entity
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.streams import Stream

_T = TypeVar("_T")


@cache
def streams() -> Mapping[str, Stream]:
    """Return all streams by name, sorted; those that lie inside others are named by these."""
    found = {stream.name: stream for stream in _objects(Stream)}
    parts: defaultdict[str, list[Stream]] = defaultdict(list)
    for _, stream in sorted(found.items()):
        if stream.part is not None:
            parts[stream.part.whole].append(stream)
    for whole, inside in parts.items():
        found[whole] = replace(found[whole], parts=tuple(inside))
    return MappingProxyType(dict(sorted(found.items())))


@cache
def entities() -> Mapping[str, Entity]:
    """Return all canonical entities by name, in the order in which they are merged."""
    found = sorted(_objects(Entity), key=lambda entity: (entity.rank, entity.name))
    return MappingProxyType({entity.name: entity for entity in found})


@cache
def views() -> Mapping[str, View]:
    """Return the analytics views that are shown as assets, by name, sorted."""
    found = {view.name: view for view in _objects(View)}
    return MappingProxyType(dict(sorted(found.items())))


@cache
def drains() -> Mapping[str, Drain]:
    """Return the kinds of log senders by the name of their system, sorted."""
    found = {drain.system.name: drain for drain in _objects(Drain)}
    return MappingProxyType(dict(sorted(found.items())))


@cache
def publications() -> Mapping[str, Publication]:
    """Return the tables that the gateway serves to others, by name, sorted."""
    found = {each.name: each for each in _objects(Publication)}
    return MappingProxyType(dict(sorted(found.items())))


@cache
def checks() -> tuple[Check, ...]:
    """Return the checks of single entities, sorted by name; shared ones are in ``checks.py``."""
    return tuple(sorted(_objects(Check), key=lambda check: check.name))


def streams_of(system: str) -> Mapping[str, Stream]:
    """Return the streams of a system by name."""
    return {name: stream for name, stream in streams().items() if stream.system.name == system}


def streams_feeding(entity: str) -> Mapping[str, Stream]:
    """Return the streams whose records become rows of an entity."""
    return {name: stream for name, stream in streams().items() if stream.entity == entity}


def parents(entity: Entity) -> tuple[str, ...]:
    """Return the entities that an entity's rows refer to, by foreign key or link."""
    known = entities()
    own = (entity.table, *(child.table for child in entity.children))
    tables = {key.column.table.fullname for table in own for key in table.foreign_keys}
    linked = {link.entity for link in entity.links}
    linked |= {link.through[0] for link in entity.links if link.through is not None}
    return tuple(
        name
        for name, other in known.items()
        if name != entity.name and (name in linked or other.table.fullname in tables)
    )


def affected(stream_names: Iterable[str]) -> tuple[str, ...]:
    """Return the entities that change with streams, also through a parent, in merge order."""
    named = [streams()[name] for name in stream_names]
    fed = {each.entity for stream in named for each in (stream, *stream.parts)}
    found: list[str] = []
    for name, entity in entities().items():
        if name in fed or any(parent in found for parent in parents(entity)):
            found.append(name)
    return tuple(found)


def stream(name: str) -> Stream:
    """Return a stream by name.

    Raises:
        ConfigurationError: there is none; the message lists all.
    """
    try:
        return streams()[name]
    except KeyError:
        known = ", ".join(streams())
        raise ConfigurationError(f"There is no stream '{name}'.", f"Known: {known}.") from None


def _objects(kind: type[_T]) -> Iterator[_T]:
    """Find the module-level objects of a type, each once however often it is imported."""
    seen: set[int] = set()
    for module in _modules():
        for value in vars(module).values():
            for item in value if isinstance(value, tuple) else (value,):
                if isinstance(item, kind) and id(item) not in seen:
                    seen.add(id(item))
                    yield item


@cache
def _modules() -> tuple[ModuleType, ...]:
    """Import every module of every entity folder; the modules beside them are mechanism."""
    return tuple(
        importlib.import_module(f"{folder.name}.{module.name}")
        for folder in pkgutil.iter_modules(assets.__path__, "assets.")
        if folder.ispkg
        for module in pkgutil.iter_modules(importlib.import_module(folder.name).__path__)
    )
