"""A secret in a log line is a secret in every log store, mail and ticket it is copied to."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from schemabase_dagster import logs
from schemabase_dagster.settings import forget_settings


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    """Leave the process's logging as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in logs.QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


def test_lines_are_json_where_nobody_watches(capsys: pytest.CaptureFixture[str]):
    logs.configure()

    structlog.get_logger("engine").info("landed", stream="orders", read=3)

    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["stream"], line["read"]) == ("landed", "orders", 3)
    assert (line["level"], line["logger"]) == ("info", "engine")
    assert line["timestamp"].endswith("Z")


def test_lines_are_for_people_when_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SCHEMABASE_LOG_FORMAT", "console")
    forget_settings()
    logs.configure("stdout")

    structlog.get_logger().info("landed", stream="orders")

    out = capsys.readouterr().out
    assert "landed" in out
    assert not out.startswith("{")


@pytest.mark.parametrize("format_", ["json", "console"])
@pytest.mark.parametrize(
    "fields",
    [
        {"password": "canary"},
        {"client_secret": "canary"},
        {"headers": {"Authorization": "canary", "Cookie": "canary"}},
        {"access_token": ["canary"]},
        {"note": "sent Authorization: Bearer canary.canary"},
        {"note": "Zoho-oauthtoken canary.canary"},
        {"url": "postgresql://user:canary@host/db"},
        {"url": "https://host/hook?x=1&api_key=canary&y=2"},
        {"nested": {"list": ["https://host/?refresh_token=canary"]}},
        {"payload": {"email": "canary"}},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_secret_never_reaches_a_line(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    format_: str,
    fields: dict[str, object],
):
    monkeypatch.setenv("SCHEMABASE_LOG_FORMAT", format_)
    forget_settings()
    logs.configure()

    structlog.get_logger().warning("call", **fields)
    logging.getLogger("foreign").warning("call", extra=fields)

    err = capsys.readouterr().err
    assert err.count("call") >= 2
    assert "canary" not in err


def test_secret_in_a_trace_is_hidden(capsys: pytest.CaptureFixture[str]):
    logs.configure()

    try:
        int("postgresql://user:canary@host/db")
    except ValueError:
        structlog.get_logger().exception("failed")

    err = capsys.readouterr().err
    assert "ValueError" in err
    assert "canary" not in err


def test_numbers_and_flags_beside_secrets_stay(capsys: pytest.CaptureFixture[str]):
    logs.configure()

    structlog.get_logger().info("refreshed", token_seconds=3600, has_token=True, body_bytes=12)

    line = json.loads(capsys.readouterr().err)
    assert (line["token_seconds"], line["has_token"], line["body_bytes"]) == (3600, True, 12)


def test_request_lines_of_the_http_client_are_left_out(capsys: pytest.CaptureFixture[str]):
    logs.configure()

    logging.getLogger("httpx").info("HTTP Request: GET https://host/?code=canary")

    assert capsys.readouterr().err == ""


def test_level_comes_from_the_settings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SCHEMABASE_LOG_LEVEL", "error")
    forget_settings()
    logs.configure()

    structlog.get_logger().warning("quiet")
    structlog.get_logger().error("loud")

    err = capsys.readouterr().err
    assert "quiet" not in err
    assert "loud" in err
