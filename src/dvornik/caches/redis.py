"""Redis and Valkey: measured by INFO and SCAN, cleared by one UNLINK a page, never by KEYS, FLUSHDB or FLUSHALL.

FLUSHDB would be quicker where the whole database is the cache's own; yet it asks nothing, and a queue or a session
that appears between the look and the flush would be lost. A page of UNLINK takes the server microseconds.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry

from dvornik.caches import CacheError
from dvornik.caches.patterns import compiled, kind_of
from dvornik.languages import _
from dvornik.model import CachePlace, CacheUsage, ConfigurationError, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_CONNECT_TIMEOUT = 3
_TIMEOUT = 5
_PAGE = 500
_SMALLEST, _LARGEST = 50, 1000
_SLOW, _QUICK = 0.010, 0.002
"""Seconds beyond the bare round trip in which a page keeps the server from others too long, or hardly at all."""
_SETTLING = 2.0
"""Seconds to wait until the server has freed what was unlinked: it does so in a thread of its own."""


class RedisCache:
    """One database of a Redis or Valkey server."""

    def __init__(self, place: CachePlace) -> None:
        """Prepare; nothing is sent yet. ``ConfigurationError`` on an address or a pattern that cannot be read."""
        self.place = place.name
        self._owned = place.owned
        self._patterns = ["*"] if place.owned else list(place.patterns)
        try:
            self._expressions = [compiled(pattern) for pattern in self._patterns]
            options = parse_url(place.url)  # type: ignore[no-untyped-call]  # as the driver ships it
            self._client = redis.Redis.from_url(
                place.url,
                socket_connect_timeout=_CONNECT_TIMEOUT,
                socket_timeout=_TIMEOUT,
                retry=Retry(NoBackoff(), 0),
                protocol=2,  # spoken by every server since 1.2; version 3 starts with a command that older ones refuse
            )
        except ValueError:
            # Not "from error": its text may quote the address, and that may hold a password.
            raise ConfigurationError(
                _("The address or a pattern of the cache cannot be read."),
                context=place.name,
                hint=_("Check [cache] url and patterns; a bracket that is meant as such is written \\[."),
            ) from None
        # Without user and password, for fingerprint and errors.
        host = options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
        self._address = f"{host}/{options.get('db', 0)}"
        self._protected: Mapping[str, int] | None = None

    def fingerprint(self) -> str:
        """Return the address and the database's number: a server keeps them over a restart, unlike its run id."""
        return self._address

    def usage(self) -> CacheUsage:
        """Measure by one pass over the database's keys; the server's totals include its other databases."""
        matching, protected = 0, Counter[str]()
        with self._answered():
            self._refuse_cluster()
            keys = self._server_keys()
            for page in self._pages(None):
                kinds = self._kinds(page)
                protected.update(filter(None, kinds))
                matching += sum(not kind and self._is_own(key) for key, kind in zip(page, kinds, strict=True))
        self._protected = protected
        return CacheUsage(keys, self.memory(), matching)

    def protected(self) -> Mapping[str, int]:
        """Count, by kind, what never goes: by name (``session``, ``queue``, ``lock``) or by type (``list`` ...).

        As the last ``usage`` saw it, if there was one.
        """
        if self._protected is None:
            self.usage()
        return dict(self._protected or {})

    def unlink(self) -> Iterator[int]:
        """Drop the cache's own entries, a page at a time; yield the number gone after each.

        Without patterns in a database that is not owned nothing goes. Every key is judged just before it goes, by its
        name and by its type. ``CacheError`` when the server stops answering: what was yielded by then is gone.
        """
        with self._answered():
            self._refuse_cluster()
            for page in self._pages(self._patterns[0] if len(self._patterns) == 1 else None):
                own = [key for key in page if self._is_own(key)]
                entries = [key for key, kind in zip(own, self._kinds(own), strict=True) if not kind]
                for start in range(0, len(entries), _LARGEST):  # one bucket chain may make a page longer than asked
                    yield self._client.unlink(*entries[start : start + _LARGEST])

    def memory(self) -> int:
        """Return the bytes that the server's data takes, once what was unlinked before is freed."""
        deadline = time.monotonic() + _SETTLING
        with self._answered():
            while True:
                facts = cast("dict[str, int]", self._client.info("memory"))
                if not facts.get("lazyfree_pending_objects") or time.monotonic() > deadline:
                    return max(0, facts.get("used_memory", 0) - facts.get("used_memory_startup", 0))
                time.sleep(0.02)

    def _is_own(self, key: bytes) -> bool:
        return any(expression.fullmatch(key) for expression in self._expressions)

    def _kinds(self, keys: Sequence[bytes]) -> list[str]:
        """Return why each key is protected, ``""`` for a cache entry; a key that is gone meanwhile is one."""
        pipeline = self._client.pipeline(transaction=False)
        for key in keys:
            pipeline.type(key)
        types = cast("list[bytes]", pipeline.execute() if keys else [])
        return [
            kind_of(key) or ("" if kind in {b"string", b"none"} else kind.decode("ascii", "replace"))
            for key, kind in zip(keys, types, strict=True)
        ]

    def _pages(self, pattern: str | None) -> Iterator[list[bytes]]:
        """Walk the keys by SCAN, with a COUNT that neither holds up the server nor wastes round trips."""
        match = None if pattern is None or pattern == "*" else pattern.encode("utf-8", "surrogateescape")
        bare = self._round_trip()
        cursor, count = 0, _PAGE
        while True:
            started = time.perf_counter()
            cursor, page = cast("tuple[int, list[bytes]]", self._client.scan(cursor, match=match, count=count))
            spent = time.perf_counter() - started - bare
            if page:
                yield page
            if cursor == 0:
                return
            if spent > _SLOW:
                count = max(_SMALLEST, count // 2)
            elif spent < _QUICK:
                count = min(_LARGEST, count * 2)

    def _round_trip(self) -> float:
        self._client.ping()  # the first one connects
        started = time.perf_counter()
        self._client.ping()
        return time.perf_counter() - started

    def _server_keys(self) -> int:
        databases = cast("dict[str, dict[str, int]]", self._client.info("keyspace"))
        return sum(database["keys"] for database in databases.values() if isinstance(database, dict))

    def _refuse_cluster(self) -> None:
        """A node of a cluster shows its own share of the keys alone: what it counts would be wrong."""
        facts = cast("dict[str, int]", self._client.info("cluster"))
        if facts.get("cluster_enabled"):
            raise CacheError(_("A Redis cluster cannot be cleaned yet."), Reason.REFUSED, context=self._where())

    def _where(self) -> str:
        return f"{self.place}: {self._address}"

    @contextmanager
    def _answered(self) -> Iterator[None]:
        """Turn the driver's errors into one that names the place, and never the password."""
        try:
            yield
        except redis.RedisError as error:
            reason = _REASONS.get(type(error), Reason.IO_ERROR)
            refused = reason is Reason.DENIED
            message = _("The cache refuses us.") if refused else _("The cache does not answer.")
            raise CacheError(
                f"{message} ({type(error).__name__})",
                reason,
                context=self._where(),
                hint=_("Check its user, password and permissions.") if refused else _("Check that it is running."),
            ) from error


_REASONS: Mapping[type[redis.RedisError], Reason] = {
    redis.exceptions.AuthenticationError: Reason.DENIED,
    redis.exceptions.AuthenticationWrongNumberOfArgsError: Reason.DENIED,
    redis.exceptions.NoPermissionError: Reason.DENIED,
    redis.exceptions.ReadOnlyError: Reason.READ_ONLY,
    redis.exceptions.BusyLoadingError: Reason.BUSY,
}
