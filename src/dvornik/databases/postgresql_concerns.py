"""Owns what troubles a PostgreSQL server and only its operator can decide; nothing here changes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvornik.contracts.database import Concern

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import LiteralString

    import psycopg

    from dvornik.databases.upkeep import Upkeep

_UNUSED: LiteralString = """
SELECT CASE WHEN pg_table_is_visible(t.oid) THEN t.relname ELSE n.nspname || '.' || t.relname END,
       i.relname, pg_relation_size(i.oid), extract(epoch FROM now() - since.moment)::float8
FROM pg_stat_user_indexes s
JOIN pg_index x ON x.indexrelid = s.indexrelid
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
CROSS JOIN (SELECT coalesce(stats_reset, pg_postmaster_start_time()) AS moment FROM pg_stat_database
            WHERE datname = current_database()) AS since
WHERE s.idx_scan = 0 AND x.indisvalid AND NOT x.indisunique AND NOT x.indisprimary AND NOT x.indisexclusion
  AND NOT x.indisclustered AND NOT x.indisreplident AND t.relkind = 'r' AND NOT i.relispartition
  AND since.moment <= now() - %(after)s * interval '1 second'
  AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.relation = i.oid AND l.mode = 'AccessExclusiveLock' AND l.granted)
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid = x.indrelid
                  AND (x.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)
  AND pg_relation_size(i.oid) >= %(least)s
ORDER BY 3 DESC
"""
"""An index over a foreign key serves deletions in the other table, which are not counted as scans of it being read."""

_INVALID: LiteralString = """
SELECT CASE WHEN pg_table_is_visible(t.oid) THEN t.relname ELSE n.nspname || '.' || t.relname END,
       i.relname, CASE WHEN EXISTS (SELECT FROM pg_locks l WHERE l.relation = i.oid AND l.granted
                                             AND l.mode = 'AccessExclusiveLock') THEN 0 ELSE pg_relation_size(i.oid) END
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE NOT x.indisvalid AND i.relkind = 'i' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.relation = x.indrelid AND l.mode = 'ShareUpdateExclusiveLock')
ORDER BY 1, 2
"""
"""Not while one is being built."""

_AGES: LiteralString = """
SELECT CASE WHEN pg_table_is_visible(t.oid) THEN t.relname ELSE n.nspname || '.' || t.relname END,
       age(t.relfrozenxid), current_setting('autovacuum_freeze_max_age')::int8
FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE t.relkind IN ('r', 'm') AND t.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND age(t.relfrozenxid) > %(share)s * current_setting('autovacuum_freeze_max_age')::int8
ORDER BY 2 DESC LIMIT 20
"""

_SLOTS: LiteralString = """
SELECT slot_name, kept.bytes::int8 FROM pg_replication_slots s
CROSS JOIN LATERAL (SELECT pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                                           ELSE pg_current_wal_lsn() END, s.restart_lsn) AS bytes) AS kept
WHERE NOT s.active AND kept.bytes > %(most)s ORDER BY 2 DESC
"""

_LOG: LiteralString = """
SELECT sum(size)::int8, pg_size_bytes(current_setting('max_wal_size')) FROM pg_ls_waldir()
"""

_TRANSACTIONS: LiteralString = """
SELECT pid, extract(epoch FROM now() - xact_start)::float8, coalesce(state, '') FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND datname = current_database()
  AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)
  AND xact_start < now() - %(longest)s * interval '1 second'
ORDER BY xact_start LIMIT 5
"""
"""Whoever holds an old snapshot keeps every row deleted since from being vacuumed."""


def concerns(connection: psycopg.Connection, upkeep: Upkeep) -> Iterator[Concern]:
    """Look at indexes, transaction ids, old transactions, replication slots and the write-ahead log."""
    unused = {"after": float(upkeep.unused_after), "least": int(upkeep.min_bloat)}
    for table, name, size, seconds in connection.execute(_UNUSED, unused).fetchall():
        yield Concern("index-unused", table, name, size, {"scans": 0, "seconds": seconds})
    for table, name, size in connection.execute(_INVALID).fetchall():
        yield Concern("index-invalid", table, name, size)
    for table, age, limit in connection.execute(_AGES, {"share": upkeep.max_age}).fetchall():
        yield Concern("wraparound", table, table, facts={"age": age, "limit": limit})
    for pid, seconds, state in connection.execute(_TRANSACTIONS, {"longest": float(upkeep.max_transaction)}).fetchall():
        yield Concern("transaction", "", str(pid), facts={"seconds": seconds, "state": state})
    for name, size in connection.execute(_SLOTS, {"most": int(upkeep.max_wal)}).fetchall():
        yield Concern("slot", "", name, size)
    yield from _log(connection, upkeep)


def _log(connection: psycopg.Connection, upkeep: Upkeep) -> Iterator[Concern]:
    allowed: LiteralString = "SELECT has_function_privilege('pg_ls_waldir()', 'EXECUTE')"
    if connection.execute(allowed).fetchone() == (True,):
        size, limit = connection.execute(_LOG).fetchone() or (0, 0)
        if size is not None and size > limit + int(upkeep.max_wal):
            yield Concern("wal", "", "pg_wal", size, {"limit": limit})
