"""Entries of caches: in Redis, Valkey or memcached, in files, in tables of the database.

**What it finds.** String keys that match the cache's own patterns (Django: ``KEY_PREFIX:VERSION:*``), or every string
key where ``[cache] owned = true`` says that the whole database is the cache's. Files of Django's cache or cachelib's
(Flask-Caching) that have expired; all of them where they are ``owned`` and the run is thorough. All rows of Django's
cache tables in a thorough run: what has expired goes with the sessions. All of a memcached that is ``owned``.

**Why that may go.** A cache can be filled again; until it is, the application is slower. Hence only with
``--cache-only`` or ``--aggressive``.

**What holds it back.** Keys that by name or type are sessions, queues, locks, streams, lists, sets or hashes; without
a pattern, everything; entries asked for lately (``idle``; a server under an LFU policy cannot tell, so all stay) or
that expire by themselves (``only_without_ttl``). Keys of others are never looked into. Sessions without an expiry are
told of (``cache/lasting-session``), never taken. A memcached that is not declared as ``owned``; files that are open,
changed, or whose beginning is not understood; a cache in which the application keeps its sessions.

**Undo.** None: what a cache held is computed again.

**Settings.** ``[cache] url``, ``path``, ``format``, ``patterns``, ``owned``, ``idle``, ``only_without_ttl``; of further
caches ``[caches.NAME]`` takes the same.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from dvornik.caches import CacheError, connect
from dvornik.collectors.cache_tables import Tables
from dvornik.collectors.entries import Directory, Entries
from dvornik.model import CachePlace, DvornikError, Finding, Held, Miss, Outcome, Reason, Rule, Safety, Survey, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dvornik.caches import Connect, WeighedCache
    from dvornik.model import CacheUsage, Seen

_ENTRY = Rule("cache/entry", Safety.UNSAFE, capped=False, guarded=True)
_EXPIRED = Rule("cache/expired", capped=False, guarded=True)
_FILE = Rule("cache/file", Safety.UNSAFE, capped=False, guarded=True)
_ROW = Rule("cache/row", Safety.UNSAFE, capped=False, guarded=True)
_LASTING = "cache/lasting-session"
"""Told, never taken: a session that nobody's clock ends fills the server for good."""
_SAMPLE = 5
_KEPT = {"recent": Reason.YOUNG, "expiring": Reason.EXCLUDED, "lfu": Reason.UNSUPPORTED}


class CacheCollector:
    """Knows the debris of caches."""

    name: ClassVar[str] = "cache"
    rules: ClassVar[Mapping[str, Rule]] = {rule.id: rule for rule in (_ENTRY, _EXPIRED, _FILE, _ROW)}

    def __init__(
        self,
        places: Sequence[CachePlace],
        connect: Connect = connect,
        files: Mapping[str, Directory] | None = None,
        tables: Tables | None = None,
    ) -> None:
        """Care for servers, directories and tables; nothing is connected to yet."""
        self._files = Entries(self.name, files or {})
        self._tables = tables or Tables({}, ())
        self._places = {place.name: place for place in places}
        self._connect = connect

    def fingerprints(self) -> Mapping[str, str]:
        """Return the identity of each cache that answers."""
        found = self._files.fingerprints() | self._tables.fingerprints()
        for name, place in self._places.items():
            with suppress(DvornikError):
                found[name] = self._connect(place).fingerprint()
        return found

    def scan(self, now: int, *, thorough: bool) -> Iterator[Seen]:
        """Stream a survey, at most one finding, and what is protected, of each server; then files and tables."""
        for place in self._places.values():
            try:
                cache = self._connect(place)
                usage, protected = cache.usage(), cache.protected()
            except DvornikError as error:
                yield Trouble(place.name, error.message, error.hint, error.context)
            else:
                yield from _seen(place, cache, usage, protected)
        yield from self._files.scan(now, _EXPIRED.id, _FILE.id if thorough else "")
        if thorough:
            yield from self._tables.scan()

    def apply(self, finding: Finding, run: str) -> Outcome:
        """Drop the entries, provided that the patterns are still those of the finding."""
        if finding.rule == _ROW.id:
            return self._tables.apply(finding)
        if finding.rule != _ENTRY.id:
            return self._discard(finding, run)
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

    def _discard(self, finding: Finding, run: str) -> Outcome:
        """Remove files; one that could not be given back, since a newer has its name, is nobody's: it goes as well."""
        outcome = self._files.apply(finding, run)
        if any(miss.reason is Reason.TAKEN for miss in outcome.missed):
            for _purged in self._files.purge(run):
                pass
        return outcome

    def recover(self) -> Iterator[Outcome]:
        """Put back the files that a killed run had claimed."""
        return self._files.recover()

    def tidy(self) -> None:
        """Remove the empty private directories."""
        self._files.tidy()


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
