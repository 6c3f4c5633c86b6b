"""The three schedules of an installation, as data: when each is due, and what it runs."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from dvornik.config import ScheduleSection


class Schedule(msgspec.Struct, frozen=True):
    """One schedule: a cron expression of five fields, and the run that follows from it."""

    name: str
    cron: str
    title: str
    """What it does, in plain English, for a unit's description."""
    steps: Sequence[str] = ()
    """Empty: all that ``dvornik run`` does unasked."""
    thorough: bool = False

    def words(self, *, script: bool) -> list[str]:
        """Return the arguments of ``cleanup.py`` (``script``) or of ``dvornik`` for this run."""
        flags = ["--aggressive"] if self.thorough else []
        if script:
            return [*(f"--{step}-only" for step in self.steps), *flags]
        return ["run", *self.steps, *flags]


def schedules(section: ScheduleSection) -> list[Schedule]:
    """Return the schedules that are switched on, the most frequent first."""
    three = [
        Schedule("daily", section.daily, "temporary files", ("temp",)),
        Schedule("weekly", section.weekly, "full cleanup"),
        Schedule("monthly", section.monthly, "aggressive cleanup", thorough=True),
    ]
    return [schedule for schedule in three if schedule.cron]
