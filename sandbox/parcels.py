"""Parcels: how the lines of an order are spread over what was shipped, equal in both systems."""

from sandbox.money import Content
from sandbox.store import Sale

CARRIERS = ("DPD", "DHL", "UPS")


def carrier_of(sale: Sale) -> str:
    """Who carries the parcels of a sale, as both systems write it."""
    return CARRIERS[sale.index % len(CARRIERS)]


def tracking_number(sale: Sale, position: int) -> str:
    """The tracking number of the parcel at a 1-based position of a sale."""
    return f"TRK{sale.index:08d}" + (f"P{position}" if position > 1 else "")


def parcel_lines(content: Content, position: int, *, takes_rest: bool) -> list[int]:
    """The lines that lie in the parcel at a 1-based position, each as a whole, by index.

    A parcel takes one line while more are to follow; the last one of a finished order the rest.
    """
    return [
        index
        for index in range(len(content.lines))
        if index + 1 == position or (takes_rest and index >= position)
    ]


def has_more(content: Content, parcels: int) -> bool:
    """Whether lines are left when so many parcels of one line have gone."""
    return len(content.lines) > parcels
