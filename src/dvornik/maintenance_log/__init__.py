"""``logs/maintenance.log``: a line for each thing that a run did or could not do; rotated daily, kept for a month.

A line is ``timestamp LEVEL operation: result [run id]``, or the same as JSON. INFO is what went well, WARNING a file
that could not be removed, ERROR what stopped a step or the run, DEBUG (only when asked for) every container and every
ordinary keep.
"""

from __future__ import annotations

import glob
import logging
import os
from collections import deque
from typing import TYPE_CHECKING, Literal

from dvornik import terminal
from dvornik.maintenance_log.files import SharedFile
from dvornik.maintenance_log.lines import JournalLines, JsonLines, TextLines, quoted
from dvornik.model import Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dvornik.model import Miss, Outcome, Refusal, Trouble

__all__ = ["MaintenanceLog", "quoted", "tells_of_runs"]

_LATEST = 1 << 16
"""Bytes of a log that are looked through for runs."""
_MARKS = (b" INFO run: started", b'"operation": "run", "result": "started')
_TAIL = 100
"""Lines that are remembered for a message to whoever watches from elsewhere."""


class MaintenanceLog:
    """Writes one run's lines. That it cannot is a warning on standard error, never the run's failure."""

    def __init__(
        self,
        path: Path | None,
        keep: int = 30,
        *,
        debug: bool = False,
        form: Literal["text", "json"] = "text",
        hide: Callable[[str], str] = str,
    ) -> None:
        """Write to ``path`` (``None``: nowhere), keeping ``keep`` rotated days.

        ``hide`` takes the secrets out of a text. Under systemd, what went wrong is said to the journal, too.
        """
        # A logger of our own making, in no registry: the application's logging configuration cannot reach it.
        self._log = logging.Logger("dvornik", logging.DEBUG if debug else logging.INFO)  # noqa: LOG001 - as said above
        self._tail = _Tail()
        self._add(self._tail, TextLines())
        if path is not None:
            self._add(SharedFile(path, keep), JsonLines() if form == "json" else TextLines())
        if terminal.is_journal("stderr", os.environ):
            journal = logging.StreamHandler()
            journal.setLevel(logging.DEBUG if debug else logging.WARNING)  # the report says the rest
            self._add(journal, JournalLines())
        self._hide = hide
        self._run = ""
        self._sum: _Sum | None = None

    def _add(self, handler: logging.Handler, form: logging.Formatter) -> None:
        handler.setFormatter(form)
        self._log.addHandler(handler)

    @property
    def tail(self) -> str:
        """The latest lines of this run, oldest first."""
        return "\n".join(self._tail.lines)

    def started(self, run: str, what: str) -> None:
        """Note that ``run`` begins; ``what`` names its steps."""
        self._run = run
        self._write(logging.INFO, "run", f"started, {what}")

    def outcome(self, outcome: Outcome) -> None:
        """Note what became of a finding: misses that need mending at once, the rest in one line a rule and place."""
        if self._sum is None or (self._sum.rule, self._sum.place) != (outcome.rule, outcome.place):
            self._flush()
            self._sum = _Sum(outcome.rule, outcome.place)
        self._sum.add(outcome)
        where = f"{outcome.place}:{outcome.container}"
        if self._log.isEnabledFor(logging.DEBUG):
            self._write(logging.DEBUG, outcome.rule, f"{outcome.done} done in {self._quoted(where)}")
        for miss in outcome.missed:
            stays_aside = miss.reason is Reason.TAKEN  # no failure, but somebody has to choose between two files
            level = logging.WARNING if miss.is_failure or stays_aside else logging.DEBUG
            what = "not brought back" if miss.is_stuck else "not removed"
            self._write(level, outcome.rule, f"{what} {self._quoted(_address(where, miss))}: {self._why(miss)}")

    def refusal(self, refusal: Refusal) -> None:
        """Note that policy said no, or was overridden."""
        facts = "".join(f" {name}={self._quoted(str(value))}" for name, value in refusal.facts.items())
        verdict, level = ("overridden", logging.INFO) if refusal.allowed else ("refused", logging.ERROR)
        self._write(level, f"policy/{refusal.gate.value}", f"{verdict} {self._quoted(refusal.place)}{facts}")

    def trouble(self, trouble: Trouble) -> None:
        """Note that a place could not be read."""
        self._write(logging.ERROR, "scan", f"{self._quoted(trouble.place)} not read: {self._quoted(trouble.message)}")

    def failure(self, operation: str, message: str) -> None:
        """Note what stopped the run."""
        self._write(logging.ERROR, operation, self._quoted(message))

    def warning(self, operation: str, message: str) -> None:
        """Note what went wrong beside the run, and does not make it a failure."""
        self._write(logging.WARNING, operation, self._quoted(message))

    def finished(self, status: str, seconds: float, freed: int, *, failed: bool = False) -> None:
        """Note how the run ended; ``freed`` bytes."""
        self._flush()
        level = logging.ERROR if failed else logging.INFO
        self._write(level, "run", f"finished, {status}, {seconds:.1f} s, {freed} bytes freed")

    def close(self) -> None:
        """Write what was summed up and let go of the file; a second time does nothing."""
        self._flush()
        for handler in self._log.handlers:
            handler.close()

    def _flush(self) -> None:
        if self._sum is not None:
            self._write(logging.INFO, self._sum.rule, self._sum.text())
        self._sum = None

    def _write(self, level: int, operation: str, result: str) -> None:
        fields = {"operation": operation, "result": self._hide(result), "run": self._run or "-"}
        self._log.log(level, operation, extra=fields)

    def _quoted(self, text: str) -> str:
        return quoted(self._hide(text))  # before the quotes: within them a secret may be spelt another way

    def _why(self, miss: Miss) -> str:
        return f"{miss.reason.value} ({self._quoted(miss.detail)})" if miss.detail else miss.reason.value


def tells_of_runs(path: Path) -> bool:
    """Tell whether the log at ``path`` (its latest lines, or those of its latest rotation) knows of a run of ours."""
    try:
        rotated = sorted(path.parent.glob(f"{glob.escape(path.name)}.????-??-??"))
        return any(map(_tells_of_runs, [path, *rotated[-1:]]))
    except OSError:
        return False


def _tells_of_runs(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LATEST))
            latest = file.read()
    except OSError:
        return False
    return any(mark in latest for mark in _MARKS)


class _Tail(logging.Handler):
    """Remembers the latest lines."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: deque[str] = deque(maxlen=_TAIL)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class _Sum:
    """The outcomes of one rule in one place, added up: a log of a line a directory would need cleaning itself."""

    def __init__(self, rule: str, place: str) -> None:
        self.rule = rule
        self.place = place
        self.done = self.freed = self.set_aside = self.reusable = self.failed = 0

    def add(self, outcome: Outcome) -> None:
        self.done += outcome.done
        self.freed += outcome.freed
        self.set_aside += outcome.set_aside
        self.reusable += outcome.reusable
        self.failed += sum(miss.is_failure for miss in outcome.missed)

    def text(self) -> str:
        parts = [f"{self.done} done in {quoted(self.place)}", f"{self.freed} bytes freed"]
        parts += [f"{self.set_aside} bytes set aside"] if self.set_aside > 0 else []
        parts += [f"{-self.set_aside} bytes brought back"] if self.set_aside < 0 else []
        parts += [f"{self.reusable} bytes reusable"] if self.reusable else []
        parts += [f"{self.failed} failed"] if self.failed else []
        return ", ".join(parts)


def _address(where: str, miss: Miss) -> str:
    return f"{where.rstrip('/')}/{miss.name}" if not where.endswith(":") else f"{where}{miss.name}"
