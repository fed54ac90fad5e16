"""Small pictures for the asset page, as data URIs in Markdown."""

import base64
import io
from collections.abc import Sequence
from datetime import date
from typing import Final

MAX_BYTES: Final = 50_000
"""A picture is stored in an event row."""


def bars_per_day(title: str, days: Sequence[tuple[date, int]]) -> str | None:
    """Draw one bar per day and return it as Markdown; None when there is nothing to draw.

    Args:
        title: what is counted.
        days: day and count, in order, without gaps.
    """
    if not any(count for _, count in days):
        return None
    # Loaded only here: half a second that webhooks must not pay.
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(7, 2.4), dpi=110, layout="tight")
    axes = figure.subplots()
    axes.bar(range(len(days)), [count for _, count in days], color="#3b6fd4")
    axes.set_title(title, fontsize=10, loc="left")
    axes.tick_params(labelsize=8)
    axes.margins(x=0.01)
    marked = range(len(days) - 1, -1, -5)  # today, and back from it
    axes.set_xticks(marked, labels=[f"{days[number][0]:%d %b}" for number in marked])
    axes.spines[["top", "right"]].set_visible(False)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    data = picture.getvalue()
    if len(data) > MAX_BYTES:
        return None
    return f"![{title}](data:image/png;base64,{base64.b64encode(data).decode()})"
