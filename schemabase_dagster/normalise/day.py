"""Days: the instant of something that its source dates by day only."""

from datetime import UTC, date, datetime, time


def instant_of(day: date, known: datetime) -> datetime:
    """Return ``known`` when it lies on that day, else the start of the day, in UTC.

    Args:
        day: day of the event, in the zone of ``known``.
        known: an instant of the same record that may be the event's own.
    """
    start = datetime.combine(day, time(), known.tzinfo)
    return (known if known.date() == day else start).astimezone(UTC)
