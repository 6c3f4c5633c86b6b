"""How the writers of a few PostgreSQL tables are kept out for a moment, without making them queue up."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from psycopg import errors, sql

from dvornik.databases.trouble import StuckError
from dvornik.languages import _
from dvornik.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import LiteralString

    import psycopg

    from dvornik.contracts.database import Column
    from dvornik.databases.postgresql_connection import Server

PATIENCE = 4.0
"""Seconds in which writers must leave a gap for a lock."""
LOCK_WAIT, LOCK_PAUSE = "200ms", 0.05
"""The longest single wait for a lock, and the seconds in which writers go on before the next."""


@contextmanager
def locked(server: Server, columns: Sequence[Column]) -> Iterator[None]:
    """Hold a SHARE lock on the tables. It is tried for in short waits, all or none, until ``PATIENCE`` is over.

    A wait this short ends before the server looks for deadlocks, so none of ours can cost a writer its
    transaction, and those that queue up behind it go on after a moment.
    """
    with server.connected() as connection:
        tables = _lockable(connection, columns)
        begun = time.monotonic()
        while not _lock(connection, tables):
            if time.monotonic() - begun > PATIENCE:
                raise StuckError(
                    _("writers kept their tables locked"),
                    reason=Reason.BUSY,
                    code="55P03",
                    context=server.place,
                    hint=_("Try again when the application is less busy, or without strict."),
                )
            time.sleep(LOCK_PAUSE)
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def _lockable(connection: psycopg.Connection, columns: Sequence[Column]) -> list[sql.Identifier]:
    """Return the tables proper, in one order for everyone: what lies elsewhere or is a copy cannot be locked."""
    labels = list({f"{column.schema}.{column.table}" if column.schema else column.table for column in columns})
    query: LiteralString = (
        "SELECT DISTINCT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p') AND n.nspname <> 'pg_catalog' AND ("
        "(c.relname = ANY (%(labels)s) AND pg_table_is_visible(c.oid))"
        " OR n.nspname || '.' || c.relname = ANY (%(labels)s)) ORDER BY 1, 2"
    )
    return [sql.Identifier(*each) for each in connection.execute(query, {"labels": labels})]


def _lock(connection: psycopg.Connection, tables: Sequence[sql.Identifier]) -> bool:
    """Begin a transaction that holds all the locks; tell whether it does. Nothing is held if not."""
    connection.execute("BEGIN")
    try:
        connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(LOCK_WAIT)))
        connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        if tables:
            connection.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(sql.SQL(", ").join(tables)))
    except errors.LockNotAvailable:
        connection.execute("ROLLBACK")
        return False
    return True
