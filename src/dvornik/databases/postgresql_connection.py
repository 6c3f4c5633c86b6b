"""How a PostgreSQL server is reached: its address, a transaction that hides nothing, and its errors in our words."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from dvornik.databases.postgresql_catalogue import limit, unhurried
from dvornik.databases.postgresql_rejection import rejection
from dvornik.databases.trouble import AwayError, StuckError, stuck
from dvornik.errors import ConfigurationError, UnreachableError
from dvornik.languages import _
from dvornik.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dvornik.application import DatabasePlace

CONNECT_TIMEOUT = 10
"""Seconds."""
READ_TIMEOUT = "1h"
READ_LOCK_TIMEOUT = "5s"
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


class Server:
    """One address."""

    def __init__(self, place: DatabasePlace) -> None:
        """Take the address apart; nothing is connected yet."""
        self.place = place.name
        self._url = place.url
        try:
            self.parameters = conninfo_to_dict(f"{_PLAIN}://{place.url.partition('://')[2]}")
        except psycopg.ProgrammingError:
            raise ConfigurationError(
                _("this database address cannot be read"),
                context=f"databases.{place.name}.url",
                hint=_(
                    "Write postgresql://user:password@host:5432/name; percent-encode what is special in a password."
                ),
            ) from None  # the driver's message repeats the address, and with it the password

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection]:
        """Open a read-only transaction in which nothing is hidden."""
        with self.connected() as connection:
            connection.autocommit = False
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            limit(connection, lock=READ_LOCK_TIMEOUT, statement=READ_TIMEOUT)
            unhurried(connection)
            connection.execute("SELECT")  # the view is fixed by the first query, not by BEGIN
            yield connection

    @contextmanager
    def connected(self) -> Iterator[psycopg.Connection]:
        """Open a session in which every statement commits by itself; every error leaves it as ``UnreachableError``."""
        connection = self._admitted()
        try:
            yield connection
        except psycopg.Error as error:
            raise self.trouble(error) from None  # the driver's own text may repeat the address
        finally:
            connection.close()

    def _admitted(self) -> psycopg.Connection:
        settings = {"connect_timeout": CONNECT_TIMEOUT, "application_name": "dvornik"} | self.parameters
        settings["client_encoding"] = "UTF8"
        try:
            return psycopg.connect(
                **settings,  # type: ignore[arg-type]
                autocommit=True,
                prepare_threshold=None,  # a pooler may stand between
            )
        except psycopg.Error as error:
            code, why = rejection(error, settings)
            context = f"{self.place}: {self._redacted(' '.join(str(error).split()))}"
            raise AwayError(code=code, context=context, rejection=why) from None

    def trouble(self, error: psycopg.Error, table: str = "") -> UnreachableError:
        """Return what the driver says (of a table) as ours, without a secret."""
        message = error.diag.message_primary or " ".join(str(error).split())
        context = ": ".join(part for part in (self.place, table, self._redacted(message)) if part)
        code = error.sqlstate or ""
        reason = next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), None)
        if reason is None and (not code or code.startswith(_GONE)):
            return AwayError(code=code, context=context)
        hint = ""
        if reason is Reason.DENIED:
            hint = _("Let this user read every row (pg_read_all_data, BYPASSRLS), or exclude the table's columns.")
        return StuckError(stuck(reason), reason=reason or Reason.IO_ERROR, code=code, context=context, hint=hint)

    def far(self, error: psycopg.Error, table: str) -> UnreachableError:
        """Return the error of a foreign table, whose rows another server has: this one is there."""
        message = error.diag.message_primary or " ".join(str(error).split())
        return StuckError(
            _("a foreign table cannot be read"),
            reason=Reason.UNREACHABLE,
            code=error.sqlstate or "",
            context=f"{self.place}: {table}: {self._redacted(message)}",
            hint=_(
                'Start the server that has its rows, or leave it out: [databases.{name}] exclude = ["{table}.*"].'
            ).format(name=self.place, table=table),
        )

    def _redacted(self, text: str) -> str:
        secrets = {str(value) for key, value in self.parameters.items() if "password" in key} | _secrets(self._url)
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


def _secrets(url: str) -> set[str]:
    """Return every text that a password may appear as, also when it was not percent-encoded as it should be."""
    password = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    query = parse_qs(urlsplit(url).query) if "?" in url else {}
    raw = {password, *re.split("[@:/?#]", password), *(v for k, vs in query.items() if "password" in k for v in vs)}
    return {form for text in raw for form in (text, unquote(text)) if form}
