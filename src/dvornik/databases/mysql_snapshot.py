"""What one transaction of MySQL or MariaDB sees: text in every reading that may hold a name, blobs as they are."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

import pymysql
from pymysql.cursors import SSCursor

from dvornik.contracts.database import Column
from dvornik.databases.batches import as_text, batches
from dvornik.databases.mysql_connection import quoted, rows, warned_of_cuts
from dvornik.errors import UnreachableError
from dvornik.languages import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pymysql.connections import Connection

    from dvornik.databases.mysql_connection import Server

DEFINITIONS = Column("definitions", "definition", "text", "information_schema", ("name",))
"""What defaults, views and programs say: a default names a file that no row need name."""
DEFINED = """(
SELECT name, definition FROM (
    SELECT concat(TABLE_NAME, '.', COLUMN_NAME) AS name, concat_ws(' ', COLUMN_DEFAULT, COLUMN_TYPE) AS definition
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()
    UNION ALL SELECT TABLE_NAME, VIEW_DEFINITION FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()
    UNION ALL SELECT ROUTINE_NAME, ROUTINE_DEFINITION FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()
    UNION ALL SELECT TRIGGER_NAME, ACTION_STATEMENT FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()
    UNION ALL SELECT EVENT_NAME, EVENT_DEFINITION FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()
) AS every_one WHERE definition REGEXP '[.][0-9]*[A-Za-z]'
) AS definitions"""
CHARACTER_SET = " character set "
"""Stands in a column's type where its text is not kept as UTF-8."""
_TWICE = re.compile(rb"\xc3[\x82-\xb4](?:\xc2[\x80-\xbf]|[\xc5\xc6\xcb\xe2])")
"""UTF-8 that was taken for latin1 and encoded again, as by an application that named the wrong character set."""
_LATIN1 = codecs.charmap_build("".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256)))
"""The servers' latin1 is Windows' code page 1252, with the five bytes that have no character there as themselves."""


class MySQLSnapshot:
    """One consistent view of every transactional table."""

    def __init__(self, server: Server, connection: Connection, versioned: frozenset[str]) -> None:
        """Take a connection of bytes inside its transaction, and the tables that keep the rows they once had."""
        self._server = server
        self._connection = connection
        self._versioned = versioned

    def values(self, column: Column) -> Iterator[Sequence[str]]:
        """Stream one exact column. Told apart byte by byte: to most collations ``a.png`` and ``A.PNG`` are the same."""
        names = ", ".join(f"CAST({part} AS BINARY)" for part in _as_utf8(column))
        found = self._rows(f"SELECT DISTINCT {names} FROM {self._of(column.table)}")  # noqa: S608 - quoted
        cells = (reading for row in found for cell in row for reading in _readings(cell))
        return (list(map(as_text, batch)) for batch in batches(cells))

    def texts(self, table: str, columns: Sequence[Column]) -> Iterator[Sequence[str | bytes]]:
        """Stream as bytes, text in UTF-8."""
        source = DEFINED if DEFINITIONS in columns else self._of(table)
        names = ", ".join(part for column in columns for part in _as_is(column))
        found = self._rows(f"SELECT {names} FROM {source}")  # noqa: S608 - quoted
        return batches(reading for row in found for cell in row for reading in _readings(cell))

    def rows(self, column: Column) -> Iterator[tuple[str, str | bytes]]:
        """Stream each cell in every way it may be read, with the row's key."""
        parts = _as_is(column)
        names = ", ".join([*parts, *map(quoted, column.key)])
        source = DEFINED if column == DEFINITIONS else self._of(column.table)
        for row in self._rows(f"SELECT {names} FROM {source}"):  # noqa: S608 - quoted
            key = zip(column.key, row[len(parts) :], strict=True)
            shown = ",".join(f"{name}={_plain(value or b'')}" for name, value in key)
            yield from ((shown, reading) for cell in row[: len(parts)] for reading in _readings(cell) if reading)

    def _of(self, table: str) -> str:
        return quoted(table) + (" FOR SYSTEM_TIME ALL" if table in self._versioned else "")

    def _rows(self, query: str) -> Iterator[tuple[bytes | None, ...]]:
        """Stream rows with no more of them in memory than the network holds."""
        cursor = None
        try:
            cursor = self._connection.cursor(SSCursor)
            cursor.execute(query)
            yield from cursor
            if cursor.warning_count and warned_of_cuts(self._connection):
                raise UnreachableError(
                    _("a value is too long to be read"),
                    context=f"{self._server.place}: {query}",
                    hint=_("Raise max_allowed_packet of the database server."),
                )
        except pymysql.Error as error:
            raise self._server.trouble(error) from None
        finally:
            if cursor is not None:
                self._finish(cursor)

    def _finish(self, cursor: SSCursor) -> None:
        """Read what is left, so that the transaction can go on; a connection that broke has said so already."""
        try:
            cursor.close()
        except (pymysql.Error, OSError):
            self._connection.close()


def versioned_tables(connection: Connection) -> frozenset[str]:
    """Return the tables of which the server shows only today's rows unless it is asked for all."""
    query = (
        "SELECT TABLE_NAME FROM information_schema.TABLES"
        " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'SYSTEM VERSIONED'"
    )
    return frozenset(as_text(name) for (name,) in rows(connection, query))


def _as_is(column: Column) -> list[str]:
    """Return SQL for a cell, and for its own bytes where they are not what arrives: they may be anything in truth."""
    name = quoted(column.name)
    if CHARACTER_SET not in column.type:
        return [name]
    return [name, f"NULLIF(CAST({name} AS BINARY), CAST(CONVERT({name} USING utf8mb4) AS BINARY))"]


def _as_utf8(column: Column) -> list[str]:
    """Return the same so that it can be made binary, which a bare name of another character set cannot."""
    name, *own = _as_is(column)
    return [f"CONVERT({name} USING utf8mb4)" if own or column.type == "uuid" else name, *own]


def _readings(cell: bytes | None) -> Iterator[bytes]:
    """Yield a cell that is not empty, and what it says if it was encoded twice."""
    if cell:
        yield cell
        if _TWICE.search(cell):
            yield codecs.charmap_encode(cell.decode(errors="replace"), "replace", _LATIN1)[0]


def _plain(value: bytes) -> str:
    text = as_text(value)
    return text if text.isprintable() else f"0x{value.hex()}"
