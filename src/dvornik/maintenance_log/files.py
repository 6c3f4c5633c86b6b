"""Owns the file of the log: lines of several processes that write at once, rotated at midnight, none lost."""

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

from dvornik.languages import _, of_system
from dvornik.maintenance_log.lines import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import TextIOWrapper

if sys.platform != "win32":
    import fcntl

_PATIENCE = 2.0
"""Seconds to wait for another process's line; nobody holds the lock for longer in good faith."""


class SharedFile(TimedRotatingFileHandler):
    """Rotates at midnight, even from cron runs of a second, and loses no line of two processes that write at once.

    The standard handler renames without looking: the second of two processes deletes what the first has just rotated.
    Here each line is written under a lock on the file itself, after a look whether the file is still the one at the
    path.
    """

    def __init__(self, path: Path, keep: int) -> None:
        """Write to ``path``, which is made with the first line; keep ``keep`` rotated days."""
        self._warned = False
        self._patience = _PATIENCE
        self._path = path
        super().__init__(
            path, when="midnight", backupCount=keep, encoding="utf-8", errors="backslashreplace", delay=True
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, into a new file where the day has changed."""
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
            why = of_system(error) if isinstance(error, OSError) else type(error).__name__
            said = _("dvornik: {path}: {why}; the run goes on").format(path=quoted(str(self._path)), why=why)
            print(said, file=sys.stderr)  # noqa: T201

    def close(self) -> None:
        """Let go of the file."""
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
