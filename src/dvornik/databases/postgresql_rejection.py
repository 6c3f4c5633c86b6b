"""Why a PostgreSQL server lets nobody in: by its code, never by its text, which may be in any language.

libpq keeps no code of a connection that failed. Hence a second look: the same connection once more, with libpq's own
trace of the protocol turned on, which names the code; where that is not to be had (another system than Linux, parts of
it in libpq before 17), what libpq knows of the password and how far it came must do.
"""

from __future__ import annotations

import os
import re
import select
import socket
import sys
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final, NamedTuple

import psycopg
from psycopg import errors, pq
from psycopg.conninfo import make_conninfo

from dvornik.databases.trouble import (
    Rejection,
    no_connection_left,
    no_encryption,
    no_such_database,
    unreached,
    wrong_password,
)
from dvornik.languages import _
from dvornik.model import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PATIENCE: Final = 10.0
"""Seconds."""
_ERROR = re.compile(r'\tErrorResponse\t S "[^"]*" (?:V "\w+" )?C "(\w{5})"')
_ROUTINE = re.compile(r' R "(\w+)"')
_SENT = re.compile(r"^(?:[^\t\n]+\t)?F\t(\d+)\t", re.MULTILINE)
_SSL = re.compile(r"\tSSLResponse\t\s*(\S)")
_REQUEST: Final = 8
"""Bytes of a question for encryption: what is longer was sent after it was settled."""
_STRICT: Final = frozenset({"require", "verify-ca", "verify-full"})
_INSIDE: Final = ("\tReadyForQuery\t", "\tParameterStatus\t")


class Look(NamedTuple):
    """What the second look saw."""

    code: str = ""
    routine: str = ""
    """The server's own function that refused, which no translation touches."""
    opened: bool = False
    inside: bool = False
    """Whether the server let us in before something else went wrong."""
    asked: bool = False
    """Whether anything was sent at all, and then whether more than the question for encryption was."""
    started: bool = False
    encryption: str = ""
    """The server's answer to that question: ``S`` or ``N``."""
    password_missing: bool = False
    password_sent: bool = False
    where: tuple[str, int] = ("", 0)


def rejection(error: psycopg.Error, parameters: Mapping[str, object]) -> tuple[str, Rejection]:
    """Return the server's code, where one is to be had, and why no session came about; takes a second connection."""
    if isinstance(error, errors.ConnectionTimeout):
        return "", unreached(TimeoutError())
    try:
        seen = _look(make_conninfo("", **{key: str(value) for key, value in parameters.items()}))
    except (psycopg.Error, OSError):
        return "", Rejection()
    return seen.code, _explained(seen, str(parameters.get("sslmode") or os.environ.get("PGSSLMODE", "")))


def _look(conninfo: str) -> Look:
    connection = pq.PGconn.connect_start(conninfo.encode())
    with closing(_Trace(connection)) as trace:
        try:
            opened = _polled(connection)
            needs, used = connection.needs_password, connection.used_password
            host, port = connection.hostaddr or connection.host, connection.port
        finally:
            trace.stop()
            connection.finish()
        text = trace.text()
    found, routine = _ERROR.search(text), _ROUTINE.findall(text)
    sent = [int(size) for size in _SENT.findall(text)]
    ssl = _SSL.findall(text)
    return Look(
        code=found[1] if found else "",
        routine=routine[-1] if found and routine else "",
        opened=opened,
        inside=any(mark in text for mark in _INSIDE),
        asked=bool(sent),
        started=any(size > _REQUEST for size in sent),
        encryption=ssl[-1] if ssl else "",
        password_missing=bool(needs),
        password_sent=bool(used),
        where=(host.decode(errors="replace"), int(port or b"0")),
    )


def _polled(connection: pq.abc.PGconn) -> bool:
    """Go through with the connection; tell whether it came about."""
    deadline = time.monotonic() + PATIENCE
    while connection.status != pq.ConnStatus.BAD:
        state = connection.connect_poll()
        if state in {pq.PollingStatus.OK, pq.PollingStatus.FAILED}:
            return state == pq.PollingStatus.OK
        way = [connection.socket]
        reads, writes = (way, []) if state == pq.PollingStatus.READING else ([], way)
        if not any(select.select(reads, writes, [], max(0.0, deadline - time.monotonic()))):
            return False
    return False


class _Trace:
    """libpq's account of what is said, kept in memory alone: a password may be in it."""

    def __init__(self, connection: pq.abc.PGconn) -> None:
        self._connection, self._descriptor = connection, -1
        if sys.platform == "linux" and connection.status != pq.ConnStatus.BAD:
            self._descriptor = os.memfd_create("dvornik", os.MFD_CLOEXEC)
            with suppress(psycopg.NotSupportedError):
                connection.trace(self._descriptor)

    def stop(self) -> None:
        """Let libpq write down what it holds back."""
        if self._descriptor >= 0:
            with suppress(psycopg.NotSupportedError):
                self._connection.untrace()

    def text(self) -> str:
        if self._descriptor < 0:
            return ""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        with os.fdopen(os.dup(self._descriptor), "rb") as stream:
            return stream.read().decode(errors="replace")

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


def _explained(seen: Look, mode: str) -> Rejection:
    if seen.code in _CODES:
        return _CODES[seen.code](seen)
    if seen.opened:
        return Rejection(_("the server admitted no session just now, and does again"), _("Try again."))
    if seen.password_missing or (seen.started and seen.password_sent and not (seen.code or seen.inside)):
        return wrong_password(given=not seen.password_missing)
    if seen.code or seen.started:
        return _refused()
    if seen.asked:
        return _unencrypted(seen, mode)
    return unreached(failed) if (failed := _tried(*seen.where)) else Rejection()


def _unencrypted(seen: Look, mode: str) -> Rejection:
    """Explain a connection that ended while encryption was being settled."""
    if seen.encryption == "N" and mode in _STRICT:
        return no_encryption()
    if seen.encryption == "S" or mode in _STRICT:
        return Rejection(
            _("the encryption that the address asks for did not come about"),
            _("Check sslmode, sslrootcert and the host name: the server may offer none, or another's certificate."),
        )
    return Rejection(
        _("what answers at this address does not speak as PostgreSQL does"), _("Correct host and port in the address.")
    )


def _tried(host: str, port: int) -> OSError | None:
    """Ask the system itself for the way to the server; return its error."""
    try:
        if host.startswith("/") and sys.platform != "win32":
            with socket.socket(socket.AF_UNIX) as one:
                one.settimeout(PATIENCE)
                one.connect(f"{host}/.s.PGSQL.{port}")
        elif host:
            socket.create_connection((host, port), PATIENCE).close()
    except OSError as error:
        return error
    return None


def _refused() -> Rejection:
    return Rejection(
        _("the server refuses the connection"), _("Check user, database and options in the address, and pg_hba.conf.")
    )


def _not_admitted(seen: Look) -> Rejection:
    """Explain a login that is refused for another reason than its password."""
    if seen.routine == "ClientAuthentication":
        hint = _("Allow this user, database and host in pg_hba.conf.")
        if seen.encryption != "S":
            hint += " " + _("It may admit encrypted connections alone: sslmode=require in the address.")
        message = _("the server does not admit this user from this machine")
    elif seen.routine.startswith("InitializeSessionUserId"):
        message = _("there is no such user in the database, or it may not log in")
        hint = _("Correct the user in the address, or create it: CREATE ROLE … LOGIN.")
    else:
        message = _("the database refuses this user")
        hint = _("Over a socket the user of the system must often have the same name: see pg_hba.conf.")
    return Rejection(message, hint, reason=Reason.DENIED)


_CODES: Final[Mapping[str, Callable[[Look], Rejection]]] = {
    "28P01": lambda seen: wrong_password(given=seen.password_sent or not seen.password_missing),
    "28000": _not_admitted,
    "3D000": lambda _seen: no_such_database(),
    "42501": lambda _seen: Rejection(
        _("this user may not connect to the database"),
        _("Let it: GRANT CONNECT ON DATABASE … TO …."),
        reason=Reason.DENIED,
    ),
    "53300": lambda _seen: no_connection_left("max_connections"),
    "55000": lambda _seen: Rejection(
        _("the database takes no connections"), _("Correct its name, or: ALTER DATABASE … ALLOW_CONNECTIONS true.")
    ),
    "57P03": lambda _seen: Rejection(_("the server is just starting, stopping or recovering"), _("Try again later.")),
}
"""What the server's code means for a session that did not come about."""
