"""Small pictures for the asset page, as data URIs in Markdown."""

import base64
import io
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

MAX_BYTES: Final = 50_000
"""A picture is stored in an event row."""
COLOURS: Final = ("#3b6fd4", "#e0a030", "#4aa36c", "#b35c9e", "#7a8699")


def bars_per_day(title: str, days: Sequence[tuple[date, int]]) -> str | None:
    """Draw one bar per day and return it as Markdown; None when there is nothing to draw.

    Args:
        title: what is counted.
        days: day and count, in order, without gaps.
    """
    if not any(count for _, count in days):
        return None
    figure, axes = _figure(title)
    axes.bar(range(len(days)), [count for _, count in days], color=COLOURS[0])
    axes.margins(x=0.01)
    marked = range(len(days) - 1, -1, -5)  # today, and back from it
    axes.set_xticks(marked, labels=[f"{days[number][0]:%d %b}" for number in marked])
    return _as_markdown(title, figure)


def stacked_bars(
    title: str, labels: Sequence[str], series: Mapping[str, Sequence[float]]
) -> str | None:
    """Draw one stacked bar per label and return it as Markdown; None when there is nothing to draw.

    Args:
        title: what the values are, with their unit.
        labels: under the bars, in order.
        series: name -> a value for each label.
    """
    if not any(value for values in series.values() for value in values):
        return None
    figure, axes = _figure(title)
    below = [0.0] * len(labels)
    for number, (name, values) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        axes.bar(range(len(labels)), values, bottom=below, color=colour, label=name)
        below = [low + value for low, value in zip(below, values, strict=True)]
    axes.set_xticks(range(len(labels)), labels=labels)
    axes.legend(fontsize=7, frameon=False)
    return _as_markdown(title, figure)


def _figure(title: str) -> tuple[Any, Any]:
    # Loaded only here: half a second that webhooks must not pay.
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(7, 2.4), dpi=110, layout="tight")
    axes = figure.subplots()
    axes.set_title(title, fontsize=10, loc="left")
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _as_markdown(title: str, figure: Any) -> str | None:
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    data = picture.getvalue()
    if len(data) > MAX_BYTES:
        return None
    return f"![{title}](data:image/png;base64,{base64.b64encode(data).decode()})"
