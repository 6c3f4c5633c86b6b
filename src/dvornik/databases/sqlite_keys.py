"""How the rows of a SQLite table are gone through: in the order of their key, some at a time."""

from __future__ import annotations

import sqlite3


class Ranges:
    """One pass over a table in the order of its key."""

    def __init__(self, connection: sqlite3.Connection, table: str) -> None:
        """Begin before the first row."""
        self.finished = False
        self._connection = connection
        self._table = quoted(table)
        self._key = [quoted(name) for name in _key(connection, table)]
        self._low: tuple[object, ...] | None = None

    def upper(self, size: int) -> tuple[object, ...] | None:
        """Return the key of the last of the next ``size`` rows; ``None``: these reach to the end."""
        keys = ", ".join(self._key)
        where, values = self.where(None)
        # Not by an index on anything else: in key order every row is visited once.
        query = f"SELECT {keys} FROM {self._table} NOT INDEXED WHERE {where} ORDER BY {keys} LIMIT 1 OFFSET ?"  # noqa: S608 - quoted
        row = self._connection.execute(query, [*values, size - 1]).fetchone()
        return None if row is None else tuple(row)

    def where(self, high: tuple[object, ...] | None) -> tuple[str, list[object]]:
        """Return SQL, and its values, for the rows from where the pass is up to ``high``."""
        keys, marks = ", ".join(self._key), ", ".join("?" * len(self._key))
        bounds = [f"({keys}) > ({marks})"] if self._low is not None else []
        bounds += [f"({keys}) <= ({marks})"] if high is not None else []
        return " AND ".join(bounds) or "1", [*(self._low or ()), *(high or ())]

    def advance(self, high: tuple[object, ...] | None) -> None:
        """Go on behind ``high``."""
        self._low = high
        self.finished = high is None


def _key(connection: sqlite3.Connection, table: str) -> list[str]:
    """Return what orders the rows: a name of the row id that no column has taken, else the primary key."""
    rows = primary(connection, table)
    taken = {name.lower() for name, _rank in rows}
    for alias in ("rowid", "_rowid_", "oid"):
        try:
            if alias not in taken:
                connection.execute(f"SELECT {alias} FROM {quoted(table)} LIMIT 0")  # noqa: S608 - quoted
                return [alias]
        except sqlite3.OperationalError:  # a table WITHOUT ROWID
            break
    return [name for name, rank in rows if rank]


def primary(connection: sqlite3.Connection, table: str) -> list[tuple[str, int]]:
    """Return the columns, each with its place in the primary key (from 1; 0: none), in the order of that."""
    return connection.execute("SELECT name, pk FROM pragma_table_xinfo(?) ORDER BY pk", (table,)).fetchall()


def keyed(connection: sqlite3.Connection, table: str) -> bool:
    """Tell whether no row can stand in the table twice, by a unique key in which there is no NULL: SQLite allows it."""
    unique = """
        SELECT c.name FROM pragma_index_list(?) i, pragma_index_info(i.name) c WHERE i.name = ?"""
    indexes = 'SELECT name FROM pragma_index_list(?) WHERE "unique" AND NOT partial'
    keys = [[name for name, rank in primary(connection, table) if rank]]
    keys += [
        [name for (name,) in connection.execute(unique, (table, index))]
        for (index,) in connection.execute(indexes, (table,)).fetchall()
    ]
    return any(_is_whole(connection, table, key) for key in keys if key and None not in key)  # None: an expression


def _is_whole(connection: sqlite3.Connection, table: str, key: list[str]) -> bool:
    absent = " OR ".join(f"{quoted(name)} IS NULL" for name in key)
    query = f"SELECT 1 FROM {quoted(table)} WHERE {absent} LIMIT 1"  # noqa: S608 - quoted
    return connection.execute(query).fetchone() is None


def stored(connection: sqlite3.Connection, table: str) -> list[str]:
    """Return the columns that an INSERT may name: generated ones come by themselves."""
    return [name for (name,) in connection.execute("SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0", (table,))]


def quoted(name: str) -> str:
    """Quote with backticks: a column that is not there would pass as a string between double quotes."""
    return "`" + name.replace("`", "``") + "`"
