"""How a MySQL or MariaDB server is reached: its address, the limits of a session, and its errors in our words."""

from __future__ import annotations

import re
import ssl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import pymysql
from pymysql.converters import conversions

from dvornik.databases.mysql_rejection import rejection
from dvornik.databases.trouble import AwayError, StuckError, stuck, unreached
from dvornik.errors import ConfigurationError, UnreachableError
from dvornik.languages import _, of_system
from dvornik.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymysql.connections import Connection

    from dvornik.application import DatabasePlace

CONNECT_TIMEOUT = 10
"""Seconds, as all that follow."""
READ_TIMEOUT = 3600
READ_LOCK_TIMEOUT = 5
DELETE_TIMEOUT = 60
DELETE_LOCK_TIMEOUT = 0
"""None: who waits keeps others from what it holds already. MySQL counts from 1, and is told NOWAIT besides."""
MAINTENANCE_TIMEOUT = 7200
MAINTENANCE_LOCK_TIMEOUT = 1
"""Who waits for a table's lock makes everybody else wait for it too."""

ACCESS_DENIED = frozenset({1044, 1142, 1143, 1227, 1370})
NO_SUCH_TABLE = 1146
DEADLOCK = 1213
TIMED_OUT = 1205
LOCKED = frozenset({TIMED_OUT, DEADLOCK, 3572})
INTERRUPTED = 1317
"""Somebody holds a row or the table; in a deadlock we were chosen to give way."""
_CUT = 1301
"""A warning: a cell was longer than ``max_allowed_packet``, and NULL stands in its place."""
_REASONS = {
    **dict.fromkeys(ACCESS_DENIED, Reason.DENIED),
    **dict.fromkeys(LOCKED, Reason.BUSY),
    **dict.fromkeys((INTERRUPTED, 1969, 3024), Reason.BUSY),
    **dict.fromkeys((1290, 1792, 1836), Reason.READ_ONLY),
    **dict.fromkeys((1021, 1041, 1114), Reason.NO_SPACE),
}
_GONE = frozenset({0, 1053, 1152, 1153, 1158, 1159, 1160, 1161, 1927, 4031, *range(2000, 2100)})
"""Errors by which a server, or the way to it, says goodbye."""
_SOCKETS = ("/run/mysqld/mysqld.sock", "/var/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock")  # noqa: S108 - where servers put them
_BYTES = {kind: convert for kind, convert in conversions.items() if not isinstance(kind, int)}
"""Values go out as usual, and come back as the bytes that the server sent."""
_ADDRESS = re.compile(
    r"(?:\[(?P<six>[^]]*)\]|(?P<host>[^:/?]*))(?::(?P<port>\d+))?(?:/(?P<name>[^/?]*))?(?:\?(?P<query>.*))?"
)
_FILES = ("read_default_file", "read_default_group")
_NO = frozenset({"", "0", "false", "no", "off", "none"})
_MODES = ("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")


class Flavour(NamedTuple):
    """Which of the two a server is, and how new."""

    is_mariadb: bool
    version: tuple[int, ...]

    def is_from(self, mariadb: tuple[int, ...], mysql: tuple[int, ...]) -> bool:
        """Tell whether it is at least the one or the other, whichever it is."""
        return self.version >= (mariadb if self.is_mariadb else mysql)

    @property
    def knows_nowait(self) -> bool:
        """Whether a statement may say that it does not wait for rows that others have locked."""
        return self.is_from(mariadb=(10, 3), mysql=(8, 0, 1))

    @property
    def tells_rows_from_tables(self) -> bool:
        """Whether what is told of a locked row differs from what is told of a locked table."""
        return self.knows_nowait and not self.is_mariadb


class Server:
    """One address."""

    def __init__(self, place: DatabasePlace) -> None:
        """Take the address apart; nothing is connected yet."""
        self.place = place.name
        rest = place.url.partition("://")[2]
        userinfo, _at, tail = rest.rpartition("@")  # the last one: a password may hold another, encoded or not
        user, _colon, password = userinfo.partition(":")
        found = _ADDRESS.fullmatch(tail)
        options = {key.replace("-", "_"): value for key, value in parse_qsl(found["query"] or "")} if found else {}
        name = unquote(found["name"] or "") if found else ""
        if found is None or not (name or "read_default_file" in options):
            raise self._unreadable()
        self._secrets = {password, unquote(password), options.get("ssl_key_password", "")} - {""}
        self.parameters: dict[str, Any] = {"user": unquote(user) or None, "password": unquote(password).encode()}
        self.parameters |= {"database": name or None} | self._way(found, options) | self._encryption(options)
        self.schema = name

    @property
    def address(self) -> str:
        """Host and port, or the socket."""
        kept = self.parameters
        return str(kept.get("unix_socket") or f"{kept.get('host') or ''}:{kept.get('port') or 3306}")

    @property
    def is_local(self) -> bool:
        """Whether the server's files may be on a disk that we see, too."""
        return "unix_socket" in self.parameters or self.parameters.get("host") in {"127.0.0.1", "::1", "localhost"}

    def _way(self, found: re.Match[str], options: dict[str, str]) -> dict[str, Any]:
        """Reach what the drivers in C mean by no host at all, or by ``localhost``: the server's socket."""
        host = unquote(found["six"] or found["host"] or "")
        files: dict[str, Any] = {key: options[key] for key in _FILES if key in options}
        socket = options.get("unix_socket")
        if not socket and not found["port"] and host in {"", "localhost"} and not files:
            socket = next((path for path in _SOCKETS if Path(path).is_socket()), None)
        if socket:
            return {"unix_socket": socket, **files}
        port: dict[str, Any] = {"port": int(found["port"])} if found["port"] else {}
        return {**({"host": host or "127.0.0.1"} if host or not files else {}), **port, **files}

    def _encryption(self, options: dict[str, str]) -> dict[str, Any]:
        """Encrypt where the server can, unless the address asks for more (or less): as the servers' own clients do."""
        asked = {key: value for key, value in options.items() if key.startswith("ssl")}
        unknown = set(asked) - _SSL
        mode = _mode(asked)
        if unknown or mode not in _MODES:
            raise self._unreadable()
        if mode in {"DISABLED", "PREFERRED"}:
            return {"ssl_disabled": True} if mode == "DISABLED" else {}
        try:
            context = ssl.create_default_context(cafile=asked.get("ssl_ca"))
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # certificates that the servers make themselves fail it
            context.check_hostname = mode == "VERIFY_IDENTITY"
            context.verify_mode = ssl.CERT_NONE if mode == "REQUIRED" else ssl.CERT_REQUIRED
            if "ssl_cert" in asked:
                context.load_cert_chain(asked["ssl_cert"], asked.get("ssl_key"), asked.get("ssl_key_password"))
        except OSError as error:
            where = f"databases.{self.place}.url: {asked.get('ssl_ca', '')} {asked.get('ssl_cert', '')}".rstrip()
            raise ConfigurationError(
                _("a certificate cannot be read"), context=f"{where}: {of_system(error)}"
            ) from None
        return {"ssl": context}

    def _unreadable(self) -> ConfigurationError:
        return ConfigurationError(
            _("this database address cannot be read"),
            context=f"databases.{self.place}.url",
            hint=_("Write mysql://user:password@host:3306/name; percent-encode what is special in a password."),
        )

    @contextmanager
    def connected(
        self, *, lock: int = READ_LOCK_TIMEOUT, statement: int = READ_TIMEOUT, as_bytes: bool = False
    ) -> Iterator[tuple[Connection, Flavour]]:
        """Open a session whose waits are bounded (seconds) and which sees every row, in UTC.

        Every error of the driver leaves it as ``UnreachableError``, without a secret. ``as_bytes`` gives each cell as
        the bytes that the server sent, text in UTF-8.
        """
        connection = None
        try:
            connection = pymysql.connect(
                **self.parameters,
                charset="utf8mb4",
                autocommit=True,
                connect_timeout=CONNECT_TIMEOUT,
                read_timeout=statement + 60,
                write_timeout=READ_LOCK_TIMEOUT + 60,
                program_name="dvornik",
                **({"use_unicode": False, "conv": _BYTES} if as_bytes else {}),
            )
            flavour = _flavour(connection)
            _limit(connection, flavour, lock, statement)
            yield connection, flavour
        except (pymysql.Error, OSError, RuntimeError) as error:
            told = self.trouble if connection is not None else self.refused
            raise told(error) from None  # the driver's own text may repeat the address
        finally:
            if connection is not None and connection.open:
                connection.close()

    def refused(self, error: Exception) -> UnreachableError:
        """Return what kept a session from coming about."""
        code, context = self._said(error)
        has_password, mode = bool(self.parameters["password"]), self.parameters.get("ssl_disabled", False)
        why = rejection(error, code, has_password=has_password, is_plain=mode)
        return AwayError(code=str(code or ""), context=context, rejection=why)

    def trouble(self, error: Exception) -> UnreachableError:
        """Return what the driver says as ours, without a secret."""
        code, context = self._said(error)
        reason = _REASONS.get(code)
        if reason is None and code in _GONE:
            return AwayError(code=str(code or ""), context=context, rejection=unreached(error))
        hint = self.grant_hint() if reason is Reason.DENIED else ""
        return StuckError(stuck(reason), reason=reason or Reason.IO_ERROR, code=str(code), context=context, hint=hint)

    def _said(self, error: Exception) -> tuple[int, str]:
        """Return the code, and place and text, of what the driver says."""
        first = error.args[0] if isinstance(error, pymysql.Error) and error.args else 0
        text = str(error.args[-1]) if error.args else type(error).__name__
        return first if isinstance(first, int) else 0, f"{self.place}: {self._redacted(text)}"

    def grant_hint(self) -> str:
        """Say which right this user lacks."""
        return _("Let this user read every table: GRANT SELECT ON {schema}.* (and DELETE where rows expire).").format(
            schema=quoted(self.schema)
        )

    def _redacted(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return " ".join(text.split())


_SSL = frozenset(
    {"ssl", "sslmode", "ssl_mode", "ssl_ca", "ssl_cert", "ssl_key", "ssl_key_password", "ssl_disabled"}
    | {"ssl_verify_cert", "ssl_verify_identity", "ssl_check_hostname"}
)


def _mode(asked: dict[str, str]) -> str:
    """Return the word of the servers' own clients for what the drivers' options, however spelt, come to."""

    def on(*names: str) -> bool:
        return any(asked.get(name, "").lower() not in _NO for name in names)

    mode = (asked.get("ssl_mode") or asked.get("sslmode") or "").upper().replace("-", "_")
    if mode:
        return mode
    if on("ssl_disabled"):
        return "DISABLED"
    if on("ssl_verify_identity", "ssl_check_hostname"):
        return "VERIFY_IDENTITY"
    if on("ssl_verify_cert") or ("ssl_ca" in asked and "ssl_verify_cert" not in asked):
        return "VERIFY_CA"
    return "REQUIRED" if on("ssl", "ssl_cert", "ssl_ca") else "PREFERRED"


def quoted(name: str) -> str:
    """Quote an identifier."""
    return "`" + name.replace("`", "``") + "`"


def rows(connection: Connection, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Run one statement and return what it answers. Without ``values`` a ``%`` in it is left alone."""
    with connection.cursor() as cursor:
        cursor.execute(query, values or None)
        return list(cursor.fetchall())


def variable(connection: Connection, name: str) -> str:
    """Return a variable of the server; empty where it has no such one."""
    found = rows(connection, "SHOW VARIABLES WHERE Variable_name = %s", name)
    return str(found[0][1]) if found else ""


def warned_of_cuts(connection: Connection) -> bool:
    """Tell whether the last statement put NULL in the place of what was too long for it."""
    return any(int(code) == _CUT for _level, code, _text in rows(connection, "SHOW WARNINGS"))


def _flavour(connection: Connection) -> Flavour:
    text = rows(connection, "SELECT VERSION()")[0][0]
    said = text.decode() if isinstance(text, bytes) else str(text)
    numbers = re.match(r"\d+(?:\.\d+)*", said)
    return Flavour("mariadb" in said.lower(), tuple(map(int, numbers[0].split("."))) if numbers else (0,))


def _limit(connection: Connection, flavour: Flavour, lock: int, statement: int) -> None:
    """Bound the session's waits, and undo what a server's configuration may hide rows or shift times by."""
    settings = {
        "sql_mode": "''",
        "time_zone": "'+00:00'",
        "sql_select_limit": "18446744073709551615",
        "sql_big_selects": "1",
        "sql_safe_updates": "0",
        "lock_wait_timeout": str(lock if flavour.is_mariadb else max(1, lock)),
        "innodb_lock_wait_timeout": str(lock if flavour.is_mariadb else max(1, lock)),
        "net_write_timeout": str(READ_TIMEOUT),  # the reader may take its time
        "wait_timeout": str(READ_TIMEOUT),
    }
    if flavour.is_mariadb:
        settings |= {"max_statement_time": str(statement), "lc_messages": "'en_US'"}
        if flavour.version >= (10, 3):
            settings |= {"idle_transaction_timeout": "0", "idle_readonly_transaction_timeout": "0"}
    else:
        settings |= {"max_execution_time": str(statement * 1000), "lc_messages": "'en_US'"}
        if flavour.version >= (8,):
            settings["information_schema_stats_expiry"] = "0"
    rows(connection, "SET SESSION " + ", SESSION ".join(f"{name} = {value}" for name, value in settings.items()))
