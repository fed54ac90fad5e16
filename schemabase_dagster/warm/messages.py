"""What is said to the warm process: one line of JSON each way, on a socket of the state directory.

Without Dagster, so that the stack can ask whether the process serves.
"""

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

import orjson

from schemabase_dagster.errors import ConfigurationError, SchemabaseError
from schemabase_dagster.settings import get_settings

ANSWER_SECONDS: Final = 30.0
"""Long enough for the process to load changed code before it answers."""

BACKLOG: Final = 64

LONGEST_PATH: Final = 100
"""Bytes; the kernel takes 107 for the address of a socket, macOS 103."""

Verb = Literal["ping", "launch", "terminate", "health"]


class WarmProcessAbsent(SchemabaseError):  # noqa: N818 - says what is the case
    """Nobody listens: neither this order nor an earlier one is carried out."""


class WarmProcessSilent(SchemabaseError):  # noqa: N818 - says what is the case
    """It took the order and did not answer: nobody knows whether it is carried out."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the process shall do.

    Attributes:
        verb: what.
        run_id: with which run.
        module: module of the run's definitions; to launch.
        instance: reference of the Dagster instance, serialised; to launch.
    """

    verb: Verb
    run_id: str = ""
    module: str = ""
    instance: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the process says.

    Attributes:
        pid: process of the run, None when it has none.
        refusal: why an order is not carried out, empty when it is.
    """

    pid: int | None = None
    refusal: str = ""


def socket_path() -> Path:
    """Return where the process of this state directory listens."""
    return get_settings().state_dir.resolve() / "warm.sock"


def ask(order: Order, *, seconds: float = ANSWER_SECONDS) -> Answer:
    """Say something to the warm process and return its answer.

    Raises:
        WarmProcessAbsent: there is none.
        WarmProcessSilent: it did not answer in time.
    """
    path = socket_path()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(seconds)
        try:
            with address(path) as name:
                connection.connect(name)
        except OSError as error:
            raise WarmProcessAbsent(f"No warm process listens on {path} ({error}).") from error
        try:
            write_line(connection, orjson.dumps(asdict(order)))
            return Answer(**orjson.loads(read_line(connection)))
        except (OSError, ValueError) as error:
            raise WarmProcessSilent(f"The warm process on {path} did not answer.") from error


def is_serving() -> bool:
    """Say whether the process has loaded the code and takes orders."""
    try:
        return not ask(Order("ping"), seconds=1.0).refusal
    except (WarmProcessAbsent, WarmProcessSilent):
        return False


def read_order(connection: socket.socket) -> Order:
    """Read what a client wants.

    Raises:
        OSError: it does not say it in time.
        ValueError: that is no order.
        TypeError: that is no order.
    """
    return Order(**orjson.loads(read_line(connection)))


def write_answer(connection: socket.socket, answer: Answer) -> None:
    """Answer a client.

    Raises:
        OSError: it is gone.
    """
    write_line(connection, orjson.dumps(asdict(answer)))


def write_line(connection: socket.socket, line: bytes) -> None:
    """Send one line."""
    connection.sendall(line + b"\n")


def read_line(connection: socket.socket) -> bytes:
    """Receive one line; what came of it when the other side is gone."""
    with connection.makefile("rb") as stream:
        return stream.readline()


def listen(path: Path) -> int:
    """Open the socket, which only this user can reach, and return its descriptor.

    Raises:
        ConfigurationError: another warm process listens there, or the path is too long.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        address(path) as name,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener,
    ):
        if probe.connect_ex(name) == 0:
            raise ConfigurationError(
                f"A warm process listens on {path} already.",
                "Stop it, or name another directory in SCHEMABASE_STATE_DIR.",
            )
        path.unlink(missing_ok=True)
        before = os.umask(0o077)
        try:
            listener.bind(name)
        finally:
            os.umask(before)
        listener.listen(BACKLOG)
        return listener.detach()


@contextlib.contextmanager
def address(path: Path) -> Iterator[str]:
    """Yield a name of a socket's path that the kernel takes, however deep the folder is.

    Raises:
        ConfigurationError: there is none.
    """
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield str(path)
        return
    if not sys.platform.startswith("linux"):
        raise ConfigurationError(
            f"The path {path} is too long for a socket.",
            "Name a shorter directory in SCHEMABASE_STATE_DIR.",
        )
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
