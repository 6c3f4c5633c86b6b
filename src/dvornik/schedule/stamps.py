"""When each schedule was last taken up, kept with the state, and what is due by it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from dvornik import atomic
from dvornik.schedule.crontimes import following, latest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo
    from pathlib import Path

    from dvornik.schedule.schedules import Schedule

NAME: Final = "schedule.json"
_STEPPED_BACK: Final = 60.0
"""Seconds by which a stamp may lie in the future: more, and the clock was set back since."""


class Clock(msgspec.Struct, frozen=True):
    """How ticks become times: the zone, and by how many seconds a run may be late (``seed``: where it runs)."""

    zone: tzinfo
    jitter: int = 0
    seed: str = ""

    def delay(self, name: str, tick: float) -> int:
        """Return the seconds by which this tick's run is late: the same whenever it is asked."""
        if not self.jitter:
            return 0
        return zlib.crc32(f"{self.seed} {name} {tick:.0f}".encode()) % (self.jitter + 1)

    def last(self, schedule: Schedule, now: float) -> float:
        """Return the latest tick of ``schedule`` whose time has come."""
        tick = latest(schedule.cron, now, self.zone)
        while tick + self.delay(schedule.name, tick) > now:
            tick = latest(schedule.cron, tick - 1, self.zone)
        return tick

    def next(self, schedule: Schedule, now: float) -> float:
        """Return when ``schedule`` is due next."""
        tick = following(schedule.cron, now, self.zone)
        return tick + self.delay(schedule.name, tick)


Stamps = Mapping[str, float]
"""By the name of a schedule: the time at which it was last taken up, in seconds since the epoch."""


def due(schedules: Sequence[Schedule], stamps: Stamps, now: float, clock: Clock) -> list[Schedule]:
    """Return the schedules that ticked since they were last taken up: once each, however often that was."""
    return [
        schedule
        for schedule in schedules
        if schedule.name in stamps and stamps[schedule.name] < clock.last(schedule, now)
    ]


def settled(schedules: Sequence[Schedule], stamps: Stamps, now: float) -> Stamps:
    """Return ``stamps`` with ``now`` for a schedule that is new, and for one that the clock has left in the future.

    A new installation has missed nothing, and a clock that was set back must not silence anything until it catches up.
    """
    known = {name: stamp for name, stamp in stamps.items() if stamp <= now + _STEPPED_BACK}
    return {schedule.name: known.get(schedule.name, now) for schedule in schedules}


def read(directory: Path) -> Stamps:
    """Return what is kept in the state; nothing where there is nothing that can be read."""
    try:
        return msgspec.json.decode((directory / NAME).read_bytes(), type=dict[str, float])
    except (OSError, msgspec.DecodeError):
        return {}


def write(directory: Path, stamps: Stamps) -> None:
    """Keep ``stamps``, whole or not at all; raise ``OSError``."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    atomic.write(directory / NAME, msgspec.json.encode(stamps))
