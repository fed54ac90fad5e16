"""Behind: one piece of work runs in a thread while the caller prepares the next one."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self


class Behind:
    """Does what it is given in order, one at a time, one piece behind its caller.

    As a context manager it ends with its last piece done, whatever ends the block.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="behind")
        self._running: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def do(self, work: Callable[[], None]) -> None:
        """Wait for the piece before, then begin this one."""
        self.wait()
        self._running = self._pool.submit(work)

    def wait(self) -> bool:
        """Wait for the running piece and raise what it raised; tell whether there was one."""
        if self._running is None:
            return False
        running, self._running = self._running, None
        running.result()
        return True
