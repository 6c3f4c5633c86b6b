"""Owns the file of the record: made whole or not at all, and read on a disk where nothing can be written."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from typing import TYPE_CHECKING, Final

from dvornik import state_check
from dvornik.errors import UnreachableError
from dvornik.languages import _, of_system

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS runs (
  id TEXT PRIMARY KEY, verb TEXT NOT NULL, started REAL NOT NULL, finished REAL, status TEXT NOT NULL,
  collectors TEXT NOT NULL, digest TEXT NOT NULL DEFAULT '', summary TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE TABLE IF NOT EXISTS batches (
  id INTEGER PRIMARY KEY, run TEXT NOT NULL REFERENCES runs(id), rule TEXT NOT NULL, place TEXT NOT NULL,
  container BLOB NOT NULL, planned INTEGER NOT NULL, done INTEGER, outcome TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS batches_of_run ON batches(run);
CREATE TABLE IF NOT EXISTS surveys (place TEXT PRIMARY KEY, run TEXT NOT NULL, survey TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS reports (run TEXT PRIMARY KEY, report TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS weights (taken REAL NOT NULL, place TEXT NOT NULL, directory BLOB, size INTEGER NOT NULL)
  STRICT;
CREATE TABLE IF NOT EXISTS speeds (rule TEXT NOT NULL, place TEXT NOT NULL, taken REAL NOT NULL, size INTEGER NOT NULL,
  seconds REAL NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS weights_by_time ON weights(taken);
CREATE TABLE IF NOT EXISTS decisions (place TEXT NOT NULL, shape TEXT NOT NULL, word TEXT NOT NULL, taken REAL NOT NULL,
  user TEXT NOT NULL, PRIMARY KEY (place, shape)) STRICT;
"""


def why(error: sqlite3.Error | OSError) -> str:
    """Return what the system or SQLite says, in the current language; what is rare stays in SQLite's words."""
    if isinstance(error, OSError):
        return f"{of_system(error)}: {error.filename}" if error.filename else of_system(error)
    said = {
        sqlite3.SQLITE_FULL: _("No space left on device"),
        sqlite3.SQLITE_READONLY: _("it can only be read"),
        sqlite3.SQLITE_NOTADB: _("the file is not a database"),
        sqlite3.SQLITE_CORRUPT: _("the file is damaged"),
        sqlite3.SQLITE_CANTOPEN: _("the file cannot be opened"),
        sqlite3.SQLITE_IOERR: _("Input/output error"),
        sqlite3.SQLITE_BUSY: _("another program holds it locked"),
    }
    return said.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, str(error))  # the rest is SQLite's extended code


def rows(path: Path, sql: str, values: tuple[object, ...]) -> list[tuple[object, ...]]:
    """Read a record that may be on a disk where nothing can be written, as WAL needs; one without tables is empty."""
    try:
        return _query(path, "mode=ro", sql, values)
    except sqlite3.OperationalError as error:
        code = error.sqlite_errorcode & 0xFF  # the rest is SQLite's extended code
        if code not in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR}:
            raise
    return _query(path, "immutable=1", sql, values)


def _query(path: Path, how: str, sql: str, values: tuple[object, ...]) -> list[tuple[object, ...]]:
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=5)) as db:
            return db.execute(sql, values).fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_ERROR:  # a table that no run has made yet
            return []
        raise


def must_be_known(path: Path) -> None:
    """Raise ``UnreachableError`` for a record of a form that only a newer dvornik understands."""
    if not path.exists():
        return
    form = next((int(str(row[0])) for row in rows(path, "PRAGMA user_version", ())), 0)
    if form > state_check.VERSION:
        raise UnreachableError(
            _("A newer dvornik wrote this state (form {form}; this version knows {known}).").format(
                form=form, known=state_check.VERSION
            ),
            context=str(path),
            hint=_("Install that version again, or put the state elsewhere: [app] state."),
        )


def opened(path: Path) -> sqlite3.Connection:
    """Open the record for writing, made where it is missing. Raises ``sqlite3.DatabaseError`` or ``OSError``."""
    for left in path.parent.glob(f".{path.name}.*"):
        left.unlink(missing_ok=True)
    if not path.exists():
        _make(path)
    return _connected(path)


def _make(path: Path) -> None:
    """Give the record its name once it is whole: a kill leaves one that can be read, or none."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _connected(unfinished).close()  # with which all of it is in this one file
        unfinished.rename(path)
    except BaseException:
        for left in path.parent.glob(f"{unfinished.name}*"):
            left.unlink(missing_ok=True)
        raise


def _connected(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, timeout=5)
    # WAL with NORMAL commits without waiting for the disk: a power cut may cost the last rows of the record, and
    # the record is not what keeps files safe.
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    db.executescript(_SCHEMA)
    if not db.execute("PRAGMA user_version").fetchone()[0]:  # new, or of the time before versions, of the same form
        db.execute(f"PRAGMA user_version = {state_check.VERSION}")
    return db
