"""Which directories grow fastest, judged against the sizes that earlier runs wrote down."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Final

import msgspec

from dvornik.state import Weight

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dvornik.diagnosis.files import Size

_MOST: Final = 5
_KEPT: Final = 100
"""Directories of a place that are remembered, the largest."""
_DAY: Final = 86400
_WORTH: Final = 1_000_000
"""Bytes below which nobody calls it growth."""


class Growth(msgspec.Struct, frozen=True):
    """A directory at the top of a place that takes more than it did ``since`` (seconds since the epoch)."""

    place: str
    directory: str
    size: int
    before: int
    since: float

    def a_day(self, now: float) -> float:
        """Return the bytes that it grew by a day."""
        return (self.size - self.before) / max(1.0, (now - self.since) / _DAY)


def weigh(place: str, size: int, below: Mapping[str, int], now: float) -> Iterator[Weight]:
    """Yield what is worth remembering of a place's bytes: the place as a whole, and its largest directories."""
    yield Weight(now, place, None, size)
    for directory, weight in heapq.nlargest(_KEPT, below.items(), key=lambda item: item[1]):
        yield Weight(now, place, directory, weight)


def fastest(sizes: Iterable[Size], remembered: Iterable[Weight], now: float) -> list[Growth]:
    """Return the directories that grew most a day since the oldest memory of them, fastest first.

    One that no memory has was not there, or small: it counts as new since the place was first remembered.
    """
    first: dict[tuple[str, str | None], Weight] = {}
    for weight in remembered:
        known = first.setdefault((weight.place, weight.directory), weight)
        if weight.taken < known.taken:
            first[weight.place, weight.directory] = weight
    grown = [
        growth
        for size in sizes
        if (size.place, None) in first
        for growth in _grown(size, first)
        if growth.size - growth.before >= _WORTH
    ]
    return heapq.nlargest(_MOST, grown, key=lambda growth: growth.a_day(now))


def _grown(size: Size, first: dict[tuple[str, str | None], Weight]) -> Iterator[Growth]:
    since = first[size.place, None].taken
    for directory, now in size.below.items():
        was = first.get((size.place, directory))
        yield Growth(size.place, directory, now, was.size if was else 0, was.taken if was else since)
