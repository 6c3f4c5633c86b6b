"""Rows of PostgreSQL: who refers to them, how they compare, how they are kept and put back."""

from __future__ import annotations

from itertools import groupby, islice
from typing import TYPE_CHECKING, Final

from psycopg import sql

from dvornik.databases import cascades

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import LiteralString

    import psycopg

    from dvornik.contracts.database import Comparison, Row

VALUES: Final = 1_000
"""Cells that one INSERT puts back: a row by itself takes four times as long, and a server takes 65,535."""

_FOREIGN: LiteralString = """
WITH own AS (SELECT %(table)s::int8::oid AS oid UNION SELECT relid FROM pg_partition_tree(%(table)s::int8::oid))
SELECT n.nspname, c.relname, f.confdeltype::text IN ('c', 'n', 'd'), pg_table_is_visible(c.oid),
       ARRAY(SELECT a.attname FROM unnest(f.conkey) WITH ORDINALITY k(number, place)
             JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.number ORDER BY k.place)::text[],
       ARRAY(SELECT a.attname FROM unnest(f.confkey) WITH ORDINALITY k(number, place)
             JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.number ORDER BY k.place)::text[]
FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE f.contype = 'f' AND f.confrelid IN (SELECT oid FROM own)
  AND NOT EXISTS (SELECT FROM pg_constraint whole JOIN own ON own.oid = whole.confrelid WHERE whole.oid = f.conparentid)
ORDER BY 1, 2, f.conname
"""

_KINDS: LiteralString = """
SELECT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END, a.attname,
       CASE WHEN b.typname IN ('timestamptz', 'timestamp', 'date') THEN 'time'
            WHEN b.typcategory = 'N' THEN 'number' WHEN b.typcategory = 'S' THEN 'text'
            WHEN b.typname = 'bytea' THEN 'bytes' ELSE 'other' END
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid JOIN pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
"""

_STORED: LiteralString = """
SELECT attname FROM pg_attribute
WHERE attrelid = %s::int8::oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
"""Generated columns come by themselves."""

_KEYED: LiteralString = """
SELECT FROM pg_index i WHERE i.indrelid = %s::int8::oid AND i.indisunique AND i.indisvalid AND i.indimmediate
  AND i.indpred IS NULL AND i.indexprs IS NULL
  AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid AND NOT a.attnotnull
                  AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]))
"""
"""Keys that every row has, which an INSERT meets at once."""

_TRIGGERS: LiteralString = """
WITH own AS (SELECT %(table)s::int8::oid AS oid UNION SELECT relid FROM pg_partition_tree(%(table)s::int8::oid))
SELECT %(table)s::int8::oid::regclass::text, t.tgname FROM pg_trigger t JOIN own ON own.oid = t.tgrelid
WHERE NOT t.tgisinternal AND t.tgtype & %(bit)s <> 0 AND t.tgenabled NOT IN ('D', 'R')
UNION SELECT %(table)s::int8::oid::regclass::text, r.rulename FROM pg_rewrite r JOIN own ON own.oid = r.ev_class
WHERE r.ev_type = %(type)s AND r.ev_enabled NOT IN ('D', 'R') ORDER BY 2
"""
"""Those of an event that act where the application itself deletes; foreign keys have internal ones."""
_EVENT_TYPES = {cascades.DELETE: "4", cascades.UPDATE: "2"}

_KEYS: LiteralString = """
SELECT f.confrelid::int8, f.conrelid::int8, action.of_delete, action.of_update FROM pg_constraint f
CROSS JOIN LATERAL (SELECT CASE f.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd'
                           THEN 'SET DEFAULT' ELSE '' END AS of_delete,
                           CASE WHEN f.confupdtype IN ('c', 'n', 'd') THEN 'CASCADE' ELSE '' END AS of_update) AS action
WHERE f.contype = 'f'
"""


class Referrers:
    """The foreign keys that refer to one table, called ``target`` in every statement."""

    def __init__(self, connection: psycopg.Connection, oid: int, *, cascade: bool) -> None:
        """Read them; with ``cascade``, those that delete or empty their own rows along are meant to."""
        self.conditions: dict[str, sql.Composable] = {}
        self.follow = False
        """Whether the database would delete or empty other rows along, rather than refuse."""
        for schema, table, follows, is_visible, own, targets in connection.execute(_FOREIGN, {"table": oid}).fetchall():
            if follows and cascade:
                continue
            self.follow |= follows
            name = table if is_visible else f"{schema}.{table}"
            pairs = [
                sql.SQL("referrer.{} = target.{}").format(sql.Identifier(one), sql.Identifier(other))
                for one, other in zip(own, targets, strict=True)
            ]
            exists = sql.SQL("EXISTS (SELECT FROM {} AS referrer WHERE {})").format(
                sql.Identifier(schema, table), sql.SQL(" AND ").join(pairs)
            )
            before = self.conditions.get(name)
            self.conditions[name] = sql.SQL("({} OR {})").format(before, exists) if before else exists

    def left_out(self, condition: sql.Composed) -> sql.Composed:
        """Return the condition so that it holds for no row that is referred to."""
        return sql.SQL(" AND NOT ").join([condition, *self.conditions.values()])


def compared(comparison: Comparison) -> sql.Composed:
    """Return SQL for a comparison; the driver writes the literals."""
    column, operator = sql.Identifier(comparison.column), comparison.operator
    values = sql.SQL(", ").join(map(sql.Literal, comparison.values))
    if operator == "null":
        return sql.SQL("{} IS NULL").format(column)
    if operator == "not null":
        return sql.SQL("{} IS NOT NULL").format(column)
    return _OPERATORS[operator].format(column, values)


_OPERATORS = {
    "=": sql.SQL("{} = {}"),
    "!=": sql.SQL("{} <> {}"),
    "<": sql.SQL("{} < {}"),
    "<=": sql.SQL("{} <= {}"),
    ">": sql.SQL("{} > {}"),
    ">=": sql.SQL("{} >= {}"),
    "in": sql.SQL("{} IN ({})"),
}


def triggers(connection: psycopg.Connection, oid: int, *, cascade: bool) -> Sequence[str]:
    """Return the names of what acts when rows of the table are deleted, and of tables that the keys lead to."""
    keys = [cascades.Key(*row) for row in connection.execute(_KEYS)] if cascade else []
    found: list[str] = []
    for table, event in cascades.reached(oid, keys):
        events = {"table": table, "bit": 8 if event == cascades.DELETE else 16, "type": _EVENT_TYPES[event]}
        for where, name in connection.execute(_TRIGGERS, events).fetchall():
            found.append(name if table == oid else f"{where}.{name}")
    return found


def kinds(connection: psycopg.Connection) -> Mapping[str, Mapping[str, str]]:
    """Return the kind of every column of every table of the application's."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(_KINDS).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def keyed(connection: psycopg.Connection, oid: int) -> bool:
    """Tell whether no row can stand in the table twice."""
    return connection.execute(_KEYED, (oid,)).rowcount > 0


def stored(connection: psycopg.Connection, oid: int) -> Sequence[str]:
    """Return the columns that an INSERT may name."""
    return [name for (name,) in connection.execute(_STORED, (oid,)).fetchall()]


def plain_output() -> LiteralString:
    """Return statements by which every value's text reads back as the same value, wherever."""
    return (
        "SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'iso_8601'; SET LOCAL TimeZone = 'UTC';"
        " SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1; SET LOCAL xmloption = 'content'"
    )


def restored(connection: psycopg.Connection, table: sql.Identifier, rows: Sequence[Row]) -> int:
    """Insert rows as they were kept, each value by its type's own reading; leave whatever stands in their place."""
    connection.execute(plain_output())
    count = 0
    for names, alike in groupby(rows, key=tuple):
        remaining = iter(alike)
        while part := list(islice(remaining, max(1, VALUES // len(names)))):
            count += _inserted(connection, table, names, part)
    return count


def _inserted(connection: psycopg.Connection, table: sql.Identifier, names: Sequence[str], rows: Sequence[Row]) -> int:
    row = sql.SQL("({})").format(sql.SQL(", ").join([sql.Placeholder()] * len(names)))
    query = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES {} ON CONFLICT DO NOTHING").format(
        table, sql.SQL(", ").join(map(sql.Identifier, names)), sql.SQL(", ").join([row] * len(rows))
    )
    return connection.execute(query, [value for row in rows for value in row.values()]).rowcount
