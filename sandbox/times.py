"""Times as the two systems write and read them; inside they are microseconds since the epoch."""

import re
import time
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

SECOND = 1_000_000
_ZOHO_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}$")


def now_us() -> int:
    """The present, in microseconds since the epoch."""
    return time.time_ns() // 1000


def zoho_time(at: int, zone: str) -> str:
    """Zoho's form: the organisation's time zone, offset without colon, whole seconds."""
    return datetime.fromtimestamp(at // SECOND, _zone(zone)).strftime("%Y-%m-%dT%H:%M:%S%z")


def zoho_date(at: int, zone: str) -> str:
    """The calendar day in the organisation's time zone."""
    return datetime.fromtimestamp(at // SECOND, _zone(zone)).strftime("%Y-%m-%d")


def parse_zoho_time(text: str) -> int | None:
    """Read ``yyyy-MM-ddTHH:mm:ss±HHMM``; None when the text has any other form."""
    if not _ZOHO_TIME.match(text):
        return None
    try:
        return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp()) * SECOND
    except ValueError:
        return None


def saleor_time(at: int) -> str:
    """Saleor's form: UTC with microseconds."""
    moment = datetime.fromtimestamp(at // SECOND, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % SECOND:06d}+00:00"


def utc_time(at: int) -> str:
    """UTC in whole seconds, as Braintree writes it."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_utc_time(text: str) -> int:
    """Read that form."""
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


def parse_saleor_time(text: str) -> int | None:
    """Read a GraphQL DateTime: a zone is optional (UTC), a bare date is refused."""
    if "T" not in text and " " not in text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * SECOND + moment.microsecond


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
