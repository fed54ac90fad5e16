"""Without these, two stacks share one state directory, or secrets lie open in the env file."""

import os
import stat
import subprocess
from pathlib import Path

import pytest
from dagster_shared.yaml_utils import load_yaml_from_path

from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.settings import ROOT
from schemabase_dagster.stack.home import Home, owned
from schemabase_dagster.warm_launcher import WarmRunLauncher


def test_second_stack_of_a_state_directory_is_told_who_runs(tmp_path: Path):
    with (
        owned(tmp_path),
        pytest.raises(ConfigurationError, match=f"already runs .*process {os.getpid()}"),
        owned(tmp_path),
    ):
        pass


def test_state_directory_is_free_again_after_its_stack(tmp_path: Path):
    with owned(tmp_path):
        pass

    with owned(tmp_path):
        pass


def test_environment_file_is_private_and_can_be_sourced(tmp_path: Path):
    home = Home(ROOT, tmp_path)

    home.write_env_file({"DATABASE_URL": "postgresql://u:p%20@h/d?x=1"})

    assert stat.S_IMODE(home.env_file.stat().st_mode) == 0o600
    shown = subprocess.run(
        ["/bin/sh", "-c", f". {home.env_file} && printenv DATABASE_URL"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "postgresql://u:p%20@h/d?x=1\n"


def test_dagster_home_names_the_code_server_and_stays_out_of_the_repository(tmp_path: Path):
    home = Home(ROOT, tmp_path / "state")

    home.prepare(code_port=4711)

    assert "port: 4711" in home.workspace.read_text()
    assert (home.dagster / "dagster.yaml").read_bytes() == (ROOT / "dagster.yaml").read_bytes()
    assert not home.dagster.is_relative_to(ROOT)


def test_warm_home_names_the_launcher_of_warm_runs(tmp_path: Path):
    home = Home(ROOT, tmp_path)

    home.prepare(code_port=4711, is_warm=True)

    settings = load_yaml_from_path(str(home.dagster / "dagster.yaml"))
    assert isinstance(settings, dict)
    assert settings["run_launcher"]["class"] == WarmRunLauncher.__name__
    assert settings["run_monitoring"]["enabled"]


def test_children_compile_their_bytecode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    assert "PYTHONDONTWRITEBYTECODE" not in Home(ROOT, tmp_path).environment()
