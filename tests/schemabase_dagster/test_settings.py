"""Settings are the first thing a deployment gets wrong: the message must name the variable only."""

from pathlib import Path

import pytest

from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.settings import ROOT, forget_settings, get_settings


def test_environment_is_read_at_the_first_call_only(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SCHEMABASE_LOG_LEVEL", "debug")
    first = get_settings()
    monkeypatch.setenv("SCHEMABASE_LOG_LEVEL", "error")

    assert get_settings() is first
    assert first.log_level == "debug"


def test_state_lies_in_the_checkout_by_default(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SCHEMABASE_STATE_DIR")
    forget_settings()

    assert get_settings().state_dir == ROOT / ".schemabase"
    assert (ROOT / "pyproject.toml").exists()


def test_state_folder_can_be_moved(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SCHEMABASE_STATE_DIR", "/var/lib/schemabase")
    forget_settings()

    assert get_settings().state_dir == Path("/var/lib/schemabase")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SCHEMABASE_LOG_FORMAT", "canary-value"),
        ("SCHEMABASE_SMTP_PORT", "canary-value"),
        ("SCHEMABASE_DAGSTER_DATABASE", 'canary"; DROP'),
    ],
)
def test_impossible_value_is_named_but_not_repeated(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
):
    monkeypatch.setenv(variable, value)
    forget_settings()

    with pytest.raises(ConfigurationError, match=variable) as caught:
        get_settings()

    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_secrets_are_not_printed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:canary@host/db")
    monkeypatch.setenv("SCHEMABASE_SMTP_PASSWORD", "canary")
    forget_settings()

    assert "canary" not in repr(get_settings())
