"""Log set-up: console lines for people, JSON elsewhere, and no secret in either."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final, Literal

import structlog

from schemabase_dagster.settings import get_settings

HIDDEN: Final = "[hidden]"

QUIET_LOGGERS: Final = {
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "alembic": logging.WARNING,
    "psycopg.pool": logging.ERROR,
}
"""They write a line per request with its whole URL, per step of a migration, or per attempt to
connect of which only the last one's failure matters."""

_SECRET_KEY: Final = re.compile(
    r"(?i)(password|passwd|secret|token|authorization|cookie|credential|api_?key|private_?key"
    r"|signature|database_url|conninfo|dsn|payload|body)"
)

# Values that are secret whatever they are called.
_SECRET_VALUE: Final = (
    (re.compile(r"(?i)\b(bearer|basic|zoho-oauthtoken)\s+[\w.~+/=-]+"), r"\1 " + HIDDEN),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^/\s:@]*):[^/\s@]+@"), r"\1:" + HIDDEN + "@"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]*\.[\w-]+"), HIDDEN),
    (
        re.compile(
            r"(?i)([?&][^=&\s]*(?:token|secret|key|code|signature|password)[^=&\s]*)=[^&\s]+"
        ),
        r"\1=" + HIDDEN,
    ),
)

Event = MutableMapping[str, Any]


def configure(stream: Literal["stdout", "stderr"] = "stderr") -> None:
    """Set up structlog and the standard library's logging for this process.

    Args:
        stream: where lines go.
    """
    settings = get_settings()
    output = getattr(sys, stream)
    is_json = settings.log_format == "json" or (
        settings.log_format == "auto" and not output.isatty()
    )
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared[:-1],
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(is_json=is_json, colors=output.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, least in QUIET_LOGGERS.items():
        logging.getLogger(name).setLevel(max(level, least))


def redact(_logger: Any, _method: str, event: Event) -> Event:
    """Hide values whose name or shape says that they are secret; a structlog processor."""
    for name, value in event.items():
        event[name] = _redacted(name, value)
    return event


def redact_text(text: str) -> str:
    """Hide what looks secret inside a text: bearer tokens, passwords in URLs, signed tokens."""
    for pattern, replacement in _SECRET_VALUE:
        text = pattern.sub(replacement, text)
    return text


def _redacted(name: str, value: Any) -> Any:
    if _SECRET_KEY.search(name) and not isinstance(value, (bool, int, float, type(None))):
        return HIDDEN
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, dict):
        return {key: _redacted(str(key), item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted(name, item) for item in value]
    return value


def _renderers(*, is_json: bool, colors: bool) -> list[structlog.typing.Processor]:
    if is_json:
        # The text of a trace is made before it is redacted, since it can quote anything.
        return [
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(),
        ]
    return [structlog.processors.format_exc_info, redact, structlog.dev.ConsoleRenderer(colors)]
