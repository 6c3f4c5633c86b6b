"""Narrow columns of plain tables, gathered by the server: one message brings the cells of a range of pages.

A message costs about as much as ten short cells do, on both sides. Only columns whose type bounds their length
are gathered, so that no message grows large.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from psycopg import sql

from dvornik.databases.postgresql_catalogue import one

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

_PAGES: Final = 64
"""Half a megabyte of a table."""
_WIDEST: Final = 4000
"""Letters that a row's cells may have together; longer ones are compressed where they lie, and a range grows."""
_NARROW = """
SELECT c.relkind = 'r' AND NOT c.relhassubclass AND count(*) = cardinality(%(names)s::text[])
       AND sum(a.atttypmod - 4) <= %(widest)s
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.oid = to_regclass(%(table)s) AND a.attname = ANY (%(names)s) AND a.atttypmod > 4
  AND a.atttypid IN ('varchar'::regtype, 'bpchar'::regtype)
GROUP BY c.oid
"""
"""The type modifier of both is their length and four (``varchar.c``)."""


def gathered(connection: Connection, table: sql.Composable, names: Sequence[str]) -> sql.Composed | None:
    r"""Return a query for all cells of some columns, set apart by ``\0``, which no text holds; NULL comes empty.

    ``None`` where a cell may be long, or where the server would not read by ranges of pages: rows that lie elsewhere
    (partitions, views, foreign tables, other engines) would be missed, or all of them read for each range.
    """
    values = {"table": table.as_string(connection), "names": list(names), "widest": _WIDEST}
    query = _query(table, values["table"], names)
    with connection.transaction():  # a savepoint: the snapshot goes on where a table may not be read
        if not one(connection, _NARROW, values):
            return None
        plan = connection.execute(sql.SQL("EXPLAIN {}").format(query))
        return query if any("Tid Range Scan" in line for (line,) in plan) else None


def _query(table: sql.Composable, name: object, names: Sequence[str]) -> sql.Composed:
    cells = [sql.SQL("coalesce(textsend({}::text), '')").format(sql.Identifier(name)) for name in names]
    return sql.SQL(
        "SELECT (SELECT string_agg({cells}, '\\x00'::bytea) FROM {table}"
        " WHERE ctid >= format('(%s,0)', first)::tid AND ctid < format('(%s,0)', first + {pages})::tid)"
        " FROM generate_series(0, pg_relation_size({name}::regclass) / current_setting('block_size')::int8, {pages})"
        " AS first"
    ).format(
        cells=sql.SQL(" || '\\x00'::bytea || ").join(cells),
        table=table,
        name=sql.Literal(name),
        pages=sql.Literal(_PAGES),
    )
