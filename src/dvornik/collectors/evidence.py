"""Owns the evidence on files: what the scan of their place says of them, since no rule is to be told twice."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, Protocol

from dvornik.contracts.collector import Evidence
from dvornik.model import Finding, Held, Reason
from dvornik.storages import grips

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dvornik.contracts.storage import Storage
    from dvornik.model import Seen
    from dvornik.quantities import Duration

    Facts = dict[str, int | float | str]


class Aged(Protocol):
    """Settings of what goes by its age."""

    @property
    def older_than(self) -> Duration:
        """From how many seconds on something is old."""

    @property
    def age_by(self) -> str:
        """By which of its times."""


class Sought(NamedTuple):
    """The files that are asked about."""

    paths: Sequence[str]
    now: int
    """Nanoseconds since the epoch."""
    by_use: frozenset[str] = frozenset()
    """Rules that do not mind that somebody has it."""


def explain(
    sought: Sought, rule: str, storages: Mapping[str, Storage], scan_of: Callable[[str], Iterable[Seen]], settings: Aged
) -> dict[str, Evidence]:
    """Say what a scan says of each file, and whether somebody has it at the moment; one scan for all of a place.

    ``scan_of`` yields the scan of a place, with every name of what is held; ``rule`` is the one that a file is told by
    that is not there, whose evidence has no facts. A file that lies in none of the storages is left out.
    """
    told: dict[str, Evidence] = {}
    for place, storage in storages.items():
        located = {path: at for path in sought.paths if path not in told and (at := storage.locate(path))}
        files = {path: "/".join(filter(None, at)) for path, at in located.items()}
        lines = _lines_on(set(files.values()), scan_of(place)) if files else {}
        for path, file in files.items():
            found = lines.get(file)
            if found is None or not os.path.lexists(path):
                told[path] = Evidence(rule.partition("/")[0], place, Reason.GONE, rule)
                continue
            container, name = located[path]
            times = storage.examine(container, [name], age_by=settings.age_by).times
            age = (sought.now - times[0]) / 1e9 if times else None
            facts = _facts(*found, age, float(settings.older_than))
            told[path] = _evidence(path, place, found[0], facts, sought.by_use)
    return told


def _evidence(path: str, place: str, line: Finding | Held, facts: Facts, by_use: frozenset[str]) -> Evidence:
    verdict = line.reason if isinstance(line, Held) else None
    if verdict is None and line.rule not in by_use:
        verdict = grips.used(path)
    return Evidence(line.rule.partition("/")[0], place, verdict, line.rule, facts=facts)


def _lines_on(files: set[str], seen: Iterable[Seen]) -> dict[str, tuple[Finding | Held, str]]:
    """Return, by file, the first line that names it or, where it was not entered, a directory around it; and that."""
    found: dict[str, tuple[Finding | Held, str]] = {}
    for line in seen:
        if not isinstance(line, Finding | Held):
            continue
        within = f"{line.container}/".lstrip("/")
        for file in [file for file in files if f"{file}/".startswith(within)]:
            around = _named_by(line, file[len(line.container) :].lstrip("/"))
            if around is not None:
                found[file] = line, around
                files.discard(file)
        if not files:
            break
    return found


def _named_by(line: Finding | Held, rest: str) -> str | None:
    """Return ``""`` where a line names a file of its container, the directory around it where it names that."""
    for name in line.names:
        if name == rest:
            return ""
        if isinstance(line, Held) and f"{rest}/".startswith(f"{name}/".lstrip("/")):
            return "/".join(filter(None, (line.container, name)))
    return None


def _facts(line: Finding | Held, around: str, age: float | None, older_than: float) -> Facts:
    facts: Facts = {"older_than": older_than}
    if age is not None:
        facts["age"] = age
    if around:
        facts["directory"] = around
    if isinstance(line, Held) and line.detail:
        facts["unit"] = line.detail
    if isinstance(line, Held) and line.reason is Reason.YOUNG and age is not None and age >= older_than:
        facts["moved"] = 1  # no time of its own: that of a directory around it
    return facts
