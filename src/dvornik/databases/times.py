"""How a moment is written in a column: ISO 8601 text in UTC, fourteen digits, or a number since some epoch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple

PER_SECOND = (1, 1_000, 1_000_000, 1_000_000_000)
NEVER = "1970-01-02"
"""A time before this day means none: zero since 1970 in whatever zone, year 0 or 1 where nothing was ever set."""
_EARLIEST, _LATEST = 1e8, 1e11
"""Seconds: the years 1973 to 5138. A thousand lies between, so that no number is plausible in two units."""

COMPACT_EARLIEST: Final = 19700102000000
COMPACT: Final = "^(19|2[0-9]|99)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]$"
"""Fourteen digits that are a time. As a number of milliseconds they would lie in the year 2600."""
LAST: Final = 253_370_764_799.0
"""The end of the year 9998: what lies later never comes."""
_YEAR: Final = 365.25 * 86_400
_PAST, _FUTURE = 3 * _YEAR, 20 * _YEAR
"""How far the newest of a column may lie from now. No usual epoch is this near to 1970 in the direction in which it
matters (GPS counts from 1980, Apple from 2001); one before 1970 makes everything look later, so that nothing goes."""
_YEAR_9999: Final = (253_370_764_800, 253_402_300_800)
_LARGEST: Final = (2**31 - 1, 2**32 - 1, 2**63 - 1)


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


def compact(cutoff: float) -> str:
    """Return the cutoff in fourteen digits, as MediaWiki writes a time: ``20261128004804``."""
    return moment(cutoff).strftime("%Y%m%d%H%M%S")


def usual(column: str) -> str:
    """Return SQL (of any server) that holds for a number that does not stand for never."""
    low, high = _YEAR_9999
    ends = [f"{column} NOT BETWEEN {low * units} AND {high * units}" for units in PER_SECOND]
    return " AND ".join([f"{column} <> 0", f"{column} NOT IN ({', '.join(map(str, _LARGEST))})", *ends])


class Reading(NamedTuple):
    """What numbers are: units since ``epoch`` (seconds since 1970), so many a second."""

    units: int
    epoch: int = 0

    def number(self, cutoff: float) -> float:
        """Return the number that stands for the cutoff."""
        return (cutoff - self.epoch) * self.units


def reading(low: float, high: float, declared: Reading, now: float) -> Reading | None:
    """Return how numbers between ``low`` and ``high``, the newest, are to be read; ``None`` if that is not certain.

    What is declared counts, unless the values plainly speak of another unit. Else the unit is found, and the newest
    must lie near ``now``: counted from another epoch (.NET, Windows, Apple, GPS) it would lie years away.
    """
    if declared.units and declared.epoch:
        first, last = (value / declared.units + declared.epoch for value in (low, high))
        return declared if first >= _EARLIEST and last < _LATEST else None
    found = per_second(low, high)
    if declared.units:
        return declared if found in {declared.units, None} else None
    is_near = found is not None and now - _PAST <= high / found <= now + _FUTURE
    return Reading(found) if found and is_near else None
