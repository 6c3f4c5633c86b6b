"""Keeps the time where nothing else does: starts each run as a process of its own, and ends with it in good order.

Made to be the first process of a container: what nobody else waits for is reaped, a signal is answered at once.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from dvornik.schedule import stamps
from dvornik.schedule.installation import Installation  # noqa: TC001 - msgspec reads the annotations
from dvornik.schedule.stamps import Clock  # noqa: TC001 - as above

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dvornik.schedule.schedules import Schedule

_STEP: Final = 30.0
"""Seconds of one sleep at most: the clock may be set, or summer time begin, while we sleep."""
_PATIENCE: Final = 8.0
"""Seconds that a run has to end when we must: Docker kills after ten."""
_AGAIN: Final = 300.0
"""Seconds after which a run that found the lock taken comes again."""
LOCKED: Final = 11
_ENDING: Final = (signal.SIGTERM, signal.SIGINT)
_LEVELS: Final = {"INFO": 6, "WARNING": 4, "ERROR": 3}


class Beside(Protocol):
    """What is served while time is kept: in threads of its own, to which no signal goes."""

    url: str

    def start(self) -> None:
        """Begin; comes back at once."""


class Order(msgspec.Struct, frozen=True):
    """What a daemon is to do."""

    installation: Installation
    clock: Clock
    environment: Mapping[str, str]


class Daemon:
    """One daemon: it waits, starts what is due, one run at a time, and waits for it."""

    def __init__(self, order: Order, state: Path) -> None:
        """Keep stamps in the directory ``state``."""
        self._order = order
        self._state = state
        self._schedules = order.installation.schedules
        self._kept: stamps.Stamps = {}
        self._not_before: dict[str, float] = {}
        self._is_ending = False

    def serve(self, beside: Beside | None = None) -> int:
        """Run until a signal ends it; 0. ``beside`` is started when nothing can fail any more, and ends with us."""
        with _Held():
            self._look()
            self._announce()
            if beside is not None:
                beside.start()
                _log("INFO", "daemon", f"serves {beside.url}")
            while not self._is_ending:
                due = self._due()
                if due:
                    self._perform(due[0])
                else:
                    self._wait(min(_STEP, self._until_next()))
                    _reaped()
            _log("INFO", "daemon", "ended")
        return 0

    def catch_up(self) -> int:
        """Run what is due now, each once, and return the worst exit status."""
        with _Held():
            self._look()
            return max((self._perform(schedule) for schedule in self._due()), default=0)

    def _due(self) -> list[Schedule]:
        self._look()
        now = time.time()
        found = stamps.due(self._schedules, self._kept, now, self._order.clock)
        return [schedule for schedule in found if self._not_before.get(schedule.name, 0) <= now]

    def _look(self) -> None:
        """Read the stamps anew: somebody else may have run what was due."""
        found = stamps.read(self._state)
        # The later of both: where nothing can be written, what we remember must not be taken for missed.
        before = {name: max(found.get(name, 0.0), self._kept.get(name, 0.0)) for name in {*found, *self._kept}}
        self._kept = stamps.settled(self._schedules, before, time.time())
        if self._kept != found:
            self._keep()

    def _keep(self) -> None:
        try:
            stamps.write(self._state, self._kept)
        except OSError as error:
            _log("WARNING", "daemon", f"stamps not written: {error.strerror}; a restart would not know what was missed")

    def _until_next(self) -> float:
        now = time.time()
        times = [self._order.clock.next(schedule, now) for schedule in self._schedules]
        return max(0.05, min([*times, *(moment for moment in self._not_before.values() if moment > now)]) - now)

    def _announce(self) -> None:
        now = time.time()
        for schedule in self._schedules:
            moment = time.strftime("%Y-%m-%d %H:%M %z", time.localtime(self._order.clock.next(schedule, now)))
            _log("INFO", schedule.name, f"next at {moment}")

    def _perform(self, schedule: Schedule) -> int:
        """Run one schedule to its end; return its exit status, 128 and the signal for one that a signal ended."""
        before, now = self._kept, time.time()
        # Before the run: one that takes us down with it must not be started again and again.
        self._kept = {**before, schedule.name: now}
        self._keep()
        _log("INFO", schedule.name, "started")
        code = self._run(self._order.installation.run(schedule))
        if code == LOCKED or self._is_ending:
            self._kept = before  # it has not had its turn
            self._keep()
        if code == LOCKED:
            self._not_before[schedule.name] = now + _AGAIN
        _log("ERROR" if code else "INFO", schedule.name, f"ended, exit status {code}, {time.time() - now:.0f} s")
        return code

    def _run(self, words: list[str]) -> int:
        if sys.platform == "win32":
            return 1
        try:
            # The signals that we hold are none of the run's affair.
            child = os.posix_spawn(words[0], words, self._order.environment, setsigmask=())
        except OSError as error:
            _log("ERROR", "daemon", f"{words[0]}: {error.strerror}")
            return 127
        deadline: float | None = None
        while True:
            code = _reaped().get(child)
            if code is not None:
                return code
            self._wait(_STEP if deadline is None else max(0.05, deadline - time.monotonic()))
            if self._is_ending and deadline is None:
                deadline = time.monotonic() + _PATIENCE
                os.kill(child, signal.SIGTERM)
            elif deadline is not None and time.monotonic() >= deadline:
                os.kill(child, signal.SIGKILL)

    def _wait(self, seconds: float) -> None:
        """Sleep until a signal comes or ``seconds`` are over; no signal between two looks is lost: all are held."""
        if sys.platform != "linux":  # where the daemon is not offered
            time.sleep(seconds)
            return
        found = signal.sigtimedwait({*_ENDING, signal.SIGCHLD}, seconds)
        if found is not None and found.si_signo in _ENDING:
            self._is_ending = True


class _Held:
    """Holds the signals that we wait for while the daemon lives: they come when they are asked for."""

    def __enter__(self) -> None:
        if sys.platform != "win32":
            self._before = signal.pthread_sigmask(signal.SIG_BLOCK, {*_ENDING, signal.SIGCHLD})

    def __exit__(self, *_error: object) -> None:
        if sys.platform != "win32":
            signal.pthread_sigmask(signal.SIG_SETMASK, self._before)


def _reaped() -> dict[int, int]:
    """Wait for every child that has ended, also those that others left to the first process; their exit statuses."""
    ended: dict[int, int] = {}
    if sys.platform != "win32":
        while True:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not child:
                break
            code = os.waitstatus_to_exitcode(status)
            ended[child] = code if code >= 0 else 128 - code
    return ended


def _log(level: str, operation: str, result: str) -> None:
    """Write one line to standard error: with the journal's own priorities where that listens, else with the time."""
    if os.environ.get("JOURNAL_STREAM"):
        head = f"<{_LEVELS[level]}>"
    else:
        head = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {level} "
    print(f"{head}dvornik {operation}: {result}", file=sys.stderr, flush=True)  # noqa: T201 - this is its log
