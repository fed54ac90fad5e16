"""Without these, Ctrl-C leaves servers behind that hold ports, and dead children go unnoticed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.stack.process import Service, ServiceDied, Supervisor, tail
from tests.support.wait import wait_until

# each prints what a test waits for, then waits for its end
SLEEPER = "import signal; print('up', flush=True); signal.pause()"
STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('up', flush=True)\nwhile True: signal.pause()"
)
PARENT = (
    "import subprocess, sys, signal;"
    f"child = subprocess.Popen([sys.executable, '-c', {STUBBORN!r}], stdout=subprocess.DEVNULL);"
    "print(child.pid, flush=True); signal.pause()"
)


def service(name: str, program: str, log_directory: Path, **settings: object) -> Service:
    return Service(
        name=name,
        command=(sys.executable, "-c", program),
        environment=dict(os.environ),
        is_ready=said(log_directory / f"{name}.log"),
        **settings,  # type: ignore[arg-type]  # keyword settings of single tests
    )


def said(log: Path) -> Callable[[], bool]:
    return lambda: log.exists() and log.stat().st_size > 0


def runs(process: int) -> bool:
    stat = Path(f"/proc/{process}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_services_that_serve_are_reported_and_stopped_with_the_block(tmp_path: Path):
    with Supervisor(tmp_path, tmp_path) as supervisor:
        children = [
            supervisor.start(service("one", SLEEPER, tmp_path)),
            supervisor.start(service("two", SLEEPER, tmp_path)),
        ]
        ready = list(supervisor.wait_ready(children))
        assert {child.service.name for child in ready} == {"one", "two"}

    assert not any(runs(child.process.pid) for child in children)


def test_a_child_that_was_killed_is_started_again_and_no_longer_missed(tmp_path: Path):
    with Supervisor(tmp_path, tmp_path) as supervisor:
        killed = supervisor.start(service("one", SLEEPER, tmp_path))
        killed.process.kill()
        killed.process.wait()

        again = supervisor.restart(killed)
        supervisor.check()

        assert supervisor.children == (again,)
        assert runs(again.process.pid)


def test_dead_child_is_named_with_its_status_and_last_words(tmp_path: Path):
    dying = service("gateway", "import sys; print('no port left'); sys.exit(7)", tmp_path)

    with Supervisor(tmp_path, tmp_path) as supervisor:
        supervisor.start(dying)
        with pytest.raises(ServiceDied) as caught:
            supervisor.watch()

    assert caught.value.name == "gateway"
    assert caught.value.status == 7
    assert "no port left" in str(caught.value)


def test_death_of_another_service_ends_the_wait_for_one_that_never_serves(tmp_path: Path):
    with Supervisor(tmp_path, tmp_path) as supervisor:
        never = supervisor.start(
            service("never", "import signal; signal.pause()", tmp_path, ready_seconds=60)
        )
        supervisor.start(service("dying", "raise SystemExit(3)", tmp_path))
        with pytest.raises(ServiceDied, match="dying ended with status 3"):
            list(supervisor.wait_ready([never]))


def test_service_that_is_never_ready_is_named_after_its_time(tmp_path: Path):
    slow = service("webserver", "import signal; signal.pause()", tmp_path, ready_seconds=0.3)

    with (
        Supervisor(tmp_path, tmp_path) as supervisor,
        pytest.raises(ConfigurationError, match="webserver did not become ready"),
    ):
        list(supervisor.wait_ready([supervisor.start(slow)]))


def test_stubborn_service_is_killed_after_its_time(tmp_path: Path):
    stubborn = service("stubborn", STUBBORN, tmp_path, stop_seconds=0.3)
    supervisor = Supervisor(tmp_path, tmp_path)
    child = supervisor.start(stubborn)
    list(supervisor.wait_ready([child]))

    assert supervisor.stop() == ["stubborn"]
    assert not runs(child.process.pid)


def test_children_of_a_child_are_stopped_too(tmp_path: Path):
    supervisor = Supervisor(tmp_path, tmp_path)
    child = supervisor.start(service("parent", PARENT, tmp_path))
    list(supervisor.wait_ready([child]))
    grandchild = int(child.log.read_text())
    assert runs(grandchild)

    supervisor.stop()

    wait_until(lambda: not runs(grandchild), what="the grandchild is gone")


def test_children_of_a_child_that_died_unasked_are_stopped_too(tmp_path: Path):
    supervisor = Supervisor(tmp_path, tmp_path)
    child = supervisor.start(service("parent", PARENT, tmp_path))
    list(supervisor.wait_ready([child]))
    child.process.kill()
    with pytest.raises(ServiceDied, match="killed by signal 9"):
        supervisor.watch()

    supervisor.stop()

    grandchild = int(child.log.read_text())
    wait_until(lambda: not runs(grandchild), what="the grandchild is gone")


def test_the_number_of_a_reaped_child_is_not_signalled(tmp_path: Path):
    supervisor = Supervisor(tmp_path, tmp_path)
    child = supervisor.start(service("one", SLEEPER, tmp_path))
    child.process.kill()
    child.process.wait()

    with subprocess.Popen(
        [sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True
    ) as stranger:
        # as if the kernel had given the number anew
        child.process.pid = stranger.pid
        supervisor.stop()
        # not SIGTERM, which children of a suite that runs in the background may ignore
        stranger.send_signal(signal.SIGUSR1)

    assert stranger.returncode == -signal.SIGUSR1


def test_killed_supervisor_takes_its_children_along(tmp_path: Path):
    program = (
        "import os, pathlib, sys, signal\n"
        # Dagster gives SIGTERM what SIGINT has, and in a shell's background that is ignored.
        "signal.signal(signal.SIGTERM, signal.SIG_DFL)\n"
        "from schemabase_dagster.stack.process import Service, Supervisor\n"
        "here = pathlib.Path(sys.argv[1])\n"
        f"command = (sys.executable, '-c', {SLEEPER!r})\n"
        "service = Service('child', command, dict(os.environ))\n"
        "child = Supervisor(here, here).start(service)\n"
        "print(child.process.pid, flush=True)\n"
        "signal.pause()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        wait_until(said(tmp_path / "child.log"), what="the child runs")
        parent.send_signal(signal.SIGKILL)

    wait_until(lambda: not runs(child), what="the child is gone")


def test_only_the_end_of_a_long_log_is_shown(tmp_path: Path):
    log = tmp_path / "some.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))

    assert tail(log, lines=2) == "line 98\nline 99"
