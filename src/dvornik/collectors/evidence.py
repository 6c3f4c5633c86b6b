"""Owns the evidence on one file: what the scan of its place says of it, since no rule is to be told twice."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, Protocol

from dvornik.contracts.collector import Evidence
from dvornik.model import Finding, Held, Reason
from dvornik.storages import grips

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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
    """The file that is asked about."""

    path: str
    now: int
    """Nanoseconds since the epoch."""
    by_use: frozenset[str] = frozenset()
    """Rules that do not mind that somebody has it."""


def explain(
    sought: Sought, rule: str, storages: Mapping[str, Storage], scan_of: Callable[[str], Iterable[Seen]], settings: Aged
) -> Evidence | None:
    """Say what a scan says of a file, and whether somebody has it at the moment.

    ``scan_of`` yields the scan of a place, with every name of what is held; ``rule`` is the one that a file is told by
    that is not there, whose evidence has no facts. ``None`` if the file lies in none of the storages.
    """
    for place, storage in storages.items():
        located = storage.locate(sought.path)
        if located is None:
            continue
        times = storage.examine(located[0], [located[1]], age_by=settings.age_by).times
        found = _line_on("/".join(filter(None, located)), scan_of(place))
        if found is None or not os.path.lexists(sought.path):
            return Evidence(rule.partition("/")[0], place, Reason.GONE, rule)
        line, around = found
        facts = _facts(line, around, (sought.now - times[0]) / 1e9 if times else None, float(settings.older_than))
        verdict = line.reason if isinstance(line, Held) else None
        if verdict is None and line.rule not in sought.by_use:
            verdict = grips.used(sought.path)
        return Evidence(line.rule.partition("/")[0], place, verdict, line.rule, facts=facts)
    return None


def _line_on(file: str, seen: Iterable[Seen]) -> tuple[Finding | Held, str] | None:
    """Return the line that names a file or, where it was not entered, a directory around it; and that directory."""
    for line in seen:
        if not isinstance(line, Finding | Held) or not f"{file}/".startswith(f"{line.container}/".lstrip("/")):
            continue
        rest = file[len(line.container) :].lstrip("/")
        for name in line.names:
            if name == rest:
                return line, ""
            if isinstance(line, Held) and f"{rest}/".startswith(f"{name}/".lstrip("/")):
                return line, "/".join(filter(None, (line.container, name)))
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
