"""Child processes that start together, are watched, and leave nothing behind."""

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Self

from schemabase_dagster.errors import ConfigurationError, SchemabaseError

POLL_SECONDS = 0.1
TAIL_LINES = 12
REAP_SECONDS = 2.0

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class ServiceDied(SchemabaseError):  # noqa: N818 - says what happened
    """A child process ended although nobody stopped it.

    Args:
        name: which one.
        status: its exit status; negative = killed by that signal.
        log: where its output is.
        tail: the last lines of its output.
    """

    def __init__(self, name: str, status: int, log: Path, tail: str) -> None:
        self.name = name
        self.status = status
        self.log = log
        self.tail = tail
        end = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        said = f" It said last:\n{tail}" if tail else ""
        super().__init__(f"{name} {end}; the stack stops. Its log is {log}.{said}")


@dataclass(frozen=True, slots=True)
class Service:
    """One child process.

    Attributes:
        name: name for people and of the log file.
        command: program and arguments.
        environment: the whole environment of the child.
        is_ready: says whether it serves; called every tenth of a second until it does.
        ready_seconds: how long that may take.
        signal_group: ask its own children to end too, together with it.
        stop_seconds: how long ending may take before it is killed.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    is_ready: Callable[[], bool] = field(default=lambda: True)
    ready_seconds: float = 90
    signal_group: bool = False
    stop_seconds: float = 4


@dataclass(frozen=True, slots=True)
class Child:
    """A started service; its process id is the id of its process group."""

    service: Service
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def is_reaped(self) -> bool:
        """Whether the child is gone for good, and its number may be somebody else's by now."""
        return self.process.returncode is not None

    def status(self) -> int | None:
        """Return the exit status of a child that has ended, as of ``Popen``; None while it runs.

        The child is not reaped by that: its number stays taken, so that what is left of its group
        can still be signalled.
        """
        if self.is_reaped or not hasattr(os, "waitid"):  # macOS before Python 3.13
            return self.process.poll()
        ended = os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return None
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def died(self) -> ServiceDied | None:
        """Return why the child is gone, or None while it runs."""
        status = self.status()
        if status is None:
            return None
        return ServiceDied(self.service.name, status, self.log, tail(self.log))


class Supervisor:
    """Starts services, notices when one dies, and stops all of them in reverse order.

    Every child leads a process group of its own, so a Ctrl-C in the terminal reaches only the
    supervisor, and the children of a child are found when it has to be killed. Should the
    supervisor itself be killed, the kernel ends the children (Linux, by ``setpriv``).

    Args:
        directory: working directory of the children.
        log_directory: one log file per service, begun anew at every start.
    """

    def __init__(self, directory: Path, log_directory: Path) -> None:
        self._directory = directory
        self._log_directory = log_directory
        self._children: list[Child] = []
        self._pause = threading.Event()

    def __enter__(self) -> Self:
        """Return the supervisor; its children end with the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all children, last started first."""
        self.stop()

    @property
    def children(self) -> tuple[Child, ...]:
        """The started children in the order of their start."""
        return tuple(self._children)

    def start(self, service: Service) -> Child:
        """Start a service without waiting for it."""
        self._log_directory.mkdir(parents=True, exist_ok=True)
        log = self._log_directory / f"{service.name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*_parent_death_wrapper(), *service.command],
                cwd=self._directory,
                env=dict(service.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        child = Child(service, process, log)
        self._children.append(child)
        return child

    def restart(self, child: Child) -> Child:
        """Start the service of a child that has ended once more, without waiting for it."""
        self._children.remove(child)
        child.process.poll()
        return self.start(child.service)

    def wait_ready(self, children: Iterable[Child]) -> Iterator[Child]:
        """Yield each child as soon as it serves.

        Raises:
            ServiceDied: any child of the stack ended meanwhile.
            ConfigurationError: a child does not serve within its time.
        """
        begin = time.monotonic()
        waiting = list(children)
        while waiting:
            self.check()
            ready = [child for child in waiting if child.service.is_ready()]
            waiting = [child for child in waiting if child not in ready]
            yield from ready
            for child in waiting:
                if time.monotonic() - begin > child.service.ready_seconds:
                    raise _late(child)
            self._pause.wait(POLL_SECONDS if waiting else 0)

    def check(self) -> None:
        """Raise :class:`ServiceDied` when a child is gone."""
        for child in self._children:
            if death := child.died():
                raise death

    def watch(self) -> None:
        """Wait until a child dies; an interrupt ends the wait.

        Raises:
            ServiceDied: with the name of the child and the end of its log.
        """
        while True:
            self.check()
            self._pause.wait(POLL_SECONDS * 5)

    def pause(self, seconds: float) -> None:
        """Wait a moment; an interrupt ends it."""
        self._pause.wait(seconds)

    def stop(self) -> list[str]:
        """Stop all children, last started first; return the names of those that had to be killed.

        They end side by side, each within its time. A signal that arrives meanwhile is ignored.
        """
        children = list(reversed(self._children))
        with ignored_signals():
            for child in children:
                _ask_to_end(child)
            begin = time.monotonic()
            ends = [(child.service.name, _await_end(child, begin)) for child in children]
        self._children.clear()
        return [name for name, went in ends if not went]


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """Return the last lines of a log file, without colours."""
    text = log.read_text("utf-8", errors="replace") if log.exists() else ""
    text = _COLOURS.sub("", text)
    return "\n".join(text.rstrip().splitlines()[-lines:])


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn a request to end (SIGTERM, a closed terminal) into a ``KeyboardInterrupt``."""
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {name: signal.signal(name, _interrupt) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


@contextmanager
def ignored_signals() -> Iterator[None]:
    """Ignore the signals of :func:`interruptible`; nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {name: signal.signal(name, signal.SIG_IGN) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parent_death_wrapper() -> tuple[str, ...]:
    """Return the prefix that makes the kernel end a child whose parent was killed."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM") if setpriv else ()


def _late(child: Child) -> ConfigurationError:
    service = child.service
    return ConfigurationError(
        f"{service.name} did not become ready within {service.ready_seconds:.0f} seconds.",
        f"Its log is {child.log}; it said last:\n{tail(child.log)}",
    )


def _ask_to_end(child: Child) -> None:
    if child.status() is not None:
        return
    if child.service.signal_group:
        _signal_group(child.process.pid, signal.SIGTERM)
    else:
        # not by the methods of Popen, which reap a child that has just ended
        os.kill(child.process.pid, signal.SIGTERM)


def _await_end(child: Child, begin: float) -> bool:
    """Kill the whole group when its time is over; return whether the child went by itself."""
    deadline = begin + child.service.stop_seconds
    while (status := child.status()) is None and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    if not child.is_reaped:
        # what is left of the group, for instance run workers of a code server
        _signal_group(child.process.pid, signal.SIGKILL)
    child.process.wait(REAP_SECONDS)
    return status is not None


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
    except PermissionError:  # macOS, when only zombies are left
        return
