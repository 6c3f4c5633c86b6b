"""How a moment is written in a column: ISO 8601 text in UTC, or a number since the epoch."""

from __future__ import annotations

from datetime import UTC, datetime

PER_SECOND = (1, 1_000, 1_000_000, 1_000_000_000)
NEVER = "1970-01-02"
"""A time before this day means none: zero since 1970 in whatever zone, year 0 or 1 where nothing was ever set."""
_EARLIEST, _LATEST = 1e8, 1e11
"""Seconds: the years 1973 to 5138. A thousand lies between, so that no number is plausible in two units."""


def moment(cutoff: float) -> datetime:
    """Return the cutoff (seconds since the epoch) in UTC, to the microsecond."""
    return datetime.fromtimestamp(cutoff, UTC)


def iso(cutoff: float, separator: str) -> str:
    """Return the cutoff so that plain comparison of characters puts every earlier time before it.

    Trailing zeros are left off: ``05.5`` must not come after an equal ``05.500``, and what is shorter sorts first. A
    time with a ``Z`` behind it may sort up to a second too late: it is kept that much longer, never less.
    """
    text = moment(cutoff).replace(tzinfo=None).isoformat(separator)
    return text.rstrip("0") if "." in text else text


def per_second(low: float, high: float) -> int | None:
    """Return how many units a second has if everything between ``low`` and ``high`` is a time; ``None`` if unsure."""
    for units in PER_SECOND:
        if _EARLIEST * units <= low and high < _LATEST * units:
            return units
    return None


def units_of(low: float, high: float, declared: int) -> int | None:
    """Return the units a second that are declared, unless the values plainly speak of others; else those found."""
    found = per_second(low, high)
    if not declared:
        return found
    return declared if found in {declared, None} else None
