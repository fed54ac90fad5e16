"""``schemabase up`` as a process of its own, commands beside it, and what it leaves behind."""

import os
import subprocess
import sys
from pathlib import Path

from schemabase_dagster.settings import ROOT
from tests.support.wait import wait_until

START_SECONDS = 120


class Up:
    """A ``schemabase up`` in a process group of its own, as a terminal starts it."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.output = state.parent / "up.txt"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "schemabase_dagster", "up", "--size", "50"],
                cwd=ROOT,
                env=environment(state),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def says(self, text: str) -> bool:
        return text in self.output.read_text()

    def await_start(self) -> None:
        wait_until(
            lambda: self.says("Stop with Ctrl-C") or self.process.poll() is not None,
            START_SECONDS,
            "the stack serves",
        )
        assert self.process.poll() is None, self.output.read_text()

    def address(self, name: str) -> str:
        line = next(line for line in self.output.read_text().splitlines() if line.startswith(name))
        return line.split()[-1]

    def children(self, part: str) -> list[int]:
        return [process for process, words in processes(self.state) if part in words]


def environment(state: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "SCHEMABASE_STATE_DIR": str(state),
    }


def processes(state: Path) -> list[tuple[int, str]]:
    """Processes that work with a state directory, by their environment or arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes() + b"\0" + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(state).encode() in words:
            found.append((int(entry.name), words.split(b"\0PATH=")[0].decode(errors="replace")))
    return found


def command(state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "schemabase_dagster", *words],
        cwd=ROOT,
        env=environment(state),
        capture_output=True,
        text=True,
        check=False,
    )
