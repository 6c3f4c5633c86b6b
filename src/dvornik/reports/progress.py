"""Tells a person at a terminal how far a long step is: how many, how fast, how long still. Nobody else hears of it.

It is drawn by whoever reports to it, a few times a second, by no thread of its own: the kernel's guard that a run puts
on itself (Landlock) holds for threads that start later only.
"""

from __future__ import annotations

import shutil
import time
from typing import IO, TYPE_CHECKING, Final, Protocol

from dvornik.languages import _
from dvornik.reports import words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.progress import Progress as RichProgress

    from dvornik.model import Outcome, Refusal, Trouble

_PATIENCE: Final = 0.7
"""Seconds that a step may take before anything is drawn: what is quickly done needs no progress."""
_OFTEN: Final = 0.1
"""Seconds between two drawings."""


class Display(Protocol):
    """Where progress is drawn."""

    def show(self, text: str, done: int, total: int) -> None:
        """Draw; ``total`` 0: nobody knows how many there are."""

    def clear(self) -> None:
        """Leave no trace of it."""


def for_person(out: IO[str], env: Mapping[str, str]) -> Progress | None:
    """Return a progress drawn on ``out``; ``None`` unless that is a terminal that can move its cursor."""
    if not out.isatty() or env.get("TERM", "") in {"", "dumb"}:
        return None
    return Progress(_display(out))


class Progress:
    """Counts what is seen and what is done. Hears outcomes as the maintenance log does."""

    def __init__(self, display: Display, expected: Mapping[str, int] | None = None) -> None:
        """Draw on ``display``."""
        self._display = display
        self._expected = dict(expected or {})
        self._restart("")

    def _restart(self, step: str) -> None:
        self._step = step
        self._count = 0
        self._began = time.monotonic()
        self._drawn = self._began + _PATIENCE - _OFTEN

    def expect(self, amounts: Mapping[str, int]) -> None:
        """Take what each step (by its collector's name) is to do; the looking is over."""
        self.clear()
        self._expected = dict(amounts)

    def saw(self, count: int) -> None:
        """Hear that so many more files were seen while it is looked at everything."""
        self._count += count
        if self._is_time():
            self._display.show(_("Looking: {n} files seen").format(n=self._count), self._count, 0)

    def outcome(self, outcome: Outcome) -> None:
        """Hear what became of a finding."""
        step = outcome.rule.partition("/")[0]
        if step != self._step:
            self._restart(step)
        self._count += max(0, outcome.done) + len(outcome.missed)
        if self._is_time():
            total = max(self._count, self._expected.get(step, 0))
            self._display.show(self._told(step, total), self._count, total)

    def within(self, table: str, done: int, total: int) -> None:
        """Hear how far one long item is, in blocks; from a thread of the database's, while the run waits for it."""
        if self._is_time():
            self._display.show(words.safe(table), done, max(done, total))

    def _told(self, step: str, total: int) -> str:
        rate = self._count / max(0.001, time.monotonic() - self._began)
        return _("{what}: {done} of {total}, {rate} a second, {left} left").format(
            what=words.kind(step), done=self._count, total=total, rate=round(rate),
            left=words.hours((total - self._count) / rate) if rate else "?",
        )  # fmt: skip

    def _is_time(self) -> bool:
        now = time.monotonic()
        if now - self._drawn < _OFTEN:
            return False
        self._drawn = now
        return True

    def refusal(self, refusal: Refusal) -> None:
        """Hear that policy said no: no progress."""

    def trouble(self, trouble: Trouble) -> None:
        """Hear that a place could not be read: no progress either."""

    def clear(self) -> None:
        """Make room for a line; what comes next is a step of its own."""
        self._display.clear()
        self._restart("")


def _display(out: IO[str]) -> Display:
    try:
        return _Rich(out)
    except ModuleNotFoundError:  # the extra "terminal" is not installed
        return _Plain(out)


class _Rich:
    """A bar and a spinner by rich, which heeds NO_COLOR by itself."""

    def __init__(self, out: IO[str]) -> None:
        import rich.progress  # noqa: F401, PLC0415 - only on a terminal: it takes 60 ms

        self._out = out
        self._drawing: RichProgress | None = None

    def show(self, text: str, done: int, total: int) -> None:
        drawing = self._drawing or self._begin()
        drawing.update(drawing.task_ids[0], description=text, completed=done, total=total or None)
        drawing.refresh()

    def _begin(self) -> RichProgress:
        from rich.console import Console  # noqa: PLC0415 - as above
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn  # noqa: PLC0415 - as above

        columns = (SpinnerColumn(), BarColumn(20), TextColumn("{task.description}", markup=False))
        self._drawing = Progress(*columns, console=Console(file=self._out), transient=True, auto_refresh=False)
        self._drawing.add_task("")
        self._drawing.start()
        return self._drawing

    def clear(self) -> None:
        if self._drawing:
            self._drawing.stop()
            self._drawing = None


class _Plain:
    """One line, written over and over."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._is_drawn = False

    def show(self, text: str, done: int, total: int) -> None:
        share = f"{done / total:4.0%} " if total else ""
        width = shutil.get_terminal_size().columns - 1
        self._out.write(f"\r\x1b[K{(share + text)[:width]}")
        self._out.flush()
        self._is_drawn = True

    def clear(self) -> None:
        if self._is_drawn:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._is_drawn = False
