"""Validation of configurations and credentials, with messages that never repeat a value."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemabase_dagster.errors import ConfigurationError

Model = TypeVar("Model", bound=BaseModel)


def validate(model: type[Model], values: Mapping[str, Any], what: str) -> Model:
    """Return values as a model.

    Args:
        model: pydantic model.
        values: untrusted; may hold secrets.
        what: for the message, such as ``configuration of a Zoho app``.

    Raises:
        ConfigurationError: names each wrong field and what is wanted of it.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        problems = "; ".join(_problem(model, item) for item in error.errors(include_input=False))
    # Raised outside of the handler: the validation error would carry the values along.
    raise ConfigurationError(f"The {what} is not valid: {problems}.", _fields(model))


def _problem(model: type[BaseModel], item: ErrorDetails) -> str:
    path = ".".join(str(part) for part in item["loc"]) or "all"
    if item["type"] == "missing":
        return f"{path} is missing"
    if item["type"] == "extra_forbidden":
        return f"{path} is not a known field"
    text = item["msg"].removeprefix("Value error, ")
    field = model.model_fields.get(path)
    about = f" ({field.description})" if field is not None and field.description else ""
    return f"{path}: {text[:1].lower()}{text[1:]}{about}"


def _fields(model: type[BaseModel]) -> str:
    names = [
        f"{name}{'' if field.is_required() else ' (optional)'}"
        for name, field in model.model_fields.items()
    ]
    return f"Fields: {', '.join(names)}."
