"""What one transaction of PostgreSQL sees: the columns that may hold a name, and their cells as a stream."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from dvornik.contracts.database import Column
from dvornik.databases import postgresql_copy, postgresql_gathering
from dvornik.databases.batches import as_text
from dvornik.databases.postgresql_catalogue import is_foreign
from dvornik.databases.postgresql_catalogue import one as _one

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import LiteralString

    from dvornik.databases.postgresql_connection import Server

_COLUMNS = """
WITH RECURSIVE resolved(type, current, is_array) AS (
    SELECT oid, oid, false FROM pg_type
    UNION ALL
    SELECT r.type, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.typelem END, r.is_array OR t.typtype <> 'd'
    FROM resolved r JOIN pg_type t ON t.oid = r.current
    WHERE t.typtype = 'd' OR (t.typcategory = 'A' AND t.typelem <> 0)
), texts_in_ranges AS (
    SELECT g.id FROM pg_range s JOIN pg_type t ON t.oid = s.rngsubtype, -- older servers have no type of many ranges
                     unnest(ARRAY[s.rngtypid, (to_jsonb(s) ->> 'rngmultitypid')::oid]) AS g(id)
    WHERE t.typcategory NOT IN ('D', 'N', 'T')
), leaf AS (
    SELECT r.type, t.typname || CASE WHEN r.is_array THEN '[]' ELSE '' END AS name
    FROM resolved r JOIN pg_type t ON t.oid = r.current
    WHERE t.typtype <> 'd' AND NOT (t.typcategory = 'A' AND t.typelem <> 0)
      AND t.typcategory NOT IN ('B', 'D', 'G', 'I', 'N', 'T', 'V')
      AND (t.typcategory <> 'R' OR t.oid IN (SELECT id FROM texts_in_ranges))
      AND t.typname NOT IN ('tsvector', 'tsquery', 'macaddr', 'macaddr8', 'pg_lsn', 'txid_snapshot', 'pg_snapshot',
                            'geometry', 'geography', 'raster', 'vector', 'halfvec', 'sparsevec')
)
SELECT c.relname, a.attname, leaf.name,
       CASE WHEN pg_table_is_visible(c.oid) THEN '' ELSE n.nspname END,
       ARRAY(SELECT k.attname FROM pg_index i JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = ANY (i.indkey)
             WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY array_position(i.indkey::int2[], k.attnum))::text[]
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN leaf ON leaf.type = a.atttypid
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND (NOT c.relispartition OR EXISTS (
        SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid AND (to_jsonb(i) ->> 'inhdetachpending')::bool))
  AND c.relpersistence <> 't' AND c.relispopulated
  AND a.attnum > 0 AND NOT a.attisdropped
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
ORDER BY n.nspname, c.relname, a.attnum
"""
"""What cannot hold a name is left out by kind; whatever is not known stays in. A materialized view may still show a row
that its tables have lost; a foreign table has its rows elsewhere. A partition is read with its table, unless that is
already letting it go."""

_LARGE = Column("pg_largeobject", "data", "lo", "pg_catalog", ("loid",))
"""Large objects, in which some applications keep their longest texts."""
_LARGE_PIECES = """(
SELECT oid AS loid, lo_get(oid, n * 1048576, 1056768) AS data
FROM (SELECT oid, lo_lseek64(lo_open(oid, 262144), 0, 2) AS size FROM pg_largeobject_metadata) AS each,
     generate_series(0, size / 1048576) AS n
) AS pieces"""
"""A megabyte at a time, and 8 KiB more, so that no name is cut in two."""

_DEFINITIONS = Column("definitions", "definition", "text", "pg_catalog", ("name",))
"""What defaults, checks, views, functions and enumerations say: a default names a file that no row need name."""
_DEFINED = """(
SELECT name, definition FROM (
    SELECT c.oid::regclass || '.' || a.attname, pg_get_expr(d.adbin, d.adrelid), c.relnamespace
    FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.adnum
    UNION ALL SELECT oid::regclass::text, pg_get_viewdef(oid), relnamespace FROM pg_class WHERE relkind IN ('v', 'm')
    UNION ALL SELECT t.oid::regtype::text, quote_literal(e.enumlabel), t.typnamespace
    FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid
    UNION ALL SELECT oid::regtype::text, typdefault, typnamespace FROM pg_type
    UNION ALL SELECT t.tgname, pg_get_triggerdef(t.oid), c.relnamespace
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
    UNION ALL SELECT r.rulename, pg_get_ruledef(r.oid), c.relnamespace
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE r.rulename <> '_RETURN'
    UNION ALL SELECT k.conname, pg_get_constraintdef(k.oid), k.connamespace FROM pg_constraint k WHERE k.contype = 'c'
    UNION ALL SELECT p.oid::regprocedure::text, pg_get_functiondef(p.oid), p.pronamespace
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
    WHERE p.prokind <> 'a' AND l.lanname NOT IN ('c', 'internal')
) AS every(name, definition, schema) JOIN pg_namespace n ON n.oid = schema
WHERE definition ~ '[''"][^''"]*[.][^''"]*[''"]' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
) AS definitions"""

_REMOTE = ("08", "HV")
"""Classes of errors by which a server tells that another one cannot be reached."""

_DIVERSE = """
SELECT 1 FROM pg_stats s JOIN pg_namespace n ON n.nspname = s.schemaname
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
WHERE c.oid = to_regclass(%s) AND s.attname = %s AND s.n_distinct < -0.5 LIMIT 1
"""
"""More than half of the rows have a value of their own: to sort them all would cost more than reading them does."""


def columns(connection: psycopg.Connection) -> Sequence[Column]:
    """Return what may hold text. ``schema`` is empty where the table is found without it."""
    rows = connection.execute(_COLUMNS).fetchall()
    found = [Column(table, name, kind, schema, tuple(key)) for table, name, kind, schema, key in rows]
    if _one(connection, "SELECT 1 FROM pg_largeobject_metadata LIMIT 1"):
        found.append(_LARGE)
    if _one(connection, sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.SQL(_DEFINED))):
        found.append(_DEFINITIONS)
    return found


class PostgreSQLSnapshot:
    """What one transaction sees, streamed as COPY in binary: newlines and backslashes arrive as they are."""

    def __init__(self, connection: psycopg.Connection, server: Server) -> None:
        """Take a connection that is inside its transaction, and the server, which tells its errors to people."""
        self._connection = connection
        self._server = server

    def values(self, column: Column) -> Iterator[Sequence[str]]:
        """Stream one exact column; where the statistics say that most are distinct, those that are not come again."""
        with self._told(column):
            is_diverse = not _is_made(column) and _one(self._connection, _DIVERSE, (_named(column), column.name))
            distinct = sql.SQL("" if is_diverse else "DISTINCT")
            query = sql.SQL("SELECT {} {} FROM {}").format(distinct, _as_bytes(column), _of(column))
            streamed = self._gathered([column]) if is_diverse else None
            for cells in streamed or postgresql_copy.cells(self._connection, query, 1):
                yield [cell.decode(errors="surrogateescape") for cell in cells]  # as_text, without a million calls

    def texts(self, table: str, columns: Sequence[Column]) -> Iterator[Sequence[str | bytes]]:  # noqa: ARG002 - columns say their schema too
        """Stream as bytes. Elements of arrays are set apart by newlines."""
        for source in dict.fromkeys((column.schema, column.table) for column in columns):
            group = [column for column in columns if (column.schema, column.table) == source]
            names = sql.SQL(", ").join(map(_as_bytes, group))
            query = sql.SQL("SELECT {} FROM {}").format(names, _of(group[0]))
            with self._told(group[0]):
                yield from self._gathered(group) or postgresql_copy.cells(self._connection, query, len(group))

    def _gathered(self, group: Sequence[Column]) -> Iterator[list[bytes]] | None:
        """Stream the cells of narrow columns of one table; ``None`` where they cannot be gathered."""
        if _is_made(group[0]):
            return None
        query = postgresql_gathering.gathered(self._connection, _of(group[0]), [column.name for column in group])
        return postgresql_copy.ranges(self._connection, query) if query else None

    def rows(self, column: Column) -> Iterator[tuple[str, str | bytes]]:
        """Stream one column with the row's key; where there is none, with its place in the table, if that has any."""
        keys = list(column.key) or (["ctid"] if self._has_places(column) else [])
        names = [_as_bytes(column), *(sql.SQL("{}::text").format(sql.Identifier(name)) for name in keys)]
        query = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(names), _of(column))
        with self._told(column):
            for cell, *key in postgresql_copy.rows(self._connection, query):
                if cell:
                    yield ",".join(f"{name}={as_text(value)}" for name, value in zip(keys, key, strict=True)), cell

    def _has_places(self, column: Column) -> bool:
        """Tell whether the rows lie here: those of a view or of a foreign table do not."""
        query: LiteralString = "SELECT relkind IN ('r', 'p', 'm') FROM pg_class WHERE oid = to_regclass(%s)"
        return not _is_made(column) and bool(_one(self._connection, query, (_named(column),)))

    @contextmanager
    def _told(self, column: Column) -> Iterator[None]:
        """Name the table in an error, and the remedy where a foreign one could not be reached."""
        try:
            yield
        except psycopg.Error as error:
            table = f"{column.schema}.{column.table}" if column.schema else column.table
            is_local = not (error.sqlstate or "").startswith(_REMOTE) or self._connection.broken or _is_made(column)
            if is_local or not is_foreign(self._connection, _named(column)):
                raise self._server.trouble(error, table) from None
            raise self._server.far(error, table) from None


def _is_made(column: Column) -> bool:
    """Tell whether this is no table of the server's: older ones take only a table's name for one."""
    return column in {_LARGE, _DEFINITIONS}


def _named(column: Column) -> str:
    return _of(column).as_string()


def _of(column: Column) -> sql.Composable:
    if column == _LARGE:
        return sql.SQL(_LARGE_PIECES)
    if column == _DEFINITIONS:
        return sql.SQL(_DEFINED)
    return sql.Identifier(column.schema, column.table) if column.schema else sql.Identifier(column.table)


def _as_bytes(column: Column) -> sql.Composed:
    """Return SQL that gives a cell's own bytes, with no escapes of the server's output format around them."""
    name = sql.Identifier(column.name)
    if column.type in {"bytea", _LARGE.type}:
        return sql.SQL("{}::bytea").format(name)
    if column.type == "bytea[]":
        return sql.SQL("(SELECT string_agg(part, '\\x0a'::bytea) FROM unnest({}) AS part)").format(name)
    if column.type.endswith("[]"):
        return sql.SQL("array_to_string({}, chr(10))").format(name)
    return sql.SQL("{}::text").format(name)
