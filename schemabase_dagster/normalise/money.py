"""Money and quantities: JSON numbers to exact decimals, rounded half up as they are stored."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

_FOUR_PLACES = Decimal("0.0001")


def decimal(value: object) -> Decimal | None:
    """Return a JSON number or numeric text as the decimal that was written; blank gives None.

    ``Decimal(repr(float))`` is the number as it stood in the JSON text, not its binary value.

    Raises:
        ValueError: the value is neither a number nor numeric text.
    """
    if isinstance(value, float):
        return _written(value)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        raise ValueError("not a number")  # noqa: TRY004 - pydantic turns it into a fault
    try:
        return _finite(Decimal(value))
    except InvalidOperation:
        raise ValueError("not a number") from None


@lru_cache(maxsize=8192)  # rates, zeros and prices come again and again
def _written(value: float) -> Decimal:
    return _finite(Decimal(repr(value)))


def _finite(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise ValueError("not a finite number")
    return number


def rounded(value: Decimal) -> Decimal:
    """Return an amount with four places, the precision of ``core``."""
    return value.quantize(_FOUR_PLACES, rounding=ROUND_HALF_UP)
