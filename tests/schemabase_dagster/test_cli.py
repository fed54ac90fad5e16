"""On call at night one reads one line: it must say what is wrong and what to do."""

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from typing import NoReturn
from zoneinfo import ZoneInfo

import psycopg
import pytest

import schemabase_dagster
from schemabase_dagster import cli, terminal
from schemabase_dagster.errors import (
    ConfigurationError,
    CredentialError,
    ProviderUnavailable,
    UnknownTenantError,
)
from schemabase_dagster.settings import ROOT, forget_settings


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Make ``schemabase keys generate`` fail with an error."""

    def fail_with(error: Exception) -> None:
        def generate() -> NoReturn:
            raise error

        monkeypatch.setattr("schemabase_dagster.vault.generate_key", generate)

    return fail_with


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (ConfigurationError("It is wrong.", "Mend it."), 2, "It is wrong. Mend it."),
        (UnknownTenantError("acme"), 2, "There is no tenant 'acme'."),
        (CredentialError("acme", "shop", "denied"), 3, "set-credentials acme shop"),
        (ProviderUnavailable("zoho", "list orders", status=503), 4, "zoho: list orders (HTTP 503)"),
        (psycopg.OperationalError("connection to canary failed"), 2, "DATABASE_URL"),
        (psycopg.errors.UndefinedTable("canary"), 2, "schemabase migrate"),
        (psycopg.errors.DeadlockDetected("canary"), 70, "Unexpected DeadlockDetected"),
        (KeyError("canary"), 70, "Unexpected KeyError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_error_is_one_line_with_a_status_of_its_class(
    failing: Callable[[Exception], None],
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    status: int,
    text: str,
):
    failing(error)

    with pytest.raises(SystemExit) as ended:
        cli.main(["keys", "generate"])

    out, err = capsys.readouterr()
    assert ended.value.code == status
    assert out == ""
    assert err.count("\n") == 1
    assert text in err
    assert err.count("\n") == 1
    assert "canary" not in err


@pytest.mark.parametrize(
    "words", [["--debug", "keys", "generate"], ["keys", "generate", "--debug"]]
)
def test_debug_shows_the_trace(failing: Callable[[Exception], None], words: list[str]):
    failing(KeyError("why"))

    with pytest.raises(KeyError, match="why"):
        cli.main(words)


def test_markup_in_an_error_is_text(
    failing: Callable[[Exception], None], capsys: pytest.CaptureFixture[str]
):
    failing(ConfigurationError("Field [bold]x[/] is wrong."))

    with pytest.raises(SystemExit):
        cli.main(["keys", "generate"])

    assert "[bold]x[/]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["foo"], "No such command 'foo'. See 'schemabase --help'."),
        (["app", "add", "acme"], "Missing argument 'TYPE'. See 'schemabase app add --help'."),
        (["app", "pause", "acme", "shop", "--minutes", "0"], "See 'schemabase app pause --help'."),
        (["inbox", "list", "--status", "lost"], "'lost' is not one of 'received'"),
        (["sync", "acme", "--fulll"], "No such option"),
        (["entitlement", "grant", "acme", "--until", "soon"], "'soon' does not match the format"),
    ],
)
def test_misspelt_command_is_one_line_with_the_next_step(
    capsys: pytest.CaptureFixture[str], words: list[str], text: str
):
    with pytest.raises(SystemExit) as ended:
        cli.main(words)

    out, err = capsys.readouterr()
    assert (ended.value.code, out, err.count("\n")) == (2, "", 1)
    assert text in err
    assert "Value error" not in err


def test_group_without_a_command_shows_its_help(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        cli.main(["app"])

    out, err = capsys.readouterr()
    assert "set-credentials" in out + err
    assert "Error" not in out + err


def test_every_command_has_help_with_an_example_and_every_option_too():
    import typer  # noqa: PLC0415 - only here

    root = typer.main.get_command(cli.build())
    silent = [name for name, command in _walk(root, "") if not command.help]
    mute = [
        f"{name} {parameter.name}"
        for name, command in _walk(root, "")
        for parameter in command.params
        if not getattr(parameter, "help", None)
    ]

    without_example = [
        name
        for name, command in _walk(root, "")
        if not hasattr(command, "commands")
        and f"Example: schemabase {name}" not in (command.epilog or "")
    ]

    assert silent == []
    assert mute == []
    assert without_example == []


def test_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "schemabase_dagster", "--version"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )

    assert done.stdout.strip() == schemabase_dagster.__version__


def test_administration_does_not_wait_for_dagster():
    names = ["app", "db", "entitlement", "integration", "keys", "migrate", "tenant"]
    code = (
        f"import importlib, sys; [importlib.import_module('schemabase_dagster.commands.' + name)"
        f" for name in {names}]; import schemabase_dagster.cli; "
        "print([name for name in ('dagster', 'pandas', 'matplotlib') if name in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, text=True
    )

    assert done.stdout.strip() == "[]"


def test_missing_database_is_told_without_a_trace(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:canary@127.0.0.1:1/nothing")
    monkeypatch.setattr("schemabase_dagster.database.POOL_WAIT_SECONDS", 0.2)
    forget_settings()

    with pytest.raises(SystemExit) as ended:
        cli.main(["tenant", "list"])

    err = capsys.readouterr().err
    assert ended.value.code == 2
    assert "The database does not answer" in err
    assert err.count("\n") == 1
    assert "canary" not in err


@pytest.mark.parametrize(("count", "expected"), [(0, "0 apps"), (1, "1 app"), (1234, "1,234 apps")])
def test_numbers_agree_with_their_word(count: int, expected: str):
    assert terminal.plural(count, "app") == expected
    assert terminal.plural(2, "entry", "entries") == "2 entries"


def test_instants_are_shown_in_utc_and_say_so():
    berlin = datetime(2026, 7, 1, 10, 5, tzinfo=ZoneInfo("Europe/Berlin"))

    assert terminal.cell(berlin) == "2026-07-01 08:05Z"


def _walk(command, name: str):
    yield name, command
    for word, inner in getattr(command, "commands", {}).items():
        yield from _walk(inner, f"{name} {word}".strip())


def test_no_command_waits_for_dagster_to_be_imported():
    code = (
        "import sys; from schemabase_dagster import cli; cli.build(); "
        "sys.exit('dagster' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
