"""Without these, ``schemabase up`` serves half a stack, or leaves servers behind when it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemabase_dagster.settings import ROOT
from schemabase_dagster.stack.ports import answers
from tests.support.wait import wait_until

START_SECONDS = 120
STOP_SECONDS = 10


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


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    started = Up(tmp_path / "state")
    yield started
    if started.process.poll() is None:
        started.process.terminate()
    started.process.wait(2 * STOP_SECONDS)


def command(state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "schemabase_dagster", *words],
        cwd=ROOT,
        env=environment(state),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.timeout(240)
def test_stack_serves_two_demo_tenants_until_ctrl_c_and_leaves_nothing_behind(up: Up):
    up.await_start()

    assert answers(f"{up.address('Dagster UI')}/server_info")
    assert answers(f"{up.address('Webhook gateway')}/readyz")
    tenants = command(up.state, "tenant", "list")
    assert "acme" in tenants.stdout
    assert "globex" in tenants.stdout

    second = command(up.state, "up")
    assert second.returncode == 2
    assert f"process {up.process.pid}" in second.stderr

    # the whole foreground group gets it, as from a terminal; the children must not
    os.killpg(up.process.pid, signal.SIGINT)
    assert up.process.wait(STOP_SECONDS) == 0
    wait_until(lambda: not processes(up.state), 5, "nothing is left")


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_dead_child_stops_the_stack_and_is_named(up: Up):
    up.await_start()

    (gateway,) = up.children("webhook_gateway")
    os.kill(gateway, signal.SIGKILL)

    assert up.process.wait(2 * STOP_SECONDS) == 1
    assert up.says("Error: gateway was killed by signal 9")
    wait_until(lambda: not processes(up.state), 5, "nothing is left")
