"""PostgreSQL: read in one snapshot that fails rather than hiding rows, cleaned in statements too short to notice."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors, sql

from dvornik.databases import (
    postgresql_concerns,
    postgresql_locking,
    postgresql_progress,
    postgresql_repack,
    postgresql_sizes,
    postgresql_upkeep,
)
from dvornik.databases.postgresql_catalogue import find as _table
from dvornik.databases.postgresql_catalogue import kin, limit, pages, unreadable
from dvornik.databases.postgresql_catalogue import one as _one
from dvornik.databases.postgresql_connection import READ_LOCK_TIMEOUT, READ_TIMEOUT, Server
from dvornik.databases.postgresql_expiry import condition, kind_of, obstacle, tally
from dvornik.databases.postgresql_rows import Referrers, keyed, kinds, restored, stored, triggers
from dvornik.databases.postgresql_snapshot import PostgreSQLSnapshot, columns
from dvornik.databases.postgresql_sweep import Sweep
from dvornik.databases.trouble import StuckError, unkeyed
from dvornik.errors import UnreachableError
from dvornik.languages import _
from dvornik.model import Miss, Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import LiteralString

    from dvornik.application import DatabasePlace
    from dvornik.contracts.database import (
        Column,
        Concern,
        ExpiryRule,
        Keep,
        Obstacle,
        Row,
        Snapshot,
        TableSize,
        Tally,
    )
    from dvornik.databases.postgresql_catalogue import Table
    from dvornik.databases.upkeep import Upkeep


class PostgreSQL:
    """One PostgreSQL database (15 or newer; before 14 it is slower to clean)."""

    def __init__(self, place: DatabasePlace) -> None:
        """Take the address; nothing is connected yet."""
        self.place = place.name
        self.tell: postgresql_progress.Tell | None = None
        """Who hears how far a long step is."""
        self._server = Server(place)

    def fingerprint(self) -> str:
        """The cluster's system identifier and the database's own id: a restored dump has others."""
        allowed: LiteralString = "SELECT has_function_privilege('pg_control_system()', 'EXECUTE')"
        own: LiteralString = "SELECT oid::int8, datname FROM pg_database WHERE datname = current_database()"
        with self._server.transaction() as connection:
            known = _one(connection, allowed)
            cluster = _one(connection, "SELECT system_identifier FROM pg_control_system()") if known else ""
            oid, name = connection.execute(own).fetchone() or ("", "")
        return f"postgresql:{cluster}:{oid}:{name}"

    def columns(self) -> Sequence[Column]:
        """Return what may hold text. ``schema`` is empty where the table is found without it."""
        with self._server.transaction() as connection:
            return columns(connection)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Open one REPEATABLE READ transaction; rows that a policy would hide are an error in it."""
        with self._server.transaction() as connection:
            yield PostgreSQLSnapshot(connection, self._server)

    def locked(self, columns: Sequence[Column]) -> AbstractContextManager[None]:
        """Hold a SHARE lock on the tables, all or none, as ``postgresql_locking`` says."""
        return postgresql_locking.locked(self._server, columns)

    def unreadable(self) -> Sequence[str]:
        """Ask the catalogue, for the right to read and for policies that would hide rows."""
        with self._server.transaction() as connection:
            return unreadable(connection)

    def has(self, table: str, column: str) -> bool:
        """Tell whether a table (views aside) has that column; ``table`` may be ``schema.table``."""
        with self._server.transaction() as connection:
            found = _table(connection, table)
            return found is not None and kind_of(connection, found, column) is not None

    def obstacle(self, table: str, column: str) -> Obstacle | None:
        """Ask the catalogue: what is there, and whether this user may delete from it."""
        with self._server.transaction() as connection:
            return obstacle(connection, table, column)

    def tally(self, rule: ExpiryRule, now: float) -> Tally:
        """Count in one pass, the rows of inheriting tables too."""
        with self._server.transaction() as connection:
            return tally(connection, rule, now)

    def expired(self, rule: ExpiryRule, cutoff: float) -> int:
        """Count; raise ``UnreachableError`` when it is not sure how the column writes a time."""
        query = sql.SQL("SELECT count(*) FROM {} AS target WHERE {}")
        with self._server.transaction() as connection:
            table, due = condition(connection, rule, cutoff)
            return sum(
                int(str(_one(connection, query.format(each.alone, referrers.left_out(due)))))
                for each, referrers in _with_referrers(connection, table, rule)
            )

    def referred(self, rule: ExpiryRule, cutoff: float) -> Mapping[str, int]:
        """Count by table, by the foreign keys that are declared; one row may count for several."""
        query = sql.SQL("SELECT count(*) FROM {} AS target WHERE {} AND {}")
        found: Counter[str] = Counter()
        with self._server.transaction() as connection:
            table, due = condition(connection, rule, cutoff)
            for each, referrers in _with_referrers(connection, table, rule):
                for name, exists in referrers.conditions.items():
                    found[name] += int(str(_one(connection, query.format(each.alone, due, exists))))
        return found

    def tables(self) -> Mapping[str, Mapping[str, str]]:
        """Return the kinds by the columns' types; a table of another schema than the usual is named with it."""
        with self._server.transaction() as connection:
            return kinds(connection)

    def triggers(self, table: str, *, cascade: bool = False) -> Sequence[str]:
        """Return the triggers and rules for DELETE that are enabled, those of its partitions too."""
        with self._server.transaction() as connection:
            found = _table(connection, table)
            members = kin(connection, found) if found else ()
            acting = (name for each in members for name in triggers(connection, each.oid, cascade=cascade))
            return list(dict.fromkeys(acting))

    def keyed(self, table: str) -> bool:
        """Tell whether a unique key forbids any row to stand there twice.

        One that is checked late does not, nor one of a table that others inherit from: their rows are not under it.
        """
        with self._server.transaction() as connection:
            found = _table(connection, table)
            return found is not None and _is_keyed(connection, found)

    def restore(self, table: str, rows: Sequence[Row]) -> int:
        """Insert in one transaction; whatever would break a constraint of its own key stays as it is."""
        with self._server.connected() as connection, connection.transaction():
            limit(connection, lock=READ_LOCK_TIMEOUT, statement=READ_TIMEOUT)
            found = _table(connection, table)
            if found is None:
                raise UnreachableError(_("there is no such table or column"), context=table)
            if not _is_keyed(connection, found):
                raise unkeyed(table)
            return restored(connection, found.identifier, rows)

    def delete_expired(self, rule: ExpiryRule, cutoff: float, keep: Keep | None = None) -> Iterator[int]:
        """Go once through the pages. A row that others refer to stays; ``StuckError`` ends it if some were locked."""
        with self._server.transaction() as connection:
            table, due = condition(connection, rule, cutoff)
            members = [
                (each, pages(connection, each), referrers)
                for each, referrers in _with_referrers(connection, table, rule)
            ]
            columns = stored(connection, table.oid) if keep else ()
            if keep and not _is_keyed(connection, table):
                raise unkeyed(table.name)
        with self._server.connected() as connection:
            # Each statement must see who has come to refer to a row, whatever the role's own default is.
            connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
            for each, extent, referrers in members:
                yield from Sweep(connection, each, due, extent, referrers, columns, keep).run()

    def measure(self) -> Sequence[TableSize]:
        """Measure every table with its indexes; dead rows are what the server's statistics estimate."""
        with self._server.transaction() as connection:
            return postgresql_sizes.measure(connection)

    def optimise(self, table: str, *, thorough: bool) -> Outcome:
        """Vacuum and analyse one table unless it is locked; ``thorough`` rebuilds those indexes that are mostly air.

        The empty name stands for the statistics of every table that changed since they were made.
        """
        rule = "database/vacuum" if thorough else "database/optimise"
        try:
            with self._server.connected() as connection:
                if not table:
                    postgresql_upkeep.analyse(connection)
                    return Outcome(rule, self.place, table, done=1)
                with self._watched(connection, table):
                    return postgresql_upkeep.optimise(connection, self.place, table, thorough=thorough)
        except StuckError as error:
            miss = Miss(table, error.reason, error.code)
            return Outcome(rule, self.place, table, done=0, missed=(miss,))

    def _watched(self, connection: psycopg.Connection, table: str) -> AbstractContextManager[None]:
        pid = connection.info.backend_pid
        return postgresql_progress.watched(self._server.connected, pid, f"{self.place}/{table}", self.tell)

    def concerns(self, upkeep: Upkeep) -> Sequence[Concern]:
        """Return what only the operator can decide. Changes nothing."""
        with self._server.transaction() as connection:
            return list(postgresql_concerns.concerns(connection, upkeep))

    def room(self) -> int | None:
        """Return the free bytes of the server's data directory, where that is on this machine and ours to see."""
        with self._server.connected() as connection:
            return self._room(connection)

    def _room(self, connection: psycopg.Connection) -> int | None:
        if connection.info.host and not connection.info.host.startswith(("/", "127.", "localhost", "::1")):
            return None
        allowed: LiteralString = "SELECT pg_has_role('pg_read_all_settings', 'USAGE')"
        if not _one(connection, allowed):
            return None
        try:
            return shutil.disk_usage(str(_one(connection, "SHOW data_directory"))).free
        except OSError:  # in a container of its own, or behind a tunnel
            return None

    def beside_users(self, tables: Sequence[str], *, repack: bool) -> Collection[str]:
        """Return the tables that pg_repack can go by, where it is installed."""
        with self._server.connected() as connection:
            if not repack or postgresql_repack.tool(connection, self._server.parameters) is None:
                return ()
            found = {name: _table(connection, name) for name in tables}
            return {name for name, each in found.items() if each and postgresql_repack.is_keyed(connection, each)}

    def rewrite(self, table: str, *, seconds: float, room: int, repack: bool) -> Outcome:
        """Write one table and its indexes anew; where that locks it, give up after ``seconds`` with nothing changed."""
        try:
            with self._server.connected() as connection:
                tool = postgresql_repack.tool(connection, self._server.parameters) if repack else None
                free = self._room(connection)
                with self._watched(connection, table):
                    return postgresql_upkeep.rewrite(
                        connection, self.place, table, seconds=seconds, room=room if free is None else free, repack=tool
                    )
        except StuckError as error:
            reason = Reason.TOO_LONG if error.code == errors.QueryCanceled.sqlstate else error.reason
            miss = Miss(table, reason, error.code)
            return Outcome(postgresql_upkeep.REWRITE, self.place, table, done=0, missed=(miss,))


def _with_referrers(connection: psycopg.Connection, table: Table, rule: ExpiryRule) -> list[tuple[Table, Referrers]]:
    """Return the table and those that inherit from it, each with the keys that refer to it."""
    return [(each, Referrers(connection, each.oid, cascade=rule.cascade)) for each in kin(connection, table)]


def _is_keyed(connection: psycopg.Connection, table: Table) -> bool:
    return keyed(connection, table.oid) and len(kin(connection, table)) == 1
