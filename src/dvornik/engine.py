"""Owns the lifecycle, once for every collector: plan, apply, undo, purge, recover.

``--dry-run`` is a plan that nobody applies: nothing here or below knows the flag.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import IO, TYPE_CHECKING, Protocol

import msgspec

from dvornik import __version__, plans, policy
from dvornik.contracts.collector import Recovers, Reversible, Safety, SecondLook
from dvornik.errors import RefusedError, UnreachableError
from dvornik.languages import _
from dvornik.model import Finding, Gate, Held, Miss, Outcome, Refusal, Survey, Trouble
from dvornik.result import Result
from dvornik.taking import Taking

if TYPE_CHECKING:
    from dvornik.contracts.collector import Collector, Rule
    from dvornik.model import Seen
    from dvornik.policy import Policy
    from dvornik.state import State

Guard = Callable[[], Sequence[Refusal]]
"""Asked once before the first guarded step: why it may not happen now (no backup, outside the window)."""


class Listener(Protocol):
    """Hears what happens as it happens: the maintenance log."""

    def outcome(self, outcome: Outcome) -> None:
        """Hear what became of a finding."""

    def refusal(self, refusal: Refusal) -> None:
        """Hear that policy said no, or was overridden."""

    def trouble(self, trouble: Trouble) -> None:
        """Hear that a place could not be read."""


class Engine:
    """Runs collectors under one policy and one state."""

    def __init__(  # noqa: PLR0913 - the parts of a run, each named
        self,
        collectors: Mapping[str, Collector],
        limits: Policy,
        state: State,
        *,
        configuration: str,
        guard: Guard,
        listener: Listener,
    ) -> None:
        """Take everything wired up; ``configuration`` is the digest of the settings."""
        self._collectors = collectors
        self._policy = limits
        self._state = state
        self._configuration = configuration
        self._guard = guard
        self._listener = listener

    # plan

    def plan(
        self, run: str, sink: IO[bytes], *, thorough: bool = False, allowed: Iterable[str] = (), now: int | None = None
    ) -> Result:
        """Write to ``sink`` what may go; change nothing."""
        now = time.time_ns() if now is None else now
        result = Result(run, "plan", tuple(self._collectors))
        writer = plans.PlanWriter(sink)
        permitted = frozenset(allowed)
        writer.add(
            plans.Header(
                run, now, __version__, tuple(self._collectors), thorough, self._configuration,
                self._fingerprints(self._collectors), sorted(permitted),
            )
        )  # fmt: skip
        for name, collector in self._collectors.items():
            result.stepped(name)
            for line in self._judged(collector, now, permitted, thorough=thorough):
                writer.add(line)
                result.saw(line)
                if isinstance(line, Finding) and collector.rules[line.rule].safety is Safety.REPORT:
                    result.noted.append(line)
        result.digest = writer.finish()
        return result

    def _fingerprints(self, names: Iterable[str]) -> dict[str, str]:
        """Collect the identity of all places; one that cannot be reached says so in its own scan."""
        found: dict[str, str] = {}
        for name in names:
            try:
                found |= {f"{name}/{place}": value for place, value in self._collectors[name].fingerprints().items()}
            except UnreachableError:
                continue
        return found

    def _judged(
        self, collector: Collector, now: int, allowed: frozenset[str], *, thorough: bool
    ) -> Iterator[Finding | Held | Survey | Refusal | Trouble]:
        counts: dict[str, tuple[int, int]] = {}
        surveys: list[Survey] = []
        try:
            for line in self._graced(collector, now, thorough=thorough):
                if isinstance(line, Finding) and collector.rules[line.rule].capped:
                    count, size = counts.get(line.place, (0, 0))
                    counts[line.place] = (count + line.count, size + line.size)
                elif isinstance(line, Survey):
                    surveys.append(line)
                yield line
            for survey in surveys:
                before = self._state.last_survey(_place_of(survey)) if survey.has_references else None
                for refusal in policy.judge(self._policy, survey, before, *counts.get(survey.place, (0, 0))):
                    yield _addressed(refusal, collector, allowed)
                is_cleaned = partial(self._state.is_cleaned, tuple(collector.rules), survey.place)
                for refusal in policy.judge_rows(self._policy, survey, is_cleaned):
                    yield _addressed(refusal, collector, allowed)
        except UnreachableError as error:
            yield _troubled(error, collector.name)
            yield _out_of_reach(collector, "")

    def _graced(self, collector: Collector, now: int, *, thorough: bool) -> Iterator[Seen]:
        for line in collector.scan(now, thorough=thorough):
            if isinstance(line, Trouble):
                yield msgspec.structs.replace(line, collector=collector.name)
            elif isinstance(line, Finding) and collector.rules[line.rule].graced:
                yield from policy.grace(self._policy, line, now)
            else:
                yield line

    # apply

    def apply(  # noqa: PLR0913 - one call, each part named
        self,
        plan: IO[bytes],
        *,
        name: str = "",
        digest: str = "",
        allowed: Iterable[str] = (),
        troubles: Iterable[Trouble] = (),
        on_step: Callable[[str, Result], None],
    ) -> Result:
        """Do what the plan says, batch by batch, each recorded before and after; the caller holds the lock.

        ``name`` is the plan's file, for errors; ``troubles`` are those met before the plan, which the result tells too.
        """
        header = next(iter(plans.read(plan, name, only=[plans.Header])))
        assert isinstance(header, plans.Header)  # noqa: S101 - read was asked for nothing else
        permitted = frozenset(allowed) | frozenset(header.allowed)
        gone = self._must_be_the_same(header, permitted)
        result = Result(header.run, "run", header.collectors)
        result.digest = digest
        for trouble in troubles:
            self._met(trouble, result)
        refused = self._refused(plan, permitted, result)
        for collector, place in gone:
            refused |= self._lost(collector, place, result)
        self._state.begin(header.run, "run", header.collectors)
        with self._recorded(result):
            self._apply(plan, header, refused, permitted, result, on_step)
        self._remember(header.run, result.surveys, refused)
        return result

    @contextmanager
    def _recorded(self, result: Result) -> Iterator[None]:
        """Write down how it ended, however it ended."""
        try:
            yield
        except BaseException:
            result.interrupted = True
            raise
        finally:
            self._tidy()
            result.finish()
            self._state.finish(result.run, result.status, result.digest, result.summary())
            result.unrecorded = self._state.degraded

    def _remember(self, run: str, surveys: Iterable[Survey], refused: set[tuple[str, str, str]]) -> None:
        """Keep what was trusted: the next run is judged against it."""
        distrusted = {(rule.partition("/")[0], place) for rule, place, _table in refused}
        for survey in surveys:
            if survey.has_references and not distrusted & {(survey.kind, survey.place), (survey.kind, "")}:
                self._state.remember(run, msgspec.structs.replace(survey, place=_place_of(survey)))

    def _must_be_the_same(self, header: plans.Header, permitted: frozenset[str]) -> list[tuple[str, str]]:
        """Refuse a plan that was made with other settings or for other places.

        Return those, as collector and place, that could be reached when it was made and cannot now.
        """
        changed = header.configuration != self._configuration
        if changed and Gate.CONFIGURATION_CHANGED not in permitted:
            raise RefusedError(
                _("The configuration changed since the plan was made."),
                hint=_("Plan again, or say --allow {gate}.").format(gate=Gate.CONFIGURATION_CHANGED),
            )
        present = self._fingerprints(name for name in header.collectors if name in self._collectors)
        gone: list[tuple[str, str]] = []
        for address, seen in header.fingerprints.items():
            name, _slash, place = address.partition("/")
            if name in self._collectors and address not in present:
                gone.append((name, place))
            elif present.get(address) != seen:
                raise RefusedError(
                    _("The plan was made for another database or storage."), context=address, hint=_("Plan again.")
                )
        return gone

    def _lost(self, name: str, place: str, result: Result) -> set[tuple[str, str, str]]:
        """Leave a place alone that cannot be reached any more; the others go on."""
        message = _("It could be reached when the plan was made, and cannot be reached now.")
        self._met(Trouble(place, message, context=place, collector=name), result)
        result.saw(_out_of_reach(self._collectors[name], place))
        return {(rule, place, "") for rule in self._collectors[name].rules}

    def _met(self, trouble: Trouble, result: Result) -> None:
        result.saw(trouble)
        self._listener.trouble(trouble)

    def _refused(self, plan: IO[bytes], permitted: frozenset[str], result: Result) -> set[tuple[str, str, str]]:
        refused: set[tuple[str, str, str]] = set()
        for line in plans.read(plan, only=[Refusal, Trouble, Held, Survey]):
            if isinstance(line, Refusal):
                line = msgspec.structs.replace(line, allowed=line.allowed or line.gate in permitted)  # noqa: PLW2901
                self._listener.refusal(line)
                if not line.allowed:
                    refused |= {(rule, line.place, line.container) for rule in line.rules}
            elif isinstance(line, Trouble):
                self._listener.trouble(line)
            elif isinstance(line, Held) and line.reason.is_failure:
                missed = [Miss(name, line.reason) for name in line.names]
                self._listener.outcome(Outcome(line.rule, line.place, line.container, 0, missed=missed))
            result.saw(line)
        return refused

    def _apply(  # noqa: PLR0913, PLR0917 - one call, the parts of one run
        self,
        plan: IO[bytes],
        header: plans.Header,
        refused: set[tuple[str, str, str]],
        permitted: frozenset[str],
        result: Result,
        on_step: Callable[[str, Result], None],
    ) -> None:
        names = iter(header.collectors)
        current = next(names, "")
        lost: set[tuple[str, str, str]] = set()

        def losing(finding: Finding, error: UnreachableError) -> None:
            result.refused(finding)
            if (finding.rule, finding.place, "") not in lost:
                self._met(_troubled(error, finding.rule.partition("/")[0]), result)
            lost.add((finding.rule, finding.place, ""))

        on_outcome = partial(self._did, result=result)
        with Taking(self._collectors, self._state, header.run, on_outcome=on_outcome, on_loss=losing) as taking:
            for group in taking.groups(plans.read(plan, only=[Finding])):
                for line in group:
                    result.saw(line)
                first = group[0]
                while first.rule.partition("/")[0] != current:
                    taking.complete()
                    self._conclude(current, header, result, on_step)
                    current = next(names)
                rule = self._collectors[current].rules[first.rule]
                if rule.safety is Safety.REPORT:
                    result.noted += group
                    continue
                spheres = ((first.place, first.container), (first.place, ""), ("", ""))
                is_refused = any((first.rule, *sphere) in refused | lost for sphere in spheres)
                if is_refused or (rule.guarded and not self._may(rule, permitted, result)):
                    for line in group:
                        result.refused(line)
                else:
                    taking.take(group)
            taking.complete()
        refused |= lost
        for name in (current, *names):
            self._conclude(name, header, result, on_step)

    def _conclude(
        self, name: str, header: plans.Header, result: Result, on_step: Callable[[str, Result], None]
    ) -> None:
        """Look again at what this collector set aside, then tell that it is done."""
        collector = self._collectors.get(name)
        if collector is None:
            return
        if isinstance(collector, SecondLook):
            try:
                for outcome in collector.look_again(header.run):
                    self._did(outcome, result)
            except UnreachableError as error:
                self._met(_troubled(error, name), result)
        on_step(name, result)

    def _did(self, outcome: Outcome, result: Result) -> None:
        result.did(outcome)
        self._listener.outcome(outcome)

    def _may(self, rule: Rule, permitted: frozenset[str], result: Result) -> bool:
        """Ask the guards, once a run, and remember the answer."""
        if result.guards is None:
            result.guards = [
                msgspec.structs.replace(refusal, rules=(rule.id,), allowed=refusal.gate in permitted)
                for refusal in self._guard()
            ]
            for refusal in result.guards:
                result.saw(refusal)
                self._listener.refusal(refusal)
        return all(refusal.allowed for refusal in result.guards)

    # undo, purge, recover

    def recover(self) -> list[Outcome]:
        """Put back what killed runs left half done; the caller holds the lock."""
        outcomes: list[Outcome] = []
        for collector in self._recovering():
            outcomes += collector.recover()
        for outcome in outcomes:
            self._listener.outcome(msgspec.structs.replace(outcome, rule="recover"))
        with suppress(UnreachableError):  # whoever needs the record will say so
            for run in self._state.interrupted():
                self._state.finish(run, "interrupted", "", {})
        return outcomes

    def set_aside(self) -> dict[str, tuple[int, int]]:
        """Return the runs that can be taken back, oldest first, each with its number of files and bytes."""
        found: dict[str, tuple[int, int]] = {}
        for collector in self._reversible():
            for run, (count, size) in collector.set_aside().items():
                before = found.get(run, (0, 0))
                found[run] = (before[0] + count, before[1] + size)
        return dict(sorted(found.items()))

    def undo(self, run: str, new_run: str) -> Result:
        """Bring back everything that ``run`` set aside; the caller holds the lock."""
        return self._record(new_run, "undo", (c.undo(run) for c in self._reversible()), self._gone_since(run))

    def _gone_since(self, run: str) -> list[Trouble]:
        """Tell of the places that are not there now, in which ``run`` set something aside."""
        try:
            kept = [(name, place) for name, place in self._state.kept_in(run) if name in self._collectors]
        except UnreachableError:  # without the record, what waits beside a place that is gone tells
            return []
        there = self._fingerprints({name for name, _place in kept})
        gone = sorted((name, place) for name, place in kept if f"{name}/{place}" not in there)
        message = _("It cannot be reached now: what this run set aside of it does not come back.")
        return [Trouble(place, message, context=place, collector=name) for name, place in gone]

    def purge(self, runs: Sequence[str], new_run: str) -> Result:
        """Give the space of what ``runs`` set aside back to the system, for good; the caller holds the lock."""
        return self._record(new_run, "purge", (c.purge(run) for run in runs for c in self._reversible()))

    def _recovering(self) -> list[Recovers]:
        return [collector for collector in self._collectors.values() if isinstance(collector, Recovers)]

    def _reversible(self) -> list[Reversible]:
        return [collector for collector in self._collectors.values() if isinstance(collector, Reversible)]

    def _record(self, run: str, verb: str, work: Iterable[Iterator[Outcome]], lost: Iterable[Trouble] = ()) -> Result:
        """Do and record one thing after the other; what cannot be reached is told, the rest goes on."""
        result = Result(run, verb, tuple(self._collectors))
        self._state.begin(run, verb, tuple(self._collectors))
        with self._recorded(result):
            for trouble in lost:
                self._met(trouble, result)
            for outcomes in work:
                try:
                    for outcome in outcomes:
                        batch = self._state.intend(run, outcome.rule, outcome.place, outcome.container, outcome.done)
                        self._state.conclude(batch, outcome)
                        self._did(outcome, result)
                except UnreachableError as error:
                    self._met(_troubled(error, verb), result)
        return result

    def _tidy(self) -> None:
        for collector in self._recovering():
            collector.tidy()


def _troubled(error: UnreachableError, name: str) -> Trouble:
    return Trouble(name, error.message, error.hint, error.context, name)


def _out_of_reach(collector: Collector, place: str) -> Refusal:
    return Refusal(place, Gate.UNREACHABLE, collector=collector.name, rules=tuple(collector.rules))


def _place_of(survey: Survey) -> str:
    """Return the name under which a survey is remembered: another collector may have a place of the same name."""
    return f"{survey.kind}/{survey.place}"


def _addressed(refusal: Refusal, collector: Collector, allowed: frozenset[str]) -> Refusal:
    """Say which rules of the collector the refusal stops: caps those that are counted, distrust all that remove."""
    rules = [
        rule.id
        for rule in collector.rules.values()
        if rule.capped or (rule.guarded and refusal.gate not in policy.CAPS)
    ]
    return msgspec.structs.replace(refusal, collector=collector.name, rules=rules, allowed=refusal.gate in allowed)
