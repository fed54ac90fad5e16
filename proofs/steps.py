"""Steps of a proof: each is printed with its time, and the one that fails is named."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

T = TypeVar("T")

POLL_SECONDS: Final = 0.25


class StepFailed(Exception):  # noqa: N818 - says what happened
    """Something that a step claims did not happen."""


class Steps:
    """Prints the steps of a proof as they end."""

    def __init__(self) -> None:
        self._begin = time.monotonic()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Print a step with the time since the start and the time it took."""
        begin = time.monotonic()
        try:
            yield
        except BaseException as error:
            self._line("FAILED", title, begin)
            told = str(error).strip().partition("\n")[0]
            self.note(f"{type(error).__name__}: {told}")
            raise
        self._line("ok", title, begin)

    def note(self, text: str) -> None:
        """Print a line that belongs to the step under way."""
        print(f"{'':9}{text}", flush=True)

    def _line(self, verdict: str, title: str, begin: float) -> None:
        now = time.monotonic()
        minutes, seconds = divmod(round(now - self._begin), 60)
        clock = f"{minutes:02d}:{seconds:02d}"
        print(f"{clock} {verdict:6} {title} ({now - begin:.1f} s)", flush=True)


def expect(claim: object, otherwise: str) -> None:
    """Fail the step when a claim does not hold."""
    if not claim:
        raise StepFailed(otherwise)


def wait_for(question: Callable[[], T], seconds: float, what: str) -> T:
    """Return the first answer that is true.

    Raises:
        StepFailed: there was none in time.
    """
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        if time.monotonic() > deadline:
            raise StepFailed(f"waited {seconds:g} s in vain for {what}")
        time.sleep(POLL_SECONDS)
    return answer
