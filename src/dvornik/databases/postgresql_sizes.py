"""Measures PostgreSQL's tables: what they take, and what of it is waste."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvornik.model import TableSize

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

_SIZES = """
SELECT CASE WHEN pg_table_is_visible(s.relid) THEN s.relname ELSE s.schemaname || '.' || s.relname END,
       coalesce(pg_total_relation_size(s.relid), 0), coalesce(pg_table_size(s.relid), 0), s.n_live_tup, s.n_dead_tup
FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
ORDER BY 1
"""


def measure(connection: psycopg.Connection) -> Sequence[TableSize]:
    """Measure every table with its indexes; dead rows are what the server's statistics estimate."""
    rows = connection.execute(_SIZES).fetchall()
    return [
        TableSize(name, size, reusable=heap * dead // max(1, live + dead), rows=live)
        for name, size, heap, live, dead in rows
    ]
