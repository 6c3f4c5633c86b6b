"""The deletion of a PostgreSQL table's rows by ranges of its pages, a moment at a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from psycopg import capabilities, errors, sql

from dvornik.databases.batches import parts
from dvornik.databases.postgresql_catalogue import limit
from dvornik.databases.postgresql_rows import plain_output
from dvornik.databases.trouble import locked_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

    from dvornik.contracts.database import Keep
    from dvornik.databases.postgresql_catalogue import Table
    from dvornik.databases.postgresql_rows import Referrers

DELETE_TIMEOUT = "5s"
DELETE_LOCK_TIMEOUT = "500ms"
PAGES, PAGES_MOST = 64, 4096
"""Pages of 8 KiB that one DELETE visits: at first, and at most."""
BRISK, SLOW = 0.01, 0.04
"""Seconds: under the first a statement's range is doubled, over the second halved."""
ATTEMPTS = 3
"""How often a range of pages is tried that somebody has locked."""
TOGETHER = 20
"""Rows to keep that arrive at once: each by itself takes half as long again, and the longest text of each may be large.

Before libpq 17 they come one by one.
"""
LOCKED_MOST = 10
"""After so many ranges that stayed locked the table is left alone."""


class Sweep:
    """One pass over a table by ranges of pages, deleting what the condition holds for."""

    def __init__(  # noqa: PLR0913, PLR0917 - what goes, where it is, what holds it back, who keeps it
        self,
        connection: psycopg.Connection,
        table: Table,
        condition: sql.Composed,
        pages: int,
        referrers: Referrers,
        columns: Sequence[str],
        keep: Keep | None,
    ) -> None:
        """Take a connection that commits by itself, and ``columns`` where rows are kept."""
        self._referrers = referrers
        self._columns = columns
        self._keep = keep
        self._connection = connection
        self._table = table
        self._condition = condition
        self._pages = pages
        self._width = PAGES
        self._locked = 0

    def run(self) -> Iterator[int]:
        """Yield the number gone after each statement that took any."""
        page = 0
        while page < self._pages:
            width = self._width
            begun = time.monotonic()
            try:
                count = self._delete(self._range(page, width), ATTEMPTS if width == 1 else 1)
            except errors.IntegrityError:
                self._width = max(1, width // 2)
                if width > 1:
                    continue
                yield from self._row_by_row(page)
                count = 0
            except (errors.LockNotAvailable, errors.QueryCanceled, errors.DeadlockDetected) as error:
                self._width = max(1, width // 8)  # each try costs a wait
                if width > 1:
                    continue
                self._leave(error)
                count = 0
            else:
                self._adapt(time.monotonic() - begun)
            page += width
            if count:
                yield count
        if self._locked:
            raise locked_rows(self._table.name, "55P03")

    def _adapt(self, seconds: float) -> None:
        if seconds < BRISK:
            self._width = min(PAGES_MOST, self._width * 2)
        elif seconds > SLOW:
            self._width = max(1, self._width // 2)

    def _leave(self, error: psycopg.Error) -> None:
        """Note a page that somebody holds; a table that is held as a whole is not worth waiting for."""
        self._locked += 1
        if self._locked >= LOCKED_MOST:
            raise error

    def _range(self, page: int, width: int) -> sql.Composed:
        first, end = f"({page},0)", f"({page + width},0)"
        return sql.SQL("ctid >= {} AND ctid < {}").format(_tid(first), _tid(end))

    def _delete(self, where: sql.Composed, attempts: int) -> int:
        """Delete in one short transaction; the condition is asked again of rows that changed meanwhile."""
        due = sql.SQL("{} AND {}").format(where, self._condition)
        for _attempt in range(1, attempts):
            try:
                return self._once(due)
            except errors.LockNotAvailable:
                continue
        return self._once(due)

    def _once(self, due: sql.Composed) -> int:
        table = self._table.alone
        left = self._referrers.left_out(due)
        statement = sql.SQL("DELETE FROM {} AS target WHERE {}").format(table, left)
        with self._connection.transaction():
            limit(self._connection, lock=DELETE_LOCK_TIMEOUT, statement=DELETE_TIMEOUT)
            # Nobody waits for the disk, or for a standby: rows that a crash brings back go in the next run.
            self._connection.execute("SET LOCAL synchronous_commit = off")
            if self._referrers.follow:
                # Whoever refers to a row from now on waits, and who did so before is seen by the next statement: else
                # the database would delete the new row along with the old one.
                lock = sql.SQL("SELECT FROM {} AS target WHERE {} FOR UPDATE").format(table, due)
                self._connection.execute(lock)
            if self._keep is None:
                return self._connection.execute(statement).rowcount
            return self._kept(statement)

    def _kept(self, statement: sql.Composed) -> int:
        """Delete, and have the rows kept before the transaction ends."""
        assert self._keep is not None  # noqa: S101 - asked by the caller
        names = [sql.SQL("target.{}::text").format(sql.Identifier(name)) for name in self._columns]
        self._connection.execute(plain_output())
        query = sql.SQL("{} RETURNING {}").format(statement, sql.SQL(", ").join(names))
        with self._connection.cursor() as cursor:
            stream = cursor.stream(query, size=TOGETHER if capabilities.has_stream_chunked() else 1)
            rows = (dict(zip(self._columns, row, strict=True)) for row in stream)
            count = 0
            for part in parts(rows):
                self._keep(part)
                count += len(part)
        return count

    def _row_by_row(self, page: int) -> Iterator[int]:
        """Delete one page's rows each by itself, so that only the ones that others refer to stay."""
        query = sql.SQL("SELECT tableoid::int8, ctid::text FROM {} WHERE {} AND {}")
        where = self._range(page, 1)
        rows = self._connection.execute(query.format(self._table.alone, where, self._condition)).fetchall()
        for oid, tid in rows:
            one = sql.SQL("ctid = {} AND tableoid = {}::int8::oid").format(_tid(tid), sql.Literal(oid))
            try:
                count = self._delete(one, ATTEMPTS)
            except errors.IntegrityError:
                continue
            except errors.LockNotAvailable as error:
                self._leave(error)
            else:
                yield count


def _tid(text: str) -> sql.Composed:
    return sql.SQL("{}::tid").format(sql.Literal(text))
