"""The only place that asks what time it is; parsing and printing of times."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.now(UTC)


def parse_instant(text: str) -> datetime:
    """Parse an ISO 8601 instant into aware UTC.

    Accepts the colon-free offsets of Zoho (``2024-03-09T14:05:33+0100``, Zoho Books API,
    value formats), ``Z`` and microseconds. A time without zone is taken as UTC.

    Raises:
        ValueError: the text is not an ISO 8601 instant.
    """
    return parse_local(text).astimezone(UTC)


def parse_local(text: str) -> datetime:
    """Parse an ISO 8601 instant as ``parse_instant`` does, and keep the zone that it names.

    Raises:
        ValueError: the text is not an ISO 8601 instant.
    """
    parsed = datetime.fromisoformat(text)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed


def show_instant(instant: datetime) -> str:
    """Return an instant as people read it, whatever zone it was given in: 2026-01-31 08:00Z."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ")
