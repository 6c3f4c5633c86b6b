"""Measures PostgreSQL's tables and indexes: what they take, and what of it is waste.

Estimated from the planner's statistics, as the usual bloat queries do (https://wiki.postgresql.org/wiki/Show_database_bloat);
what they suspect is measured where the extension pgstattuple is installed and allowed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from psycopg import sql

from dvornik.contracts.database import TableSize
from dvornik.databases.postgresql_catalogue import one

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import LiteralString

    import psycopg

WORTH_REINDEX, WORTH_REINDEX_BYTES = 0.5, 8 << 20
"""An index is rebuilt when this share of it is air, and when it is that large."""
SUSPECT_SHARE, SUSPECT_BYTES = 0.1, 1 << 20
"""What the estimate finds to be this much air is measured."""
MEASURED_MOST = 4 << 30
"""Larger relations are not measured: pgstattuple would read for minutes."""

_SIZES = """
SELECT c.oid::int8, CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE s.schemaname || '.' || s.relname END,
       CASE WHEN held.relation IS NULL THEN coalesce(pg_total_relation_size(c.oid), 0)
            ELSE c.relpages::int8 * b.size END,
       CASE WHEN held.relation IS NULL THEN coalesce(pg_table_size(c.oid), 0) ELSE c.relpages::int8 * b.size END,
       CASE WHEN held.relation IS NULL THEN coalesce(pg_relation_size(c.oid), 0) ELSE 0 END,
       s.n_live_tup, s.n_dead_tup,
       coalesce(b.size * ceil(c.reltuples * widths.row / ((b.size - 24) * fill.factor)), -1)::int8
FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
CROSS JOIN (SELECT current_setting('block_size')::int8 AS size) AS b
CROSS JOIN LATERAL (
    SELECT coalesce(substring(array_to_string(c.reloptions, ' ') FROM 'fillfactor=([0-9]+)')::float8, 100) / 100
) AS fill(factor)
LEFT JOIN LATERAL (
    SELECT 28 + 8 * ceil((sum((1 - p.null_frac) * p.avg_width) + bool_or(p.null_frac > 0)::int * count(*) / 8) / 8)
           AS row
    FROM pg_stats p WHERE p.schemaname = s.schemaname AND p.tablename = s.relname AND NOT p.inherited
    HAVING count(*) = (SELECT count(*) FROM pg_attribute a
                       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
) AS widths ON c.reltuples >= 0
LEFT JOIN (
    SELECT DISTINCT relation FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND pid <> pg_backend_pid()
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS held ON held.relation = c.oid
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
ORDER BY 2
"""
"""A table that somebody holds for himself is not waited for: its size is the one of the last vacuum."""

_INDEXES = """
SELECT x.indrelid::int8, i.oid::int8, n.nspname, i.relname, pg_relation_size(i.oid),
       (i.reltuples / 0.9 * (
        20 + coalesce((SELECT sum(s.avg_width) FROM pg_attribute a
                       JOIN pg_stats s ON s.attname = a.attname AND s.tablename = t.relname
                                          AND s.schemaname = t.relnamespace::regnamespace::text
                       WHERE a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey)), 64)))::int8
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class t ON t.oid = x.indrelid AND t.relkind = 'r' AND t.relpersistence <> 't'
JOIN pg_am m ON m.oid = i.relam AND m.amname = 'btree'
JOIN pg_namespace n ON n.oid = i.relnamespace
WHERE x.indisvalid AND i.relkind = 'i' AND i.reltuples >= 0 AND i.relpages > 1
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND (%(table)s::int8 IS NULL OR x.indrelid = %(table)s::int8::oid)
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = x.indexrelid AND contype = 'x')
  AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.relation IN (x.indrelid, i.oid) AND l.granted
                    AND l.mode = 'AccessExclusiveLock' AND l.pid <> pg_backend_pid())
"""
"""Entries that are alike share their place since PostgreSQL 13, so the estimate errs towards leaving an index alone."""

_EXTENSION = """
SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pgstattuple'
"""


class Index(NamedTuple):
    """An index, its size and how much of it is air; bytes."""

    table: int
    oid: int
    schema: str
    name: str
    size: int
    bloat: int

    @property
    def is_mostly_air(self) -> bool:
        """Whether rebuilding it pays."""
        return self.size > WORTH_REINDEX_BYTES and self.bloat > WORTH_REINDEX * self.size


def measure(connection: psycopg.Connection) -> Sequence[TableSize]:
    """Measure every table with its indexes; ``detail`` says how bloat was found: pgstattuple or estimate."""
    exact = exactly(connection)
    airy: dict[int, int] = {}
    for index in indexes(connection):
        if index.is_mostly_air:
            airy[index.table] = airy.get(index.table, 0) + index.bloat
    sizes = []
    for oid, name, size, heap, main, live, dead, needed in connection.execute(_SIZES).fetchall():
        bloat = max(0, main - needed) if needed >= 0 else 0
        how = "estimate"
        if exact and _is_suspect(bloat, main):
            bloat, how = _measured_heap(connection, exact, oid), "pgstattuple"
        waste = heap * dead // max(1, live + dead)
        sizes.append(TableSize(name, size, waste, live, how, bloat=bloat, index_bloat=airy.get(oid, 0)))
    return sizes


def indexes(connection: psycopg.Connection, table: int | None = None) -> list[Index]:
    """Measure the B-tree indexes (of one table, by its oid)."""
    exact = exactly(connection)
    found = []
    for oid, index, schema, name, size, needed in connection.execute(_INDEXES, {"table": table}).fetchall():
        bloat = max(0, size - needed)
        if exact and _is_suspect(bloat, size):
            bloat = _measured_index(connection, exact, index, size)
        found.append(Index(oid, index, schema, name, size, bloat))
    return found


def exactly(connection: psycopg.Connection) -> str:
    """Return the schema of pgstattuple where it is installed and we may use it; else nothing."""
    schema = one(connection, _EXTENSION)
    if schema is None:
        return ""
    asked: LiteralString = (
        "SELECT bool_and(has_function_privilege(p.oid, 'EXECUTE')) AND bool_or(p.proname = 'pgstattuple_approx')"
        " FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE n.nspname = %s AND p.proname IN ('pgstattuple_approx', 'pgstatindex')"
    )
    return str(schema) if one(connection, asked, (schema,)) else ""


def _is_suspect(bloat: int, size: int) -> bool:
    return size <= MEASURED_MOST and bloat >= SUSPECT_BYTES and bloat >= SUSPECT_SHARE * size


def _measured_heap(connection: psycopg.Connection, schema: str, oid: int) -> int:
    query = sql.SQL("SELECT approx_free_space + dead_tuple_len FROM {}({}::int8::oid::regclass)")
    function = sql.Identifier(schema, "pgstattuple_approx")
    return int(float(str(one(connection, query.format(function, sql.Literal(oid))) or 0)))


def _measured_index(connection: psycopg.Connection, schema: str, oid: int, size: int) -> int:
    """Return what a rebuild gives back: leaves are 90 % full then (an empty index has no density)."""
    query = sql.SQL("SELECT nullif(avg_leaf_density, 'NaN') FROM {}({}::int8::oid::regclass)")
    density = one(connection, query.format(sql.Identifier(schema, "pgstatindex"), sql.Literal(oid)))
    return max(0, int(size * (1 - float(str(density or 0)) / 90)))
