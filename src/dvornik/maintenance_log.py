"""``logs/maintenance.log``: a line for each thing that a run did or could not do; rotated daily, kept for a month.

A line is ``timestamp LEVEL operation: result [run id]``. INFO is what went well, WARNING a file that could not be
removed, ERROR what stopped a step or the run, DEBUG (only when asked for) every container and every ordinary keep.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import sys
import time
from contextlib import contextmanager, suppress
from logging.handlers import TimedRotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

from dvornik.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import TextIOWrapper

    from dvornik.model import Miss, Outcome, Refusal, Trouble

if sys.platform != "win32":
    import fcntl

_PATIENCE = 2.0
"""Seconds to wait for another process's line; nobody holds the lock for longer in good faith."""


class MaintenanceLog:
    """Writes one run's lines. That it cannot is a warning on standard error, never the run's failure."""

    def __init__(self, path: Path | None, keep: int = 30, *, debug: bool = False) -> None:
        """Write to ``path`` (``None``: nowhere), keeping ``keep`` rotated days."""
        # A logger of our own making, in no registry: the application's logging configuration cannot reach it.
        self._log = logging.Logger("dvornik", logging.DEBUG if debug else logging.INFO)  # noqa: LOG001 - as said above
        self._log.addHandler(logging.NullHandler() if path is None else _SharedFile(path, keep))
        self._run = ""
        self._sum: _Sum | None = None

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
        self._write(logging.DEBUG, outcome.rule, f"{outcome.done} done in {quoted(where)}")
        for miss in outcome.missed:
            stays_aside = miss.reason is Reason.TAKEN  # no failure, but somebody has to choose between two files
            level = logging.WARNING if miss.reason.is_failure or stays_aside else logging.DEBUG
            self._write(level, outcome.rule, f"not removed {quoted(_address(where, miss))}: {_why(miss)}")

    def refusal(self, refusal: Refusal) -> None:
        """Note that policy said no, or was overridden."""
        facts = "".join(f" {name}={quoted(str(value))}" for name, value in refusal.facts.items())
        verdict, level = ("overridden", logging.INFO) if refusal.allowed else ("refused", logging.ERROR)
        self._write(level, f"policy/{refusal.gate.value}", f"{verdict} {quoted(refusal.place)}{facts}")

    def trouble(self, trouble: Trouble) -> None:
        """Note that a place could not be read."""
        self._write(logging.ERROR, "scan", f"{quoted(trouble.place)} not read: {quoted(trouble.message)}")

    def failure(self, operation: str, message: str) -> None:
        """Note what stopped the run."""
        self._write(logging.ERROR, operation, quoted(message))

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
        self._log.log(level, "%s: %s [run %s]", operation, result, self._run or "-")


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
        self.failed += sum(miss.reason.is_failure for miss in outcome.missed)

    def text(self) -> str:
        parts = [f"{self.done} done in {quoted(self.place)}", f"{self.freed} bytes freed"]
        parts += [f"{self.set_aside} bytes set aside"] if self.set_aside > 0 else []
        parts += [f"{-self.set_aside} bytes brought back"] if self.set_aside < 0 else []
        parts += [f"{self.reusable} bytes reusable"] if self.reusable else []
        parts += [f"{self.failed} failed"] if self.failed else []
        return ", ".join(parts)


def _address(where: str, miss: Miss) -> str:
    return f"{where.rstrip('/')}/{miss.name}" if not where.endswith(":") else f"{where}{miss.name}"


def _why(miss: Miss) -> str:
    return f"{miss.reason.value} ({quoted(miss.detail)})" if miss.detail else miss.reason.value


def quoted(text: str) -> str:
    r"""Return ``text`` such that it stays on its line and forges none: in quotes unless it is plain.

    Control and format characters become ``\n``, ``\u202e``; undecodable bytes (surrogates) the bytes that they are.
    """
    if text.isprintable() and not any(character in text for character in '"\\[]') and text.strip() == text:
        return text if text and " " not in text else f'"{text}"'
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - how Python carries undecodable bytes
        return f"\\x{code - 0xDC00:02x}"
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


class _SharedFile(TimedRotatingFileHandler):
    """Rotates at midnight, even from cron runs of a second, and loses no line of two processes that write at once.

    The standard handler renames without looking: the second of two processes deletes what the first has just rotated.
    Here each line is written under a lock on the file itself, after a look whether the file is still the one at the
    path.
    """

    def __init__(self, path: Path, keep: int) -> None:
        self._warned = False
        self._patience = _PATIENCE
        self._path = path
        super().__init__(
            path, when="midnight", backupCount=keep, encoding="utf-8", errors="backslashreplace", delay=True
        )
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            with self._alone():
                if self.shouldRollover(record):
                    self.doRollover()
                logging.FileHandler.emit(self, record)
        except Exception:  # noqa: BLE001 - a log that fails must not fail the run
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - logging's own name
        """Warn once; every later line tries again, since a full disk may have been cleaned meanwhile."""
        error = sys.exc_info()[1]
        self._let_go()
        if not self._warned:
            self._warned = True
            name = getattr(error, "strerror", None) or type(error).__name__
            print(f"dvornik: {quoted(str(self._path))}: {name}; the run goes on", file=sys.stderr)  # noqa: T201

    def close(self) -> None:
        self._let_go()
        super().close()

    def _let_go(self) -> None:
        if self.stream is not None:
            with suppress(OSError, ValueError):
                self.stream.close()
            self.stream = None

    def _open(self) -> TextIOWrapper:
        """Open for appending; never through a link, nor a pipe: the directory may be writable by others."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(self.baseFilename, flags, 0o640)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "not a regular file")
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock of the file that is at the path, so that no other process writes or rotates it meanwhile."""
        if sys.platform == "win32":  # no such lock, and a second descriptor would keep the file from being renamed
            yield
            return
        descriptor = self._lock()
        try:
            yield
        finally:
            _unlock(descriptor)

    def _lock(self) -> int:
        """Return a descriptor of our own that holds the lock, even while a rotation closes the stream.

        Raise ``TimeoutError`` when another process does not let go of it for ``_PATIENCE`` seconds.
        """
        deadline = time.monotonic() + self._patience
        while True:
            stream = self._current()
            descriptor = os.dup(stream.fileno())
            locked = _try_lock(descriptor)
            if locked and self._is_at_path(stream):
                return descriptor
            os.close(descriptor)
            if time.monotonic() >= deadline:
                self._patience = 0.0  # one wait a run, not one a line
                raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
            if not locked:
                time.sleep(0.005)

    def _current(self) -> TextIOWrapper:
        """Return the stream of the file at the path; a file taken up anew says itself when it is to be rotated."""
        if self.stream is not None and self._is_at_path(self.stream):
            return self.stream
        self._let_go()
        self.stream = self._open()
        self.rolloverAt = self.computeRollover(int(os.fstat(self.stream.fileno()).st_mtime))
        return self.stream

    def _is_at_path(self, stream: TextIOWrapper) -> bool:
        try:
            there = Path(self.baseFilename).lstat()
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(stream.fileno()))


def _try_lock(descriptor: int) -> bool:
    """Take the lock unless another holds it; a file system without locks lets everyone in."""
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
    return True


def _unlock(descriptor: int) -> None:
    """Let go, though the stream still holds the same open file."""
    if sys.platform != "win32":
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)
