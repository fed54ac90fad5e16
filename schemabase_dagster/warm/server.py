"""WarmProcess: takes orders, forks a child for each run and watches over it."""

import contextlib
import gc
import logging
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from schemabase_dagster.warm import run
from schemabase_dagster.warm.code import Code, Stamp, threads
from schemabase_dagster.warm.messages import Answer, Order, listen, read_order, write_answer
from schemabase_dagster.warm.state import Child, State

CLIENT_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 2.0
"""How often the files of the code are looked at while nothing else happens."""

TERMINATE_SECONDS: Final = 60.0
"""Time a run has to end when somebody terminates it, before it is killed."""

STOP_SECONDS: Final = 3.0
"""Time all runs have to end when the process itself is asked to end."""

REPORT_SECONDS: Final = 2.0
"""Time that is left then to report those that had to be killed."""

PAUSE_SECONDS: Final = 0.02

_END: Final = (signal.SIGTERM, signal.SIGINT)
_HANDLED: Final = (*_END, signal.SIGCHLD)

_log: Final = logging.getLogger(__name__)


class WarmProcess:
    """Loads the code, then serves until it is asked to end.

    Single-threaded and without connections, because children inherit its memory. When files of the
    code change it replaces itself by a new interpreter with the same process id: its runs go on
    and stay its children, orders wait in the socket.

    Args:
        path: where it listens.
        code: what it loads.
        state: what a former self left; None = the first start.

    Raises:
        ConfigurationError: another one listens there, or the code cannot be loaded at the start.
    """

    def __init__(self, path: Path, code: Code, state: State | None = None) -> None:
        self._path = path
        self._code = code
        is_first = state is None
        self._state = state or State(listen(path), os.pipe())
        self._listener = socket.socket(fileno=self._state.listener)
        self._wakeup = socket.socketpair()
        self._is_stopping = False
        self._refusal = ""
        self._stamp: Stamp = frozenset()
        self._load(is_first=is_first)

    def serve(self) -> None:
        """Take orders until a signal asks to end; then end all runs, too."""
        with self._signals(), selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wakeup[0], selectors.EVENT_READ)
            self._reap()
            while True:
                ready = {key.fileobj for key, _ in selector.select(LOOK_SECONDS)}
                self._drain()
                self._reap()
                self._kill_overdue()
                if self._is_stopping:
                    break
                if self._code.stamp(self._state.packages) != self._stamp:
                    self._replace()
                if self._listener in ready:
                    self._take_order()
            self._stop()

    def _load(self, *, is_first: bool) -> None:
        begin = time.monotonic()
        # before: what changes while it is read must be found changed later
        known, stamp = self._state.packages, self._code.stamp(self._state.packages)
        try:
            self._code.load()
        except Exception as error:
            if is_first:
                self._path.unlink(missing_ok=True)
                raise
            _log.exception("The changed code cannot be loaded.")
            self._refusal = f"the changed code cannot be loaded ({type(error).__name__})"
        else:
            self._state.packages = self._code.packages()
            if found := threads():
                # a lock that such a thread holds at a fork is never released in the child
                self._refusal = f"importing the code starts threads ({', '.join(found)})"
                _log.error("No run is forked: %s.", self._refusal)
        is_same = self._state.packages == known
        self._stamp = stamp if is_same else self._code.stamp(self._state.packages)
        _log.info("Has read %s in %.1f s.", self._code.module, time.monotonic() - begin)

    def _replace(self) -> NoReturn:
        """Become a new process of the same number that loads the code as it is now."""
        _log.info(
            "The code has changed: loading it anew, %d runs go on.", len(self._state.children)
        )
        words = [
            *(sys.executable, "-m", "schemabase_dagster.warm"),
            *("--module", self._code.module, "--directory", str(self._code.directory)),
            *("--state", str(self._state.leave())),
        ]
        os.execv(sys.executable, words)  # noqa: S606 - ourselves

    def _take_order(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.settimeout(CLIENT_SECONDS)
            try:
                order = read_order(connection)
                write_answer(connection, self._answer(order, connection))
            except (OSError, ValueError, TypeError) as error:
                _log.warning("A client did not make itself understood: %s.", type(error).__name__)

    def _answer(self, order: Order, connection: socket.socket) -> Answer:
        pid = self._process_of(order.run_id)
        match order.verb:
            case "ping":
                return Answer(refusal=self._refusal)
            case "health":
                return Answer(pid)
            case "terminate":
                if pid is not None:
                    self._ask_to_end(pid, TERMINATE_SECONDS)
                return Answer(pid)
            case "launch":
                # asked again for want of an answer: it runs already
                return Answer(pid) if pid is not None else self._start(order, connection)

    def _start(self, order: Order, connection: socket.socket) -> Answer:
        refusal = self._refusal
        if order.module != self._code.module:
            refusal = f"it has loaded {self._code.module} and not {order.module}"
        if refusal:
            return Answer(refusal=refusal)
        try:
            pid = self._fork(lambda: run.execute(order.run_id, order.instance), connection)
        except OSError as error:
            return Answer(refusal=f"there is no room for another process ({error.strerror})")
        self._state.children[pid] = Child(order.run_id, order.instance)
        _log.info("Run %s has the process %d.", order.run_id, pid)
        return Answer(pid)

    def _process_of(self, run_id: str) -> int | None:
        return next(
            (pid for pid, child in self._state.children.items() if child.run_id == run_id), None
        )

    def _fork(self, task: Callable[[], int], connection: socket.socket | None = None) -> int:
        # a signal between the fork and the child's own handlers would be lost or reach ours
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        pid = -1
        try:
            pid = os.fork()
        finally:
            if pid:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        if pid:
            return pid
        status = 1
        try:
            self._become_child(connection)
            status = task()
        except BaseException:  # noqa: BLE001 - the last frame of this process
            traceback.print_exc()
        finally:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def _become_child(self, connection: socket.socket | None) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for each in (self._listener, *self._wakeup, *([connection] if connection else [])):
            each.close()
        reading, writing = self._state.lifeline
        os.close(writing)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        run.end_with(reading)
        gc.enable()

    def _reap(self) -> bool:
        """Take leave of children that ended, report runs of those that died; say if others live."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            child = self._state.children.pop(pid, None)
            code = os.waitstatus_to_exitcode(status)
            if child is not None and code != 0:
                self._report(child, code)

    def _report(self, child: Child, code: int) -> None:
        # in a child of its own: a connection of ours would be inherited by the next run
        self._fork(lambda: run.report_death(child.run_id, child.instance, code))

    def _ask_to_end(self, pid: int, seconds: float) -> None:
        child = self._state.children[pid]
        if child.kill_at is None:
            os.kill(pid, signal.SIGTERM)
        child.kill_at = min(child.kill_at or float("inf"), time.monotonic() + seconds)

    def _kill_overdue(self) -> None:
        for pid, child in self._state.children.items():
            if child.kill_at is not None and time.monotonic() > child.kill_at:
                _log.warning("The process %d of run %s is killed.", pid, child.run_id)
                os.kill(pid, signal.SIGKILL)

    def _stop(self) -> None:
        _log.info("Ends, and %d runs with it.", len(self._state.children))
        self._path.unlink(missing_ok=True)
        self._listener.close()
        for pid in self._state.children:
            self._ask_to_end(pid, STOP_SECONDS)
        deadline = time.monotonic() + STOP_SECONDS + REPORT_SECONDS
        while self._reap() and time.monotonic() < deadline:
            self._kill_overdue()
            time.sleep(PAUSE_SECONDS)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Wake the loop by signals; the first request to end is noted."""
        for end in self._wakeup:
            end.setblocking(False)
        signal.set_wakeup_fd(self._wakeup[1].fileno(), warn_on_full_buffer=False)
        before = {number: signal.signal(number, self._note) for number in _HANDLED}
        try:
            yield
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._is_stopping = self._is_stopping or number in _END

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wakeup[0].recv(4096):
                pass
