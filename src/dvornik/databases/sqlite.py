"""SQLite: one file, read without ever creating or changing it, cleaned in short transactions."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from dvornik.contracts.database import Column, TableSize
from dvornik.databases.sqlite_conditions import condition, count, obstacle, references, tally, triggers
from dvornik.databases.sqlite_file import GAP, File, is_read_only, journal
from dvornik.databases.sqlite_keys import keyed, quoted
from dvornik.databases.sqlite_rows import Sweep, marked, plain
from dvornik.databases.sqlite_snapshot import SQLiteSnapshot, columns, tables
from dvornik.databases.sqlite_upkeep import is_stepwise, optimise, unused
from dvornik.databases.trouble import StuckError, unkeyed
from dvornik.databases.upkeep import STEPWISE
from dvornik.errors import ConfigurationError
from dvornik.languages import _
from dvornik.model import Miss, Outcome, Reason

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from dvornik.application import DatabasePlace
    from dvornik.contracts.database import ExpiryRule, Keep, Obstacle, Row, Snapshot, Tally


class SQLite:
    """One SQLite file."""

    def __init__(self, place: DatabasePlace) -> None:
        """Take the address; the file is not touched yet."""
        self.place = place.name
        path = unquote(place.url.partition(":///")[2].partition("?")[0], errors="surrogateescape")
        if not path or path == ":memory:":
            raise ConfigurationError(
                _("the address names no database file"),
                context=f"databases.{place.name}.url",
                hint=_("Write sqlite:///relative/path or sqlite:////absolute/path."),
            )
        self.path = Path(path)
        self._file = File(self.path)

    def fingerprint(self) -> str:
        """Device and inode outlive writing and VACUUM; a file that was restored or replaced has others."""
        with self._file.reading() as connection:
            status = self.path.stat()
            (application,) = connection.execute("PRAGMA application_id").fetchone()
        return f"sqlite:{status.st_dev}:{status.st_ino}:{application}"

    def columns(self) -> Sequence[Column]:
        """Return every column but integer keys: SQLite keeps text in a column of any type."""
        with self._file.reading() as connection:
            return columns(connection)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Open one read transaction. Unless the file is in WAL mode, writers wait until it is closed."""
        with self._file.reading() as connection:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # the view is fixed by the first read
            yield SQLiteSnapshot(connection, self._file.trouble)

    @contextmanager
    def locked(self, columns: Sequence[Column]) -> Iterator[None]:  # noqa: ARG002 - there is one lock for all tables
        """Hold the file's one lock for writers; nothing is written under it."""
        with self._file.writing() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield

    def has(self, table: str, column: str) -> bool:
        """Tell whether a table (views aside) has that column."""
        with self._file.reading() as connection:
            query = (
                "SELECT 1 FROM sqlite_schema s, pragma_table_xinfo(s.name) c"
                " WHERE s.type = 'table' AND s.name = ? COLLATE NOCASE AND c.name = ? COLLATE NOCASE"
            )
            return connection.execute(query, (table, column)).fetchone() is not None

    def tables(self) -> Mapping[str, Mapping[str, str]]:
        """Return the kinds by the declared types; SQLite itself keeps anything anywhere."""
        query = "SELECT name, type FROM pragma_table_xinfo(?) WHERE hidden <> 1"
        with self._file.reading() as connection:
            return {
                table: {name: _kind(declared.upper()) for name, declared in connection.execute(query, (table,))}
                for table in tables(connection)
            }

    def obstacle(self, table: str, column: str) -> Obstacle | None:
        """Look into the schema."""
        with self._file.reading() as connection:
            return obstacle(connection, table, column)

    def tally(self, rule: ExpiryRule, now: float) -> Tally:
        """Count, in parts where a writer would wait."""
        with self._file.reading() as connection:
            return tally(connection, rule, now)

    def expired(self, rule: ExpiryRule, cutoff: float) -> int:
        """Count; raise ``UnreachableError`` when it is not sure how the column writes a time."""
        with self._file.reading() as connection:
            where = condition(connection, rule, cutoff, references(connection, rule).values())
            return count(connection, rule, where)

    def referred(self, rule: ExpiryRule, cutoff: float) -> Mapping[str, int]:
        """Count by table, by the foreign keys that are declared; one row may count for several."""
        with self._file.reading() as connection:
            found = references(connection, rule)
            due = condition(connection, rule, cutoff, ()) if found else ""
            return {table: count(connection, rule, f"{due} AND ({where})") for table, where in found.items()}

    def delete_expired(self, rule: ExpiryRule, cutoff: float, keep: Keep | None = None) -> Iterator[int]:
        """Go once through the table by key. A row that others refer to stays, alone; ``StuckError`` ends it early."""
        with self._file.writing() as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            where = condition(connection, rule, cutoff, references(connection, rule).values())
            if keep and not keyed(connection, rule.table):
                raise unkeyed(rule.table)
            sweep = Sweep(connection, rule.table, where, keep)
            connection.execute("PRAGMA wal_autocheckpoint = 0").fetchall()  # not while a writer waits for our commit
            if journal(connection) == "wal":  # a power failure may bring rows back, and damages nothing
                connection.execute("PRAGMA synchronous = NORMAL").fetchall()
            while not sweep.finished:
                gone = sweep.step()
                released = time.monotonic()
                self._file.tame_log(connection)
                if gone:
                    yield gone
                    time.sleep(max(0.0, GAP - (time.monotonic() - released)))

    def triggers(self, table: str, *, cascade: bool = False) -> Sequence[str]:
        """Return the triggers for DELETE."""
        with self._file.reading() as connection:
            return triggers(connection, table, cascade=cascade)

    def keyed(self, table: str) -> bool:
        """Tell whether a unique key forbids any row to stand there twice."""
        with self._file.reading() as connection:
            return keyed(connection, table)

    def restore(self, table: str, rows: Sequence[Row]) -> int:
        """Insert in one transaction; whatever would break a constraint of its own key stays as it is."""
        with self._file.writing() as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("BEGIN IMMEDIATE")
            if not keyed(connection, table):
                raise unkeyed(table)
            count = sum(_insert(connection, table, row) for row in rows)
            connection.execute("COMMIT")
            return count

    def measure(self) -> Sequence[TableSize]:
        """Measure the file and its write-ahead log as one; ``detail`` is the journal mode."""
        with self._file.reading() as connection:
            detail = STEPWISE if is_stepwise(connection) else journal(connection)
            return [TableSize(self.path.name, self._file.size, unused(self._file, connection), detail=detail)]

    def optimise(self, table: str, *, thorough: bool, seconds: float = 0) -> Outcome:
        """Refresh the statistics, empty the log, and give free pages back; ``thorough`` rewrites the file.

        Who writes to the file waits for the rewrite: it gives up, with nothing changed, where that would take longer
        than ``seconds`` (0: never).
        """
        rule = "database/vacuum" if thorough else "database/optimise"
        before = self._file.size
        if is_read_only(self._file.path):  # SQLite would say nothing, and do nothing
            return Outcome(rule, self.place, table, done=0, missed=(Miss(table, Reason.READ_ONLY),))
        try:
            with self._file.writing() as connection:
                missed = optimise(self._file, connection, thorough=thorough, seconds=seconds)
                reusable = unused(self._file, connection)
        except StuckError as error:
            miss = Miss(table, error.reason, error.code)
            return Outcome(rule, self.place, table, done=0, missed=(miss,))
        freed = max(0, before - self._file.size)
        return Outcome(rule, self.place, table, done=1, freed=freed, reusable=reusable, missed=missed)


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
