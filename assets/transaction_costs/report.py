"""The monthly cost report: what each payment method cost, as a table and as a picture.

Sums stay ``Decimal`` until they are drawn. pandas is imported when a report is made: it would take
45 MB and a third of a second in every run.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from psycopg import Connection

from assets.charts import stacked_bars
from assets.checking import fetch_rows
from schemabase_dagster.tenancy import Tenant

if TYPE_CHECKING:
    import pandas as pd

MONTHS: Final = 12
ZERO: Final[Any] = Decimal(0)  # the stubs of pandas know no Decimal

_COSTS: Final = """
SELECT m.month, m.method_type, m.currency, m.volume, m.fees
FROM analytics.transaction_cost_monthly AS m
WHERE m.tenant = %(tenant)s
  AND m.month > date_trunc('month', current_date) - make_interval(months => %(months)s)
ORDER BY m.month, m.method_type
"""


def report_costs(conn: Connection[Any], tenant: Tenant) -> Mapping[str, str]:
    """Return the report of the last twelve months, a table and a picture per currency."""
    import pandas as pd  # noqa: PLC0415 - 45 MB, only for the report

    rows = fetch_rows(conn, _COSTS, {"tenant": tenant.slug, "months": MONTHS})
    costs = pd.DataFrame(rows, columns=["month", "method_type", "currency", "volume", "fees"])
    told: dict[str, str] = {}
    for currency, part in costs.groupby("currency"):
        fees, percent = by_method(part)
        told[f"costs_{currency}"] = _table(fees, percent)
        labels = [f"{month:%b %y}" for month in fees.index]
        series = {str(name): [float(fee) for fee in fees[name]] for name in fees.columns}
        drawn = stacked_bars(f"Transaction costs per month, {currency}", labels, series)
        if drawn is not None:
            told[f"costs_{currency}_per_month"] = drawn
    return told


def by_method(costs: "pd.DataFrame") -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Return fees, and fees in per cent of the volume, by month (rows) and method (columns).

    Args:
        costs: of one currency, with ``month``, ``method_type``, ``volume`` and ``fees``.
    """
    import pandas as pd  # noqa: PLC0415 - 45 MB, only for the report

    fees, volume = _spread(costs, "fees"), _spread(costs, "volume")
    percent = {
        name: [
            round(100 * fee / paid, 2) if paid else ZERO
            for fee, paid in zip(fees[name], volume[name], strict=True)
        ]
        for name in fees.columns
    }
    return fees, pd.DataFrame(percent, index=fees.index)


def _total(values: "pd.Series[Any]") -> Any:
    return sum((value for value in values if value is not None), ZERO)


def _spread(costs: "pd.DataFrame", what: str) -> "pd.DataFrame":
    """Return methods as columns; a month without one has none of its cost."""
    table = costs.pivot_table(index="month", columns="method_type", values=what, aggfunc=_total)
    return table.astype(object).where(table.notna(), ZERO)


def _table(fees: "pd.DataFrame", percent: "pd.DataFrame") -> str:
    """Return both as one Markdown table, the newest month first."""
    names = [str(name) for name in fees.columns]
    lines = [f"| month | {' | '.join(names)} | all |", f"|---|{'---:|' * (len(names) + 1)}"]
    for month in reversed(fees.index):
        cells = [f"{fees.loc[month, n]:,.2f} ({percent.loc[month, n]:.2f} %)" for n in fees.columns]
        total = _total(fees.loc[month])
        lines.append(f"| {month:%Y-%m} | {' | '.join(cells)} | {total:,.2f} |")
    return "\n".join(lines)
