"""Which rows of a MySQL or MariaDB table have expired, and their deletion by ranges of keys, a moment at a time."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pymysql

from dvornik.contracts.database import Obstacle, Tally
from dvornik.databases.mysql_connection import ACCESS_DENIED, LOCKED, quoted, rows
from dvornik.databases.mysql_keeping import Claim, compared, deleted
from dvornik.databases.times import (
    COMPACT,
    COMPACT_EARLIEST,
    LAST,
    NEVER,
    Reading,
    compact,
    iso,
    moment,
    reading,
    usual,
)
from dvornik.databases.trouble import locked_rows, unsure
from dvornik.errors import UnreachableError
from dvornik.languages import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pymysql.connections import Connection

    from dvornik.contracts.database import ExpiryRule

ROWS, ROWS_MOST = 500, 50_000
"""Rows that one DELETE visits: at first, and at most."""
HOLD = 0.05
"""Seconds that one DELETE is to take, its commit included."""
TRYING, PAUSE = 0.3, 0.03
"""Seconds for which a statement is tried that had to give way to another, and those in between, with nothing held.

The server itself locks a table for moments.
"""
READING_ATTEMPTS = 30
"""How often what only reads is tried."""
LOCKED_MOST = 10
"""After so many rows that stayed locked the table is left alone."""

_TIMES = frozenset({"datetime", "timestamp", "date"})
_NUMBERS = frozenset({"int", "mediumint", "bigint", "decimal", "float", "double"})
_TEXTS = frozenset({"binary", "varbinary", "char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
_ORDERED = frozenset(
    {"tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "uuid"}
    | {"char", "varchar", "binary", "varbinary", "date", "datetime", "timestamp"}
)
"""What compares with a literal as an index sorts it; an ENUM, say, does not."""
_ISO = "^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-]00(:?00)?)?)?$"


def located(connection: Connection, table: str, column: str) -> tuple[str, str] | None:
    """Return a table's name as it is written and its column's type; ``None`` where there is no such column."""
    query = """
        SELECT t.TABLE_NAME, lower(c.DATA_TYPE)
        FROM information_schema.TABLES t JOIN information_schema.COLUMNS c USING (TABLE_SCHEMA, TABLE_NAME)
        WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')
          AND t.TABLE_NAME = %s AND c.COLUMN_NAME = %s
          AND (@@lower_case_table_names > 0 OR BINARY t.TABLE_NAME = %s)"""
    found = rows(connection, query, table, column, table)
    return (str(found[0][0]), str(found[0][1])) if found else None


def condition(connection: Connection, rule: ExpiryRule, cutoff: float) -> tuple[str, str]:
    """Return the table and SQL that holds for rows whose time lies before the cutoff, by the column's type.

    Where this machine's clock is ahead of the server's, the server's counts: rather kept too long.
    """
    now = cutoff + rule.retention
    cutoff = min(cutoff, float(rows(connection, "SELECT unix_timestamp(sysdate(6))")[0][0]) - rule.retention)
    found = located(connection, rule.table, rule.column)
    if found is None:
        raise UnreachableError(_("there is no such table or column"), context=f"{rule.table}.{rule.column}")
    table, kind = found
    column = quoted(rule.column)
    where = None
    if kind in _TIMES:
        limit = moment(cutoff).replace(tzinfo=None).isoformat(" ")
        where = f"({column} >= '{NEVER}' AND {column} < '{limit[:10] if kind == 'date' else limit}')"
    elif kind in _NUMBERS:
        where = _smaller(connection, table, column, cutoff, Reading(rule.units, rule.epoch), now)
    elif kind in _TEXTS:
        where = _sooner(connection, table, column, cutoff)
    if where is None:
        raise unsure(f"{rule.table}.{rule.column}: {kind}")
    return table, " AND ".join([where, *(compared(connection, table, each) for each in rule.where)])


def tally(connection: Connection, rule: ExpiryRule, now: float) -> Tally:
    """Count in one pass."""
    table, timed = condition(connection, msgspec.structs.replace(rule, retention=round(now - LAST)), LAST)
    where = " AND ".join(["TRUE", *(compared(connection, table, each) for each in rule.where)])
    counts = ", ".join(f"coalesce(sum(({each}) IS TRUE), 0)" for each in (where, timed))
    found = rows(connection, f"SELECT count(*), {counts} FROM {quoted(table)}")  # noqa: S608 - quoted
    return Tally(*map(int, found[0]))


def obstacle(connection: Connection, name: str, column: str) -> Obstacle | None:
    """Say why no row of a table could ever be deleted."""
    query = "SELECT TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s"
    found = rows(connection, query, name)
    if not found:
        return Obstacle.MISSING
    if "VIEW" in str(found[0][0]):
        return Obstacle.VIEW
    if located(connection, name, column) is None:
        return Obstacle.COLUMN
    try:
        rows(connection, f"EXPLAIN DELETE FROM {quoted(name)} WHERE FALSE")  # noqa: S608 - quoted
    except pymysql.Error as error:
        if error.args[0] not in ACCESS_DENIED:
            raise
        return Obstacle.DENIED
    return None


def _smaller(  # noqa: PLR0913, PLR0917 - where, what it is compared with, and how it is read
    connection: Connection, table: str, column: str, cutoff: float, declared: Reading, now: float
) -> str | None:
    """Compare with a number since an epoch, in the one unit that fits all that the column holds, or with digits."""
    source = f"FROM {quoted(table)} WHERE {usual(column)}"
    ((low, high),) = rows(connection, f"SELECT min({column}), max({column}) {source}")
    if low is None:
        return "FALSE"
    found = reading(float(low), float(high), declared, now)
    if found is not None:
        return f"({column} > 0 AND {column} < {(Decimal(repr(cutoff)) - found.epoch) * found.units:f})"
    if declared.units:
        return None
    if rows(connection, f"SELECT 1 {source} AND NOT CAST({column} AS CHAR) REGEXP '{COMPACT}' LIMIT 1"):
        return None
    return f"({column} >= {COMPACT_EARLIEST} AND {column} < {compact(cutoff)})"


def _sooner(connection: Connection, table: str, column: str, cutoff: float) -> str | None:
    """Compare ISO 8601 text in UTC, or fourteen digits, character by character."""
    text = f"CONVERT({column} USING utf8mb4) COLLATE utf8mb4_bin"
    odd = f"SELECT 1 FROM {quoted(table)} WHERE {column} <> '' AND NOT {text} REGEXP"  # noqa: S608 - quoted
    if rows(connection, f"{odd} '{_ISO}' LIMIT 1"):
        if rows(connection, f"{odd} '{COMPACT}' LIMIT 1"):
            return None
        return f"({text} REGEXP '{COMPACT}' AND {text} >= '{COMPACT_EARLIEST}' AND {text} < '{compact(cutoff)}')"
    spaced, joined = iso(cutoff, " "), iso(cutoff, "T")
    limit = f"CASE WHEN char_length({column}) = 10 THEN '{spaced[:10]}' WHEN {text} LIKE '__________T%' THEN '{joined}'"
    return f"({text} REGEXP '{_ISO}' AND {text} >= '{NEVER}' AND {text} < {limit} ELSE '{spaced}' END)"


def key_of(connection: Connection, table: str) -> Sequence[str]:
    """Return the name of an index by which every row has its place, and its columns; empty where there is none."""
    query = """
        SELECT s.INDEX_NAME, s.COLUMN_NAME, s.SUB_PART, c.IS_NULLABLE, lower(c.DATA_TYPE)
        FROM information_schema.STATISTICS s
        LEFT JOIN information_schema.COLUMNS c USING (TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME)
        WHERE s.TABLE_SCHEMA = DATABASE() AND s.TABLE_NAME = %s AND s.NON_UNIQUE = 0
        ORDER BY s.INDEX_NAME <> 'PRIMARY', s.INDEX_NAME, s.SEQ_IN_INDEX"""
    keys: dict[str, list[str]] = {}
    unfit: set[str] = set()
    for index, column, part, nullable, kind in rows(connection, query, table):
        keys.setdefault(index, [index]).append(column)
        if part is not None or nullable != "NO" or kind not in _ORDERED:
            unfit.add(index)
    return next((key for index, key in keys.items() if index not in unfit), [])


class Sweep:
    """One pass over a table in the order of its key, deleting what the condition holds for.

    Without a usable key every statement takes the first rows that have expired, wherever they lie.
    """

    def __init__(
        self, connection: Connection, table: str, condition: str, key: Sequence[str], claim: Claim | None
    ) -> None:
        """Take the index's name and columns as ``key_of`` returns them, and who claims rows before they go."""
        self._claim = claim
        self._connection = connection
        self._table = table
        self._condition = f"({condition}) IS TRUE"  # so that no index on the time draws a statement out of its range
        self._index, self._key = (quoted(key[0]), [quoted(name) for name in key[1:]]) if key else ("", [])
        self._low: tuple[Any, ...] | None = None
        self._size = ROWS
        self._locked = 0

    def run(self) -> Iterator[int]:
        """Yield the number gone after each statement that took any."""
        finished = False
        while not finished:
            size = self._size
            high = self._upper(size) if self._key else None
            begun = time.monotonic()
            try:
                count = self._delete(self._range(high), size)
            except (pymysql.OperationalError, pymysql.IntegrityError) as error:
                self._narrow(error)
                if size > self._size:
                    continue
                yield from self._row_by_row(self._range(high))
                count = 0
            else:
                self._adapt(time.monotonic() - begun)
            self._low = high
            finished = high is None if self._key else not count
            if count:
                yield count
        if self._locked:
            raise locked_rows(self._table, "1205")

    def _adapt(self, seconds: float) -> None:
        """Come near ``HOLD``, by no more than double or half at once."""
        factor = min(2.0, max(0.5, HOLD / max(seconds, 0.001)))
        self._size = min(ROWS_MOST, max(1, int(self._size * factor)))

    def _narrow(self, error: pymysql.Error) -> None:
        """Make the next range small enough to go through row by row, where it is that one is locked, or referred to.

        A DELETE meets every locked row of its range, also one that does not match.
        """
        if not self._key or not (isinstance(error, pymysql.IntegrityError) or error.args[0] in LOCKED):
            raise error
        self._size = min(self._size, ROWS)

    def _row_by_row(self, where: str) -> Iterator[int]:
        """Delete each expired row by itself, so that only what somebody has locked stays."""
        names = ", ".join(self._key)
        found = self._asked(f"SELECT {names} FROM {quoted(self._table)} WHERE {where}")  # noqa: S608 - quoted
        for key in found:
            own = [f"{name} = {_literal(self._connection, value)}" for name, value in zip(self._key, key, strict=True)]
            try:
                count = self._delete(f"{' AND '.join(own)} AND {self._condition}", 1)
            except pymysql.IntegrityError:
                continue
            except pymysql.OperationalError as error:
                self._leave(error)
            else:
                yield count

    def _leave(self, error: pymysql.OperationalError) -> None:
        """Note a row that somebody holds; a table that is held as a whole is not worth waiting for."""
        self._locked += 1
        if error.args[0] not in LOCKED or self._locked >= LOCKED_MOST:
            raise error

    def _upper(self, size: int) -> tuple[Any, ...] | None:
        """Return the key of the range's last row; ``None``: the range reaches to the end. Locks nothing."""
        names = ", ".join(self._key)
        where = "1" if self._low is None else _beyond(self._connection, self._key, self._low)
        query = (
            f"SELECT {names} FROM {quoted(self._table)} FORCE INDEX ({self._index})"  # noqa: S608 - quoted
            f" WHERE {where} ORDER BY {names} LIMIT 1 OFFSET {size - 1}"
        )
        found = self._asked(query)
        return found[0] if found else None

    def _asked(self, query: str) -> list[tuple[Any, ...]]:
        """Read, in tries that hold nothing, for about a second: the server itself locks a table for moments."""
        for _attempt in range(READING_ATTEMPTS):
            try:
                return rows(self._connection, query)
            except pymysql.OperationalError as error:
                if error.args[0] not in LOCKED:
                    raise
                time.sleep(PAUSE)
        return rows(self._connection, query)

    def _range(self, high: tuple[Any, ...] | None) -> str:
        """Return SQL for what has expired after the last range and up to ``high``."""
        where = [self._condition]
        if self._low is not None:
            where.append(_beyond(self._connection, self._key, self._low))
        if high is not None:
            where.append(f"{self._key[0]} <= {_literal(self._connection, high[0])}")  # a range for the index to serve
            where.append(f"NOT {_beyond(self._connection, self._key, high)}")
        return " AND ".join(where)

    def _delete(self, where: str, size: int) -> int:
        """Delete in one statement, which is a transaction; where another table refers to a row, it alone is left."""
        tail = f"FROM {quoted(self._table)} WHERE {where}{'' if self._key else f' LIMIT {size}'}"
        begun = time.monotonic()
        while True:
            try:
                return self._once(tail)
            except pymysql.OperationalError as error:
                if error.args[0] not in LOCKED or time.monotonic() - begun > TRYING:
                    raise
                time.sleep(PAUSE)

    def _once(self, tail: str) -> int:
        return self._claim.delete(tail) if self._claim else deleted(self._connection, tail)


def _beyond(connection: Connection, key: Sequence[str], values: Sequence[Any]) -> str:
    """Return SQL for rows after a key. Spelt out: of a comparison of whole tuples the servers make no range."""
    first, value = key[0], _literal(connection, values[0])
    if len(key) == 1:
        return f"({first} > {value})"
    return f"({first} >= {value} AND ({first} > {value} OR {_beyond(connection, key[1:], values[1:])}))"


def _literal(connection: Connection, value: object) -> str:
    """Return a value as SQL, bytes in hexadecimal: they are no text of any character set."""
    return f"x'{value.hex()}'" if isinstance(value, bytes) else str(connection.escape(value))
