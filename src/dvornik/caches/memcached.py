"""memcached: measured by ``stats``, emptied by its own ``flush_all``, only where all of it is the cache's own.

Its text protocol is spoken over a plain socket: four commands of one line each, and never a key or a value. A client
library would bring hashing, pooling and serialising, none of which is wanted here. See memcached's doc/protocol.txt.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import sys
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote

from dvornik.caches import CacheError, memcached_server
from dvornik.contracts.cache import CacheUsage
from dvornik.errors import ConfigurationError
from dvornik.languages import _
from dvornik.model import Reason
from dvornik.unreached import cause

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from io import BufferedRWPair

    from dvornik.application import CachePlace

_SERVER = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):\d{1,5}|/.+")
_TIMEOUT = 5
_SETTLING = 2.0
"""Seconds to wait until the server has freed what was flushed: its crawler does so in a thread of its own."""
_LONGEST = 4096
"""Bytes of a line: whoever sends longer ones speaks something else."""


class MemcachedCache:
    """One cache, spread over one server or several."""

    def __init__(self, place: CachePlace) -> None:
        """Prepare; nothing is sent yet. ``ConfigurationError`` on an address that cannot be read."""
        self.place = place.name
        self._owned = place.owned
        userinfo, _mark, servers = place.url.partition("://")[2].rpartition("@")
        self._user, _colon, self._password = (unquote(part) for part in userinfo.partition(":"))
        self._servers = [memcached_server(each) for each in servers.rstrip("/").split(",")]
        if not all(map(_SERVER.fullmatch, self._servers)):
            raise ConfigurationError(
                _("The address of the cache is not understood."),
                context=place.name,
                hint=_("Write memcached://host:11211, several with commas between, or memcached+unix:///path."),
            )
        self._flushed = False

    def fingerprint(self) -> str:
        """Return the addresses: a server keeps nothing else over a restart."""
        return ",".join(sorted(self._servers))

    def usage(self) -> CacheUsage:
        """Measure; all of it matches where it is the cache's own, and nothing elsewhere: keys cannot be told apart."""
        stats = [self._stats(server) for server in self._servers]
        keys = sum(each["curr_items"] for each in stats)
        return CacheUsage(keys, sum(each["bytes"] for each in stats), keys if self._owned else 0)

    def protected(self) -> Mapping[str, int]:
        """Recognise nothing."""
        return {}

    def unlink(self) -> Iterator[int]:
        """Flush one server after the other, where they are the cache's own; yield how many entries each held."""
        for server in self._servers if self._owned else ():
            count = self._stats(server)["curr_items"]
            with self._connected(server) as stream:
                self._told(stream, b"flush_all", b"OK", server)
                # What was flushed still takes memory until somebody asks for it, or the crawler comes by.
                self._ask(stream, b"lru_crawler crawl all")
            self._flushed = True
            yield count

    def memory(self) -> int:
        """Return the bytes that the entries take, once the crawler has freed what was flushed before."""
        deadline = time.monotonic() + (_SETTLING if self._flushed else 0)
        while True:
            stats = [self._stats(server) for server in self._servers]
            if time.monotonic() >= deadline or not any(each.get("lru_crawler_running") for each in stats):
                return sum(each["bytes"] for each in stats)
            time.sleep(0.02)

    def _stats(self, server: str) -> dict[str, int]:
        """Return the figures that are whole numbers."""
        found: dict[str, int] = {}
        with self._connected(server) as stream:
            self._send(stream, b"stats")
            while (line := stream.readline(_LONGEST)).startswith(b"STAT "):
                name, _space, value = line[5:].strip().partition(b" ")
                if value.isdigit():
                    found[name.decode("ascii", "replace")] = int(value)
        if line.strip() != b"END" or not {"bytes", "curr_items"} <= found.keys():
            raise self._refused(server, line)
        return found

    @contextmanager
    def _connected(self, server: str) -> Iterator[BufferedRWPair]:
        """Open a connection; turn what goes wrong there into an error that names the server, never the password."""
        try:
            with closing(_connect(server)) as connection, connection.makefile("rwb") as stream:
                if self._password:
                    # The text protocol's own way in (-Y): a first "set", whose value is user and password.
                    data = f"{self._user} {self._password}".encode()
                    self._told(stream, b"set auth 0 0 %d\r\n%b" % (len(data), data), b"STORED", server)
                yield stream
        except OSError as error:
            found = cause(error)
            message = _("The cache cannot be reached: {why}.").format(why=found.why) if found else ""
            raise CacheError(
                message or _("The cache does not answer."),
                Reason.IO_ERROR,
                context=f"{self.place}: {server}",
                hint=found.hint if found else _("Check that it is running."),
            ) from error

    def _told(self, stream: BufferedRWPair, command: bytes, expected: bytes, server: str) -> None:
        answer = self._ask(stream, command)
        if answer != expected:
            raise self._refused(server, answer)

    def _ask(self, stream: BufferedRWPair, command: bytes) -> bytes:
        self._send(stream, command)
        return stream.readline(_LONGEST).strip()

    def _send(self, stream: BufferedRWPair, command: bytes) -> None:
        stream.write(command + b"\r\n")
        stream.flush()

    def _refused(self, server: str, answer: bytes) -> CacheError:
        """Return the error for another answer than the expected one; of its text nothing is taken."""
        denied = b"auth" in answer
        message = _("The cache refuses us.") if denied else _("This is no memcached, or it refuses the command.")
        hint = _("Check its user, password and permissions.") if denied else _("Check its address.")
        reason = Reason.DENIED if denied else Reason.IO_ERROR
        return CacheError(message, reason, context=f"{self.place}: {server}", hint=hint)


def _connect(server: str) -> socket.socket:
    if not server.startswith("/"):
        host, _colon, port = server.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), _TIMEOUT)
    if sys.platform == "win32":
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_TIMEOUT)
    try:
        connection.connect(server)
    except BaseException:
        connection.close()
        raise
    return connection
