"""Reading ahead and in parallel with bounded memory, in threads that always end."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any, Final, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_END: Final[Any] = object()


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
