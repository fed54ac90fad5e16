"""Pydantic field types of source records: amounts as they were written, blanks as None."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from schemabase_dagster.normalise.money import decimal
from schemabase_dagster.normalise.text import clean


def _number(value: Any) -> Decimal:
    number = decimal(value)
    if number is None:
        raise ValueError("missing")
    return number


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError("not text")
    return clean(value)


Amount = Annotated[Decimal, BeforeValidator(_number)]
"""A JSON number or numeric text; blank is a fault."""

OptionalAmount = Annotated[Decimal | None, BeforeValidator(decimal)]
"""A JSON number or numeric text; blank is None."""

Text = Annotated[str | None, BeforeValidator(_text)]
"""Trimmed text; blank is None."""


class SourceModel(BaseModel):
    """Base of the models of source records: only what we use is typed, the rest is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)
