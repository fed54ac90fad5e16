"""A tax rate as both systems tell it."""

from decimal import Decimal
from typing import Any

from schemabase_dagster.candidate import Candidate
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.normalise.money import decimal, rounded

HUNDRED = Decimal(100)


def rate(percentage: Any, country: str | None, name: str | None, tax_class: str = "") -> Candidate:
    """Return the candidate of a percentage in a country.

    Args:
        percentage: 19 is 19 %.
        country: ISO 3166-1 alpha-2; None = everywhere.
        name: name of the tax.
        tax_class: id of its tax class in the same app.

    Raises:
        RecordRejected: it is no percentage.
    """
    try:
        value = decimal(percentage)
    except ValueError:
        value = None
    if value is None or not 0 <= value <= HUNDRED:
        raise RecordRejected("type", "percentage", "The tax has no percentage from 0 to 100.")
    exact = rounded(value)
    key = f"{exact.normalize():f}/{country or '*'}"
    return Candidate(
        match_key=key,
        number=name,
        values={"rate_key": key, "percentage": exact, "country_code": country, "name": name},
        parents={"tax_class": [f"#{tax_class}"]} if tax_class else {},
    )
