"""The keys of one type, walked a page at a time, at a pace that the server does not feel."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

_PAGE = 500
_SMALLEST, LARGEST = 500, 1000
_SLOW, _QUICK = 0.004, 0.002
"""Seconds beyond the bare round trip in which a page keeps the server from others too long, or hardly at all."""
_LONGEST_REST = 0.002


def walk(client: redis.Redis, kind: str, pattern: str | None = None) -> Iterator[list[bytes]]:
    """Walk the keys of one type, with a COUNT that neither holds up the server nor wastes round trips.

    The next page is asked for before one is handed out: the server walks while we judge.
    """
    match = () if pattern is None or pattern == "*" else ("MATCH", pattern.encode("utf-8", "surrogateescape"))
    pace = _Pace(_round_trip(client))
    cursor = 0
    connection = client.connection_pool.get_connection()
    try:
        connection.send_command("SCAN", 0, "COUNT", pace.count, "TYPE", kind, *match)  # type: ignore[no-untyped-call]
        while True:
            answer, page = cast("tuple[bytes, list[bytes]]", connection.read_response())
            rest = pace.adapted()
            cursor = int(answer)
            if cursor:
                connection.send_command("SCAN", cursor, "COUNT", pace.count, "TYPE", kind, *match)  # type: ignore[no-untyped-call]
                pace.rest(rest)
            if page:
                yield page
            if not cursor:
                return
    finally:
        # An answer that nobody reads must not be taken for another question's.
        connection.disconnect()  # type: ignore[no-untyped-call]
        client.connection_pool.release(connection)


class _Pace:
    """How large the next page is, and how long the server gets to itself before it.

    A page that comes quickly disturbs nobody, and the next is larger. One that takes long, beyond the bare round trip
    and our own work, finds the server or its machine busy: the next is smaller, and half of that time is left to the
    application, so that the server is not always at work for us when somebody asks.
    """

    def __init__(self, bare: float) -> None:
        self.count = _PAGE
        self._bare = bare
        self._since = _beyond_own_work()

    def adapted(self) -> float:
        """Take note of a page that arrived; return the seconds to rest."""
        now = _beyond_own_work()
        spent = now - self._since - self._bare
        self._since = now
        if spent > _SLOW:
            self.count = max(_SMALLEST, self.count // 2)
        elif spent < _QUICK:
            self.count = min(LARGEST, self.count * 2)
        return min(spent / 2, _LONGEST_REST) if spent > _QUICK else 0.0

    def rest(self, seconds: float) -> None:
        """Rest, which is no time of the server's."""
        if seconds:
            time.sleep(seconds)
            self._since = _beyond_own_work()


def _beyond_own_work() -> float:
    """Return a clock, in seconds, that stands still while this thread computes."""
    return time.perf_counter() - time.thread_time()


def _round_trip(client: redis.Redis) -> float:
    client.ping()  # the first one connects
    started = time.perf_counter()
    client.ping()
    return time.perf_counter() - started
