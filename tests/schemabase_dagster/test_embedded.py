"""The embedded server is what a newcomer meets first, and what a killed stack leaves behind."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from schemabase_dagster import _unprivileged, embedded
from schemabase_dagster.embedded import EmbeddedServer, running_url
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.settings import ROOT
from tests.support.wait import wait_until

FAST = {"fsync": "off", "shared_buffers": "16MB", "max_connections": "20"}

_OWNER = """
import sys, time
from pathlib import Path
from schemabase_dagster.embedded import EmbeddedServer
EmbeddedServer(Path(sys.argv[1]), {"fsync": "off", "shared_buffers": "16MB"}).start()
print("started", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """State folder with an initialised server; each test leaves it stopped."""
    folder = tmp_path_factory.mktemp("embedded") / "state"
    yield folder
    EmbeddedServer(folder).stop()


@pytest.fixture
def server(state: Path) -> Iterator[EmbeddedServer]:
    """A server of that folder, stopped at the end."""
    made = EmbeddedServer(state, FAST)
    yield made
    made.stop()


def test_server_runs_for_the_block(state: Path):
    with EmbeddedServer(state, FAST) as server:
        url = running_url(state)
        assert url is not None
        with psycopg.connect(url) as conn:
            assert conn.info.server_version >= 180000
            assert conn.execute("SHOW timezone").fetchone() == ("UTC",)
            assert conn.execute("SHOW fsync").fetchone() == ("off",)
        assert server.status().running

    assert running_url(state) is None
    assert not server.status().running


def test_data_survive_a_restart_at_the_same_address(server: EmbeddedServer):
    url = server.start()
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS public.kept (one integer)")
    server.stop()

    assert server.start() == url
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("DROP TABLE public.kept")


def test_password_is_needed_and_private(server: EmbeddedServer, state: Path):
    url = server.start()
    files = [state / "postgres.json", state / "postgres.lock"]

    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((state / "postgres").stat().st_mode) == 0o700
    assert not (state / "postgres.password").exists()
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url.replace(url.split(":")[2].split("@")[0], "wrong"))


def test_second_owner_is_refused(server: EmbeddedServer, state: Path):
    server.start()

    with pytest.raises(ConfigurationError, match="another running process"):
        EmbeddedServer(state).start()


def test_starting_twice_and_stopping_twice_do_no_harm(server: EmbeddedServer):
    assert server.start() == server.start()

    server.stop()
    server.stop()

    assert not server.status().running


def test_server_left_running_is_taken_over(server: EmbeddedServer, state: Path):
    server.start()
    pid = server.status().pid
    server.leave_running()
    successor = EmbeddedServer(state, FAST)

    successor.start()

    assert successor.status().pid == pid
    successor.stop()
    assert running_url(state) is None


def test_server_outlives_a_killed_owner_and_is_stopped_by_the_next(
    server: EmbeddedServer, state: Path
):
    with subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(state)], cwd=ROOT, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"started\n"
        with pytest.raises(ConfigurationError, match="another running process"):
            server.start()
        owner.send_signal(signal.SIGKILL)
        owner.wait()

    assert running_url(state) is not None
    server.start()
    server.stop()
    assert running_url(state) is None


def test_pid_file_of_a_dead_server_does_not_stop_the_next(server: EmbeddedServer):
    server.start()
    pid = server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGQUIT)  # dies without a word, as after a power cut
    wait_until(lambda: not _is_alive(pid), what="the server to die")

    server.start()

    assert server.status().pid != pid


def test_pid_that_another_program_got_is_not_the_server(server: EmbeddedServer, state: Path):
    server.start()
    server.stop()
    lines = [str(os.getpid()), str(state / "postgres"), "0", "5432", "", "127.0.0.1", "", "ready"]
    (state / "postgres" / "postmaster.pid").write_text("\n".join(lines))

    assert running_url(state) is None
    server.start()

    assert server.status().pid != os.getpid()


def test_taken_port_is_replaced(server: EmbeddedServer, state: Path):
    import socket  # noqa: PLC0415 - only here

    server.start()
    port = server.status().port
    server.stop()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()

        server.start()

        assert server.status().port != port


def test_interrupted_initialisation_is_repeated(tmp_path: Path):
    draft = tmp_path / "state" / "postgres.draft"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")

    with EmbeddedServer(tmp_path / "state", FAST) as server:
        assert server.status().running

    assert not draft.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives its files away")
def test_root_runs_it_unprivileged_below_a_closed_folder(tmp_path: Path):
    home = tmp_path / "closed"
    home.mkdir(mode=0o700)

    with EmbeddedServer(home / "state", FAST) as server:
        pid = server.status().pid
        status = Path(f"/proc/{pid}/status").read_text()

    uid = next(line.split()[1] for line in status.splitlines() if line.startswith("Uid:"))
    assert uid != "0"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert home.stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root never runs it as itself")
def test_others_run_it_as_themselves(tmp_path: Path):
    assert _unprivileged.prefix(embedded.binaries(), tmp_path) == ()


def test_reason_of_a_failed_start_is_told(tmp_path: Path):
    server = EmbeddedServer(tmp_path / "state", {**FAST, "shared_buffers": "nonsense"})

    with pytest.raises(ConfigurationError, match=r"pg_ctl .* failed: .*server\.log"):
        server.start()

    # The lock is free again.
    successor = EmbeddedServer(tmp_path / "state", FAST)
    successor.claim()
    successor.leave_running()


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}/cwd").is_symlink() and "Z" not in _state_of(pid)


def _state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"
