"""Without these, ``schemabase up`` serves half a stack, or leaves servers behind when it ends."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemabase_dagster.ports import answers
from tests.support.up import Up, command, processes
from tests.support.wait import wait_until

STOP_SECONDS = 60


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    started = Up(tmp_path / "state")
    yield started
    if started.process.poll() is None:
        started.process.terminate()
    started.process.wait(2 * STOP_SECONDS)


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
    wait_until(lambda: not processes(up.state), what="nothing is left")


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_dead_child_stops_the_stack_and_is_named(up: Up):
    up.await_start()

    (gateway,) = up.children("webhook_gateway")
    os.kill(gateway, signal.SIGKILL)

    assert up.process.wait(2 * STOP_SECONDS) == 1
    assert up.says("Error: gateway was killed by signal 9")
    wait_until(lambda: not processes(up.state), what="nothing is left")
