"""What one transaction of SQLite sees: the columns that may hold a name, and their cells as a stream."""

from __future__ import annotations

import random
import sqlite3
from itertools import islice
from typing import TYPE_CHECKING

from dvornik.contracts.database import Column
from dvornik.databases.batches import CELLS, as_text, batches
from dvornik.databases.sqlite_keys import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dvornik.errors import UnreachableError

_MANY, _SAMPLE = 20_000, 1_000
"""From so many rows on, so many of them tell whether the values are mostly distinct."""

_DEFINITIONS = Column("sqlite_schema", "sql", "TEXT")
"""What the tables, views and triggers are made of: a default names a file that no row need name."""
_LITERALS = "SELECT 1 FROM sqlite_schema WHERE sql LIKE '%''%.%''%' OR sql LIKE '%\"%.%\"%' LIMIT 1"


class SQLiteSnapshot:
    """What one read transaction sees."""

    def __init__(self, connection: sqlite3.Connection, trouble: Callable[[sqlite3.Error], UnreachableError]) -> None:
        """Take a connection that is inside its transaction; cells are read as bytes, valid UTF-8 or not."""
        self._connection = connection
        self._trouble = trouble
        connection.text_factory = bytes

    def values(self, column: Column) -> Iterator[Sequence[str]]:
        """Stream one exact column; where a sample says that most are distinct, those that are not come again."""
        name, table = quoted(column.name), quoted(column.table)
        distinct = "" if self._is_diverse(name, table) else "DISTINCT"
        value = f"CASE typeof({name}) WHEN 'blob' THEN {name} ELSE CAST({name} AS TEXT) END"  # in a file of UTF-16, too
        query = f"SELECT {distinct} {value} FROM {table} WHERE {name} <> ''"  # noqa: S608 - quoted
        rows = self._rows(query)
        while part := list(islice(rows, CELLS)):  # paths are short: no need to measure each
            yield [cell.decode(errors="surrogateescape") for (cell,) in part if isinstance(cell, bytes)]

    def _is_diverse(self, name: str, table: str) -> bool:
        """Tell whether to sort all values would cost more than reading them does: few of many random rows are alike."""
        try:
            ((most,),) = self._connection.execute(f"SELECT max(rowid) FROM {table}")  # noqa: S608 - quoted
            if not isinstance(most, int) or most < _MANY:
                return False
            chosen = ", ".join(str(random.randint(1, most)) for _row in range(_SAMPLE))  # noqa: S311 - no secret
            query = f"SELECT count({name}), count(DISTINCT {name}) FROM {table} WHERE rowid IN ({chosen})"  # noqa: S608 - quoted
            ((count, distinct),) = self._connection.execute(query)
        except sqlite3.Error:  # a view, or a table without row ids
            return False
        return bool(count * 4 >= _SAMPLE and distinct * 2 > count)

    def texts(self, table: str, columns: Sequence[Column]) -> Iterator[Sequence[str | bytes]]:
        """Stream what is text or blob, as bytes."""
        names = ", ".join(quoted(column.name) for column in columns)
        rows = self._rows(f"SELECT {names} FROM {quoted(table)}")  # noqa: S608 - quoted
        return batches(cell for row in rows for cell in row if isinstance(cell, bytes) and cell)

    def rows(self, column: Column) -> Iterator[tuple[str, str | bytes]]:
        """Stream what is text or blob, with the row's key."""
        keys = list(column.key) or ["rowid"]
        names = ", ".join(quoted(name) for name in [column.name, *keys])
        for cell, *key in self._rows(f"SELECT {names} FROM {quoted(column.table)}"):  # noqa: S608 - quoted
            if isinstance(cell, bytes) and cell:
                yield ",".join(f"{name}={_plain(value)}" for name, value in zip(keys, key, strict=True)), cell

    def _rows(self, query: str) -> Iterator[tuple[object, ...]]:
        try:
            yield from self._connection.execute(query)
        except sqlite3.Error as error:
            raise self._trouble(error) from error


def columns(connection: sqlite3.Connection) -> list[Column]:
    """Return every column but integer keys: SQLite keeps text in a column of any type."""
    found = [column for table in tables(connection) for column in _columns(connection, table)]
    has_literals = connection.execute(_LITERALS).fetchone()
    return [*found, _DEFINITIONS] if has_literals else found


def tables(connection: sqlite3.Connection) -> list[str]:
    """List the tables that hold rows of their own.

    A virtual table is not read through its module, which may be missing here: the text of a full-text index lies in
    its ``_content`` table, what an R-tree carries beside its boxes in ``_rowid``, and these are ordinary ones.
    """
    shadows = {row[1] for row in connection.execute("PRAGMA table_list") if row[2] == "shadow"}
    query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
    names = [name for (name,) in connection.execute(query) if not name.startswith("sqlite_")]
    return [name for name in names if name not in shadows or name.endswith(("_content", "_rowid"))]


def _columns(connection: sqlite3.Connection, table: str) -> Iterator[Column]:
    rows = connection.execute("SELECT name, type, pk FROM pragma_table_xinfo(?) WHERE hidden <> 1", (table,)).fetchall()
    key = tuple(name for name, _type, rank in sorted(rows, key=lambda row: row[2]) if rank)
    own_index = "SELECT 1 FROM pragma_index_list(?) WHERE origin = 'pk'"
    is_number = len(key) == 1 and not connection.execute(own_index, (table,)).fetchone()  # else it may hold anything
    for name, kind, rank in rows:
        if not (rank and is_number and kind.upper() == "INTEGER"):
            yield Column(table=table, name=name, type=kind, key=key)


def _plain(value: object) -> str:
    return as_text(value) if isinstance(value, bytes) else str(value)
