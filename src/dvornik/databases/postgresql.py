"""PostgreSQL: read in one snapshot that fails rather than hiding rows, cleaned in statements too short to notice."""

from __future__ import annotations

import re
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict

from dvornik.databases import (
    postgresql_concerns,
    postgresql_progress,
    postgresql_repack,
    postgresql_sizes,
    postgresql_upkeep,
)
from dvornik.databases.postgresql_catalogue import find as _table
from dvornik.databases.postgresql_catalogue import limit, pages
from dvornik.databases.postgresql_catalogue import one as _one
from dvornik.databases.postgresql_expiry import condition, kind_of
from dvornik.databases.postgresql_rows import Referrers, kinds, restored, stored, triggers
from dvornik.databases.postgresql_snapshot import PostgreSQLSnapshot, columns
from dvornik.databases.postgresql_sweep import Sweep
from dvornik.databases.trouble import StuckError
from dvornik.errors import ConfigurationError, UnreachableError
from dvornik.languages import _
from dvornik.model import Miss, Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import LiteralString

    from dvornik.application import DatabasePlace
    from dvornik.contracts.database import Column, Concern, ExpiryRule, Keep, Row, Snapshot, TableSize
    from dvornik.databases.upkeep import Upkeep

CONNECT_TIMEOUT = 10
"""Seconds."""
READ_TIMEOUT = "1h"
READ_LOCK_TIMEOUT = "5s"
PATIENCE = 4.0
"""Seconds in which writers must leave a gap for a lock."""
LOCK_WAIT, LOCK_PAUSE = "200ms", 0.05
"""The longest single wait for a lock, and the seconds in which writers go on before the next."""
_REASONS: dict[type[psycopg.Error], Reason] = {
    errors.LockNotAvailable: Reason.BUSY,
    errors.QueryCanceled: Reason.BUSY,
    errors.DeadlockDetected: Reason.BUSY,
    errors.ObjectInUse: Reason.BUSY,
    errors.InsufficientPrivilege: Reason.DENIED,
    errors.ReadOnlySqlTransaction: Reason.READ_ONLY,
    errors.DiskFull: Reason.NO_SPACE,
}

_GONE = ("08", "57P")
"""Classes of errors by which a server says goodbye."""

_PLAIN = "postgresql"


class PostgreSQL:
    """One PostgreSQL database (14 or newer; older ones are slower to clean)."""

    def __init__(self, place: DatabasePlace) -> None:
        """Take the address; nothing is connected yet."""
        self.place = place.name
        self.tell: postgresql_progress.Tell | None = None
        """Who hears how far a long step is."""
        self._url = place.url
        try:
            self._parameters = conninfo_to_dict(f"{_PLAIN}://{place.url.partition('://')[2]}")
        except psycopg.ProgrammingError:
            raise ConfigurationError(
                _("this database address cannot be read"),
                context=f"databases.{place.name}.url",
                hint=_(
                    "Write postgresql://user:password@host:5432/name; percent-encode what is special in a password."
                ),
            ) from None  # the driver's message repeats the address, and with it the password

    def fingerprint(self) -> str:
        """The cluster's system identifier and the database's own id: a restored dump has others."""
        allowed: LiteralString = "SELECT has_function_privilege('pg_control_system()', 'EXECUTE')"
        own: LiteralString = "SELECT oid::int8, datname FROM pg_database WHERE datname = current_database()"
        with self._transaction() as connection:
            known = _one(connection, allowed)
            cluster = _one(connection, "SELECT system_identifier FROM pg_control_system()") if known else ""
            oid, name = connection.execute(own).fetchone() or ("", "")
        return f"postgresql:{cluster}:{oid}:{name}"

    def columns(self) -> Sequence[Column]:
        """Return what may hold text. ``schema`` is empty where the table is found without it."""
        with self._transaction() as connection:
            return columns(connection)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Open one REPEATABLE READ transaction; rows that a policy would hide are an error in it."""
        with self._transaction(lock=READ_LOCK_TIMEOUT, statement=READ_TIMEOUT) as connection:
            yield PostgreSQLSnapshot(connection, self.trouble)

    @contextmanager
    def locked(self, columns: Sequence[Column]) -> Iterator[None]:
        """Hold a SHARE lock on the tables. It is tried for in short waits, all or none, until ``PATIENCE`` is over.

        A wait this short ends before the server looks for deadlocks, so none of ours can cost a writer its
        transaction, and those that queue up behind it go on after a moment.
        """
        with self._connected() as connection:
            tables = _lockable(connection, columns)
            begun = time.monotonic()
            while not _lock(connection, tables):
                if time.monotonic() - begun > PATIENCE:
                    raise StuckError(
                        _("writers kept their tables locked"),
                        reason=Reason.BUSY,
                        code="55P03",
                        context=self.place,
                        hint=_("Try again when the application is less busy, or without strict."),
                    )
                time.sleep(LOCK_PAUSE)
            try:
                yield
            finally:
                connection.execute("ROLLBACK")

    def has(self, table: str, column: str) -> bool:
        """Tell whether a table (views aside) has that column; ``table`` may be ``schema.table``."""
        with self._transaction() as connection:
            found = _table(connection, table)
            return found is not None and kind_of(connection, found, column) is not None

    def expired(self, rule: ExpiryRule, cutoff: float) -> int:
        """Count; raise ``UnreachableError`` when it is not sure how the column writes a time."""
        with self._transaction(lock=READ_LOCK_TIMEOUT, statement=READ_TIMEOUT) as connection:
            table, due = condition(connection, rule, cutoff)
            where = Referrers(connection, table.oid, cascade=rule.cascade).left_out(due)
            query = sql.SQL("SELECT count(*) FROM {} AS target WHERE {}").format(table.alone, where)
            return int(str(_one(connection, query)))

    def referred(self, rule: ExpiryRule, cutoff: float) -> Mapping[str, int]:
        """Count by table, by the foreign keys that are declared; one row may count for several."""
        with self._transaction(lock=READ_LOCK_TIMEOUT, statement=READ_TIMEOUT) as connection:
            table, due = condition(connection, rule, cutoff)
            query = sql.SQL("SELECT count(*) FROM {} AS target WHERE {} AND {}")
            return {
                name: int(str(_one(connection, query.format(table.alone, due, exists))))
                for name, exists in Referrers(connection, table.oid, cascade=rule.cascade).conditions.items()
            }

    def tables(self) -> Mapping[str, Mapping[str, str]]:
        """Return the kinds by the columns' types; a table of another schema than the usual is named with it."""
        with self._transaction() as connection:
            return kinds(connection)

    def triggers(self, table: str, *, cascade: bool = False) -> Sequence[str]:
        """Return the triggers and rules for DELETE that are enabled, those of its partitions too."""
        with self._transaction() as connection:
            found = _table(connection, table)
            return triggers(connection, found.oid, cascade=cascade) if found else ()

    def restore(self, table: str, rows: Sequence[Row]) -> int:
        """Insert in one transaction; whatever would break a constraint of its own key stays as it is."""
        with self._connected() as connection, connection.transaction():
            limit(connection, lock=READ_LOCK_TIMEOUT, statement=READ_TIMEOUT)
            found = _table(connection, table)
            if found is None:
                raise UnreachableError(_("there is no such table or column"), context=table)
            return restored(connection, found.identifier, rows)

    def delete_expired(self, rule: ExpiryRule, cutoff: float, keep: Keep | None = None) -> Iterator[int]:
        """Go once through the pages. A row that others refer to stays; ``StuckError`` ends it if some were locked."""
        with self._transaction(lock=READ_LOCK_TIMEOUT, statement=READ_TIMEOUT) as connection:
            table, due = condition(connection, rule, cutoff)
            extent = pages(connection, table)
            referrers = Referrers(connection, table.oid, cascade=rule.cascade)
            columns = stored(connection, table.oid) if keep else ()
        with self._connected() as connection:
            yield from Sweep(connection, table, due, extent, referrers, columns, keep).run()

    def measure(self) -> Sequence[TableSize]:
        """Measure every table with its indexes; dead rows are what the server's statistics estimate."""
        with self._transaction() as connection:
            return postgresql_sizes.measure(connection)

    def optimise(self, table: str, *, thorough: bool) -> Outcome:
        """Vacuum and analyse one table unless it is locked; ``thorough`` rebuilds those indexes that are mostly air.

        The empty name stands for the statistics of every table that changed since they were made.
        """
        rule = "database/vacuum" if thorough else "database/optimise"
        try:
            with self._connected() as connection:
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
        return postgresql_progress.watched(self._connected, pid, f"{self.place}/{table}", self.tell)

    def concerns(self, upkeep: Upkeep) -> Sequence[Concern]:
        """Return what only the operator can decide. Changes nothing."""
        with self._transaction() as connection:
            return list(postgresql_concerns.concerns(connection, upkeep))

    def room(self) -> int | None:
        """Return the free bytes of the server's data directory, where that is on this machine and ours to see."""
        with self._connected() as connection:
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
        with self._connected() as connection:
            if not repack or postgresql_repack.tool(connection, self._parameters) is None:
                return ()
            found = {name: _table(connection, name) for name in tables}
            return {name for name, each in found.items() if each and postgresql_repack.is_keyed(connection, each)}

    def rewrite(self, table: str, *, seconds: float, room: int, repack: bool) -> Outcome:
        """Write one table and its indexes anew; where that locks it, give up after ``seconds`` with nothing changed."""
        try:
            with self._connected() as connection:
                tool = postgresql_repack.tool(connection, self._parameters) if repack else None
                free = self._room(connection)
                with self._watched(connection, table):
                    return postgresql_upkeep.rewrite(
                        connection, self.place, table, seconds=seconds, room=room if free is None else free, repack=tool
                    )
        except StuckError as error:
            reason = Reason.TOO_LONG if error.code == errors.QueryCanceled.sqlstate else error.reason
            miss = Miss(table, reason, error.code)
            return Outcome(postgresql_upkeep.REWRITE, self.place, table, done=0, missed=(miss,))

    @contextmanager
    def _transaction(
        self, lock: LiteralString = READ_LOCK_TIMEOUT, statement: LiteralString = READ_TIMEOUT
    ) -> Iterator[psycopg.Connection]:
        """Open a read-only transaction in which nothing is hidden."""
        with self._connected() as connection:
            connection.autocommit = False
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            limit(connection, lock=lock, statement=statement)
            connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # the reader may take its time
            connection.execute("SELECT")  # the view is fixed by the first query, not by BEGIN
            yield connection

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection]:
        connection = None
        try:
            settings = {"connect_timeout": CONNECT_TIMEOUT, "application_name": "dvornik"} | self._parameters
            connection = psycopg.connect(
                **settings,  # type: ignore[arg-type]
                client_encoding="UTF8",
                autocommit=True,
                prepare_threshold=None,  # a pooler may stand between
            )
            yield connection
        except psycopg.Error as error:
            raise self.trouble(error) from None  # the driver's own text may repeat the address
        finally:
            if connection is not None:
                connection.close()

    def trouble(self, error: psycopg.Error) -> UnreachableError:
        """Return what the driver says as ours, without a secret."""
        message = error.diag.message_primary or " ".join(str(error).split())
        context = f"{self.place}: {self._redacted(message)}"
        code = error.sqlstate or ""
        reason = next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), None)
        if reason is None and (not code or code.startswith(_GONE)):
            hint = _("Check that the server runs, and the address in the configuration.")
            return UnreachableError(_("the database cannot be reached"), context=context, hint=hint)
        hint = ""
        if reason is Reason.DENIED:
            hint = _("Let this user read every row (pg_read_all_data, BYPASSRLS), or exclude the table's columns.")
        message = _("the database refused")
        return StuckError(message, reason=reason or Reason.IO_ERROR, code=code, context=context, hint=hint)

    def _redacted(self, text: str) -> str:
        secrets = {str(value) for key, value in self._parameters.items() if "password" in key} | _secrets(self._url)
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


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


def _secrets(url: str) -> set[str]:
    """Return every text that a password may appear as, also when it was not percent-encoded as it should be."""
    password = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    query = parse_qs(urlsplit(url).query) if "?" in url else {}
    raw = {password, *re.split("[@:/?#]", password), *(v for k, vs in query.items() if "password" in k for v in vs)}
    return {form for text in raw for form in (text, unquote(text)) if form}
