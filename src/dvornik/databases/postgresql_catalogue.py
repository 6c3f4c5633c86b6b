"""What PostgreSQL's catalogue says of a table, and the small queries that ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import LiteralString

    import psycopg

    Values = Sequence[object] | Mapping[str, object] | None

_TABLE = """
SELECT c.oid::int8, n.nspname, c.relname, c.relkind = 'p'
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p')
  AND ((c.relname = %(name)s::text AND pg_table_is_visible(c.oid)) OR n.nspname || '.' || c.relname = %(name)s::text)
ORDER BY pg_table_is_visible(c.oid) DESC LIMIT 1
"""
_KIN = """
WITH RECURSIVE kin(oid) AS (
    SELECT %(table)s::int8::oid
    UNION SELECT i.inhrelid FROM pg_inherits i JOIN kin ON i.inhparent = kin.oid
)
SELECT c.oid::int8, n.nspname, c.relname, c.relkind = 'p'
FROM kin JOIN pg_class c ON c.oid = kin.oid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' ORDER BY c.oid <> %(table)s::int8::oid, 2, 3
"""
_FOREIGN = """
WITH RECURSIVE kin(oid) AS (
    SELECT to_regclass(%s)::oid
    UNION SELECT i.inhrelid FROM pg_inherits i JOIN kin ON i.inhparent = kin.oid
)
SELECT 1 FROM kin JOIN pg_class c ON c.oid = kin.oid WHERE c.relkind = 'f' LIMIT 1
"""
_UNREADABLE = """
SELECT CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND c.relpersistence <> 't'
  AND (NOT has_schema_privilege(n.oid, 'USAGE') OR NOT has_table_privilege(c.oid, 'SELECT')
       OR row_security_active(c.oid))
ORDER BY 1
"""
_PAGES = """
SELECT coalesce(max(pg_relation_size(c.oid)), 0) / current_setting('block_size')::int8
FROM pg_class c
WHERE c.oid = %(table)s::int8::oid OR c.oid IN (SELECT relid FROM pg_partition_tree(%(table)s::int8::oid))
"""


_TRANSACTION_TIMEOUT = 170_000
"""The server that knew this setting first."""


class Table(NamedTuple):
    """A table as the catalogue knows it."""

    oid: int
    schema: str
    name: str
    partitioned: bool

    @property
    def identifier(self) -> sql.Identifier:
        """Its name, quoted."""
        return sql.Identifier(self.schema, self.name)

    @property
    def alone(self) -> sql.Composable:
        """Without the tables that inherit from it, whose pages are others; partitions are the table itself."""
        return self.identifier if self.partitioned else sql.SQL("ONLY {}").format(self.identifier)


def one(connection: psycopg.Connection, query: LiteralString | sql.Composed, values: Values = None) -> object:
    """Return the first column of the first row; ``None`` where there is no row."""
    row = connection.execute(query, values).fetchone()
    return row[0] if row else None


def find(connection: psycopg.Connection, name: str) -> Table | None:
    """Return the table of that name, with its schema or on the search path."""
    row = connection.execute(_TABLE, {"name": name}).fetchone()
    return Table(*row) if row else None


def kin(connection: psycopg.Connection, table: Table) -> list[Table]:
    """Return the table, then those that inherit from it, which have pages, keys and triggers of their own.

    Partitions are the table itself; a child on another server stays out.
    """
    if table.partitioned:
        return [table]
    return [Table(*row) for row in connection.execute(_KIN, {"table": table.oid}).fetchall()]


def is_foreign(connection: psycopg.Connection, name: str) -> bool:
    """Tell whether a table, by its quoted name, or a part of it has its rows on another server."""
    return one(connection, _FOREIGN, (name,)) is not None


def unreadable(connection: psycopg.Connection) -> list[str]:
    """Name the tables that this user may not read, or of which a policy hides rows from him."""
    return [str(name) for (name,) in connection.execute(_UNREADABLE).fetchall()]


def limit(connection: psycopg.Connection, *, lock: LiteralString, statement: LiteralString) -> None:
    """Bound the transaction's waits, make a hidden row an error, and undo what a role's own settings may break."""
    connection.execute(
        sql.SQL(
            "SET LOCAL row_security = off; SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = {};"
            " SET LOCAL standard_conforming_strings = on"
        ).format(sql.Literal(lock), sql.Literal(statement))
    )


def unhurried(connection: psycopg.Connection) -> None:
    """Let no limit of the role's own end a transaction whose reader takes its time."""
    connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    if connection.info.server_version >= _TRANSACTION_TIMEOUT:
        connection.execute("SET LOCAL transaction_timeout = 0")


def pages(connection: psycopg.Connection, table: Table) -> int:
    """Return how many pages its largest partition has: a range of them is looked at in each."""
    return int(str(one(connection, _PAGES, {"table": table.oid})))
