"""Owns what a run amounted to: totals by rule, what was held and why, refusals and failures, and the exit code."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from dvornik.model import Finding, Held, Miss, Outcome, Reason, Refusal, Survey, Trouble

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from dvornik.plans import Line

_MOST_FAILURES: Final = 1000
"""Failures that are named; all are counted."""


class Total(msgspec.Struct):
    """Of one rule. Sizes are bytes."""

    found: int = 0
    found_size: int = 0
    done: int = 0
    freed: int = 0
    set_aside: int = 0
    reusable: int = 0
    refused: int = 0
    missed: dict[str, int] = msgspec.field(default_factory=dict)


class Waiting(msgspec.Struct):
    """Files of one family that wait for the operator's word. ``size`` is bytes."""

    place: str
    shape: str
    files: int = 0
    size: int = 0


class Failure(msgspec.Struct, frozen=True):
    """One item that could not be removed."""

    rule: str
    place: str
    path: str
    reason: Reason
    detail: str
    is_stuck: bool = False
    """Whether it waits in quarantine, though it was to come back."""


class Result:
    """Fills while a run goes on; reports read it."""

    def __init__(self, run: str, verb: str, collectors: Sequence[str]) -> None:
        """Start the clock."""
        self.run = run
        self.verb = verb
        self.collectors = collectors
        self.digest = ""
        self.started = time.time()
        self.seconds = 0.0
        self.totals: dict[str, Total] = {}
        self.caches: dict[str, Total] = {}
        """Of each cache, by its place: there may be several, of one rule."""
        self.held: Counter[tuple[str, Reason]] = Counter()
        self.unfamiliar: dict[tuple[str, str], Waiting] = {}
        """By place and shape: what waits for the operator's word."""
        self._found: Counter[tuple[str, str]] = Counter()
        self.surveys: list[Survey] = []
        self._gone: Counter[tuple[str, str, str]] = Counter()
        """Bytes that left each collector's places, by the directory at the top."""
        self.refusals: list[Refusal] = []
        self.troubles: list[Trouble] = []
        self.failures: list[Failure] = []
        self.failed = 0
        self.failed_by: Counter[tuple[str, Reason]] = Counter()
        """Items that were to go or to come back, and failed."""
        self.noted: list[Finding] = []
        """What is only for the operator to decide, with the evidence."""
        self.turns: dict[str, float] = {}
        """When each collector had its turn, in seconds since the epoch, in this order."""
        self.guards: list[Refusal] | None = None
        self.interrupted = False
        self.unrecorded = ""
        """Why the history does not know this run; empty: it does."""

    def total(self, rule: str) -> Total:
        """Return the total of a rule, empty where nothing was seen."""
        return self.totals.setdefault(rule, Total())

    def _totals(self, line: Finding | Outcome) -> list[Total]:
        """Return the totals that a line counts for."""
        own = [self.total(line.rule)]
        return [*own, self.caches.setdefault(line.place, Total())] if line.rule.startswith("cache/") else own

    def stepped(self, name: str) -> None:
        """Note that a collector had its turn."""
        self.turns[name] = time.time()

    def saw(self, line: Line) -> None:
        """Count a line of the plan."""
        match line:
            case Finding():
                self._found[line.rule, line.place] += line.count
                for total in self._totals(line):
                    total.found += line.count
                    total.found_size += line.size
            case Held():
                self._hold(line)
            case Survey():
                self.surveys.append(line)
            case Refusal():
                self.refusals.append(line)
                if line.collector and not line.allowed:  # a plan's own: what it stops was seen before it
                    for rule in line.rules:
                        self._refuse(rule, line.place)
            case Trouble():
                self.troubles.append(line)

    def waiting(self) -> list[Waiting]:
        """Return the families that wait for a word, largest first; none of a place that was not judged."""
        distrusted = {refusal.place for refusal in self.open_refusals if refusal.collector == "media"}
        is_spoilt = "" in distrusted or any(trouble.spoils("media") for trouble in self.troubles)
        known = [] if is_spoilt else [each for each in self.unfamiliar.values() if each.place not in distrusted]
        return sorted(known, key=lambda each: -each.size)

    def _hold(self, line: Held) -> None:
        self.held[line.rule, line.reason] += line.count
        if line.reason.is_failure:
            self._failed(line.rule, line.place, line.container, [Miss(n, line.reason) for n in line.names])
        if line.reason is not Reason.UNFAMILIAR:
            return
        waiting = self.unfamiliar.setdefault((line.place, line.detail), Waiting(line.place, line.detail))
        waiting.files += line.count
        waiting.size += line.size

    def foresee(self, closed: Collection[str], reason: Reason) -> None:
        """Count what was found in places (``collector/place``) that ``reason`` closes: a run would fail on it."""
        for (rule, place), count in self._found.items():
            if count and f"{rule.partition('/')[0]}/{place}" in closed:
                self._failed(rule, place, "", [Miss("", reason)])
                self.failed += count - 1
                self.failed_by[rule, reason] += count

    def remaining(self) -> Iterator[tuple[str, int, Mapping[str, int]]]:
        """Yield what is left of each place (``collector/place``) of which every file was seen: bytes, and where."""
        for survey in self.surveys:
            if survey.below:
                gone = {top: size for (*place, top), size in self._gone.items() if place == [survey.kind, survey.place]}
                below = {top: size - gone.get(top, 0) for top, size in survey.below.items()}
                yield f"{survey.kind}/{survey.place}", survey.size - sum(gone.values()), below

    def refused(self, finding: Finding) -> None:
        """Count what policy kept from being done."""
        self.total(finding.rule).refused += finding.count

    def _refuse(self, rule: str, place: str) -> None:
        for found in [key for key in self._found if key[0] == rule and place in {"", key[1]}]:
            self.total(rule).refused += self._found.pop(found)

    def did(self, outcome: Outcome) -> None:
        """Count what became of a finding."""
        for total in self._totals(outcome):
            total.done += outcome.done
            total.freed += outcome.freed
            total.set_aside += outcome.set_aside
            total.reusable += outcome.reusable
            for miss in outcome.missed:
                total.missed[miss.reason] = total.missed.get(miss.reason, 0) + 1
        self.failed_by.update((outcome.rule, miss.reason) for miss in outcome.missed if miss.is_failure)
        top = outcome.container.partition("/")[0]
        self._gone[outcome.rule.partition("/")[0], outcome.place, top] += outcome.freed + outcome.set_aside
        failed = [miss for miss in outcome.missed if miss.is_failure]
        self._failed(outcome.rule, outcome.place, outcome.container, failed)

    def _failed(self, rule: str, place: str, container: str, missed: Sequence[Miss]) -> None:
        self.failed += len(missed)
        for miss in missed[: max(0, _MOST_FAILURES - len(self.failures))]:
            path = f"{container}/{miss.name}".strip("/")
            self.failures.append(Failure(rule, place, path, miss.reason, miss.detail, miss.is_stuck))

    def finish(self) -> None:
        """Stop the clock."""
        self.seconds = time.time() - self.started

    @property
    def open_refusals(self) -> list[Refusal]:
        """Refusals that nobody overrode."""
        return [refusal for refusal in self.refusals if not refusal.allowed]

    @property
    def status(self) -> str:
        """How it ended, in a word: the history, the metrics and the alerts speak it."""
        return _status(self.interrupted, self.troubles, self.open_refusals, self.failed)

    def status_of(self, collector: str) -> str:
        """How it ended for one collector."""
        own = {rule: total for rule, total in self.totals.items() if rule.partition("/")[0] == collector}
        return _status(
            self.interrupted,
            any(trouble.spoils(collector) for trouble in self.troubles),
            any(total.refused for total in own.values())
            or any(refusal.collector == collector for refusal in self.open_refusals),
            any(rule in own for rule, _reason in self.failed_by)
            or any(reason.is_failure for reason in self.held_by(collector)),
        )

    def held_by(self, collector: str) -> Counter[Reason]:
        """Count what one collector saw and left, by reason."""
        counts: Counter[Reason] = Counter()
        for (rule, reason), count in self.held.items():
            if rule.partition("/")[0] == collector:
                counts[reason] += count
        return counts

    @property
    def exit_code(self) -> int:
        """The process's answer; a run that left no record must not look like success."""
        if self.status == "done" and self.unrecorded:
            return 1
        return {"done": 0, "partial": 3, "refused": 10, "unreachable": 12, "interrupted": 130}[self.status]

    def summary(self) -> dict[str, int]:
        """Return the figures that the history keeps."""
        totals = self.totals.values()
        return {
            "done": sum(total.done for total in totals),
            "freed": sum(total.freed for total in totals),
            "set_aside": sum(total.set_aside for total in totals),
            "failed": self.failed,
            "held": self.held.total(),
        }


def _status(interrupted: object, unreachable: object, refused: object, partial: object) -> str:
    """Return the word for the worst that happened."""
    happened = {"interrupted": interrupted, "unreachable": unreachable, "refused": refused, "partial": partial}
    return next((status for status, true in happened.items() if true), "done")
