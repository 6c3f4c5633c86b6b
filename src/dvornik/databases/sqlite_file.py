"""How a SQLite file is reached: opened without ever being made, its write-ahead log kept small, its errors ours."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from dvornik.databases.trouble import StuckError
from dvornik.errors import UnreachableError
from dvornik.languages import _
from dvornik.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 5.0
"""Seconds to wait for a lock, each time."""
GAP = 0.03
"""Seconds for which the lock is left alone after a batch: SQLite does not queue its writers, they ask again and again.

Whoever has waited for up to a tenth of a second asks every 25 ms (sqliteDefaultBusyCallback in its main.c).
"""
LOG_MOST = 2 << 20
"""Bytes of write-ahead log from which it is written back to the file between batches.

At 4 MB (1,000 pages) the application's own next commit would do that, and wait for all that we deleted.
"""
LOG_LARGE = 64 << 20
"""Bytes of it from which it is cut off: as long as others go on writing meanwhile, it begins anew only by chance."""

_REASONS = {
    sqlite3.SQLITE_BUSY: Reason.BUSY,
    sqlite3.SQLITE_LOCKED: Reason.BUSY,
    sqlite3.SQLITE_PROTOCOL: Reason.BUSY,
    sqlite3.SQLITE_READONLY: Reason.READ_ONLY,
    sqlite3.SQLITE_FULL: Reason.NO_SPACE,
    sqlite3.SQLITE_CANTOPEN: Reason.DENIED,
    sqlite3.SQLITE_PERM: Reason.DENIED,
    sqlite3.SQLITE_AUTH: Reason.DENIED,
}


class File:
    """One file, and what lies beside it."""

    def __init__(self, path: Path) -> None:
        """Take its path; nothing is touched yet."""
        self.path = path

    @property
    def log(self) -> Path:
        """Its write-ahead log."""
        return self.path.with_name(self.path.name + "-wal")

    @property
    def size(self) -> int:
        """Bytes of the file and its log."""
        return size_of(self.path) + size_of(self.log)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open it so that nothing can change, nor be left behind."""
        with self._connected("rw" if self._leaves_traces() else "ro") as connection:
            connection.execute("PRAGMA query_only = ON")
            yield connection

    def _leaves_traces(self) -> bool:
        """Tell whether reading would leave files behind.

        In WAL mode any reader makes ``-wal`` and ``-shm``, and only one that may write takes them away again.
        """
        try:
            with self.path.open("rb") as file:
                in_wal_mode = file.read(20)[18:] == b"\x02\x02"
        except OSError:
            return False
        return in_wal_mode and not self.log.exists() and os.access(self.path, os.W_OK)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Open it so that it may change; it is never made."""
        with self._connected("rw") as connection:
            yield connection

    @contextmanager
    def _connected(self, mode: str) -> Iterator[sqlite3.Connection]:
        connection = None
        try:
            address = f"file:{quote(os.fsencode(self.path.absolute()))}?mode={mode}"
            connection = sqlite3.connect(address, uri=True, timeout=PATIENCE, isolation_level=None)
            yield connection
        except sqlite3.Error as error:
            raise self.trouble(error) from error
        finally:
            if connection is not None:
                connection.close()

    def trouble(self, error: sqlite3.Error) -> UnreachableError:
        """Return what the library says as ours."""
        primary = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR) & 0xFF
        code = getattr(error, "sqlite_errorname", "")
        if primary == sqlite3.SQLITE_CANTOPEN and not self.path.exists():
            hint = _("Check the address of the database in the configuration.")
            return UnreachableError(_("the database file does not exist"), context=str(self.path), hint=hint)
        reason = _REASONS.get(primary, Reason.IO_ERROR)
        context = f"{self.path}: {error}"
        if reason is Reason.BUSY:
            hint = _("Another program is writing to it; try again later.")
            message = _("the database file stayed locked")
            return StuckError(message, reason=reason, code=code, context=context, hint=hint)
        return StuckError(_("the database file cannot be used"), reason=reason, code=code, context=context)

    def tame_log(self, connection: sqlite3.Connection) -> None:
        """Keep the write-ahead log from growing to the size of all that is deleted, and from filling the disk."""
        size = size_of(self.log)
        if size > LOG_MOST:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            if size > LOG_LARGE:
                cut_log(connection)
            if shutil.disk_usage(self.path.parent).free < size:
                message = _("the disk has no room for more deletions")
                context = str(self.path)
                raise StuckError(message, reason=Reason.NO_SPACE, code="SQLITE_FULL", context=context)


def cut_log(connection: sqlite3.Connection) -> None:
    """Empty the log, what was added since it was written back included, unless somebody reads from it: no waiting."""
    connection.execute("PRAGMA busy_timeout = 0").fetchall()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}").fetchall()


def journal(connection: sqlite3.Connection) -> str:
    """Return the mode of its journal, ``wal`` with a log."""
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    return str(mode)


def size_of(path: Path) -> int:
    """Return the bytes of a file; 0 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def is_read_only(path: Path) -> bool:
    """Tell whether the file system of a file takes no changes, whoever asks."""
    return sys.platform != "win32" and bool(os.statvfs(path).f_flag & os.ST_RDONLY)
