"""Splits a directory's files by name and age: what temporary files and logs have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dvornik.collectors.names import held, is_lonely
from dvornik.contracts.collector import Evidence
from dvornik.model import Finding, Held, Reason, Survey
from dvornik.policy import by_lateness, take

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping

    from dvornik.collectors.names import Names
    from dvornik.contracts.storage import Batch, Storage

_LARGEST: Final = 100
"""Directories at the top of a place whose size is told."""


def split(  # noqa: PLR0913, PLR0917 - what is judged, by what, and how it is to be called
    batch: Batch, rule: str, place: str, names: Names, age: float, now: int
) -> Iterator[Finding | Held]:
    """Yield the files that are meant and at least ``age`` seconds old as a finding, the rest as held, by reason."""
    cutoff = now - int(age * 1e9)
    lonely = is_lonely(batch)
    objections = dict.fromkeys(range(len(batch.names)), Reason.PLACEHOLDER) if lonely else names.objections(batch)
    staying: dict[Reason, list[str]] = {}
    for row, reason in objections.items():
        staying.setdefault(reason, []).append(batch.names[row])
    kept = [row for row, time in enumerate(batch.times) if time <= cutoff and row not in objections]
    if len(kept) + len(objections) < len(batch.names):
        late = [row for row, time in enumerate(batch.times) if time > cutoff and row not in objections]
        for reason, rows in by_lateness(late, batch.times, now):
            staying.setdefault(reason, []).extend([batch.names[row] for row in rows])
    yield from held(rule, batch, place, staying)
    if kept:
        whole = Finding(rule, place, batch.container, batch.names, batch.sizes, batch.times, batch.versions)
        yield whole if len(kept) == len(batch.names) else take(whole, kept)


def survey(place: str, kind: str, storage: Storage, items: int, below: Counter[str]) -> Survey:
    """Sum a place up; ``below`` are the bytes below each directory at its top."""
    largest = dict(below.most_common(_LARGEST))
    return Survey(place, kind, storage.fingerprint(), items, below.total(), below=largest)


def explain(  # noqa: PLR0913, PLR0917 - the same facts as split, for one file
    storages: Mapping[str, Storage], path: str, rule: str, names: Names, age: float, age_by: str, now: int
) -> Evidence | None:
    """Say what ``rule`` holds against one file; ``None`` if it lies in none of the storages."""
    for place, storage in storages.items():
        found = storage.locate(path)
        if found is None:
            continue
        container, name = found
        batch = storage.examine(container, [name], age_by=age_by)
        collector = rule.partition("/")[0]
        for seen in split(batch, rule, place, names, age, now):
            verdict = seen.reason if isinstance(seen, Held) else None
            facts = {"age": (now - batch.times[0]) / 1e9, "older_than": age} if batch.times else {}
            return Evidence(collector, place, verdict, rule, facts=facts)
    return None
