"""Optimises PostgreSQL's tables: vacuum, statistics, indexes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from dvornik.databases import postgresql_repack, postgresql_sizes
from dvornik.databases.postgresql_catalogue import find, one
from dvornik.model import Miss, Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import LiteralString

    from dvornik.databases.postgresql_catalogue import Table

    Repack = Callable[[Table], None]

MAINTENANCE_TIMEOUT = "2h"
"""VACUUM and REINDEX CONCURRENTLY hold nobody up; what they did so far stays when they are ended."""
MAINTENANCE_LOCK_TIMEOUT = "5s"
REWRITE_LOCK_TIMEOUT = "500ms"
"""Everybody queues up behind whoever waits for a lock that excludes all: half of the second that may be noticed."""
SHARE = 0.9
"""Of the time for which a rewrite may lock, after which it is ended: letting go takes a moment, too."""
HEADROOM = 2
REWRITE = "database/rewrite"

_STALE = """
SELECT schemaname, relname FROM pg_catalog.pg_stat_user_tables
WHERE n_mod_since_analyze > greatest(50, 0.01 * n_live_tup)
  AND pg_catalog.pg_has_role((SELECT relowner FROM pg_catalog.pg_class WHERE oid = relid), 'USAGE')
ORDER BY 1, 2
"""
"""Tables of which over a hundredth changed since their statistics were made, and which we may analyse."""
_LEFTOVERS = """
SELECT n.nspname, i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_namespace n ON n.oid = i.relnamespace
WHERE x.indrelid = %(table)s::int8::oid AND NOT x.indisvalid AND i.relname ~ '_cc(new|old)[0-9]*$'
  AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.relation = x.indrelid AND l.mode = 'ShareUpdateExclusiveLock'
                  AND l.pid <> pg_backend_pid())
"""
"""What an interrupted REINDEX CONCURRENTLY left: an invalid index that every write goes on paying for."""

_USERS = """
SELECT count(DISTINCT pid) FROM pg_locks WHERE relation = %s::int8::oid AND pid <> pg_backend_pid()
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
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
    table = find(connection, name)
    if table is None:
        return Outcome(rule, place, name, done=0, missed=(Miss(name, Reason.GONE),))
    skipped: list[str] = []
    connection.add_notice_handler(lambda notice: skipped.append(notice.sqlstate or ""))
    size: LiteralString = "SELECT pg_total_relation_size(%s::int8::oid)"
    before = int(str(one(connection, size, (table.oid,))))
    dead = _dead(connection, table)
    with _patient(connection):
        connection.execute(sql.SQL("VACUUM (ANALYZE, SKIP_LOCKED) {}").format(table.identifier))
        if thorough:
            _reindex(connection, table)
    freed = max(0, before - int(str(one(connection, size, (table.oid,)))))
    missed = tuple(Miss(name, _SKIPPED[code], code) for code in dict.fromkeys(skipped) if code in _SKIPPED)
    done, dead = (0, 0) if missed else (1, dead)
    return Outcome(rule, place, name, done=done, freed=freed, reusable=max(0, dead - freed), missed=missed)


@contextmanager
def _patient(
    connection: psycopg.Connection, lock: str = MAINTENANCE_LOCK_TIMEOUT, statement: str = MAINTENANCE_TIMEOUT
) -> Iterator[None]:
    """Bound the session's waits for maintenance, which runs outside transactions; a pooler gets it back as it was."""
    connection.execute(
        sql.SQL("SET lock_timeout = {}; SET statement_timeout = {}").format(sql.Literal(lock), sql.Literal(statement))
    )
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("RESET lock_timeout; RESET statement_timeout")


def _reindex(connection: psycopg.Connection, table: Table) -> None:
    """Rebuild beside the readers and writers; whatever an interrupted rebuild leaves is dropped."""
    _drop_leftovers(connection, table)
    airy = [index for index in postgresql_sizes.indexes(connection, table.oid) if index.is_mostly_air]
    for index in sorted(airy, key=lambda index: -index.bloat):
        try:
            name = sql.Identifier(index.schema, index.name)
            connection.execute(sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(name))
        except psycopg.Error:
            _drop_leftovers(connection, table)
            raise


def _drop_leftovers(connection: psycopg.Connection, table: Table) -> None:
    for schema, name in connection.execute(_LEFTOVERS, {"table": table.oid}).fetchall():
        connection.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(sql.Identifier(schema, name)))


def rewrite(  # noqa: PLR0913 - one call, each part named
    connection: psycopg.Connection, place: str, name: str, *, seconds: float, room: int | None, repack: Repack | None
) -> Outcome:
    """Write one table anew: by ``repack`` where it can, else by VACUUM FULL, which nobody may use it beside.

    It needs ``HEADROOM`` times the table in ``room``, and VACUUM FULL is ended before anybody waited for ``seconds``.
    """
    table = find(connection, name)
    before = _total(connection, table) if table else 0
    if table is None or not postgresql_repack.is_keyed(connection, table):
        repack = None
    kept = _objection(connection, table, before, room, used=repack is not None)
    if table is None or kept:
        miss = Miss(name, *(kept or (Reason.GONE, "")))
        return Outcome(REWRITE, place, name, done=0, missed=(miss,))
    if repack is not None:
        repack(table)
    else:
        _vacuum_full(connection, table, seconds)
    freed = max(0, before - _total(connection, table))
    return Outcome(REWRITE, place, name, done=1, freed=freed, reusable=_dead(connection, table))


def _objection(
    connection: psycopg.Connection, table: Table | None, size: int, room: int | None, *, used: bool
) -> tuple[Reason, str] | None:
    """Say what speaks against a rewrite; ``used``: that somebody uses the table does not."""
    if table is None:
        return (Reason.GONE, "")
    if room is None or room < HEADROOM * size:
        return (Reason.NO_HEADROOM, "unknown" if room is None else str(room))
    users = 0 if used else int(str(one(connection, _USERS, (table.oid,))))
    return (Reason.BUSY, f"users={users}") if users else None


def _vacuum_full(connection: psycopg.Connection, table: Table, seconds: float) -> None:
    # The wait for the lock, in which others queue up, counts too.
    with _patient(connection, REWRITE_LOCK_TIMEOUT, f"{max(1, int(seconds * SHARE * 1000))}ms"):
        connection.execute(sql.SQL("VACUUM (FULL) {}").format(table.identifier))
    with _patient(connection):
        connection.execute(sql.SQL("ANALYZE (SKIP_LOCKED) {}").format(table.identifier))


def _total(connection: psycopg.Connection, table: Table) -> int:
    return int(str(one(connection, "SELECT pg_total_relation_size(%s::int8::oid)", (table.oid,))))


def _dead(connection: psycopg.Connection, table: Table) -> int:
    query: LiteralString = (
        "SELECT pg_table_size(relid) * n_dead_tup / greatest(1, n_live_tup + n_dead_tup)"
        " FROM pg_stat_user_tables WHERE relid = %s::int8::oid"
    )
    return int(str(one(connection, query, (table.oid,)) or 0))
