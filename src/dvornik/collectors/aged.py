"""Splits a directory's files by name and age: what temporary files and logs have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dvornik.collectors.names import is_lonely, staying
from dvornik.model import Finding, Held, Reason, Survey
from dvornik.policy import by_lateness, take

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from dvornik.collectors.names import Names
    from dvornik.contracts.storage import Batch, Storage

_LARGEST: Final = 100
"""Directories at the top of a place whose size is told."""


def split(  # noqa: PLR0913, PLR0917 - what is judged, by what, and how it is to be called
    batch: Batch, rule: str, place: str, names: Names, age: float, now: int
) -> Iterator[Finding | Held]:
    """Yield the files that are meant and at least ``age`` seconds old as a finding, the rest as held: all named."""
    cutoff = now - int(age * 1e9)
    lonely = is_lonely(batch)
    objections = dict.fromkeys(range(len(batch.names)), Reason.PLACEHOLDER) if lonely else names.objections(batch)
    stays: dict[Reason, list[str]] = {}
    for row, reason in objections.items():
        stays.setdefault(reason, []).append(batch.names[row])
    kept = [row for row, time in enumerate(batch.times) if time <= cutoff and row not in objections]
    if len(kept) + len(objections) < len(batch.names):
        late = [row for row, time in enumerate(batch.times) if time > cutoff and row not in objections]
        for reason, rows in by_lateness(late, batch.times, now):
            stays.setdefault(reason, []).extend([batch.names[row] for row in rows])
    yield from staying(rule, batch, place, stays)
    if kept:
        whole = Finding(rule, place, batch.container, batch.names, batch.sizes, batch.times, batch.versions)
        yield whole if len(kept) == len(batch.names) else take(whole, kept)


def survey(place: str, kind: str, storage: Storage, items: int, below: Counter[str]) -> Survey:
    """Sum a place up; ``below`` are the bytes below each directory at its top."""
    largest = dict(below.most_common(_LARGEST))
    return Survey(place, kind, storage.fingerprint(), items, below.total(), below=largest)
