"""What a cron expression means: its ticks in a time zone, and the same times in systemd's words."""

from __future__ import annotations

import os
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim

_DAYS: Final = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_ANY: Final = datetime(2024, 1, 1, tzinfo=UTC)


def zone(name: str) -> tzinfo:
    """Return the time zone ``name``; empty: the machine's own, with its summer time."""
    try:
        if name or os.environ.get("TZ"):
            return ZoneInfo(name or os.environ["TZ"].removeprefix(":"))
        with Path("/etc/localtime").open("rb") as file:
            return ZoneInfo.from_file(file, key="localtime")
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return UTC


def latest(cron: str, now: float, where: tzinfo) -> float:
    """Return the last tick that is not after ``now``; both in seconds since the epoch."""
    moment = datetime.fromtimestamp(int(now) + 1, where)  # backwards, the moment itself is no tick
    ticks = (tick.timestamp() for tick in CronSim(cron, moment, reverse=True))
    return next(tick for tick in ticks if tick <= now)  # in the hour that comes twice, one may lie ahead


def following(cron: str, now: float, where: tzinfo) -> float:
    """Return the first tick after ``now``."""
    ticks = (tick.timestamp() for tick in CronSim(cron, datetime.fromtimestamp(int(now), where)))
    return next(tick for tick in ticks if tick > now)  # in the hour that comes twice, one may lie behind


def calendars(cron: str, timezone: str) -> list[str]:
    """Return the ``OnCalendar=`` values of a cron expression.

    Two where it names both a day of the month and a weekday: cron means either, systemd would mean both.
    """
    times = CronSim(cron, _ANY)
    clock = f"{_listed(times.hours, 24)}:{_listed(times.minutes, 60)}:00"
    months = _listed(times.months, 12)
    days = f"*-{months}-{_listed(times.days, 31)}"
    weekdays = ",".join(_DAYS[day] for day in _weekdays(times))
    zone_name = f" {timezone}" if timezone else ""
    if not weekdays:
        return [f"{days} {clock}{zone_name}"]
    if times.day_and:
        return [f"{weekdays} {days} {clock}{zone_name}"]
    return [f"{days} {clock}{zone_name}", f"{weekdays} *-{months}-* {clock}{zone_name}"]


def with_sunday_as_zero(cron: str) -> str:
    """Return the expression with weekdays from 0 to 6: what Kubernetes reads knows no 7."""
    weekdays = _weekdays(CronSim(cron, _ANY))
    head, _blank, field = cron.strip().rpartition(" ")
    return f"{head.strip()} {','.join(map(str, weekdays))}" if weekdays and "7" in field else cron


def _weekdays(times: CronSim) -> list[int]:
    found = sorted({day % 7 for day in times.weekdays if isinstance(day, int)})
    return [] if len(found) == len(_DAYS) else found


def _listed(values: set[int], whole: int) -> str:
    return "*" if len(values) == whole else ",".join(f"{value:02}" for value in sorted(values))
