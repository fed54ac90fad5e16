"""The configuration of an app as ``--set name=value`` gives it."""

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
import typer

from schemabase_dagster.errors import ConfigurationError

Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Configuration; repeat."),
]


def parse(pairs: list[str]) -> Mapping[str, Any]:
    """Return ``name=value`` pairs as an object; dots in a name nest, JSON values are read."""
    config: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise ConfigurationError(
                "A --set is not of the form name=value.", "Write --set order_prefix=STORE."
            )
        *outer, last = name.split(".")
        target = config
        for part in outer:
            target = target.setdefault(part, {})
        target[last] = _parse_value(value)
    return config


def _parse_value(value: str) -> Any:
    if value[:1] not in {"{", "["}:
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
