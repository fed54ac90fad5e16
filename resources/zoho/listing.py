"""Listing: which rows of a page-numbered list are still to be read, while rows move.

Zoho pages by number, and rows move between two page reads: a changed record jumps to the front
and pushes others down (they are seen twice), a deleted one pulls others up, and a plain loop would
then skip one. So every page overlaps the one before by at least one row. When none of the rows
read so far shows up in a page, rows moved up further than the overlap and the listing steps back.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from schemabase_dagster.errors import ProviderUnavailable
from schemabase_dagster.streams import JsonObject

PAGE_SIZE: Final = 200
SMALLEST_PAGE: Final = 180
REMEMBERED_ROWS: Final = 1200
GROWTH: Final = 4
CLOSE_ENOUGH: Final = 0.1
IDLE_PAGES: Final = 10
STEPS_BACK: Final = (50, 200, 500, 1000)


@dataclass(slots=True)
class Listing:
    """Position within one listing.

    Attributes:
        identify: returns the id of a row, or None.
        position: number of rows, by the server's order, that are read.
    """

    identify: Callable[[JsonObject], str | None]
    position: int = 0
    _recent: dict[str, None] = field(default_factory=dict)
    _steps_back: int = 0
    _idle_pages: int = 0
    _fixed_page: int | None = None

    def next_page(self) -> tuple[int, int]:
        """Return page number and page size to ask for."""
        if self._fixed_page is not None:
            return self._fixed_page + 1, PAGE_SIZE
        back = STEPS_BACK[self._steps_back - 1] if self._steps_back else 0
        return page_at(max(0, self.position - 1 - back))

    def accept(
        self, rows: list[JsonObject], *, page: int, asked: int, served: int
    ) -> list[JsonObject] | None:
        """Return the rows of a page that were not read before, or None to ask again.

        Args:
            rows: the rows of the page.
            page: its number.
            asked: page size asked for.
            served: page size by the answer; a server that ignores ours is read page by page.

        Raises:
            ProviderUnavailable: rows move faster than they can be read.
        """
        if asked != served or self._fixed_page is not None:
            self._fixed_page = page
        ids = [self.identify(row) for row in rows]
        is_joined = not self._recent or any(key in self._recent for key in ids)
        if not is_joined and self._fixed_page is None:
            self._step_back()
            return None
        self._steps_back = 0
        fresh = [
            row
            for row, key in zip(rows, ids, strict=True)
            if key is None or key not in self._recent
        ]
        self._remember(ids)
        self.position = (page - 1) * served + len(rows)
        self._note_progress(len(fresh))
        return fresh

    def _step_back(self) -> None:
        self._steps_back += 1
        if self._steps_back > len(STEPS_BACK):
            raise ProviderUnavailable("zoho", "list: rows move faster than they can be read")

    def _note_progress(self, fresh: int) -> None:
        self._idle_pages = 0 if fresh else self._idle_pages + 1
        if self._idle_pages > IDLE_PAGES:
            raise ProviderUnavailable("zoho", "list: the same rows come again and again")

    def _remember(self, ids: list[str | None]) -> None:
        for key in ids:
            if key is not None:
                self._recent.pop(key, None)
                self._recent[key] = None
        for key in list(self._recent)[:-REMEMBERED_ROWS]:
            del self._recent[key]


def page_at(row: int) -> tuple[int, int]:
    """Return the page and page size that begin at a 0-based row, or shortly before it."""
    sizes = range(SMALLEST_PAGE, PAGE_SIZE + 1) if row else (PAGE_SIZE,)
    size = min(sizes, key=lambda size: (row % size, -size))
    return row // size + 1, size


def search_last_row(read: Callable[[int], tuple[int, bool]]) -> int:
    """Return about how many rows a list has, by reading few of its pages.

    Args:
        read: reads a page of ``PAGE_SIZE`` rows; returns how many rows it has, and whether there
            is another page.
    """
    below, page = 0, 1
    above: int | None = None
    while above is None or above - below > max(1, above * CLOSE_ENOUGH):
        rows, more = read(page)
        if rows and not more:
            return (page - 1) * PAGE_SIZE + rows
        below, above = (page, above) if rows else (below, page)
        page = page * GROWTH if above is None else (below + above) // 2
    return (below + above) * PAGE_SIZE // 2
