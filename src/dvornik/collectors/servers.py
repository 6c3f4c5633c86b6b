"""Keys on cache servers: entries of a cache, or sessions, which differ by what the place says of them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from dvornik.caches import CacheError
from dvornik.errors import DvornikError
from dvornik.model import Finding, Held, Miss, Outcome, Reason, Survey, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dvornik.application import CachePlace
    from dvornik.caches import Connect, WeighedCache
    from dvornik.contracts.cache import CacheUsage
    from dvornik.model import Seen

_LASTING: Final = "cache/lasting-session"
"""Told, never taken: a session that nobody's clock ends fills the server for good."""
_SAMPLE: Final = 5
_KEPT: Final = {"recent": Reason.YOUNG, "expiring": Reason.EXCLUDED, "lfu": Reason.UNSUPPORTED}


class Servers:
    """The servers of one collector, whose keys go under one rule of it."""

    def __init__(self, collector: str, rule: str, places: Sequence[CachePlace], connect: Connect) -> None:
        """Care for ``places``; nothing is connected to yet."""
        self._collector, self._rule = collector, rule
        self._places = {place.name: place for place in places}
        self._connect = connect

    def __contains__(self, place: str) -> bool:
        """Tell whether a place is one of these."""
        return place in self._places

    def fingerprints(self) -> dict[str, str]:
        """Return the identity of each."""
        found: dict[str, str] = {}
        for name, place in self._places.items():
            with suppress(DvornikError):
                found[name] = self._connect(place).fingerprint()
        return found

    def scan(self) -> Iterator[Seen]:
        """Stream a survey, at most one finding, and what is protected, of each."""
        for place in self._places.values():
            try:
                cache = self._connect(place)
                usage, protected = cache.usage(), cache.protected()
            except DvornikError as error:
                yield Trouble(place.name, error.message, error.hint, error.context)
            else:
                yield Survey(place.name, self._collector, cache.fingerprint(), usage.keys, usage.size)
                yield from self._seen(place, usage, protected)

    def _seen(self, place: CachePlace, usage: CacheUsage, protected: Mapping[str, int]) -> Iterator[Seen]:
        container = _container(place)
        if not container and usage.keys:
            yield Held(self._rule, place.name, "", Reason.NOT_OWN, usage.keys, detail="no-patterns")
            return
        if usage.matching:
            weight = usage.size * usage.matching // max(usage.keys, usage.matching)
            yield Finding(self._rule, place.name, container, amount=usage.matching, weight=weight)
        for kind, count in sorted(protected.items()):
            yield Held(self._rule, place.name, container, Reason.NOT_OWN, count, detail=kind)
        for code, count in sorted(usage.kept.items()):
            yield Held(self._rule, place.name, container, _KEPT[code], count, detail=code)
        if usage.lasting:
            count = sum(usage.lasting.values())
            yield Held(_LASTING, place.name, container, Reason.NOT_OWN, count, sorted(usage.lasting)[:_SAMPLE])

    def apply(self, finding: Finding) -> Outcome:
        """Drop the keys, provided that the patterns are still those of the finding."""
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
