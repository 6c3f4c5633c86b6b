"""Optimises PostgreSQL's tables: vacuum, statistics, indexes."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from dvornik.databases.postgresql_catalogue import find as _table
from dvornik.databases.postgresql_catalogue import one as _one
from dvornik.model import Miss, Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import LiteralString

    from dvornik.databases.postgresql_catalogue import Table as _Table

MAINTENANCE_TIMEOUT = "2h"
"""VACUUM and REINDEX CONCURRENTLY hold nobody up; what they did so far stays when they are ended."""
MAINTENANCE_LOCK_TIMEOUT = "5s"
WORTH_REINDEX, WORTH_REINDEX_BYTES = 2.0, 8 << 20
"""An index is rebuilt when it is this many times what its entries need, and that large."""

_STALE = """
SELECT schemaname, relname FROM pg_catalog.pg_stat_user_tables
WHERE n_mod_since_analyze > greatest(50, 0.01 * n_live_tup)
  AND pg_catalog.pg_has_role((SELECT relowner FROM pg_catalog.pg_class WHERE oid = relid), 'USAGE')
ORDER BY 1, 2
"""
"""Tables of which over a hundredth changed since their statistics were made, and which we may analyse."""
_BLOATED_INDEXES = """
SELECT n.nspname, i.relname
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_am m ON m.oid = i.relam AND m.amname = 'btree'
JOIN pg_namespace n ON n.oid = i.relnamespace
WHERE x.indrelid = %(table)s::int8::oid AND x.indisvalid AND i.relkind = 'i' AND i.reltuples >= 0
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = x.indexrelid AND contype = 'x')
  AND pg_relation_size(i.oid) > %(least)s
  AND pg_relation_size(i.oid) > %(times)s * i.reltuples / 0.9 * (
      20 + coalesce((SELECT sum(s.avg_width) FROM pg_attribute a
                     JOIN pg_stats s ON s.attname = a.attname AND s.tablename = t.relname
                                        AND s.schemaname = t.relnamespace::regnamespace::text
                     WHERE a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey)), 64))
"""

_SKIPPED = {"55P03": Reason.BUSY, "42501": Reason.DENIED, "01000": Reason.DENIED}
"""What VACUUM warns of when it leaves a table out: a lock, or a privilege."""


def analyse(connection: psycopg.Connection) -> None:
    """Make the statistics anew of every table that changed since they were made."""
    stale = connection.execute(_STALE).fetchall()
    with _patient(connection):
        for schema, name in stale:
            connection.execute(sql.SQL("ANALYZE (SKIP_LOCKED) {}").format(sql.Identifier(schema, name)))


def optimise(connection: psycopg.Connection, place: str, name: str, *, thorough: bool) -> Outcome:
    """Vacuum and analyse one table unless it is locked; ``thorough`` rebuilds those indexes that are mostly air."""
    rule = "database/vacuum" if thorough else "database/optimise"
    table = _table(connection, name)
    if table is None:
        return Outcome(rule, place, name, done=0, missed=(Miss(name, Reason.GONE),))
    skipped: list[str] = []
    connection.add_notice_handler(lambda notice: skipped.append(notice.sqlstate or ""))
    size: LiteralString = "SELECT pg_total_relation_size(%s::int8::oid)"
    before = int(str(_one(connection, size, (table.oid,))))
    dead = _dead(connection, table)
    with _patient(connection):
        connection.execute(sql.SQL("VACUUM (ANALYZE, SKIP_LOCKED) {}").format(table.identifier))
        if thorough:
            _reindex(connection, table)
    freed = max(0, before - int(str(_one(connection, size, (table.oid,)))))
    missed = tuple(Miss(name, _SKIPPED[code], code) for code in dict.fromkeys(skipped) if code in _SKIPPED)
    done, dead = (0, 0) if missed else (1, dead)
    return Outcome(rule, place, name, done=done, freed=freed, reusable=max(0, dead - freed), missed=missed)


@contextmanager
def _patient(connection: psycopg.Connection) -> Iterator[None]:
    """Bound the session's waits for maintenance, which runs outside transactions; a pooler gets it back as it was."""
    connection.execute(
        sql.SQL("SET lock_timeout = {}; SET statement_timeout = {}").format(
            sql.Literal(MAINTENANCE_LOCK_TIMEOUT), sql.Literal(MAINTENANCE_TIMEOUT)
        )
    )
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("RESET lock_timeout; RESET statement_timeout")


def _reindex(connection: psycopg.Connection, table: _Table) -> None:
    settings = {"table": table.oid, "least": WORTH_REINDEX_BYTES, "times": WORTH_REINDEX}
    for schema, name in connection.execute(_BLOATED_INDEXES, settings).fetchall():
        try:
            connection.execute(sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(sql.Identifier(schema, name)))
        except psycopg.Error:
            _drop_unfinished(connection, table, schema, name)
            raise


def _drop_unfinished(connection: psycopg.Connection, table: _Table, schema: str, name: str) -> None:
    """Drop what an interrupted rebuild left behind: an invalid index that every write would go on paying for."""
    query: LiteralString = (
        "SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid"
        " WHERE x.indrelid = %s::int8::oid AND NOT x.indisvalid AND i.relname ~ ('^' || %s || '_ccnew\\d*$')"
    )
    for (left,) in connection.execute(query, (table.oid, re.escape(name))).fetchall():
        connection.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(sql.Identifier(schema, left)))


def _dead(connection: psycopg.Connection, table: _Table) -> int:
    query: LiteralString = (
        "SELECT pg_table_size(relid) * n_dead_tup / greatest(1, n_live_tup + n_dead_tup)"
        " FROM pg_stat_user_tables WHERE relid = %s::int8::oid"
    )
    return int(str(_one(connection, query, (table.oid,)) or 0))
