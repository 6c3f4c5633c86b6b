"""SQLite: one file, read without ever creating or changing it, cleaned in short transactions."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from dvornik.contracts.database import Column, TableSize
from dvornik.databases.sqlite_conditions import condition, count, references, triggers
from dvornik.databases.sqlite_keys import quoted
from dvornik.databases.sqlite_rows import Sweep, marked, plain
from dvornik.databases.sqlite_snapshot import SQLiteSnapshot, columns, tables
from dvornik.databases.trouble import StuckError
from dvornik.databases.upkeep import STEPWISE
from dvornik.errors import ConfigurationError, UnreachableError
from dvornik.languages import _
from dvornik.model import Miss, Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dvornik.application import DatabasePlace
    from dvornik.contracts.database import ExpiryRule, Keep, Row, Snapshot

PATIENCE = 5.0
"""Seconds to wait for a lock, each time."""
GAP = 0.03
"""Seconds for which the lock is left alone after a batch: SQLite does not queue its writers, they ask again and again.

Whoever has waited for up to a tenth of a second asks every 25 ms (sqliteDefaultBusyCallback in its main.c).
"""
CHECK_ALWAYS = 1 << 30
"""Up to this size the file is checked at every run; beyond only before a rewrite, since the check reads it all."""
CHECK_MOST = 0.5
"""Seconds after which such a check is left off where writers wait for whoever reads: without a write-ahead log."""
HEADROOM = 2
LOG_MOST = 2 << 20
"""Bytes of write-ahead log from which it is written back to the file between batches.

At 4 MB (1,000 pages) the application's own next commit would do that, and wait for all that we deleted.
"""
LOG_LARGE = 64 << 20
"""Bytes of it from which it is cut off: as long as others go on writing meanwhile, it begins anew only by chance."""
VACUUM_PAGES = 1_000
INCREMENTAL = 2

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


class SQLite:
    """One SQLite file."""

    def __init__(self, place: DatabasePlace) -> None:
        """Take the address; the file is not touched yet."""
        self.place = place.name
        path = place.url.partition(":///")[2].partition("?")[0]
        if not path or path == ":memory:":
            raise ConfigurationError(
                _("the address names no database file"),
                context=f"databases.{place.name}.url",
                hint=_("Write sqlite:///relative/path or sqlite:////absolute/path."),
            )
        self.path = Path(path)

    def fingerprint(self) -> str:
        """Device and inode outlive writing and VACUUM; a file that was restored or replaced has others."""
        with self._reading() as connection:
            status = self.path.stat()
            (application,) = connection.execute("PRAGMA application_id").fetchone()
        return f"sqlite:{status.st_dev}:{status.st_ino}:{application}"

    def columns(self) -> Sequence[Column]:
        """Return every column but integer keys: SQLite keeps text in a column of any type."""
        with self._reading() as connection:
            return columns(connection)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Open one read transaction. Unless the file is in WAL mode, writers wait until it is closed."""
        with self._reading() as connection:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # the view is fixed by the first read
            yield SQLiteSnapshot(connection, self._trouble)

    @contextmanager
    def locked(self, columns: Sequence[Column]) -> Iterator[None]:  # noqa: ARG002 - there is one lock for all tables
        """Hold the file's one lock for writers; nothing is written under it."""
        with self._writing() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield

    def has(self, table: str, column: str) -> bool:
        """Tell whether a table (views aside) has that column."""
        with self._reading() as connection:
            query = (
                "SELECT 1 FROM sqlite_schema s, pragma_table_xinfo(s.name) c"
                " WHERE s.type = 'table' AND s.name = ? COLLATE NOCASE AND c.name = ? COLLATE NOCASE"
            )
            return connection.execute(query, (table, column)).fetchone() is not None

    def tables(self) -> Mapping[str, Mapping[str, str]]:
        """Return the kinds by the declared types; SQLite itself keeps anything anywhere."""
        query = "SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden <> 1"
        with self._reading() as connection:
            return {
                table: {name: _kind(declared.upper()) for name, declared in connection.execute(query, (table,))}
                for table in tables(connection)
            }

    def expired(self, rule: ExpiryRule, cutoff: float) -> int:
        """Count; raise ``UnreachableError`` when it is not sure how the column writes a time."""
        with self._reading() as connection:
            where = condition(connection, rule, cutoff, references(connection, rule).values())
            return count(connection, rule, where)

    def referred(self, rule: ExpiryRule, cutoff: float) -> Mapping[str, int]:
        """Count by table, by the foreign keys that are declared; one row may count for several."""
        with self._reading() as connection:
            found = references(connection, rule)
            due = condition(connection, rule, cutoff, ()) if found else ""
            return {table: count(connection, rule, f"{due} AND ({where})") for table, where in found.items()}

    def delete_expired(self, rule: ExpiryRule, cutoff: float, keep: Keep | None = None) -> Iterator[int]:
        """Go once through the table by key. A row that others refer to stays, alone; ``StuckError`` ends it early."""
        with self._writing() as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            where = condition(connection, rule, cutoff, references(connection, rule).values())
            sweep = Sweep(connection, rule.table, where, keep)
            connection.execute("PRAGMA wal_autocheckpoint = 0").fetchall()  # not while a writer waits for our commit
            if _journal(connection) == "wal":  # a power failure may bring rows back, and damages nothing
                connection.execute("PRAGMA synchronous = NORMAL").fetchall()
            while not sweep.finished:
                gone = sweep.step()
                released = time.monotonic()
                self._tame_log(connection)
                if gone:
                    yield gone
                    time.sleep(max(0.0, GAP - (time.monotonic() - released)))

    def triggers(self, table: str, *, cascade: bool = False) -> Sequence[str]:
        """Return the triggers for DELETE."""
        with self._reading() as connection:
            return triggers(connection, table, cascade=cascade)

    def restore(self, table: str, rows: Sequence[Row]) -> int:
        """Insert in one transaction; whatever would break a constraint of its own key stays as it is."""
        with self._writing() as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("BEGIN IMMEDIATE")
            count = sum(_insert(connection, table, row) for row in rows)
            connection.execute("COMMIT")
            return count

    def _tame_log(self, connection: sqlite3.Connection) -> None:
        """Keep the write-ahead log from growing to the size of all that is deleted, and from filling the disk."""
        size = _size(self._log)
        if size > LOG_MOST:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            if size > LOG_LARGE:
                _cut_log(connection)
            if shutil.disk_usage(self.path.parent).free < size:
                message = _("the disk has no room for more deletions")
                context = str(self.path)
                raise StuckError(message, reason=Reason.NO_SPACE, code="SQLITE_FULL", context=context)

    def measure(self) -> Sequence[TableSize]:
        """Measure the file and its write-ahead log as one; ``detail`` is the journal mode."""
        with self._reading() as connection:
            detail = STEPWISE if _is_stepwise(connection) else _journal(connection)
            return [TableSize(self.path.name, self._size, self._unused(connection), detail=detail)]

    def optimise(self, table: str, *, thorough: bool, seconds: float = 0) -> Outcome:
        """Refresh the statistics, empty the log, and give free pages back; ``thorough`` rewrites the file.

        Who writes to the file waits for the rewrite: it gives up, with nothing changed, where that would take longer
        than ``seconds`` (0: never).
        """
        rule = "database/vacuum" if thorough else "database/optimise"
        before = self._size
        try:
            with self._writing() as connection:
                missed = self._optimise(connection, thorough=thorough, seconds=seconds)
                reusable = self._unused(connection)
        except StuckError as error:
            miss = Miss(table, error.reason, error.code)
            return Outcome(rule, self.place, table, done=0, missed=(miss,))
        freed = max(0, before - self._size)
        return Outcome(rule, self.place, table, done=1, freed=freed, reusable=reusable, missed=missed)

    def _optimise(self, connection: sqlite3.Connection, *, thorough: bool, seconds: float) -> tuple[Miss, ...]:
        missed: tuple[Miss, ...] = ()
        if thorough or _size(self.path) <= CHECK_ALWAYS:
            missed = self._check(connection, seconds if thorough else CHECK_MOST)
        connection.execute("PRAGMA analysis_limit = 400").fetchall()
        connection.execute("PRAGMA optimize = 0x10002").fetchall()
        if _is_stepwise(connection):
            _vacuum_by_steps(connection)
        elif thorough and not missed:
            missed = self._rewrite(connection, seconds)
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        _cut_log(connection)
        return missed if thorough else ()

    def _rewrite(self, connection: sqlite3.Connection, seconds: float) -> tuple[Miss, ...]:
        if not self._has_headroom():
            return (Miss(self.path.name, Reason.NO_HEADROOM),)
        time.sleep(GAP)  # who waited for the check goes first
        # The first half makes the new file, and can be ended; the second writes it into the place of the old one.
        return self._too_long(_done_within(connection, "VACUUM", seconds / 2), seconds)

    def _too_long(self, said: object, seconds: float) -> tuple[Miss, ...]:
        return (Miss(self.path.name, Reason.TOO_LONG, f"seconds={seconds:g}"),) if said is None else ()

    def _check(self, connection: sqlite3.Connection, seconds: float) -> tuple[Miss, ...]:
        """Refuse a damaged file: to rewrite it would make the damage look sound.

        Without a write-ahead log writers wait meanwhile: then it is given up after ``seconds``.
        """
        said = _done_within(connection, "PRAGMA quick_check(1)", 0 if _journal(connection) == "wal" else seconds)
        if said not in (None, [("ok",)]):
            raise StuckError(
                _("the database file is damaged"),
                reason=Reason.IO_ERROR,
                code="SQLITE_CORRUPT",
                context=str(self.path),
                hint=_("Restore it from a backup, or recover it with sqlite3 .recover."),
            )
        return self._too_long(said, seconds)

    def _has_headroom(self) -> bool:
        """A rewrite needs the file once more for its copy (where temporary files go) and once for its journal."""
        size = _size(self.path)
        temporary = os.environ.get("SQLITE_TMPDIR") or os.environ.get("TMPDIR") or "/var/tmp"  # noqa: S108 - as SQLite
        copy = temporary if Path(temporary).is_dir() else self.path.parent
        beside = shutil.disk_usage(self.path.parent).free
        return beside >= HEADROOM * size and shutil.disk_usage(copy).free >= size

    @property
    def _size(self) -> int:
        return _size(self.path) + _size(self._log)

    def _unused(self, connection: sqlite3.Connection) -> int:
        """Return what lies on the disk beyond the pages in use: free ones, the log, and what is yet to be cut off."""
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (page,) = connection.execute("PRAGMA page_size").fetchone()
        return max(0, self._size - int(pages) * int(page) + _free(connection))

    @property
    def _log(self) -> Path:
        return self.path.with_name(self.path.name + "-wal")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
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
        return in_wal_mode and not self._log.exists() and os.access(self.path, os.W_OK)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._connected("rw") as connection:
            yield connection

    @contextmanager
    def _connected(self, mode: str) -> Iterator[sqlite3.Connection]:
        connection = None
        try:
            address = f"file:{quote(str(self.path.absolute()))}?mode={mode}"
            connection = sqlite3.connect(address, uri=True, timeout=PATIENCE, isolation_level=None)
            yield connection
        except sqlite3.Error as error:
            raise self._trouble(error) from error
        finally:
            if connection is not None:
                connection.close()

    def _trouble(self, error: sqlite3.Error) -> UnreachableError:
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


def _kind(declared: str) -> str:
    """Tell what a declared type is meant to hold, by the words that SQLite itself goes by, and by those of dates."""
    words = {"TIME": "time", "DATE": "time", "INT": "number", "CHAR": "text", "CLOB": "text", "TEXT": "text"}
    words |= {"BLOB": "bytes", "REAL": "number", "FLOA": "number", "DOUB": "number", "NUM": "number", "DEC": "number"}
    return next((kind for word, kind in words.items() if word in declared), "other" if declared else "text")


def _insert(connection: sqlite3.Connection, table: str, row: Row) -> int:
    names = ", ".join(quoted(name) for name in row)
    marks = ", ".join(marked(value) for value in row.values())
    query = f"INSERT INTO {quoted(table)} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608 - quoted
    return connection.execute(query, [plain(value) for value in row.values()]).rowcount


def _cut_log(connection: sqlite3.Connection) -> None:
    """Empty the log, what was added since it was written back included, unless somebody reads from it: no waiting."""
    connection.execute("PRAGMA busy_timeout = 0").fetchall()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.execute(f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}").fetchall()


def _is_stepwise(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA auto_vacuum").fetchone() == (INCREMENTAL,))


def _vacuum_by_steps(connection: sqlite3.Connection) -> None:
    while (free := _free(connection)) > 0:
        connection.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")  # execute() would stop after one page
        if _free(connection) >= free:
            return
        time.sleep(GAP)


def _done_within(connection: sqlite3.Connection, query: str, seconds: float) -> list[tuple[object, ...]] | None:
    """Return the answer to one statement; ``None``: it was ended after ``seconds`` (0: never), and undone."""
    timer = threading.Timer(seconds or threading.TIMEOUT_MAX, connection.interrupt)
    timer.start()
    try:
        return connection.execute(query).fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_INTERRUPT:
            raise
        return None
    finally:
        timer.cancel()
        timer.join()  # it must not find the connection closed


def _free(connection: sqlite3.Connection) -> int:
    (pages,) = connection.execute("PRAGMA freelist_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int(pages) * int(size)


def _journal(connection: sqlite3.Connection) -> str:
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    return str(mode)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
