"""Where the keys of one address lie: on a server, on the primary that Sentinel names, or on the primaries of a cluster.

Addresses: ``redis://``, ``rediss://`` (TLS; ``?ssl_ca_certs=``, ``ssl_certfile=``, ``ssl_keyfile=``) and ``unix://`` as
redis-py reads them; ``redis+sentinel://host1:26379,host2/service/0``; ``redis+cluster://host1:7000,host2:7001``. A
cluster behind a plain address is recognised as well. ``rediss+`` stands before the last two for TLS.
"""

from __future__ import annotations

import re
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import redis
from redis.backoff import NoBackoff
from redis.connection import SSLConnection, parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHAPE = re.compile(r"(?P<tls>rediss?)\+(?P<kind>sentinel|cluster)://(?P<user>[^/?]*@)?(?P<hosts>[^/?]*)(?P<rest>.*)")
_PORTS = {"": 6379, "cluster": 6379, "sentinel": 26379}
_CONNECT_TIMEOUT = 3
_TIMEOUT = 5
_SLOTS = 16_384
_GREETING = 1.0
"""Seconds in which a server that refuses everybody says so."""


class Topology:
    """An address, taken apart; nothing is sent before ``nodes`` is asked for."""

    def __init__(self, url: str) -> None:
        """Read ``url``; ``ValueError`` where it cannot be read (its text may hold a password: do not repeat it)."""
        shape = _SHAPE.fullmatch(url)
        self.kind = shape["kind"] if shape else ""
        rest, self._service = shape["rest"] if shape else "", ""
        if self.kind == "sentinel":
            self._service, rest = _service(rest)
        hosts = shape["hosts"].split(",") if shape else []
        plain = f"{shape['tls']}://{shape['user'] or ''}{hosts[0]}{rest}" if shape else url
        options = cast("dict[str, Any]", parse_url(plain))  # type: ignore[no-untyped-call]  # as the driver ships it
        first = (options.pop("host", "localhost"), options.pop("port", _PORTS[self.kind]))
        self._hosts = [first, *(_host(text, _PORTS[self.kind]) for text in hosts[1:])]
        self._options = self._client_options(options)

    def _client_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """Turn a connection's options into a client's; a user for Sentinel itself is named in the query."""
        self._path = options.pop("path", None)
        if issubclass(options.pop("connection_class", object), SSLConnection):
            options["ssl"] = True
        self._asking = {name: options.pop(f"sentinel_{name}", None) for name in ("username", "password")}
        return options | {
            "socket_connect_timeout": _CONNECT_TIMEOUT,
            "socket_timeout": _TIMEOUT,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,  # spoken by every server; version 3 starts with a command that older ones refuse
        }

    @property
    def label(self) -> str:
        """Address and database without user and password; a service keeps its label over a failover."""
        database = self._options.get("db", 0)
        if self._path:
            return f"{self._path}/{database}"
        hosts = ",".join(f"{host}:{port}" for host, port in sorted(self._hosts))
        return f"{hosts}/{self._service}/{database}" if self._service else f"{hosts}/{database}"

    @property
    def has_password(self) -> bool:
        """Whether the address names one."""
        return bool(self._options.get("password"))

    @property
    def is_encrypted(self) -> bool:
        """Whether the address asks for TLS."""
        return bool(self._options.get("ssl"))

    def greeting(self) -> str:
        """Return what the server says unasked: the driver passes over it, and one that refuses everybody says why so.

        Empty where it says nothing, and where nobody can be asked in clear.
        """
        if self.is_encrypted or self.kind:
            return ""
        with suppress(OSError), self._raw() as connection:
            connection.settimeout(_GREETING)
            return connection.recv(512).decode("ascii", "replace")
        return ""

    def _raw(self) -> socket.socket:
        if not self._path or sys.platform == "win32":
            return socket.create_connection(self._hosts[-1], _CONNECT_TIMEOUT)
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(self._path)
        except OSError:
            connection.close()
            raise
        return connection

    def nodes(self) -> tuple[Sequence[redis.Redis], bool]:
        """Return a client for each primary that holds keys, and whether they form a cluster.

        ``redis.RedisError`` where they cannot be found, or where a part of a cluster is nobody's: what is counted in
        the rest would be wrong.
        """
        if self.kind == "sentinel":
            asking = {
                name: value for name, value in self._options.items() if name not in {"db", "username", "password"}
            }
            sentinel = Sentinel(self._hosts, sentinel_kwargs=asking | self._asking)  # type: ignore[no-untyped-call]
            place = sentinel.discover_master(self._service)  # type: ignore[no-untyped-call]  # as above
            return [self._client(*place)], False
        seed = self._seed()
        facts = cast("dict[str, int]", seed.info("cluster"))
        return (self._primaries(seed), True) if facts.get("cluster_enabled") else ([seed], False)

    def _seed(self) -> redis.Redis:
        """Return the first host that answers."""
        for place in self._hosts[:-1]:
            client = self._client(*place)
            try:
                client.ping()
            except (redis.ConnectionError, redis.TimeoutError):
                client.close()
            else:
                return client
        return self._client(*self._hosts[-1])

    def _primaries(self, seed: redis.Redis) -> Sequence[redis.Redis]:
        found: dict[tuple[str, int], None] = {}
        covered = 0
        ranges = seed.execute_command("CLUSTER", "SLOTS")  # type: ignore[no-untyped-call]  # as above
        for first, last, primary, *_replicas in ranges:
            host = primary[0].decode() if primary[0] else seed.connection_pool.connection_kwargs["host"]
            found[host, int(primary[1])] = None
            covered += last - first + 1
        if covered < _SLOTS:
            raise redis.exceptions.ClusterDownError(str(_SLOTS - covered))
        return [self._client(*place) for place in found]

    def _client(self, host: str, port: int) -> redis.Redis:
        place: dict[str, Any] = {"unix_socket_path": self._path} if self._path else {"host": host, "port": port}
        return redis.Redis(**self._options, **place)


def _service(rest: str) -> tuple[str, str]:
    """Split ``/service/0?query`` into the service and what a plain address would say."""
    path, mark, query = rest.partition("?")
    service, __, database = path.strip("/").partition("/")
    if not service:
        raise ValueError
    return service, f"/{database or 0}{mark}{query}"


def _host(text: str, port: int) -> tuple[str, int]:
    name, mark, number = text.rpartition(":")
    return (name, int(number)) if mark and not text.endswith("]") else (text, port)
