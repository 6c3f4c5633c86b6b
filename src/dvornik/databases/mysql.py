"""MySQL and MariaDB: read in one transaction that fails rather than hiding tables, cleaned by short ranges of keys."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import pymysql

from dvornik.contracts.database import Column, Obstacle
from dvornik.databases import mysql_sizes
from dvornik.databases.mysql_connection import (
    ACCESS_DENIED,
    DELETE_LOCK_TIMEOUT,
    DELETE_TIMEOUT,
    INTERRUPTED,
    LOCKED,
    MAINTENANCE_LOCK_TIMEOUT,
    MAINTENANCE_TIMEOUT,
    NO_SUCH_TABLE,
    Server,
    quoted,
    rows,
    variable,
)
from dvornik.databases.mysql_keeping import Claim, kinds, left_out, referring, restored, stored, triggers
from dvornik.databases.mysql_patience import impatient
from dvornik.databases.mysql_rows import Sweep, condition, key_of, located, obstacle, tally
from dvornik.databases.mysql_snapshot import CHARACTER_SET, DEFINED, DEFINITIONS, MySQLSnapshot, versioned_tables
from dvornik.databases.trouble import StuckError, unkeyed
from dvornik.errors import UnreachableError
from dvornik.languages import _
from dvornik.model import Miss, Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pymysql.connections import Connection

    from dvornik.application import DatabasePlace
    from dvornik.contracts.database import ExpiryRule, Keep, Row, Snapshot, TableSize, Tally
    from dvornik.databases.mysql_connection import Flavour

PATIENCE: Final = 4.0
"""Seconds for which a lock on all tables is tried for."""
LOCK_WAIT: Final = 1
"""Seconds of one try, where a server knows no shorter one."""
LOCK_PAUSE: Final = 0.05
_TEXTLESS = frozenset(
    {"tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "bit", "inet4", "inet6"}
    | {"year", "date", "time", "datetime", "timestamp"}
    | {"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "vector"}
    | {"geomcollection", "geometrycollection"}
)
"""What cannot hold a name is left out by kind; whatever is not known stays in."""
_AS_UTF8 = frozenset({None, "", "ascii", "binary", "utf8", "utf8mb3", "utf8mb4"})
"""Character sets whose bytes are the same in UTF-8."""

_TABLES = """
SELECT TABLE_NAME FROM information_schema.TABLES
WHERE TABLE_SCHEMA = DATABASE() AND coalesce(TABLE_TYPE, '') NOT IN ('VIEW', 'SYSTEM VIEW', 'SEQUENCE')
ORDER BY TABLE_NAME
"""

_COLUMNS = """
SELECT TABLE_NAME, COLUMN_NAME, lower(DATA_TYPE), CHARACTER_SET_NAME FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION
"""

_KEYS = """
SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = DATABASE() AND INDEX_NAME = 'PRIMARY' ORDER BY TABLE_NAME, SEQ_IN_INDEX
"""


class MySQL:
    """One database of a MySQL (5.7 or newer) or MariaDB (10.3 or newer) server."""

    def __init__(self, place: DatabasePlace) -> None:
        """Take the address; nothing is connected yet."""
        self.place = place.name
        self._server = Server(place)

    def fingerprint(self) -> str:
        """MySQL: the server's own UUID. MariaDB keeps none: its cluster's, else its address and ``server_id``.

        MariaDB's ``server_uid`` comes from the network card, and is another whenever a container is made anew.
        """
        with self._server.connected() as (connection, flavour):
            schema = rows(connection, "SELECT DATABASE()")[0][0]
            if not flavour.is_mariadb:
                return f"mysql:{variable(connection, 'server_uuid')}:{schema}"
            cluster = _cluster(connection)
            server = cluster or f"{self._server.address}:{variable(connection, 'server_id')}"
            return f"mariadb:{server}:{schema}"

    def columns(self) -> Sequence[Column]:
        """Return what may hold text; raise ``UnreachableError`` where a table might be hidden from this user."""
        with self._server.connected() as (connection, _flavour):
            self._check_sight(connection)
            tables = [name for (name,) in rows(connection, _TABLES)]
            found = rows(connection, _COLUMNS)
            keys = rows(connection, _KEYS)
            has_definitions = rows(connection, f"SELECT 1 FROM {DEFINED} LIMIT 1")  # noqa: S608 - our own
        self._check_read(tables, {name for name, *_rest in found})
        key: dict[str, list[str]] = {}
        for table, name in keys:
            key.setdefault(table, []).append(name)
        known = set(tables)
        columns = [
            Column(table, name, _type(kind, characters), key=tuple(key.get(table, ())))
            for table, name, kind, characters in found
            if table in known and kind not in _TEXTLESS
        ]
        return [*columns, DEFINITIONS] if has_definitions else columns

    def _check_sight(self, connection: Connection) -> None:
        """Fail when a table could be hidden.

        The catalogue leaves out what a user has no right to. Asked for a table that does not exist, the server says
        so only to who may read them all; to everybody else it denies, so as not to betray which exist. That holds for
        rights by role, by pattern and for partial revokes too.
        """
        try:
            rows(connection, f"SELECT 1 FROM {quoted(f'dvornik_{uuid4().hex}')} LIMIT 0")  # noqa: S608 - quoted
        except pymysql.Error as error:
            code = error.args[0]
            if code in ACCESS_DENIED:
                message = _("not every table of this database may be read")
                context = f"{self.place}: {self._server.schema}"
                hint = self._server.grant_hint()
                raise StuckError(message, reason=Reason.DENIED, code=str(code), context=context, hint=hint) from None
            if code != NO_SUCH_TABLE:
                raise

    def _check_read(self, tables: Sequence[str], with_columns: set[str]) -> None:
        """Fail when the server could not open a table to look at its columns: damaged, or of an engine not loaded."""
        unknown = [name for name in tables if name not in with_columns]
        if unknown:
            raise UnreachableError(
                _("a table cannot be opened by the database server"),
                context=f"{self.place}: {', '.join(unknown[:5])}",
                hint=_("Ask the server why by CHECK TABLE."),
            )

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Open one REPEATABLE READ transaction.

        Tables of an engine without transactions (MyISAM, Aria, MEMORY) show themselves as they are when each is
        read: to lock them all for so long would stop the application. What moves between two of them meanwhile is
        met by the second look.
        """
        with self._server.connected(as_bytes=True) as (connection, _flavour):
            versioned = versioned_tables(connection)
            rows(connection, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            rows(connection, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            yield MySQLSnapshot(self._server, connection, versioned)

    @contextmanager
    def locked(self, columns: Sequence[Column]) -> Iterator[None]:
        """Hold a READ lock on the tables, all or none. It is tried for until ``PATIENCE`` is over.

        On MariaDB no try waits; on MySQL each waits for less than a second, in which writers queue up behind it.
        """
        names = ", ".join(
            f"{quoted(table)} READ" for table in sorted({column.table for column in columns if not column.schema})
        )
        with self._server.connected(lock=LOCK_WAIT) as (connection, flavour):
            begun = time.monotonic()
            while names and not self._lock(connection, flavour, f"LOCK TABLES {names}"):
                if time.monotonic() - begun > PATIENCE:
                    raise StuckError(
                        _("writers kept their tables locked"),
                        reason=Reason.BUSY,
                        code="1205",
                        context=self.place,
                        hint=_("Try again when the application is less busy, or without strict."),
                    )
                time.sleep(LOCK_PAUSE)
            yield  # the lock ends with the session

    def _lock(self, connection: Connection, flavour: Flavour, query: str) -> bool:
        """Try once for the lock; tell whether it was had."""
        try:
            if flavour.is_mariadb:
                rows(connection, f"{query} NOWAIT")
            else:
                with impatient(self._server, connection):
                    rows(connection, query)
        except pymysql.Error as error:
            if error.args and error.args[0] in LOCKED | {INTERRUPTED}:
                return False
            raise
        return True

    def has(self, table: str, column: str) -> bool:
        """Tell whether a table (views aside) has that column; raise where this user may not look."""
        with self._server.connected() as (connection, _flavour):
            if located(connection, table, column):
                return True
            self._check_sight(connection)
            return False

    def obstacle(self, table: str, column: str) -> Obstacle | None:
        """Ask the catalogue what is there, and the server whether this user may delete from it."""
        with self._server.connected() as (connection, _flavour):
            found = obstacle(connection, table, column)
            if found is Obstacle.MISSING:
                self._check_sight(connection)
            return found

    def tally(self, rule: ExpiryRule, now: float) -> Tally:
        """Count in one pass."""
        with self._server.connected() as (connection, _flavour):
            return tally(connection, rule, now)

    def expired(self, rule: ExpiryRule, cutoff: float) -> int:
        """Count; raise ``UnreachableError`` when it is not sure how the column writes a time."""
        with self._server.connected() as (connection, _flavour):
            table, where, referrers = self._judged(connection, rule, cutoff)
            where = left_out(where, referrers)
            return int(rows(connection, f"SELECT count(*) FROM {quoted(table)} WHERE {where}")[0][0])  # noqa: S608 - quoted

    def referred(self, rule: ExpiryRule, cutoff: float) -> Mapping[str, int]:
        """Count by table, by the foreign keys that are declared; one row may count for several."""
        with self._server.connected() as (connection, _flavour):
            table, where, referrers = self._judged(connection, rule, cutoff)
            query = f"SELECT count(*) FROM {quoted(table)} WHERE {where} AND "  # noqa: S608 - quoted
            return {name: int(rows(connection, f"{query}({exists})")[0][0]) for name, exists in referrers.items()}

    def _judged(self, connection: Connection, rule: ExpiryRule, cutoff: float) -> tuple[str, str, Mapping[str, str]]:
        """Return the table, what has expired in it, and who refers to it: a key of a hidden table would not show."""
        table, where = condition(connection, rule, cutoff)
        self._check_sight(connection)
        return table, where, referring(connection, rule, table)

    def tables(self) -> Mapping[str, Mapping[str, str]]:
        """Return the kinds by the columns' types; a table that this user may not see is not there."""
        with self._server.connected() as (connection, _flavour):
            return kinds(connection)

    def triggers(self, table: str, *, cascade: bool = False) -> Sequence[str]:
        """Return the triggers for DELETE; a user without the right to have any (TRIGGER) sees none."""
        with self._server.connected() as (connection, _flavour):
            return triggers(connection, table, cascade=cascade)

    def keyed(self, table: str) -> bool:
        """Tell whether the table has a key by which every row has its place."""
        with self._server.connected() as (connection, _flavour):
            return bool(key_of(connection, table))

    def restore(self, table: str, rows: Sequence[Row]) -> int:
        """Insert in one transaction; whatever stands under the same key stays as it is."""
        with self._server.connected() as (connection, _flavour):
            if not key_of(connection, table):
                raise unkeyed(table)
            connection.begin()
            count = restored(connection, table, rows)
            connection.commit()
            return count

    def delete_expired(self, rule: ExpiryRule, cutoff: float, keep: Keep | None = None) -> Iterator[int]:
        """Go once through the table by key. A row that others refer to stays; ``StuckError`` if some were locked."""
        with self._server.connected() as (connection, _flavour):
            table, where, referrers = self._judged(connection, rule, cutoff)
            where = left_out(where, referrers)
            key = key_of(connection, table)
            columns = stored(connection, table)
            if keep and not key:
                raise unkeyed(table)
        with self._server.connected(lock=DELETE_LOCK_TIMEOUT, statement=DELETE_TIMEOUT) as (connection, flavour):
            if not _binlog_needs_repeatable(connection):
                # No gap between keys is locked then, and a row that stays is let go of at once.
                rows(connection, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            # MariaDB's session does not wait as it is; MySQL's must claim first, by a statement that does not.
            must_claim = bool(keep) or flavour.tells_rows_from_tables
            claim = Claim(connection, table, columns, keep, flavour) if must_claim else None
            yield from Sweep(connection, table, where, key, claim).run()

    def measure(self) -> Sequence[TableSize]:
        """Measure every table; ``detail`` says whether by its file (needs PROCESS) or by the server's estimate."""
        with self._server.connected() as (connection, flavour):
            return mysql_sizes.measure(connection, flavour)

    def optimise(self, table: str, *, thorough: bool) -> Outcome:
        """Refresh one table's statistics; ``thorough`` rewrites it where that gives much back, beside its writers.

        The empty name stands for the statistics of every table that changed since the server started.
        """
        rule = "database/vacuum" if thorough else "database/optimise"
        lock, statement = MAINTENANCE_LOCK_TIMEOUT, MAINTENANCE_TIMEOUT
        try:
            with self._server.connected(lock=lock, statement=statement) as (connection, flavour):
                if not table:
                    with impatient(self._server, connection):
                        mysql_sizes.analyse_changed(connection, flavour)
                    return Outcome(rule, self.place, table, done=1)
                with impatient(self._server, connection):
                    done = mysql_sizes.optimise(
                        connection, flavour, table, thorough=thorough, is_local=self._server.is_local
                    )
        except StuckError as error:
            return Outcome(rule, self.place, table, done=0, missed=(Miss(table, error.reason, error.code),))
        missed = (Miss(table, done.kept, done.why),) if done.kept else ()
        return Outcome(
            rule, self.place, table, done=0 if missed else 1, freed=done.freed, reusable=done.reusable, missed=missed
        )


def _type(kind: str, characters: str | None) -> str:
    return kind if characters in _AS_UTF8 else f"{kind}{CHARACTER_SET}{characters}"


def _cluster(connection: Connection) -> str:
    """Return the UUID of the Galera cluster; empty where there is none."""
    found = rows(connection, "SHOW STATUS WHERE Variable_name = 'wsrep_cluster_state_uuid'")
    return str(found[0][1]).strip("0-") and str(found[0][1]) if found else ""


def _binlog_needs_repeatable(connection: Connection) -> bool:
    """Tell whether the server refuses changes under READ COMMITTED: it replicates statements rather than rows."""
    is_written = variable(connection, "log_bin").upper() in {"ON", "1"}
    return is_written and variable(connection, "binlog_format") == "STATEMENT"
