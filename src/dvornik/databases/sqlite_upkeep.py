"""How a SQLite file is tended: checked, its statistics made anew, its free pages given back, rewritten if that pays."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dvornik.databases.sqlite_file import GAP, cut_log, journal, size_of
from dvornik.databases.trouble import StuckError
from dvornik.languages import _
from dvornik.model import Miss, Reason

if TYPE_CHECKING:
    from dvornik.databases.sqlite_file import File

CHECK_ALWAYS = 1 << 30
"""Up to this size the file is checked at every run; beyond only before a rewrite, since the check reads it all."""
CHECK_MOST = 0.5
"""Seconds after which such a check is left off where writers wait for whoever reads: without a write-ahead log."""
HEADROOM = 2
OFTEN = 0.005
"""Seconds after which a statement is told again to end."""
VACUUM_PAGES = 1_000
INCREMENTAL = 2


def optimise(file: File, connection: sqlite3.Connection, *, thorough: bool, seconds: float) -> tuple[Miss, ...]:
    """Tend the file; ``thorough`` rewrites it, or says why not."""
    missed: tuple[Miss, ...] = ()
    if thorough or size_of(file.path) <= CHECK_ALWAYS:
        missed = _check(file, connection, seconds if thorough else CHECK_MOST)
    connection.execute("PRAGMA analysis_limit = 400").fetchall()
    connection.execute("PRAGMA optimize = 0x10002").fetchall()
    if is_stepwise(connection):
        _vacuum_by_steps(connection)
    elif thorough and not missed:
        missed = _rewrite(file, connection, seconds)
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    cut_log(connection)
    return missed if thorough else ()


def _rewrite(file: File, connection: sqlite3.Connection, seconds: float) -> tuple[Miss, ...]:
    if not _has_headroom(file):
        return (Miss(file.path.name, Reason.NO_HEADROOM),)
    time.sleep(GAP)  # who waited for the check goes first
    # The first half makes the new file, and can be ended; the second writes it into the place of the old one.
    return _too_long(file, _done_within(connection, "VACUUM", seconds / 2), seconds)


def _too_long(file: File, said: object, seconds: float) -> tuple[Miss, ...]:
    return (Miss(file.path.name, Reason.TOO_LONG, f"seconds={seconds:g}"),) if said is None else ()


def _check(file: File, connection: sqlite3.Connection, seconds: float) -> tuple[Miss, ...]:
    """Refuse a damaged file: to rewrite it would make the damage look sound.

    Without a write-ahead log writers wait meanwhile: then it is given up after ``seconds``.
    """
    said = _done_within(connection, "PRAGMA quick_check(1)", 0 if journal(connection) == "wal" else seconds)
    if said not in (None, [("ok",)]):
        raise StuckError(
            _("the database file is damaged"),
            reason=Reason.IO_ERROR,
            code="SQLITE_CORRUPT",
            context=str(file.path),
            hint=_("Restore it from a backup, or recover it with sqlite3 .recover."),
        )
    return _too_long(file, said, seconds)


def _has_headroom(file: File) -> bool:
    """A rewrite needs the file once more for its copy (where temporary files go) and once for its journal."""
    size = size_of(file.path)
    temporary = os.environ.get("SQLITE_TMPDIR") or os.environ.get("TMPDIR") or "/var/tmp"  # noqa: S108 - as SQLite
    copy = temporary if Path(temporary).is_dir() else file.path.parent
    beside = shutil.disk_usage(file.path.parent).free
    return beside >= HEADROOM * size and shutil.disk_usage(copy).free >= size


def unused(file: File, connection: sqlite3.Connection) -> int:
    """Return what lies on the disk beyond the pages in use: free ones, the log, and what is yet to be cut off."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    return max(0, file.size - int(pages) * int(page) + _free(connection))


def is_stepwise(connection: sqlite3.Connection) -> bool:
    """Tell whether the file gives its free pages back some at a time."""
    return bool(connection.execute("PRAGMA auto_vacuum").fetchone() == (INCREMENTAL,))


def _vacuum_by_steps(connection: sqlite3.Connection) -> None:
    while (free := _free(connection)) > 0:
        connection.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")  # execute() would stop after one page
        if _free(connection) >= free:
            return
        time.sleep(GAP)


def _done_within(connection: sqlite3.Connection, query: str, seconds: float) -> list[tuple[object, ...]] | None:
    """Return the answer to one statement; ``None``: it was ended after ``seconds`` (0: never), and undone."""
    ended = threading.Event()
    watcher = threading.Thread(target=_interrupt, args=(connection, ended, seconds))
    watcher.start()
    try:
        return connection.execute(query).fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_INTERRUPT:
            raise
        return None
    finally:
        ended.set()
        watcher.join()  # it must not find the connection closed


def _interrupt(connection: sqlite3.Connection, ended: threading.Event, seconds: float) -> None:
    """End what goes on after ``seconds``, again and again: where nothing has begun yet, nothing hears of it."""
    if not ended.wait(seconds or None):
        connection.interrupt()
        while not ended.wait(OFTEN):
            connection.interrupt()


def _free(connection: sqlite3.Connection) -> int:
    (pages,) = connection.execute("PRAGMA freelist_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int(pages) * int(size)
