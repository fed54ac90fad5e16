"""Where a stack keeps its things, who owns them, and the environment of its children."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemabase_dagster.errors import ConfigurationError

LOCK: Final = "stack.lock"
"""File that tells who owns a state directory; it stays, only the lock on it goes."""


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of one stack.

    Attributes:
        root: the repository, working directory and import path of all children.
        state: state directory; database, logs and Dagster's home live below it.
    """

    root: Path
    state: Path

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.state / "logs"

    @property
    def dagster(self) -> Path:
        """``DAGSTER_HOME``: outside the repository's files, because Dagster writes into it."""
        return self.state / "dagster"

    @property
    def workspace(self) -> Path:
        """The workspace file of this stack's web server and daemon."""
        return self.dagster / "workspace.yaml"

    @property
    def sandbox_info(self) -> Path:
        """Addresses and credentials of the stand-ins."""
        return self.state / "sandbox.json"

    @property
    def sandbox_state(self) -> Path:
        """What was changed at the stand-ins, so that a restart goes on from there."""
        return self.state / "sandbox-state.jsonl"

    @property
    def env_file(self) -> Path:
        """Shell file that lets other terminals work with this stack."""
        return self.state / "env"

    def prepare(
        self, code_port: int, instance: Path | None = None, *, is_warm: bool = False
    ) -> None:
        """Create the folders, and tell Dagster its settings and where its code is served.

        Args:
            code_port: port of the code server.
            instance: settings of the Dagster instance; None = those of the repository.
            is_warm: whether they name the launcher of warm runs.
        """
        for folder in (self.state, self.logs, self.dagster):
            folder.mkdir(parents=True, exist_ok=True)
        parts = [instance or self.root / "dagster.yaml"]
        if is_warm:
            parts.append(self.root / "deploy" / "warm.yaml")
        text = "\n".join(part.read_text("utf-8") for part in parts)
        (self.dagster / "dagster.yaml").write_text(text, encoding="utf-8")
        self.workspace.write_text(
            "load_from:\n"
            "  - grpc_server:\n"
            "      host: 127.0.0.1\n"
            f"      port: {code_port}\n"
            "      location_name: schemabase\n",
            encoding="utf-8",
        )

    def environment(self) -> dict[str, str]:
        """Return the environment that all children share: ours, with the code found and cached."""
        shared = dict(os.environ)
        # set for tests and containers; compiled bytecode halves the start of every run
        shared.pop("PYTHONDONTWRITEBYTECODE", None)
        return shared | {"PYTHONPATH": str(self.root), "PYTHONUNBUFFERED": "1"}

    def exports(self, database_url: str, dagster_url: str) -> dict[str, str]:
        """Return the variables that make any command work with this stack.

        Args:
            database_url: our database.
            dagster_url: Dagster's database, for psycopg 2.
        """
        return {
            "DATABASE_URL": database_url,
            "DAGSTER_POSTGRES_URL": dagster_url,
            "DAGSTER_HOME": str(self.dagster),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "DAGSTER_EVENT_BATCH_SIZE": "1000",
            "SCHEMABASE_ROOT": str(self.root),
            "SCHEMABASE_STATE_DIR": str(self.state),
        }

    def write_env_file(self, variables: Mapping[str, str]) -> None:
        """Write the variables as a shell file that only its owner may read."""
        lines = [f"export {name}='{value}'\n" for name, value in variables.items()]
        descriptor = os.open(self.env_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(lines)


def fresh(root: Path, state: Path) -> Home:
    """Return a home whose state directory was emptied, so that a stack begins with nothing.

    Raises:
        ConfigurationError: a stack runs there.
    """
    with owned(state):
        for path in state.iterdir():
            if path.name == LOCK:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    return Home(root, state)


@contextmanager
def owned(state: Path) -> Iterator[None]:
    """Hold the state directory for one stack; the kernel lets go of it when the process ends.

    Raises:
        ConfigurationError: another stack runs there.
    """
    state.mkdir(parents=True, exist_ok=True)
    with (state / LOCK).open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip()
            raise ConfigurationError(
                f"A stack already runs with the state directory {state} (process {owner}).",
                "Stop it with Ctrl-C where it runs, or name another directory in "
                "SCHEMABASE_STATE_DIR.",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
