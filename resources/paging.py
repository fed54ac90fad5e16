"""Reading ahead, in parallel and by page: with bounded memory, in threads that always end."""

import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeVar

from schemabase_dagster.errors import ProviderUnavailable

Item = TypeVar("Item")
Result = TypeVar("Result")

_END: Final[Any] = object()

STEPS_BACK: Final = 20
"""A listing that has to go back more often is given up."""


@dataclass(slots=True)
class NumberedPages:
    """Place in a list of numbered pages, from which rows may go while it is read.

    Rows that go pull others up onto pages that are read already: when the total falls from one page
    to the next, as many pages before are read again.

    Attributes:
        system: named in errors.
        what: named in errors.
        page: number of the page to read now.
        size: rows in a page.
        first: number of the first page.
    """

    system: str
    what: str
    page: int
    size: int
    first: int = 1
    _total: int | None = None
    _steps_back: int = 0

    def goes_back(self, total: int | None) -> bool:
        """Note the total that the page shows; move back and return True if rows were missed.

        Raises:
            ProviderUnavailable: rows go faster than they can be read.
        """
        known, self._total = self._total, total
        gone = known - total if known is not None and total is not None else 0
        if gone <= 0 or self.page <= self.first:
            return False
        self._steps_back += 1
        if self._steps_back > STEPS_BACK:
            raise ProviderUnavailable(self.system, f"{self.what}: rows move too fast")
        self.page = max(self.first, self.page - math.ceil(gone / self.size))
        return True


def read_ahead(pages: Iterator[Item]) -> Iterator[Item]:
    """Yield the items of an iterator while one thread already makes the next one.

    An error of the iterator is raised after the items before it. When the consumer stops early,
    the item being made is waited for, and the iterator is closed. That also works in the garbage
    collector, which may have taken the pool of a forgotten reader away already: nothing is asked of
    the thread then.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as pool:
        coming = pool.submit(next, pages, _END)
        try:
            while (item := coming.result()) is not _END:
                coming = pool.submit(next, pages, _END)
                yield item
        finally:
            if not coming.cancel():
                wait([coming])
            close = getattr(pages, "close", None)
            if close is not None:
                close()


def map_unordered(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int
) -> Iterator[Result]:
    """Yield ``function(item)`` of all items as they are done, at most ``2 * workers`` pending.

    The items are drawn by the consumer's thread. The first error ends the iteration: what has not
    begun is not begun, what runs is waited for.
    """
    source = iter(items)
    with ThreadPoolExecutor(workers, thread_name_prefix="detail") as pool:
        pending: set[Future[Result]] = set()
        try:
            while True:
                room = 2 * workers - len(pending)
                pending |= {pool.submit(function, item) for item in islice(source, room)}
                if not pending:
                    return
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            for future in pending:
                future.cancel()


def chunked(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield lists of ``size`` items, the last one shorter."""
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk
