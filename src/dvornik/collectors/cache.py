"""Entries of the Redis or Valkey cache.

**What it finds.** String keys that match the cache's own patterns (Django: ``KEY_PREFIX:VERSION:*``), or every string
key where ``[cache] owned = true`` says that the whole database is the cache's.

**Why that may go.** A cache can be filled again; until it is, the application is slower. Hence only with
``--cache-only`` or ``--aggressive``.

**What holds it back.** Keys that by name or type are sessions, queues, locks, streams, lists, sets or hashes; without
a pattern, everything; entries asked for lately (``idle``; a server under an LFU policy cannot tell, so all stay) or
that expire by themselves (``only_without_ttl``). Keys of others are never looked into. Sessions without an expiry are
told of (``cache/lasting-session``), never taken.

**Undo.** None: what a cache held is computed again.

**Settings.** ``[cache] url``, ``patterns``, ``owned``, ``idle``, ``only_without_ttl``.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from dvornik.caches import CacheError, connect
from dvornik.model import CachePlace, DvornikError, Finding, Held, Miss, Outcome, Reason, Rule, Safety, Survey, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dvornik.caches import Connect, WeighedCache
    from dvornik.model import CacheUsage, Seen

_ENTRY = Rule("cache/entry", Safety.UNSAFE, capped=False, guarded=True)
_LASTING = "cache/lasting-session"
"""Told, never taken: a session that nobody's clock ends fills the server for good."""
_SAMPLE = 5
_KEPT = {"recent": Reason.YOUNG, "expiring": Reason.EXCLUDED, "lfu": Reason.UNSUPPORTED}


class CacheCollector:
    """Knows the debris of caches."""

    name: ClassVar[str] = "cache"
    rules: ClassVar[Mapping[str, Rule]] = {_ENTRY.id: _ENTRY}

    def __init__(self, places: Sequence[CachePlace], connect: Connect = connect) -> None:
        """Care for ``places``; nothing is connected to yet."""
        self._places = {place.name: place for place in places}
        self._connect = connect

    def fingerprints(self) -> Mapping[str, str]:
        """Return the identity of each cache that answers."""
        found: dict[str, str] = {}
        for name, place in self._places.items():
            with suppress(DvornikError):
                found[name] = self._connect(place).fingerprint()
        return found

    def scan(self, now: int, *, thorough: bool) -> Iterator[Seen]:  # noqa: ARG002 - an entry's age is not known
        """Stream a survey, at most one finding, and what is protected, of each cache."""
        for place in self._places.values():
            try:
                cache = self._connect(place)
                usage, protected = cache.usage(), cache.protected()
            except DvornikError as error:
                yield Trouble(place.name, error.message, error.hint, error.context)
            else:
                yield from _seen(place, cache, usage, protected)

    def apply(self, finding: Finding, run: str) -> Outcome:  # noqa: ARG002 - a cache keeps nothing to be undone by run
        """Drop the entries, provided that the patterns are still those of the finding."""
        place = self._places.get(finding.place)
        if place is None or _container(place) != finding.container:
            return _outcome(finding, missed=(Miss(finding.container, Reason.CHANGED),))
        try:
            cache = self._connect(place)
            before = cache.memory()
        except DvornikError as error:
            return _outcome(finding, missed=(_miss(finding, error),))
        done, missed = _drop(cache, finding)
        after = before
        with suppress(DvornikError):  # gone is gone: what cannot be measured any more is not claimed as freed
            after = cache.memory()
        return _outcome(finding, done, max(0, before - after), missed)


def _seen(place: CachePlace, cache: WeighedCache, usage: CacheUsage, protected: Mapping[str, int]) -> Iterator[Seen]:
    container = _container(place)
    yield Survey(place.name, CacheCollector.name, cache.fingerprint(), usage.keys, usage.size)
    if not container and usage.keys:
        yield Held(_ENTRY.id, place.name, "", Reason.NOT_OWN, usage.keys, detail="no-patterns")
        return
    if usage.matching:
        weight = usage.size * usage.matching // max(usage.keys, usage.matching)
        yield Finding(_ENTRY.id, place.name, container, amount=usage.matching, weight=weight)
    for kind, count in sorted(protected.items()):
        yield Held(_ENTRY.id, place.name, container, Reason.NOT_OWN, count, detail=kind)
    for code, count in sorted(usage.kept.items()):
        yield Held(_ENTRY.id, place.name, container, _KEPT[code], count, detail=code)
    if usage.lasting:
        count = sum(usage.lasting.values())
        yield Held(_LASTING, place.name, container, Reason.NOT_OWN, count, sorted(usage.lasting)[:_SAMPLE])


def _container(place: CachePlace) -> str:
    return "*" if place.owned else " ".join(place.patterns)


def _drop(cache: WeighedCache, finding: Finding) -> tuple[int, tuple[Miss, ...]]:
    done = 0
    try:
        for gone in cache.unlink():
            done += gone
    except DvornikError as error:
        return done, (_miss(finding, error),)
    return done, ()


def _miss(finding: Finding, error: DvornikError) -> Miss:
    reason = error.reason if isinstance(error, CacheError) else Reason.IO_ERROR
    return Miss(finding.container, reason, type(error.__cause__ or error).__name__)


def _outcome(finding: Finding, done: int = 0, freed: int = 0, missed: Sequence[Miss] = ()) -> Outcome:
    return Outcome(finding.rule, finding.place, finding.container, done, freed, missed=missed)
