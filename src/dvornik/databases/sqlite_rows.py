"""The deletion of a SQLite table's rows by ranges of keys, a moment at a time; how rows are kept and put back."""

from __future__ import annotations

import base64
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from dvornik.databases.batches import parts
from dvornik.databases.sqlite_keys import Ranges, quoted, stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dvornik.contracts.database import Keep, Row

ATTEMPTS = 3
"""How often a deletion that found the file locked is tried."""
ROWS, ROWS_MOST = 1_000, 50_000
"""Rows that a transaction visits: at first, and at most.

The more the better: the keys of neighbouring rows lie all over an index, of which each transaction writes nearly a page
a row, and later once more into the file, until it takes so many rows that they share pages.
"""
HOLD = 0.08
"""Seconds for which a transaction is to hold the lock: a writer waits for little more than one."""
CACHE = 64 << 10
"""KiB of pages: those of one step."""


class Sweep:
    """One pass over a table in the order of its key, deleting what the condition holds for."""

    def __init__(self, connection: sqlite3.Connection, table: str, condition: str, keep: Keep | None) -> None:
        """Take a connection outside any transaction; ``keep`` is given each batch's rows before it is committed."""
        self._connection = connection
        self._table = quoted(table)
        self._condition = f"({condition})"
        self._keep = keep
        self._columns = stored(connection, table)
        connection.execute(f"PRAGMA cache_size = -{CACHE}")
        self._ranges = Ranges(connection, table)
        self._size = ROWS

    @property
    def finished(self) -> bool:
        """Whether the last row was visited."""
        return self._ranges.finished

    def step(self) -> int:
        """Delete from one range in one transaction and return how many; 0 where nothing could go."""
        for _attempt in range(1, ATTEMPTS):
            try:
                return self._step()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
        return self._step()

    def _step(self) -> int:
        # Every look takes a lock of its own where there is no write-ahead log: so all in one.
        self._connection.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()  # how long we ourselves waited for the lock says nothing
        high = self._ranges.upper(self._size)
        try:
            count = self._delete(high)
            self._connection.execute("COMMIT")
        except sqlite3.IntegrityError:
            if self._size == 1:
                self._ranges.advance(high)  # this row is referred to: it stays
            self._size = max(1, self._size // 2)
            count = 0
        else:
            self._ranges.advance(high)
            self._adapt(time.monotonic() - begun)
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        return count

    def _delete(self, high: tuple[object, ...] | None) -> int:
        where, values = self._ranges.where(high)
        # Not by an index on the time, which would lead out of the range.
        tail = f"FROM {self._table} NOT INDEXED WHERE {where} AND {self._condition}"
        if self._keep:
            for part in parts(self._rows(tail, values)):
                self._keep(part)
        return self._connection.execute(f"DELETE {tail}", values).rowcount

    def _adapt(self, seconds: float) -> None:
        """Come near ``HOLD``, by no more than double or half at once: how quick the disk is varies."""
        factor = min(2.0, max(0.5, HOLD / max(seconds, 0.001)))
        self._size = min(ROWS_MOST, max(1, int(self._size * factor)))

    def _rows(self, tail: str, values: Sequence[object]) -> Iterator[Row]:
        names = ", ".join(map(quoted, self._columns))
        self._connection.text_factory = _decoded
        for row in self._connection.execute(f"SELECT {names} {tail}", values):
            yield {name: _jsonable(cell) for name, cell in zip(self._columns, row, strict=True)}


def _jsonable(cell: Any) -> object:  # noqa: ANN401 - whatever a cell holds
    """Return a cell so that JSON keeps its type: bytes are said to be such; a REAL stays told from an INTEGER."""
    if isinstance(cell, bytes):
        return {"text" if isinstance(cell, _Broken) else "bytes": base64.b64encode(cell).decode()}
    return cell


class _Broken(bytes):
    """Text that is not UTF-8."""

    __slots__ = ()


def _decoded(cell: bytes) -> str | _Broken:
    try:
        return cell.decode()
    except UnicodeDecodeError:
        return _Broken(cell)


def marked(value: object) -> str:
    """Return the place for a value in an INSERT; text that is not UTF-8 was kept as the bytes that it is."""
    return "CAST(? AS TEXT)" if isinstance(value, dict) and "text" in value else "?"


def plain(value: object) -> object:
    """Return the cell that a kept value stands for."""
    return base64.b64decode(next(iter(value.values()))) if isinstance(value, dict) else value
