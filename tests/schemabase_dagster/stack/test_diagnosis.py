"""Without these, ``schemabase doctor`` calls a machine healthy on which runs fail."""

import contextlib
import socket
from pathlib import Path

import pytest

from schemabase_dagster import database, embedded
from schemabase_dagster.ports import LOOPBACK, free_port, is_free
from schemabase_dagster.settings import ROOT, forget_settings
from schemabase_dagster.stack import diagnosis
from schemabase_dagster.stack.diagnosis import Finding
from schemabase_dagster.stack.home import Home
from schemabase_dagster.stack.services import GATEWAY_PORT


def finding(subject: str) -> Finding:
    return next(each for each in diagnosis.diagnose() if each.subject == subject)


@pytest.mark.usefixtures("postgres")
def test_migrated_database_is_healthy():
    assert finding("Database").level == "ok"
    assert finding("Migrations").level == "ok"


@pytest.mark.usefixtures("postgres")
def test_database_of_an_older_version_needs_a_migration():
    with database.connect(autocommit=True) as connection:
        connection.execute("UPDATE platform.alembic_version SET version_num = 'older'")

    found = finding("Migrations")

    assert found.level == "failure"
    assert "schemabase migrate" in found.hint


def test_database_that_does_not_answer_is_a_failure(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:secret@127.0.0.1:{free_port()}/d")
    forget_settings()

    found = finding("Database")

    assert found.level == "failure"
    assert "secret" not in found.text + found.hint


def test_embedded_server_that_does_not_run_is_only_a_note():
    assert embedded.binaries().exists()
    assert finding("Database").level == "warning"


def test_key_file_that_others_can_read_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("SCHEMABASE_KEYS")
    monkeypatch.setenv("SCHEMABASE_STATE_DIR", str(tmp_path))
    forget_settings()
    keys = tmp_path / "keys"
    keys.write_text("k:AAAA")
    keys.chmod(0o644)

    assert finding("Vault keys").level == "failure"
    keys.chmod(0o600)
    assert finding("Vault keys").level == "ok"


def test_dagster_on_another_driver_is_a_failure(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", "postgresql://u:secret@h/dagster")

    found = finding("Dagster")

    assert found.level == "failure"
    assert "postgresql+psycopg2://" in found.hint
    assert "secret" not in found.text + found.hint


def test_missing_warm_process_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    home = Home(ROOT, tmp_path)
    home.prepare(code_port=1, is_warm=True)
    monkeypatch.setenv("DAGSTER_HOME", str(home.dagster))

    found = finding("Dagster")

    assert found.level == "warning"
    assert "schemabase_dagster.warm" in found.hint


def test_impossible_setting_is_one_finding_and_not_a_crash(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SCHEMABASE_LOG_LEVEL", "loud")
    forget_settings()

    levels = {each.subject: each.level for each in diagnosis.diagnose()}

    assert levels["Python"] != "failure"
    assert levels["Alerts"] == "failure"


def test_taken_port_is_named():
    with contextlib.ExitStack() as stack:
        if is_free(GATEWAY_PORT):
            stack.enter_context(socket.create_server((LOOPBACK, GATEWAY_PORT)))

        assert f"gateway {GATEWAY_PORT}" in finding("Ports").text
