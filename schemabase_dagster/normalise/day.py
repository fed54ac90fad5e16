"""Days: the instant of something that its source dates by day only."""

from datetime import date, datetime, time


def instant_of(day: date, known: datetime) -> datetime:
    """Return ``known`` when it lies on that day, else the start of the day.

    Args:
        day: day of the event, in the zone of ``known``.
        known: an instant of the same record that may be the event's own.
    """
    return known if known.date() == day else datetime.combine(day, time(), known.tzinfo)
