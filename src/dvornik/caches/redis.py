"""Redis and Valkey: measured by INFO and SCAN, cleared by one UNLINK a page, never by KEYS, FLUSHDB or FLUSHALL.

FLUSHDB would be quicker where the whole database is the cache's own; yet it asks nothing, and a queue or a session
that appears between the look and the flush would be lost. A page of UNLINK takes the server microseconds.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Self, cast

import redis

from dvornik.caches import CacheError
from dvornik.caches.patterns import compiled, kinds_of, prefix_of
from dvornik.caches.topology import Topology
from dvornik.contracts.cache import CacheUsage
from dvornik.errors import ConfigurationError
from dvornik.languages import _
from dvornik.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dvornik.application import CachePlace

_PAGE = 500
_SMALLEST, _LARGEST = 500, 1000
_SLOW, _QUICK = 0.004, 0.002
"""Seconds beyond the bare round trip in which a page keeps the server from others too long, or hardly at all."""
_LONGEST_REST = 0.002
_SETTLING = 2.0
"""Seconds to wait until the server has freed what was unlinked: it does so in a thread of its own."""
_OTHER_TYPES = ("list", "set", "zset", "hash", "stream")
_LOOKED_AT = 10_000
"""Sessions that are asked for their expiry: enough to tell that something is wrong with them."""
_REFUSED = re.compile(r"'([\w|-]+)' (?:sub)?command")


class RedisCache:
    """One database of a Redis or Valkey server, or all of a cluster."""

    def __init__(self, place: CachePlace) -> None:
        """Prepare; nothing is sent yet. ``ConfigurationError`` on an address or a pattern that cannot be read."""
        self.place = place.name
        self._idle, self._only_without_ttl = place.idle, place.only_without_ttl
        self._taken = {"", "session"} if place.of_sessions else {""}
        """Kinds that may go, where the patterns say so."""
        self._patterns = ["*"] if place.owned else list(place.patterns)
        try:
            expressions = [compiled(pattern).pattern for pattern in self._patterns]
            self._topology = Topology(place.url)
        except ValueError:
            # Not "from error": its text may quote the address, and that may hold a password.
            raise ConfigurationError(
                _("The address or a pattern of the cache cannot be read."),
                context=place.name,
                hint=_("Check [cache] url and patterns; a bracket that is meant as such is written \\[."),
            ) from None
        # One expression for all: this is asked of every key. Without patterns it matches none.
        self._own = re.compile(b"|".join(expressions) or b"(?!)", re.DOTALL).fullmatch
        self._protected: Mapping[str, int] | None = None
        self._known: tuple[Sequence[redis.Redis], bool] | None = None

    def fingerprint(self) -> str:
        """Return the address and the database's number: a server keeps them over a restart, unlike its run id."""
        return self._topology.label

    def usage(self) -> CacheUsage:
        """Measure by one pass over the database's keys; the server's totals include its other databases."""
        tally = _Tally()
        with self._answered():
            nodes, _clustered = self._nodes()
            keys = sum(map(_server_keys, nodes))
            for client in nodes:
                strings = self._look(client, tally)
                if strings < client.dbsize():
                    for kind in _OTHER_TYPES:
                        for page in self._pages(client, kind):
                            tally.protected.update(name or kind for name in kinds_of(page))
        self._protected = tally.protected
        return CacheUsage(keys, self.memory(), tally.matching, tally.kept, tally.lasting)

    def _look(self, client: redis.Redis, tally: _Tally) -> int:
        """Tell what may go from what may not among the strings of a node; return how many there are."""
        count = 0
        for page in self._pages(client, "string"):
            count += len(page)
            kinds = kinds_of(page)
            tally.protected.update(kind for kind in kinds if kind not in self._taken)
            if "session" not in self._taken:
                tally.note_lasting(client, [key for key, kind in zip(page, kinds, strict=True) if kind == "session"])
            own = [key for key, kind in zip(page, kinds, strict=True) if kind in self._taken and self._own(key)]
            objections = self._objections(client, own)
            tally.matching += objections.count("")
            tally.kept.update(filter(None, objections))
        return count

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
        name and by its type, which the server tells along with the page. ``CacheError`` when the server stops
        answering: what was yielded by then is gone.
        """
        with self._answered():
            nodes, clustered = self._nodes()
            match = self._patterns[0] if len(self._patterns) == 1 else None
            for client in nodes if self._patterns else ():
                yield from self._cleared(client, self._pages(client, "string", match), match, clustered=clustered)

    def _cleared(
        self, client: redis.Redis, pages: Iterator[list[bytes]], match: str | None, *, clustered: bool
    ) -> Iterator[int]:
        """Drop what goes of each page; yield the number gone."""
        with _Dropping(client) as dropping:
            for page in pages:
                ripe = self._ripe(client, page, matched=match is not None)
                for start in range(0, len(ripe), _LARGEST):  # one bucket chain may make a page longer than asked
                    part = ripe[start : start + _LARGEST]
                    if "session" in self._taken:
                        yield _end(client, part, self._idle)
                    elif clustered:
                        yield _drop_one_by_one(client, part)
                    elif gone := dropping.drop(part):
                        yield gone
            yield dropping.outcome()

    def memory(self) -> int:
        """Return the bytes that the server's data takes, once what was unlinked before is freed."""
        with self._answered():
            nodes, _clustered = self._nodes()
            deadline = time.monotonic() + _SETTLING
            return sum(_memory(client, deadline) for client in nodes)

    def _nodes(self) -> tuple[Sequence[redis.Redis], bool]:
        if self._known is None:
            self._known = self._topology.nodes()
        return self._known

    def _ripe(self, client: redis.Redis, page: Sequence[bytes], *, matched: bool) -> list[bytes]:
        """Return the entries of a page that go; ``matched``: the server has compared them with the only pattern."""
        kinds = kinds_of(page)
        taken = self._taken
        own = [key for key, kind in zip(page, kinds, strict=True) if kind in taken and (matched or self._own(key))]
        if not (self._idle or self._only_without_ttl):
            return own
        return [key for key, why in zip(own, self._objections(client, own), strict=True) if not why]

    def _objections(self, client: redis.Redis, keys: Sequence[bytes]) -> list[str]:
        """Say by a code why an entry of our own may not go, ``""`` where nothing speaks against it.

        Neither question counts as a use of the key. An answer that is none (the key is gone, the command is missing)
        keeps it.
        """
        objections = [""] * len(keys)
        if self._idle and keys:
            policy = str(cast("dict[str, object]", client.info("memory")).get("maxmemory_policy", ""))
            if "lfu" in policy:
                return ["lfu"] * len(keys)
            idle = _asked(client, [("OBJECT", "IDLETIME", key) for key in keys])
            objections = ["" if seconds is not None and seconds >= self._idle else "recent" for seconds in idle]
        if self._only_without_ttl:
            left = _asked(client, [("PTTL", key) for key in keys])
            objections = [why or ("" if ttl == -1 else "expiring") for why, ttl in zip(objections, left, strict=True)]
        return objections

    def _pages(self, client: redis.Redis, kind: str, pattern: str | None = None) -> Iterator[list[bytes]]:
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

    @contextmanager
    def _answered(self) -> Iterator[None]:
        """Turn the driver's errors into one that names the place, and never the password."""
        try:
            yield
        except redis.RedisError as error:
            reason = next((_REASONS[kind] for kind in type(error).__mro__ if kind in _REASONS), Reason.IO_ERROR)
            message, hint = _explained(error, reason)
            raise CacheError(
                f"{message} ({type(error).__name__})",
                reason,
                context=f"{self.place}: {self._topology.label}",
                hint=hint,
            ) from error


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
            self.count = min(_LARGEST, self.count * 2)
        return min(spent / 2, _LONGEST_REST) if spent > _QUICK else 0.0

    def rest(self, seconds: float) -> None:
        """Rest, which is no time of the server's."""
        if seconds:
            time.sleep(seconds)
            self._since = _beyond_own_work()


def _beyond_own_work() -> float:
    """Return a clock, in seconds, that stands still while this thread computes."""
    return time.perf_counter() - time.thread_time()


class _Tally:
    """What a pass over the keys adds up."""

    def __init__(self) -> None:
        self.matching = 0
        self.protected = Counter[str]()
        self.kept = Counter[str]()
        self.lasting = Counter[str]()
        self._looked = 0

    def note_lasting(self, client: redis.Redis, sessions: Sequence[bytes]) -> None:
        """Ask the first ten thousand sessions whether they ever expire."""
        asked = sessions[: max(0, _LOOKED_AT - self._looked)]
        self._looked += len(asked)
        left = _asked(client, [("PTTL", key) for key in asked])
        self.lasting.update(prefix_of(key) for key, ttl in zip(asked, left, strict=True) if ttl == -1)


def _asked(client: redis.Redis, questions: Sequence[tuple[str | bytes, ...]]) -> list[int | None]:
    """Put the questions in one round trip; ``None`` stands for an answer that is no number."""
    if not questions:
        return []
    pipeline = client.pipeline(transaction=False)
    for question in questions:
        pipeline.execute_command(*question)  # type: ignore[no-untyped-call]  # as the driver ships it
    answers = pipeline.execute(raise_on_error=False)
    refused = next((answer for answer in answers if isinstance(answer, redis.exceptions.NoPermissionError)), None)
    if refused:
        raise refused
    return [answer if isinstance(answer, int) else None for answer in answers]


def _drop_one_by_one(client: redis.Redis, keys: Sequence[bytes]) -> int:
    """Unlink in a cluster, where one command must not span slots; in one round trip all the same.

    A key whose slot has moved meanwhile stays.
    """
    return sum(filter(None, _asked(client, [("UNLINK", key) for key in keys])))


_END = """\
local key, idle = KEYS[1], tonumber(ARGV[1])
if redis.call('PTTL', key) == -1 and redis.call('OBJECT', 'IDLETIME', key) >= idle then
    return redis.call('UNLINK', key)
end
return 0"""


def _end(client: redis.Redis, keys: Sequence[bytes], idle: int) -> int:
    """Unlink sessions, each of which the server itself asks once more: whoever came back meanwhile keeps theirs."""
    return sum(filter(None, _asked(client, [("EVAL", _END, "1", key, str(idle)) for key in keys])))


class _Dropping:
    """Sends one UNLINK after the other, and reads the answer to one only before the next: nobody waits for anybody."""

    def __init__(self, client: redis.Redis) -> None:
        self._pool = client.connection_pool
        self._connection = self._pool.get_connection()
        self._waiting = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._waiting:  # an answer that nobody reads must not be taken for another question's
            self._connection.disconnect()  # type: ignore[no-untyped-call]
        self._pool.release(self._connection)

    def drop(self, keys: Sequence[bytes]) -> int:
        """Unlink ``keys``; return how many went before."""
        gone = self.outcome()
        self._connection.send_packed_command([_packed(keys)])  # type: ignore[no-untyped-call]  # as the driver ships it
        self._waiting = True
        return gone

    def outcome(self) -> int:
        """Return how many of the last keys went, once that is known."""
        if not self._waiting:
            return 0
        gone = cast("int", self._connection.read_response())
        self._waiting = False
        return gone


def _packed(keys: Sequence[bytes]) -> bytes:
    """Return one UNLINK as the server reads it, keys of a length together: the driver takes ten times as long."""
    parts = [b"*%d\r\n$6\r\nUNLINK" % (len(keys) + 1)]
    for size, group in groupby(sorted(keys, key=len), len):
        mark = b"\r\n$%d\r\n" % size
        parts += [mark, mark.join(group)]
    return b"".join([*parts, b"\r\n"])


def _memory(client: redis.Redis, deadline: float) -> int:
    while True:
        facts = cast("dict[str, int]", client.info("memory"))
        if not facts.get("lazyfree_pending_objects") or time.monotonic() > deadline:
            return max(0, facts.get("used_memory", 0) - facts.get("used_memory_startup", 0))
        time.sleep(0.02)


def _server_keys(client: redis.Redis) -> int:
    databases = cast("dict[str, dict[str, int]]", client.info("keyspace"))
    return sum(database["keys"] for database in databases.values() if isinstance(database, dict))


def _round_trip(client: redis.Redis) -> float:
    client.ping()  # the first one connects
    started = time.perf_counter()
    client.ping()
    return time.perf_counter() - started


def _explained(error: redis.RedisError, reason: Reason) -> tuple[str, str]:
    """Return message and hint; of the server's own text only the name of a command that it refuses is taken."""
    command = _REFUSED.search(str(error))
    if reason is Reason.DENIED and command:
        name = command[1].replace("|", " ").upper()
        permit = command[1].lower()
        return _("The cache does not permit {command}.").format(command=name), f"ACL SETUSER … +{permit}"
    if reason is Reason.DENIED:
        return _("The cache refuses us."), _("Check its user, password and permissions.")
    if isinstance(error, redis.exceptions.ClusterDownError):
        return _("A part of the cluster is missing."), _("Check that all of its primaries are running.")
    if str(error) == "syntax error":
        return _("This server is too old."), _("Redis 6 and any Valkey can be cleaned.")
    return _("The cache does not answer."), _("Check that it is running.")


_REASONS: Mapping[type[BaseException], Reason] = {
    redis.exceptions.AuthenticationError: Reason.DENIED,
    redis.exceptions.AuthenticationWrongNumberOfArgsError: Reason.DENIED,
    redis.exceptions.NoPermissionError: Reason.DENIED,
    redis.exceptions.ReadOnlyError: Reason.READ_ONLY,
    redis.exceptions.BusyLoadingError: Reason.BUSY,
}
