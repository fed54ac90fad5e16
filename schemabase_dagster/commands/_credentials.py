"""Where the credentials of an app come from: a prompt, standard input or the environment."""

import os
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import orjson
import typer
from pydantic import BaseModel, ValidationError

from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.terminal import console

FromStdin = Annotated[
    bool,
    typer.Option("--credentials-stdin", help="Read credentials as a JSON object from stdin."),
]
FromEnvironment = Annotated[
    str | None,
    typer.Option(
        "--credentials-env",
        metavar="PREFIX",
        help="Read credentials from environment variables PREFIX_FIELD.",
    ),
]


def read(
    model: type[BaseModel], title: str, *, stdin: bool, prefix: str | None
) -> Mapping[str, Any]:
    """Return credentials, not validated yet: field -> secret.

    Command line arguments are no source: every user of the machine can read them.

    Args:
        model: its fields are asked for; those that may be missing may be left empty.
        title: whose credentials, for people.
        stdin: read a JSON object from standard input.
        prefix: read environment variables that begin with it.

    Raises:
        ConfigurationError: the source is not readable; the message repeats nothing of it.
    """
    if not model.model_fields:
        return {}
    if stdin and prefix:
        raise ConfigurationError(
            "Credentials cannot come from stdin and the environment at once.", "Choose one."
        )
    if stdin:
        return _from_stdin()
    if prefix:
        return _from_environment(model, prefix)
    return _from_prompt(model, title)


def _from_stdin() -> Mapping[str, Any]:
    try:
        value = orjson.loads(sys.stdin.buffer.read())
    except orjson.JSONDecodeError:
        value = None
    # Raised outside of the handler: the decoder's error would carry the text along.
    if not isinstance(value, dict):
        raise ConfigurationError(
            "Standard input does not hold a JSON object.",
            'Pipe in something like {"token": "..."}.',
        )
    return value


def _from_environment(model: type[BaseModel], prefix: str) -> Mapping[str, Any]:
    names = {field: f"{prefix.rstrip('_')}_{field}".upper() for field in model.model_fields}
    found = {field: os.environ[name] for field, name in names.items() if os.environ.get(name)}
    if not found:
        raise ConfigurationError(
            "None of the variables for the credentials is set.",
            f"Set {', '.join(names.values())}.",
        )
    return found


def _from_prompt(model: type[BaseModel], title: str) -> Mapping[str, Any]:
    if not is_terminal():
        if _needs_none(model):
            return {}
        raise ConfigurationError(
            "There is no terminal to ask for the credentials.",
            "Use --credentials-stdin or --credentials-env PREFIX.",
        )
    console().print(f"Credentials of {title} (not shown while you type):")
    answers: dict[str, str] = {}
    for name, field in model.model_fields.items():
        otherwise = "none" if field.default_factory is None else "a new one"
        label = f"  {name}" if field.is_required() else f"  {name} (Enter = {otherwise})"
        answer = typer.prompt(
            label,
            hide_input=True,
            default=None if field.is_required() else "",
            show_default=False,
        )
        if answer:
            answers[name] = answer
    return answers


def _needs_none(model: type[BaseModel]) -> bool:
    try:
        model()
    except ValidationError:
        return False
    return True


def is_terminal() -> bool:
    """Tell whether somebody is there to be asked."""
    return sys.stdin.isatty()
