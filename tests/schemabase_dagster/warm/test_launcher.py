"""Without these, warm runs get lost, outlive their end, or run old code."""

import signal
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.launcher.base import LaunchRunContext, WorkerStatus
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster_shared.yaml_utils import load_yaml_from_path

from schemabase_dagster.settings import ROOT, forget_settings
from schemabase_dagster.warm.messages import Order, ask
from tests.support.wait import wait_until
from tests.support.warm import (
    MODULE,
    Warm,
    await_message,
    await_status,
    is_running,
    kill,
    launch,
    make_run,
    messages,
    parent_of,
    status,
)
from tests.support.warm_example import endless, failing, quick

CANCELED = dg.DagsterRunStatus.CANCELED
FAILURE = dg.DagsterRunStatus.FAILURE
SUCCESS = dg.DagsterRunStatus.SUCCESS


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    """A warm process for the tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("warm")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SCHEMABASE_STATE_DIR", str(folder))
        forget_settings()
        made = Warm(folder)
        made.await_start()
    forget_settings()
    yield made
    made.stop()


@pytest.fixture
def instance(postgres: str, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance as dagster.yaml and deploy/warm.yaml describe it, on a database of its own."""
    url = postgres.replace("postgresql://", "postgresql+psycopg2://")
    storage = {
        "module": "schemabase_dagster.instance_storage",
        "class": "KeptPostgresStorage",
        "config": {"postgres_url": url},
    }
    launcher = load_yaml_from_path(str(ROOT / "deploy" / "warm.yaml"))
    assert isinstance(launcher, dict)
    overrides = {"storage": {"custom": storage}, **launcher}
    with dg.instance_for_test(overrides=overrides, temp_dir=str(tmp_path)) as made:
        yield made


@pytest.fixture
def warm(shared: Warm, monkeypatch: pytest.MonkeyPatch) -> Warm:
    """The shared warm process, which this test's settings name."""
    monkeypatch.setenv("SCHEMABASE_STATE_DIR", str(shared.folder))
    forget_settings()
    return shared


@pytest.fixture
def own(tmp_path: Path, _environment: None) -> Iterator[Warm]:
    """A warm process that a test may kill."""
    folder = tmp_path / "code"
    folder.mkdir()
    made = Warm(folder)
    made.await_start()
    yield made
    if made.process.poll() is None:
        made.stop()


def pid_of(run_id: str) -> int:
    pid = ask(Order("health", run_id)).pid
    assert pid is not None
    return pid


def await_step(instance: dg.DagsterInstance, warm: Warm) -> tuple[str, int]:
    """Launch a run that does not end by itself; return its id and process when its step runs."""
    run_id = launch(instance, warm, endless)
    await_message(instance, run_id, "waits")
    return run_id, pid_of(run_id)


def test_run_is_forked_and_its_log_tells_what_it_did(instance: dg.DagsterInstance, warm: Warm):
    run_id = launch(instance, warm, quick)

    await_status(instance, run_id, SUCCESS)
    log = messages(instance, run_id)
    assert any("answer before" in each for each in log)
    assert any("Started process for run" in each for each in log)


def test_run_is_a_child_of_the_warm_process(instance: dg.DagsterInstance, warm: Warm):
    run_id, pid = await_step(instance, warm)

    assert parent_of(pid) == warm.process.pid
    instance.run_launcher.terminate(run_id)


def test_forked_run_knows_that_others_run_beside_it(instance: dg.DagsterInstance, warm: Warm):
    run_id = launch(instance, warm, quick)

    await_message(instance, run_id, "shares the machine True")


def test_failed_step_fails_the_run_once(instance: dg.DagsterInstance, warm: Warm):
    run_id = launch(instance, warm, failing)

    await_status(instance, run_id, FAILURE)
    wait_until(lambda: ask(Order("health", run_id)).pid is None, what="its process ends")
    assert not any("unexpectedly" in each for each in messages(instance, run_id))


def test_forked_runs_do_not_share_their_chance(instance: dg.DagsterInstance, warm: Warm):
    runs = [launch(instance, warm, quick) for _ in range(3)]

    for run_id in runs:
        await_status(instance, run_id, SUCCESS)
    ids = {
        each.rpartition(" ")[2]
        for run_id in runs
        for each in messages(instance, run_id)
        if "answer" in each
    }
    assert len(ids) == len(runs)


def test_terminated_run_ends_as_canceled(instance: dg.DagsterInstance, warm: Warm):
    run_id, pid = await_step(instance, warm)

    assert instance.run_launcher.terminate(run_id)

    await_status(instance, run_id, CANCELED)
    wait_until(lambda: not is_running(pid), what="its process ends")
    assert not instance.run_launcher.terminate(run_id)


def test_killed_run_is_failed_and_told_why(instance: dg.DagsterInstance, warm: Warm):
    run_id, pid = await_step(instance, warm)

    kill(pid)

    await_status(instance, run_id, FAILURE)
    assert any("terminated by signal 9" in each for each in messages(instance, run_id))


def test_run_monitoring_learns_whether_a_run_lives(instance: dg.DagsterInstance, warm: Warm):
    run_id, pid = await_step(instance, warm)
    run = instance.get_run_by_id(run_id)
    assert run is not None

    alive = instance.run_launcher.check_run_worker_health(run)
    kill(pid)
    await_status(instance, run_id, FAILURE)
    dead = instance.run_launcher.check_run_worker_health(run)

    assert alive.status is WorkerStatus.RUNNING
    assert dead.status is WorkerStatus.NOT_FOUND


def test_run_of_other_definitions_is_refused(instance: dg.DagsterInstance, warm: Warm):
    order = Order("launch", make_run(instance, warm, quick).run_id, module="elsewhere")

    assert MODULE in ask(order).refusal


def test_runs_end_with_a_killed_warm_process(instance: dg.DagsterInstance, own: Warm):
    run_id, pid = await_step(instance, own)
    run = instance.get_run_by_id(run_id)
    assert run is not None

    own.stop(signal.SIGKILL)

    wait_until(lambda: not is_running(pid), what="no orphan is left")
    assert status(instance, run_id) is FAILURE
    assert instance.run_launcher.check_run_worker_health(run).status is WorkerStatus.NOT_FOUND


def test_warm_process_ends_its_runs_before_itself(instance: dg.DagsterInstance, own: Warm):
    run_id, pid = await_step(instance, own)

    assert own.stop(signal.SIGINT) == 0

    assert not is_running(pid)
    assert status(instance, run_id) is FAILURE


@pytest.fixture
def changing(warm: Warm) -> Iterator[Warm]:
    """The shared warm process, whose code is as it was after the test."""
    before = warm.code.read_text()
    yield warm
    warm.code.write_text(before)


def test_changed_code_is_loaded_and_running_runs_go_on(
    instance: dg.DagsterInstance, changing: Warm
):
    old, pid = await_step(instance, changing)

    changing.change('"before"', '"after"')
    new = launch(instance, changing, quick)

    await_status(instance, new, SUCCESS)
    assert any("answer after" in each for each in messages(instance, new))
    assert pid_of(old) == pid
    instance.run_launcher.terminate(old)
    await_status(instance, old, CANCELED)


def test_code_that_cannot_be_loaded_is_refused_until_it_can(
    instance: dg.DagsterInstance, changing: Warm
):
    changing.change("ANSWER = ", "ANSWER == ")
    refused = Order("launch", make_run(instance, changing, quick).run_id, module=MODULE)
    assert "NameError" in ask(refused).refusal

    changing.change("ANSWER == ", "ANSWER = ")

    await_status(instance, launch(instance, changing, quick), SUCCESS)


def test_second_warm_process_of_a_state_directory_is_refused(warm: Warm, tmp_path: Path):
    second = Warm(tmp_path)

    assert second.process.wait(60) == 2
    assert "listens on" in second.log.read_text()
    assert ask(Order("ping")).refusal == ""


def test_stock_launcher_is_asked_where_no_warm_process_serves(instance: dg.DagsterInstance):
    run = instance.create_run_for_job(quick, status=dg.DagsterRunStatus.STARTING)

    # it has no code server here, and says so
    with pytest.raises(dg.DagsterInvariantViolationError, match="DefaultRunLauncher"):
        instance.run_launcher.launch_run(LaunchRunContext(run, None))

    assert any("No warm process listens" in each for each in messages(instance, run.run_id))


@pytest.mark.slow
def test_stock_launcher_takes_over(instance: dg.DagsterInstance):
    target = ModuleTarget("tests.support.warm_example", "defs", str(ROOT), "example")
    with WorkspaceProcessContext(instance, target) as process:
        workspace = process.create_request_context()
        location = workspace.get_code_location("example")
        job = location.get_repository("__repository__").get_full_job("quick")
        run = instance.create_run_for_job(
            quick,
            status=dg.DagsterRunStatus.STARTING,
            remote_job_origin=job.get_remote_origin(),
            job_code_origin=job.get_python_origin(),
        )
        instance.run_launcher.launch_run(LaunchRunContext(run, workspace))

        await_status(instance, run.run_id, SUCCESS)
    assert any("No warm process listens" in each for each in messages(instance, run.run_id))
