"""Tells a result as lines on a terminal: one a step, then what was kept and why, what it freed, and how it ended."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING, Final

from dvornik.languages import _, ngettext
from dvornik.model import Finding, Gate, Reason
from dvornik.reports import document, tables, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dvornik.application import App
    from dvornik.errors import DvornikError
    from dvornik.reports.document import Disk, Report
    from dvornik.result import Result

_STEPS: Final = {
    "temp": ("temp/old", "temp/empty-directory"),
    "logs": ("logs/old", "logs/over-cap", "logs/compress", "logs/truncate"),
    "media": ("media/orphan", "media/return", "media/purge"),
    "sessions": ("sessions/expired", "sessions/row"),
    "database": ("database/optimise", "database/vacuum", "database/rewrite"),
    "cache": ("cache/entry", "cache/expired", "cache/file", "cache/row"),
}
_ALWAYS: Final = {"temp/old", "logs/old", "media/orphan", "sessions/expired", "cache/entry"}
"""Rules whose line stands even when the count is nought: the operator sees that the step was taken."""
_FAMILIES: Final = 5
LOW: Final = 0.1
"""Share of free space or inodes below which a disk is called full."""
_MOST: Final = 20
"""Names that a dry run shows of a rule; the plan holds all."""


def opening(*, dry: bool) -> str:
    """Return the first line."""
    return _("🔍 Dry run: nothing is removed or changed") if dry else _("🧹 Starting system cleanup...")


def found(app: App) -> Iterator[str]:
    """Say what is under care and how that was found out."""
    for item in words.distinct(app.found):
        yield _("🔎 {what}: {where} ({how})").format(
            what=words.kind(item.what), where=words.safe(item.where), how=words.origin(item.how)
        )


def step(name: str, result: Result, *, dry: bool) -> Iterator[str]:
    """Tell one collector's step."""
    spoilt = any(trouble.spoils(name) for trouble in result.troubles)
    for rule in _STEPS.get(name, ()):
        total = result.total(rule)
        count = total.found - total.refused if dry else total.done
        if rule == "sessions/expired" and not count and not spoilt and not _saw(result, "sessions"):
            yield _("🔑 Sessions: there is no table, directory or server of them to clean")
        elif count or (rule in _ALWAYS and not total.refused and not spoilt):
            yield words.would(rule, count) if dry else words.did(rule, count)
    if name == "cache":
        yield from _caches(result, dry=dry)


def _saw(result: Result, name: str) -> bool:
    """Tell whether a collector found anything to look at: what is not there was not cleaned."""
    return any(survey.kind == name for survey in result.surveys)


def _caches(result: Result, *, dry: bool) -> Iterator[str]:
    """Name each cache, and what it took before and after, where that is known."""
    before = {survey.place: survey.size for survey in result.surveys if survey.kind == "cache"}
    for place, total in result.caches.items():
        count, size = total.found if dry else total.done, before.get(place, 0)
        if dry or not size:
            yield f"   {words.safe(place)}: {count}"
        else:
            after = words.size(max(0, size - total.freed))
            line = _("{place}: {n}, {before} before, {after} after")
            yield "   " + line.format(place=words.safe(place), n=count, before=words.size(size), after=after)


def listing(findings: Iterable[Finding]) -> Iterator[str]:
    """Name what a dry run found, the first of each rule."""
    shown: Counter[str] = Counter()
    hidden: Counter[str] = Counter()
    for finding in findings:
        if finding.seconds:
            expected = _("{place}/{table}: about {time}, by the last runs")
            yield "   " + expected.format(
                place=finding.place, table=words.safe(finding.container), time=words.hours(finding.seconds)
            )
        if words.is_concern(finding):  # told with its evidence below
            continue
        few = finding.names[: _MOST - shown[finding.rule]]
        shown[finding.rule] += len(few)
        hidden[finding.rule] += len(finding.names) - len(few)
        for name in few:
            yield f"   {finding.rule}: {words.address(finding.place, finding.container, name)}"
    for rule, count in (+hidden).items():
        yield "   " + _("{rule}: and {n} more (all of them: --json, or dvornik plan -o FILE)").format(
            rule=rule, n=count
        )


def kept(result: Result) -> Iterator[str]:
    """Say what stays and why: what was held at the scan, and what turned out otherwise when its turn came."""
    counts: Counter[str] = Counter()
    for (rule, reason), count in result.held.items():
        counts[words.kept(rule, reason)] += count
    for rule, total in result.totals.items():
        for code, count in total.missed.items():
            ordinary = 0 if Reason(code).is_failure else count - result.failed_by[rule, Reason(code)]
            counts[words.kept(rule, Reason(code))] += ordinary
    if +counts:
        parts = ", ".join(f"{count} — {reason}" for reason, count in (+counts).most_common())
        yield _("🔒 Kept: {parts}").format(parts=parts)


def waiting(result: Result) -> Iterator[str]:
    """Say how much waits for the operator's word on families of files, and how to say it."""
    families = result.waiting()
    if not families:
        return
    files, size = sum(each.files for each in families), sum(each.size for each in families)
    yield ngettext(
        "👪 {n} file ({size}) waits for your word: nothing names it, nor is any file of its kind known to be named",
        "👪 {n} files ({size}) wait for your word: nothing names them, nor is any file of their kind known to be named",
        files,
    ).format(n=files, size=words.size(size))
    for each in families[:_FAMILIES]:
        yield f"   {words.address(each.place, '', each.shape)}: {each.files}, {words.size(each.size)}"
    shape = words.safe(shlex.quote(families[0].shape))
    yield "   " + _("Look: dvornik families. Then, for example: dvornik families keep {shape} (or debris)").format(
        shape=shape
    )


def space(result: Result) -> Iterator[str]:
    """Say what the disk got back, what waits in quarantine, and how full the disks are."""
    totals = result.totals.values()
    freed, aside = sum(t.freed for t in totals), sum(t.set_aside for t in totals)
    yield _("💾 Freed {size}").format(size=words.size(freed))
    if aside > 0:
        yield _("♻️ {size} set aside, not deleted yet: dvornik undo {run}").format(
            size=words.size(aside), run=result.run
        )


def disks(seen: Iterable[Disk]) -> Iterator[str]:
    """Say how much of each place's disk is free, before and after."""
    for disk in seen:
        yield _("📊 Disk of {root}: {after} free of {total} (before: {before})").format(
            root=words.safe(disk.root), after=words.size(disk.after), total=words.size(disk.total),
            before=words.size(disk.before),
        )  # fmt: skip


def room(seen: Iterable[Disk], result: Result) -> Iterator[str]:
    """Say what gives a full disk its space back, where this run set aside what could."""
    aside = sum(total.set_aside for total in result.totals.values())
    if aside > 0 and any(disk.after < LOW * disk.total for disk in seen):
        yield "   " + _(
            "The disk is almost full, and what was set aside still lies on it. To free {size} at once, without undo: "
            "dvornik purge --all"
        ).format(size=words.size(aside))


def trouble(result: Result) -> Iterator[str]:
    """Say what could not be reached, what was refused, and what failed."""
    # What several steps (or both looks of one) could not reach is one trouble.
    troubles = {(item.context or item.place, item.message): item.hint for item in result.troubles}
    for (context, message), hint in troubles.items():
        place, told = _parted(context)
        line = _("❌ {place}: {message}").format(place=words.safe(place), message=message)
        yield f"{line} ({words.safe(told)})" if told else line
        if hint:
            yield "   " + hint
    for refusal in result.refusals:
        if refusal.gate is Gate.UNREACHABLE:
            continue
        where = words.safe(refusal.place or refusal.collector or ", ".join(refusal.rules))
        mark = _("⚠️ Allowed: {place}: {why}") if refusal.allowed else _("⛔ Refused: {place}: {why}")
        yield mark.format(place=where, why=words.gate(refusal))
    gates = sorted({refusal.gate for refusal in result.open_refusals if refusal.gate is not Gate.UNREACHABLE})
    if gates:
        if result.verb != "plan":  # a dry run is not recorded, and has just shown it
            yield "   " + _("Look at it first: dvornik show {run}").format(run=result.run)
        yield "   " + _("To go on knowingly, once: add --allow {gates}").format(gates=",".join(gates))
    yield from _failures(result)
    if result.unrecorded:
        yield _("⚠️ This run is not in the history, its record cannot be written: {why}").format(
            why=words.safe(result.unrecorded)
        )
        yield "   " + _("Make room there, or mend what keeps dvornik from its state: dvornik doctor")


def _parted(context: str) -> tuple[str, str]:
    """Part a database's name from its driver's own words, which may be of another language: they come last."""
    if context.startswith(("/", ".")):
        return context, ""
    place, _colon, told = context.partition(": ")
    return place, told


def _failures(result: Result) -> Iterator[str]:
    """Name what could not be done, up to a number, and what would help."""
    for failure in result.failures[:_MOST]:
        could_not = _("⚠️ Could not remove {path}: {reason}")
        if result.verb == "undo" or failure.is_stuck:
            could_not = _("⚠️ Could not bring back {path}: {reason}")
        yield could_not.format(
            path=words.address(failure.place, "", failure.path),
            reason=words.reason(failure.reason) + (f" ({failure.detail})" if failure.detail else ""),
        )
    if result.failed > _MOST:
        yield "   " + _("and {n} more; see logs/maintenance.log").format(n=result.failed - _MOST)
    if any(failure.reason is Reason.NO_SPACE and failure.rule == "media/orphan" for failure in result.failures):
        yield "   " + _(
            "Setting aside takes a little room on that very disk, inodes too (df -i). Make some: dvornik purge --all, "
            "or remove a few files of your own; then: dvornik run media"
        )


def roots_state(owner: str) -> tuple[str, str]:
    """Say that root cleans what is another user's, and what can be done about it."""
    return (
        _(
            "root cleans the application of {user}: state, quarantine and log are root's, and {user} cannot run dvornik"
        ).format(user=owner),
        _("If that is not meant: dvornik uninstall, then dvornik run as {user}").format(user=owner),
    )


def left_behind(place: str, path: str) -> tuple[str, str]:
    """Say that an older quarantine lies elsewhere, and what to do about it."""
    message = _("An older quarantine of {place} lies in {path}: neither undo nor purge reaches it")
    hint = _("The directory has become a mount point, or is none now. Bring back what is needed, remove the rest.")
    return message.format(place=words.safe(place), path=words.safe(path)), hint


def noted(result: Result) -> Iterator[str]:
    """Say what only the operator can decide, with the evidence."""
    for finding in result.noted[:_MOST]:
        yield "🩺 " + words.safe(words.concern(finding))
    if len(result.noted) > _MOST:
        yield "   " + _("and {n} more; --json names all").format(n=len(result.noted) - _MOST)


def databases(result: Result) -> Iterator[str]:
    """Say what databases held unused before, what the disk got back and what they may use again."""
    before = sum(survey.reusable for survey in result.surveys if survey.kind == "database")
    totals = [total for rule, total in result.totals.items() if rule.startswith("database/")]
    freed, reusable = sum(total.freed for total in totals), sum(total.reusable for total in totals)
    if before and (freed or reusable):
        yield _(
            "🗄️ Databases: {freed} returned to the disk, {reusable} reusable by them (before: {before} unused)"
        ).format(freed=words.size(freed), reusable=words.size(reusable), before=words.size(before))


def closing(result: Result, *, dry: bool) -> str:
    """Return the last line; a run in which something failed never ends with success."""
    return {
        "done": _success(result, dry=dry),
        "partial": _partly(result),
        "refused": _("⛔ Part of the cleanup was refused: nothing of it was touched"),
        "unreachable": _("❌ Part of the cleanup was not possible"),
    }.get(result.status) or _("⏹️ Cleanup was interrupted: the next run goes on from here")


def _success(result: Result, *, dry: bool) -> str:
    if result.unrecorded:
        return _("⚠️ Cleanup finished, but could not be recorded")
    return _("✅ Dry run finished: nothing was changed") if dry else _("✅ Cleanup finished successfully!")


def _partly(result: Result) -> str:
    return ngettext(
        "⚠️ Cleanup finished, but {n} item could not be removed",
        "⚠️ Cleanup finished, but {n} items could not be removed",
        result.failed,
    ).format(n=result.failed)


def report(told: Report) -> Iterator[str]:
    """Tell a report that was kept: what the run said, then how things developed."""
    result = document.revived(told)
    yield f"{tables.heading(told)}: {tables.status(told)} ({told.run})"
    for name in told.collectors:
        yield from step(name, result, dry=told.dry_run)
    yield from databases(result)
    yield from space(result)
    yield from noted(result)
    yield from disks(told.disks)
    yield from room(told.disks, result)
    yield from kept(result)
    yield from waiting(result)
    yield from trouble(result)
    for place, points in tables.sizes(told).items():
        if len(points) == 1:
            yield _("📈 {place}: {size}").format(place=words.safe(place), size=words.size(points[0][1]))
            continue
        change = points[-1][1] - points[0][1]
        yield _("📈 {place}: {size} ({change} since {moment})").format(
            place=words.safe(place), size=words.size(points[-1][1]), moment=words.moment(points[0][0]),
            change=("+" if change >= 0 else "−") + words.size(abs(change)),
        )  # fmt: skip
    for past in told.history[-_MOST:]:
        ended = f"{tables.verb(past.verb)}, {words.status(past.status)}"
        yield f"🕑 {words.moment(past.started)}  {ended}: {words.figures(past.done, past.freed, past.set_aside)}"


def error(problem: DvornikError) -> Iterator[str]:
    """Tell an operator's problem: message, context, hint."""
    yield "❌ " + problem.message
    if problem.context:
        yield "   " + words.safe(problem.context) if "\n" not in problem.context else problem.context
    if problem.hint:
        yield "   " + problem.hint
