"""Redis and Valkey: measured by INFO and SCAN, cleared by one UNLINK a page, never by KEYS, FLUSHDB or FLUSHALL.

FLUSHDB would be quicker where the whole database is the cache's own; yet it asks nothing, and a queue or a session
that appears between the look and the flush would be lost. A page of UNLINK takes the server microseconds.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import redis

from dvornik.caches.patterns import beginning, compiled, is_named, kinds_of, prefix_of
from dvornik.caches.redis_dropping import Dropping, asked, drop_one_by_one, end
from dvornik.caches.redis_pages import LARGEST, walk
from dvornik.caches.redis_trouble import trouble
from dvornik.caches.topology import Topology
from dvornik.contracts.cache import CacheUsage
from dvornik.errors import ConfigurationError
from dvornik.languages import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dvornik.application import CachePlace

_SETTLING = 2.0
"""Seconds to wait until the server has freed what was unlinked: it does so in a thread of its own."""
_OTHER_TYPES = ("list", "set", "zset", "hash", "stream")
_LOOKED_AT = 10_000
"""Sessions that are asked for their expiry: enough to tell that something is wrong with them."""


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
        self._beginnings = [beginning(pattern) for pattern in self._patterns]
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
                        for page in walk(client, kind):
                            tally.protected.update(name or kind for name in kinds_of(page))
        self._protected = tally.protected
        return CacheUsage(keys, self.memory(), tally.matching, tally.kept, tally.lasting)

    def _look(self, client: redis.Redis, tally: _Tally) -> int:
        """Tell what may go from what may not among the strings of a node; return how many there are."""
        count = 0
        for page in walk(client, "string"):
            count += len(page)
            kinds = self._kinds(page)
            tally.protected.update(kind for kind in kinds if kind not in self._taken)
            if "session" not in self._taken:
                tally.note_lasting(client, [key for key, kind in zip(page, kinds, strict=True) if kind == "session"])
            own = [key for key, kind in zip(page, kinds, strict=True) if kind in self._taken and self._own(key)]
            objections = self._objections(client, own)
            tally.matching += objections.count("")
            tally.kept.update(filter(None, objections))
        return count

    def protected(self) -> Mapping[str, int]:
        """Count, by kind, what never goes: by name (``session``, ``lock`` ...) or by type (``list`` ...).

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
                yield from self._cleared(client, walk(client, "string", match), match, clustered=clustered)

    def _cleared(
        self, client: redis.Redis, pages: Iterator[list[bytes]], match: str | None, *, clustered: bool
    ) -> Iterator[int]:
        """Drop what goes of each page; yield the number gone."""
        with Dropping(client) as dropping:
            for page in pages:
                ripe = self._ripe(client, page, matched=match is not None)
                for start in range(0, len(ripe), LARGEST):  # one bucket chain may make a page longer than asked
                    part = ripe[start : start + LARGEST]
                    if "session" in self._taken:
                        yield end(client, part, self._idle)
                    elif clustered:
                        yield drop_one_by_one(client, part)
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
        kinds = self._kinds(page)
        taken = self._taken
        own = [key for key, kind in zip(page, kinds, strict=True) if kind in taken and (matched or self._own(key))]
        if not (self._idle or self._only_without_ttl):
            return own
        return [key for key, why in zip(own, self._objections(client, own), strict=True) if not why]

    def _kinds(self, page: Sequence[bytes]) -> list[str]:
        """Return what each key is; what guards somebody's account is an entry where a pattern says so itself."""
        kinds = kinds_of(page)
        if "guard" not in kinds:
            return kinds
        return [
            "" if kind == "guard" and is_named(key, self._beginnings) else kind
            for key, kind in zip(page, kinds, strict=True)
        ]

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
            idle = asked(client, [("OBJECT", "IDLETIME", key) for key in keys])
            objections = ["" if seconds is not None and seconds >= self._idle else "recent" for seconds in idle]
        if self._only_without_ttl:
            left = asked(client, [("PTTL", key) for key in keys])
            objections = [why or ("" if ttl == -1 else "expiring") for why, ttl in zip(objections, left, strict=True)]
        return objections

    @contextmanager
    def _answered(self) -> Iterator[None]:
        """Turn the driver's errors into one that names the place, and never the password."""
        try:
            yield
        except redis.RedisError as error:
            where = f"{self.place}: {self._topology.label}"
            raise trouble(error, where, self._topology) from error


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
        sample = sessions[: max(0, _LOOKED_AT - self._looked)]
        self._looked += len(sample)
        left = asked(client, [("PTTL", key) for key in sample])
        self.lasting.update(prefix_of(key) for key, ttl in zip(sample, left, strict=True) if ttl == -1)


def _memory(client: redis.Redis, deadline: float) -> int:
    while True:
        facts = cast("dict[str, int]", client.info("memory"))
        if not facts.get("lazyfree_pending_objects") or time.monotonic() > deadline:
            return max(0, facts.get("used_memory", 0) - facts.get("used_memory_startup", 0))
        time.sleep(0.02)


def _server_keys(client: redis.Redis) -> int:
    databases = cast("dict[str, dict[str, int]]", client.info("keyspace"))
    return sum(database["keys"] for database in databases.values() if isinstance(database, dict))
