"""May this go now? Every margin and limit that makes deletion safe, and the pure functions that judge by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from dvornik.model import Finding, Gate, Held, Reason, Refusal, Survey, Told
from dvornik.quantities import Duration, Size

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

Share = Annotated[float, Meta(ge=0, le=1)]


_NEARLY_ALL = 0.9
"""Share of a table's rows: more of them to go at once is how a column that was read wrongly looks."""
_SINCE = 3600 * 10**9
"""Nanoseconds: longer than a run takes to see a file, and than clocks differ."""
_COLUMNS = ("names", "sizes", "times", "versions")
CAPS = frozenset({Gate.SHARE, Gate.COUNT, Gate.BYTES})


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[policy]``: what must be true before anything goes."""

    media_grace: Annotated[
        Duration, Meta(description="Media younger than this is never taken, whatever refers to it.")
    ] = Duration("24h")
    allow_short_grace: Annotated[
        bool, Meta(description="Permit a media grace under one hour: uploads in flight may be lost.")
    ] = False
    quarantine: Annotated[Duration, Meta(description="How long media that was taken can be brought back by undo.")] = (
        Duration("14d")
    )
    max_share: Annotated[Share, Meta(description="Largest share of a media place's files that one run may take.")] = 0.2
    max_count: Annotated[
        int, Meta(ge=0, description="Largest number of files of one place that one run may take; 0: no limit.")
    ] = 0
    max_bytes: Annotated[Size, Meta(description="Most bytes of one place that one run may take; 0: no limit.")] = Size(
        "0"
    )
    max_orphans: Annotated[
        Share, Meta(description="Refuse when more than this share of a media place is referred to by nothing.")
    ] = 0.5
    min_found: Annotated[
        Share, Meta(description="Refuse when less than this share of the references is found on the disk.")
    ] = 0.5
    max_fall: Annotated[
        Share, Meta(description="Refuse when the references fell by more than this share since the last good run.")
    ] = 0.2
    strict: Annotated[
        bool, Meta(description="Keep writers out of the database while media is claimed; refuse where that fails.")
    ] = False
    judged_from: Annotated[
        int,
        Meta(ge=1, description="Shares are judged from this many files up; below, quarantine and undo are the guard."),
    ] = 100


def grace(policy: Policy, finding: Finding, now: int) -> Iterator[Finding | Held]:
    """Pass what has rested long enough by the latest of its times, hold the rest; a time to come is never old."""
    cutoff = now - int(policy.media_grace * 1e9)
    kept = [row for row, time in enumerate(finding.times) if time <= cutoff]
    if len(kept) < len(finding.names):
        late = [row for row, time in enumerate(finding.times) if time > cutoff]
        for reason, rows in by_lateness(late, finding.times, now):
            names = [finding.names[row] for row in rows]
            yield Held(finding.rule, finding.place, finding.container, reason, len(names), names)
        finding = take(finding, kept)
    if finding.names:
        yield finding


def by_lateness(rows: Sequence[int], times: Sequence[int], now: int) -> Iterator[tuple[Reason, Sequence[int]]]:
    """Sort rows that are too late to go, at least one, by what is to be said of their times."""
    if lateness(max(map(times.__getitem__, rows)), now) is Reason.YOUNG:
        yield Reason.YOUNG, rows
        return
    for reason in (Reason.FUTURE, Reason.YOUNG):
        found = [row for row in rows if lateness(times[row], now) is reason]
        if found:
            yield reason, found


def lateness(time: int, now: int) -> Reason:
    """Say of a time that is too late whether it is yet to come; what was written since the run began is only young."""
    return Reason.FUTURE if time > now + _SINCE else Reason.YOUNG


def take(finding: Finding, rows: Collection[int]) -> Finding:
    """Return the finding with only those rows of its columns."""
    columns = {name: list(map(getattr(finding, name).__getitem__, rows)) for name in _COLUMNS}
    return msgspec.structs.replace(finding, **columns)


def judge(policy: Policy, survey: Survey, before: Survey | None, count: int, size: int) -> Iterator[Refusal]:
    """Say why the ``count`` items (``size`` bytes) planned at a place may not go.

    ``before`` is the survey of the last good run. Shares are judged only of places that references protect, and only
    from ``judged_from`` files up: of temporary files most are meant to go, and a small site must simply get clean.
    They are shares of what can go at all: many files of a kind that is never named would hide how many others go, and
    close a gate for ever where nothing goes.
    """
    share = policy.max_share * _base(policy, survey)
    if survey.has_references:
        yield from _trust(policy, survey, before)
    if survey.has_references and survey.items >= policy.judged_from and count > share:
        yield _refuse(survey, Gate.SHARE, count=count, items=survey.items - survey.held, limit=policy.max_share)
    if policy.max_count and count > policy.max_count:
        yield _refuse(survey, Gate.COUNT, count=count, limit=policy.max_count)
    if policy.max_bytes and size > policy.max_bytes:
        yield _refuse(survey, Gate.BYTES, size=size, limit=int(policy.max_bytes))


def judge_rows(policy: Policy, survey: Survey, is_cleaned: Callable[[str], bool]) -> Iterator[Refusal]:
    """Say which tables may not lose nearly all of their rows; one that was cleaned before is known to be read rightly.

    Judged from ``judged_from`` rows up.
    """
    for table, (count, rows) in survey.tables.items():
        if rows >= policy.judged_from and count > _NEARLY_ALL * rows and not is_cleaned(table):
            facts: dict[str, int | float | str] = {"table": table, "count": count, "rows": rows}
            yield Refusal(survey.place, Gate.ROWS_SHARE, facts, container=table)


def _trust(policy: Policy, survey: Survey, before: Survey | None) -> Iterator[Refusal]:
    """Distrust the source of truth before distrusting the files."""
    judged = survey.items - survey.held
    if before:
        yield from _compare(policy, survey, before)
    if survey.items and not survey.matched:
        yield _refuse(survey, Gate.NO_REFERENCES, items=survey.items)
    if survey.exact and survey.references >= policy.judged_from and survey.found < policy.min_found * survey.references:
        yield _refuse(survey, Gate.REFERENCES_MISSING, found=survey.found, references=survey.references)
    if survey.items >= policy.judged_from and judged - survey.matched > policy.max_orphans * _base(policy, survey):
        yield _refuse(survey, Gate.ORPHANS, orphans=judged - survey.matched, items=judged)


def _base(policy: Policy, survey: Survey) -> int:
    """Return of how many items a share is one: of those that can go, or of so many that a share tells something."""
    return max(survey.items - survey.held, min(survey.items, policy.judged_from))


def _compare(policy: Policy, survey: Survey, before: Survey) -> Iterator[Refusal]:
    database, _, storage = survey.fingerprint.partition("|")
    database_before, _, storage_before = before.fingerprint.partition("|")
    if database != database_before:
        yield _refuse(survey, Gate.DATABASE_CHANGED)
    if storage != storage_before:
        yield _refuse(survey, Gate.STORAGE_CHANGED)
    if before.matched and not survey.items:
        yield _refuse(survey, Gate.STORAGE_EMPTY, items=before.items)
    known, now = (before.references, survey.references) if survey.exact else (before.matched, survey.matched)
    if known >= policy.judged_from and now < (1 - policy.max_fall) * known:
        yield _refuse(survey, Gate.REFERENCES_FELL, before=known, now=now)
    else:
        yield from _silent(policy, survey, before)


def _silent(policy: Policy, survey: Survey, before: Survey) -> Iterator[Refusal]:
    """Name the source that told much less than before, or whose table or column is gone, however few it named.

    What another source tells by now is not lost: the sum of all tells.
    """
    fell = _named(before) - _named(survey)
    for label, known in before.sources.items():
        now = survey.sources.get(label, Told())
        lost = known.named - now.named
        is_there = label in survey.sources and set(known.columns) <= set(now.columns)
        judged = policy.judged_from if is_there else 1
        if known.named >= judged and lost > policy.max_fall * known.named and 2 * fell >= lost:
            yield _refuse(survey, Gate.REFERENCES_FELL, before=known.named, now=now.named, source=label)
            return


def _named(survey: Survey) -> int:
    return sum(told.named for told in survey.sources.values())


def _refuse(survey: Survey, gate: Gate, **facts: float | str) -> Refusal:
    return Refusal(survey.place, gate, facts)
