"""Rows of MySQL and MariaDB: who refers to them, how they compare, how they are kept and put back."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from pymysql import IntegrityError, OperationalError
from pymysql.cursors import SSCursor

from dvornik.databases import cascades
from dvornik.databases.batches import parts
from dvornik.databases.mysql_connection import TIMED_OUT, quoted, rows
from dvornik.databases.trouble import locked_rows
from dvornik.errors import UnreachableError
from dvornik.languages import _

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pymysql.connections import Connection

    from dvornik.contracts.database import Comparison, ExpiryRule, Keep, Row
    from dvornik.databases.mysql_connection import Flavour

_FOREIGN = """
SELECT k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.COLUMN_NAME, k.REFERENCED_COLUMN_NAME, r.DELETE_RULE
FROM information_schema.KEY_COLUMN_USAGE k
JOIN information_schema.REFERENTIAL_CONSTRAINTS r
  ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME
     AND r.TABLE_NAME = k.TABLE_NAME
WHERE k.REFERENCED_TABLE_SCHEMA = DATABASE() AND k.REFERENCED_TABLE_NAME = %s
ORDER BY k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION
"""
_COLUMNS = """
SELECT COLUMN_NAME, lower(DATA_TYPE) FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s
  AND coalesce(GENERATION_EXPRESSION, '') = '' ORDER BY ORDINAL_POSITION
"""
"""Generated columns come by themselves."""
_KINDS = """
SELECT TABLE_NAME, COLUMN_NAME, lower(DATA_TYPE) FROM information_schema.COLUMNS JOIN information_schema.TABLES
USING (TABLE_SCHEMA, TABLE_NAME)
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')
"""
_TRIGGERS = """
SELECT TRIGGER_NAME FROM information_schema.TRIGGERS
WHERE EVENT_OBJECT_SCHEMA = %s AND EVENT_OBJECT_TABLE = %s AND EVENT_MANIPULATION = %s ORDER BY 1
"""
_KEYS = """
SELECT UNIQUE_CONSTRAINT_SCHEMA, REFERENCED_TABLE_NAME, CONSTRAINT_SCHEMA, TABLE_NAME, DELETE_RULE, UPDATE_RULE
FROM information_schema.REFERENTIAL_CONSTRAINTS
"""
_BYTES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "bit", "geometry"})
_TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"})
_KIND = {
    **dict.fromkeys(("datetime", "timestamp", "date"), "time"),
    **dict.fromkeys(_TEXTS, "text"),
    **dict.fromkeys(_BYTES, "bytes"),
    **dict.fromkeys(
        ("tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "numeric"), "number"
    ),
}


def triggers(connection: Connection, table: str, *, cascade: bool) -> Sequence[str]:
    """Return the names of what acts when rows of the table are deleted, and of tables that the keys lead to.

    Not every server runs the latter for a row that a key takes along: then nobody does what they are there for.
    """
    own = (str(rows(connection, "SELECT DATABASE()")[0][0]), table)
    keys = rows(connection, _KEYS) if cascade else ()
    found: list[str] = []
    for (schema, name), event in cascades.reached(
        own, [cascades.Key((a, b), (c, d), *rest) for a, b, c, d, *rest in keys]
    ):
        acting = [str(each) for (each,) in rows(connection, _TRIGGERS, schema, name, event)]
        found += acting if (schema, name) == own else [f"{name}.{each}" for each in acting]
    return found


def kinds(connection: Connection) -> Mapping[str, Mapping[str, str]]:
    """Return the kind of every column of every table."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in rows(connection, _KINDS):
        found.setdefault(table, {})[column] = _KIND.get(kind, "other")
    return found


def compared(connection: Connection, table: str, comparison: Comparison) -> str:
    """Return SQL for a comparison; the driver writes the literals.

    A text is never compared with a number: the servers would read every text as one, most of them as 0. Texts are
    equal only letter by letter, whatever the column's collation calls equal.
    """
    known = {name: kind for name, kind in rows(connection, _COLUMNS, table)}  # noqa: C416 - the driver's rows are not pairs to mypy
    kind = known.get(comparison.column)
    where = f"{table}.{comparison.column}"
    if kind is None:
        raise UnreachableError(_("there is no such table or column"), context=where)
    column, operator = quoted(comparison.column), comparison.operator
    if operator in {"null", "not null"}:
        return f"{column} IS {operator.upper()}"
    if any(isinstance(value, str) == (_KIND.get(kind) == "number") for value in comparison.values):
        message = _("this column cannot be compared with such a value")
        raise UnreachableError(message, context=f"{where}: {kind}", hint=_("Compare numbers with numbers."))
    values = [str(connection.escape(value)) for value in comparison.values]
    if operator not in {"=", "in"}:
        return f"{column} {operator} {values[0]}"
    exact = f"CONVERT({column} USING utf8mb4) COLLATE utf8mb4_bin" if kind in _TEXTS else column
    return f"{exact} IN ({', '.join(values)})"


def referring(connection: Connection, rule: ExpiryRule, table: str) -> Mapping[str, str]:
    """Return, by the table that refers to this one, SQL that holds for rows that it refers to.

    Keys that delete or empty their own rows along are left out where the rule says that this is meant.
    """
    keys: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for schema, name, key, own, target, action in rows(connection, _FOREIGN, table):
        if not (rule.cascade and action in cascades.FOLLOWING):
            keys.setdefault((schema, name, key), []).append((own, target))
    found: dict[str, str] = {}
    for (schema, name, _key), pairs in keys.items():
        source = f"{quoted(schema)}.{quoted(name)}"
        if name == table:  # a table that is deleted from may be read only by way of a copy
            source = f"(SELECT {', '.join(quoted(own) for own, _target in pairs)} FROM {source})"  # noqa: S608 - quoted
        equal = " AND ".join(f"referrer.{quoted(own)} = {quoted(table)}.{quoted(target)}" for own, target in pairs)
        exists = f"EXISTS (SELECT 1 FROM {source} AS referrer WHERE {equal})"  # noqa: S608 - quoted
        found[name] = f"{found[name]} OR {exists}" if name in found else exists
    return found


def left_out(where: str, referrers: Mapping[str, str]) -> str:
    """Return the condition so that it holds for no row that is referred to."""
    return " AND ".join([where, *(f"NOT ({exists})" for exists in referrers.values())])


def stored(connection: Connection, table: str) -> Sequence[tuple[str, str]]:
    """Return the columns that an INSERT may name, each with its type."""
    return [(str(name), str(kind)) for name, kind in rows(connection, _COLUMNS, table)]


class Claim:
    """Deletes what a statement means only once the same rows are locked, and kept if they are to be, all in one go."""

    def __init__(
        self,
        connection: Connection,
        table: str,
        columns: Sequence[tuple[str, str]],
        keep: Keep | None,
        flavour: Flavour,
    ) -> None:
        """Take a connection that commits by itself otherwise, and the ``stored`` columns."""
        self._connection = connection
        self._table = table
        self._keep = keep
        self._for_update = "FOR UPDATE NOWAIT" if flavour.knows_nowait else "FOR UPDATE"
        self._tells = flavour.tells_rows_from_tables
        self._columns = columns

    def delete(self, tail: str) -> int:
        """Delete ``FROM … WHERE …``; nothing, if other rows than those that were kept would go."""
        self._connection.begin()
        try:
            count = self._delete(tail)
        except BaseException:
            self._connection.rollback()
            raise
        self._connection.commit()
        return count

    def _delete(self, tail: str) -> int:
        try:
            found = self._kept(tail, self._keep) if self._keep else self._locked(tail)
        except OperationalError as error:
            if self._tells and error.args[0] == TIMED_OUT:  # the table: none of its rows is worth another second
                raise locked_rows(self._table, str(TIMED_OUT)) from None
            raise
        if not found:
            return 0
        if not self._keep:
            return deleted(self._connection, tail)
        with self._connection.cursor() as cursor:
            count = int(cursor.execute(f"DELETE {tail}"))
        if count != found:
            # Rows that became due in between: the next run takes them.
            raise locked_rows(self._table, "1205")
        return count

    def _locked(self, tail: str) -> int:
        return int(rows(self._connection, f"SELECT count(*) FROM (SELECT 1 {tail} {self._for_update}) AS own")[0][0])  # noqa: S608 - quoted

    def _kept(self, tail: str, keep: Keep) -> int:
        names = ", ".join(_read(name, kind) for name, kind in self._columns)
        found = 0
        with self._connection.cursor(SSCursor) as cursor:
            cursor.execute(f"SELECT {names} {tail} {self._for_update}")
            for part in parts(self._row(cells) for cells in cursor):
                keep(part)
                found += len(part)
        return found

    def _row(self, cells: Sequence[Any]) -> Row:
        return {name: _jsonable(cell) for (name, _kind), cell in zip(self._columns, cells, strict=True)}


def deleted(connection: Connection, tail: str) -> int:
    """Delete ``FROM … WHERE …``; a row that is referred to, unknown to the condition, stays alone."""
    with connection.cursor() as cursor:
        try:
            return int(cursor.execute(f"DELETE {tail}"))
        except IntegrityError:
            return int(cursor.execute(f"DELETE IGNORE {tail}"))


def restored(connection: Connection, table: str, kept: Sequence[Row]) -> int:
    """Insert rows as they were kept; leave whatever stands in their place."""
    rows(connection, "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO'")
    count = 0
    with connection.cursor() as cursor:
        for row in kept:
            names = ", ".join(map(quoted, row))
            values = ", ".join(_written(connection, value) for value in row.values())
            first = quoted(next(iter(row)))
            # Not IGNORE, which would cut what does not fit.
            tail = f"ON DUPLICATE KEY UPDATE {first} = {quoted(table)}.{first}"
            count += int(cursor.execute(f"INSERT INTO {quoted(table)} ({names}) VALUES ({values}) {tail}") == 1)  # noqa: S608 - quoted
    return count


def _read(name: str, kind: str) -> str:
    """Return SQL for a cell: as text, which reads back as the same; a FLOAT as the DOUBLE that it is."""
    column = quoted(name)
    if kind in _BYTES:
        return f"CAST({column} AS BINARY)"
    if kind == "float":
        column = f"({column} + 0e0)"
    return f"CAST({column} AS CHAR CHARACTER SET utf8mb4)"


def _jsonable(cell: Any) -> object:  # noqa: ANN401 - the driver's
    return {"bytes": base64.b64encode(cell).decode()} if isinstance(cell, bytes) else cell


def _written(connection: Connection, value: object) -> str:
    if isinstance(value, dict):
        return f"x'{base64.b64decode(value['bytes']).hex()}'"
    return "NULL" if value is None else str(connection.escape(value))
