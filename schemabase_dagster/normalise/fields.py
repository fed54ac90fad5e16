"""Pydantic field types of source records: amounts as they were written, blanks as None."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from schemabase_dagster.clock import parse_local
from schemabase_dagster.normalise.money import decimal
from schemabase_dagster.normalise.text import decoded


def _number(value: Any) -> Decimal:
    number = decimal(value)
    if number is None:
        raise ValueError("missing")
    return number


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("not text")  # noqa: TRY004 - pydantic turns it into a fault
    return value.strip() or None


def _local(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("not an instant")  # noqa: TRY004 - pydantic turns it into a fault
    return parse_local(value)


def _instant(value: Any) -> datetime:
    return _local(value).astimezone(UTC)


Amount = Annotated[Decimal, BeforeValidator(_number)]
"""A JSON number or numeric text; blank is a fault."""

OptionalAmount = Annotated[Decimal | None, BeforeValidator(decimal)]
"""A JSON number or numeric text; blank is None."""

Text = Annotated[str | None, BeforeValidator(_text)]
"""Trimmed text; blank is None."""

Decoded = Annotated[str | None, BeforeValidator(decoded)]
"""Trimmed text whose HTML entities are decoded once; blank, and what is no text, is None."""

OptionalDate = Annotated[date | None, BeforeValidator(lambda value: None if value == "" else value)]
"""A day as ``yyyy-mm-dd``; blank is None."""

Instant = Annotated[datetime, BeforeValidator(_instant)]
"""An ISO 8601 instant in any of the forms that ``clock.parse_instant`` reads."""

LocalInstant = Annotated[datetime, BeforeValidator(_local)]
"""The same in the zone that the source gives it in, which tells what its days are."""

Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
"""ISO 4217 code."""


class SourceModel(BaseModel):
    """Base of the models of source records: only what we use is typed, the rest is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)
