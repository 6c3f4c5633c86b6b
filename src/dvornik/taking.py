"""Owns the findings of a run on their way: recorded as intended, applied, recorded as they ended.

Consecutive findings whose order does not matter go in groups, by two threads; while one group is being taken the next
is recorded and handed over, so that the threads never wait for the record.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import msgspec

from dvornik.contracts.collector import Concurrent
from dvornik.errors import UnreachableError
from dvornik.model import Finding, Outcome, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from dvornik.contracts.collector import Collector
    from dvornik.plans import Line
    from dvornik.state import State

_AT_ONCE: Final = 2
"""Threads that take files away: the work is the kernel's, which two keep busy on most disks."""
_TOGETHER: Final = 4096
"""Most items in a group, of which two are under way: what is waited for when somebody interrupts."""


_MOST_SHORT: Final = 1024
"""Findings that wait for another try on a full disk."""


class _Short(NamedTuple):
    """A finding of which a full disk kept something back: what goes later may make the room."""

    finding: Finding
    batch: int
    outcome: Outcome
    freed: int
    """Bytes that the whole step had freed by then."""


class _Group(NamedTuple):
    """Findings under way, each with its number in the record and what to call for its outcome."""

    findings: Sequence[Finding]
    batches: Sequence[int]
    outcomes: Sequence[Callable[[], Outcome]]


class Taking:
    """Applies the findings of one run; ``with`` it, and what has not begun when something stops us never does."""

    def __init__(
        self,
        collectors: Mapping[str, Collector],
        state: State,
        run: str,
        *,
        on_outcome: Callable[[Outcome], None],
        on_loss: Callable[[Finding, UnreachableError], None],
    ) -> None:
        """Tell each outcome, and each finding whose place could not be reached."""
        self._collectors = collectors
        self._concurrent = frozenset(
            rule
            for collector in collectors.values()
            if isinstance(collector, Concurrent)
            for rule in collector.concurrent
        )
        self._state = state
        self._run = run
        self._on_outcome = on_outcome
        self._on_loss = on_loss
        self._under_way: _Group | None = None
        self._pool: Executor | None = None
        self._short: list[_Short] = []
        self._freed = 0

    def __enter__(self) -> Self:
        """Start nothing: threads come with the first group that needs them."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Wait for what has begun."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
        self._tell([(each.batch, each.outcome) for each in self._short])

    def groups(self, lines: Iterable[Line]) -> Iterator[list[Finding]]:
        """Put together consecutive findings that may be applied at the same time; any other stands alone."""
        group: list[Finding] = []
        count = 0
        for line in lines:
            assert isinstance(line, Finding)  # noqa: S101 - only findings were read
            if group and not (count + line.count <= _TOGETHER and self._go_together(group[0], line)):
                yield group
                group, count = [], 0
            group.append(line)
            count += line.count
        if group:
            yield group

    def _go_together(self, one: Finding, other: Finding) -> bool:
        return one.rule == other.rule and one.place == other.place and self._is_concurrent(one)

    def _is_concurrent(self, finding: Finding) -> bool:
        return finding.rule in self._concurrent

    def _collector_of(self, finding: Finding) -> Collector:
        return self._collectors[finding.rule.partition("/")[0]]

    def take(self, group: Sequence[Finding]) -> None:
        """Begin with a group, and end the one before; a finding whose order matters is ended at once."""
        in_order = not self._is_concurrent(group[0])
        if in_order:
            self.finish()
        with self._state.together():
            batches = [self._state.intend(self._run, f.rule, f.place, f.container, f.count) for f in group]
        begun = _Group(group, batches, [self._begin(finding, in_order=in_order) for finding in group])
        self.finish()
        self._under_way = begun
        if in_order:
            self.finish()

    def _begin(self, finding: Finding, *, in_order: bool) -> Callable[[], Outcome]:
        apply = partial(self._collector_of(finding).apply, finding, self._run)
        if in_order:
            return apply
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - most runs take nothing

            self._pool = ThreadPoolExecutor(_AT_ONCE)
        return self._pool.submit(apply).result

    def complete(self) -> None:
        """Wait for what is under way, then try again what a full disk kept back, as long as that frees more of it."""
        self.finish()
        while ready := [each for each in self._short if each.freed < self._freed]:
            self._short = [each for each in self._short if each.freed >= self._freed]
            for each in ready:
                self._try_again(each)
        short, self._short = self._short, []
        self._tell([(each.batch, each.outcome) for each in short])

    def _try_again(self, short: _Short) -> None:
        finding, before = short.finding, short.outcome
        names = _kept_back(finding, before)
        rows = zip(finding.names, finding.sizes, finding.times, finding.versions, strict=True)
        chosen = zip(*(row for row in rows if row[0] in names), strict=True)
        columns = dict(zip(("names", "sizes", "times", "versions"), chosen, strict=True))
        rest = msgspec.structs.replace(finding, **columns)
        try:
            after = self._collector_of(finding).apply(rest, self._run)
        except UnreachableError as error:
            self._on_loss(rest, error)
            after = Outcome(finding.rule, finding.place, finding.container, 0)
        missed = [*(miss for miss in before.missed if miss.name not in names), *after.missed]
        whole = msgspec.structs.replace(
            after,
            done=before.done + after.done,
            freed=before.freed + after.freed,
            set_aside=before.set_aside + after.set_aside,
            missed=missed,
        )
        self._tell(self._ready(finding, short.batch, whole, after.freed))

    def _ready(self, finding: Finding, batch: int, outcome: Outcome, freed: int) -> list[tuple[int, Outcome]]:
        """Return an outcome that may be told; keep one that is to be tried again. ``freed`` is what was freed now."""
        before = self._freed
        self._freed += freed
        if outcome.missed and len(self._short) < _MOST_SHORT and _kept_back(finding, outcome):
            self._short.append(_Short(finding, batch, outcome, before))
            return []
        return [(batch, outcome)]

    def finish(self) -> None:
        """Wait for what is under way; record and tell what became of it."""
        group, self._under_way = self._under_way, None
        if group is None:
            return
        done: list[tuple[int, Outcome]] = []
        try:
            for finding, batch, outcome_of in zip(*group, strict=True):
                try:
                    outcome = outcome_of()
                except UnreachableError as error:
                    self._on_loss(finding, error)
                else:
                    ready = self._ready(finding, batch, outcome, outcome.freed)
                    done += ready
                    for _batch, told in ready:
                        self._on_outcome(told)
        finally:
            self._record(done)

    def _tell(self, outcomes: Sequence[tuple[int, Outcome]]) -> None:
        for _batch, outcome in outcomes:
            self._on_outcome(outcome)
        self._record(outcomes)

    def _record(self, outcomes: Sequence[tuple[int, Outcome]]) -> None:
        if outcomes:
            with self._state.together():
                for batch, outcome in outcomes:
                    self._state.conclude(batch, outcome)


def _kept_back(finding: Finding, outcome: Outcome) -> set[str]:
    """Return the files that there was no room to take."""
    names = {miss.name for miss in outcome.missed if miss.reason is Reason.NO_SPACE}
    has_columns = names and len(finding.names) == len(finding.sizes) == len(finding.times) == len(finding.versions)
    return names.intersection(finding.names) if has_columns else set()
