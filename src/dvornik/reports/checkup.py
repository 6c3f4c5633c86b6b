"""Tells what the doctor found: the figures, each problem with its remedy, as lines or as one document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003 - msgspec reads the annotations
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from dvornik import quick_health, state_directory
from dvornik.application import Found  # noqa: TC001 - msgspec reads the annotations
from dvornik.contracts.database import TableSize  # noqa: TC001 - msgspec reads the annotations
from dvornik.diagnosis import Disk, Growth, Large, Size, user
from dvornik.diagnosis.rights import is_read_only
from dvornik.languages import _, current, ngettext
from dvornik.model import Trouble  # noqa: TC001 - msgspec reads the annotations
from dvornik.reports import words
from dvornik.reports.text import LOW
from dvornik.result import Total  # noqa: TC001 - msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOATED: Final = 0.3
_WORTH_REWRITING: Final = 100_000_000
"""Reusable bytes of a database below which a rewrite is not worth its lock."""
LANDLOCK: Final = "landlock"
"""The guard whose absence no slower check replaces: it is told by itself."""
APPLICATION: Final = "application"
"""The name under which the rest of the application's directory is measured: it is under nobody's care."""


class Problem(msgspec.Struct, frozen=True):
    """What is wrong, and what to do about it."""

    problem: str
    remedy: str


class Shelter(msgspec.Struct, frozen=True):
    """Where a place's quarantine lies: ``beside`` it or ``inside`` it."""

    place: str
    path: str
    inside: bool


class Preview(msgspec.Struct, frozen=True):
    """What a run would do now; ``skipped`` says, as a code, why that was not found out."""

    totals: Mapping[str, Total] = {}
    refused: Sequence[str] = ()
    skipped: str = ""


class Checkup(msgspec.Struct, frozen=True):
    """Everything that was measured. Bytes; times are seconds since the epoch."""

    configuration: str
    how: str
    """How the configuration was found: ``explicit``, ``environment``, ``file``, ``pyproject``, ``defaults``."""
    user: str
    found: Sequence[Found]
    trouble: Sequence[Trouble]
    disks: Sequence[Disk]
    places: Sequence[Size]
    large: Sequence[Large]
    growth: Sequence[Growth]
    databases: Mapping[str, Sequence[TableSize] | str]
    caches: Mapping[str, int | str]
    set_aside: Mapping[str, tuple[int, int]]
    """By run: files and bytes."""
    purged_from: Mapping[str, float]
    """By run: when its quarantine is over."""
    quarantines: Sequence[Shelter]
    last_success: float | None
    guards: Mapping[str, bool]
    restricted: bool | None
    """Whether the last run gave up the right to remove anything elsewhere; ``None``: there was none to tell."""
    state: str
    state_objection: str
    preview: Preview
    now: float
    skipped: Sequence[str] = ()
    """Places that were not looked at to the end."""
    unrestricted: str = ""
    """Why the kernel does not, or did not in the last run, forbid removals elsewhere, as a code."""
    database_hints: Mapping[str, str] = {}
    """What to do about those that cannot be reached."""
    cache_hints: Mapping[str, str] = {}


def lines(checkup: Checkup, problems: Sequence[Problem]) -> Iterator[str]:
    """Tell it on one screen, the verdict first."""
    yield from _verdict(problems)
    yield from _setup(checkup)
    yield from _space(checkup)
    yield from _contents(checkup)
    yield from _protection(checkup)
    yield from _preview(checkup.preview)


def _verdict(problems: Sequence[Problem]) -> Iterator[str]:
    if not problems:
        yield _("✅ No problem found")
        return
    yield ngettext("⚠️ {n} problem found:", "⚠️ {n} problems found:", len(problems)).format(n=len(problems))
    for each in problems:
        yield "   " + each.problem.removeprefix("⚠️ ").removeprefix("❌ ")
        yield "   → " + each.remedy


def _setup(checkup: Checkup) -> Iterator[str]:
    yield _("⚙️ Configuration: {path}").format(path=checkup.configuration or _("none; found out by itself"))
    for item in words.distinct(checkup.found):
        yield _("🔎 {what}: {where} ({how})").format(
            what=words.kind(item.what), where=words.safe(item.where), how=words.origin(item.how)
        )


def _space(checkup: Checkup) -> Iterator[str]:
    for disk in checkup.disks:
        share = 1 - disk.free / disk.total
        line = _("📊 Disk of {root}: {share} used, {free} free of {total}").format(
            root=words.safe(disk.root),
            share=words.percent(share),
            free=words.size(disk.free),
            total=words.size(disk.total),
        )
        if disk.inodes:
            used = 1 - disk.inodes_free / disk.inodes
            line += _("; inodes {share} used").format(share=words.percent(used))
        yield line
    for size in checkup.places:
        yield _place(size)
    for large in checkup.large:
        yield _("🐘 {size}  {path}").format(size=words.size(large.size), path=words.safe(large.path))
    for growth in checkup.growth:
        yield _("📈 {path}: {size} more a day, now {now} (since {moment})").format(
            path=words.address(growth.place, growth.directory, ""), size=words.size(int(growth.a_day(checkup.now))),
            now=words.size(growth.size), moment=words.moment(growth.since),
        )  # fmt: skip


def _place(size: Size) -> str:
    place = _("the rest of the application") if size.place == APPLICATION else words.safe(size.place)
    if size.complete and not size.files:
        return _("📁 {place}: empty").format(place=place)
    line = ngettext(
        "📁 {place}: {files} file, {size}, the oldest of {oldest}",
        "📁 {place}: {files} files, {size}, the oldest of {oldest}",
        size.files,
    ).format(
        place=place,
        files=size.files,
        size=words.size(size.size),
        oldest=words.moment(size.oldest) if size.files else "—",
    )
    return line if size.complete else line + _(" — so far: there was no time to see it all (--within)")


def _contents(checkup: Checkup) -> Iterator[str]:
    for name, tables in checkup.databases.items():
        for table in () if isinstance(tables, str) else tables:
            yield _("🗄️ {database}: {table}: {size}, of that reusable {reusable}").format(
                database=name, table=words.safe(table.table), size=words.size(table.size),
                reusable=words.size(table.reusable),
            )  # fmt: skip
    for name, held in checkup.caches.items():
        if not isinstance(held, str):
            yield _("⚡ Cache {name}: {size} of memory").format(name=name, size=words.size(held))
    for run, (count, weight) in checkup.set_aside.items():
        yield ngettext(
            "♻️ Set aside by {run}: {n} file, {size}, purged from {moment}",
            "♻️ Set aside by {run}: {n} files, {size}, purged from {moment}",
            count,
        ).format(run=run, n=count, size=words.size(weight), moment=words.moment(checkup.purged_from[run]))


def _protection(checkup: Checkup) -> Iterator[str]:
    last = checkup.last_success
    yield _("🕑 Last success: {moment}").format(
        moment=_("{moment}, {age} ago").format(moment=words.moment(last), age=words.hours(checkup.now - last))
        if last
        else _("never")
    )
    yield _("📝 State: {path}").format(path=words.safe(checkup.state))
    owners = sorted({user(owner) for size in checkup.places for owner in size.rights.owners})
    yield _("👤 Running as {user}; the directories belong to {owners}").format(
        user=checkup.user, owners=", ".join(owners) or "—"
    )
    active = ", ".join(words.guard(name) for name, is_active in checkup.guards.items() if is_active)
    absent = [name for name, is_active in checkup.guards.items() if not is_active and name != LANDLOCK]
    yield _("🛡️ Protection: {names}").format(names=active or "—")
    if absent:
        names = ", ".join(map(words.guard, absent))
        yield _("🛡️ Not available here, slower checks replace it: {names}").format(names=names)
    if checkup.unrestricted:
        yield "🛡️ " + words.unrestricted(checkup.unrestricted)
    for shelter in checkup.quarantines:
        where = _("inside it") if shelter.inside else _("beside it")
        yield _("🧺 Quarantine of {place}: {where}, {path}").format(
            place=words.safe(shelter.place), where=where, path=words.safe(shelter.path)
        )


def _preview(preview: Preview) -> Iterator[str]:
    if preview.skipped:
        yield _("🔍 What a run would do was not found out, it would take long: dvornik run --dry-run")
        return
    said = [
        words.would(rule, total.found - total.refused)
        for rule, total in preview.totals.items()
        if total.found > total.refused
    ]
    yield _("🔍 A run now would do this:") if said else _("🔍 A run now would find nothing to do")
    yield from ("   " + line for line in said)


def problems(checkup: Checkup) -> Iterator[Problem]:
    """Yield what is wrong, each with its remedy."""
    for disk in checkup.disks:
        yield from _disk_problems(disk)
    yield from _quarantine_problems(checkup)
    for size in checkup.places:
        if size.place != APPLICATION:  # nothing is removed there
            yield from _place_problems(size)
    yield from _state_problems(checkup)
    for trouble in checkup.trouble:
        yield Problem(_told(trouble), trouble.hint or _("dvornik config check"))
    for name, tables in checkup.databases.items():
        yield from _database_problems(name, tables, checkup.database_hints.get(name, ""))
    for name, held in checkup.caches.items():
        if isinstance(held, str):
            remedy = checkup.cache_hints.get(name) or _("Check its address, and that it can be reached")
            yield Problem(f"{name}: {held}", remedy)
    for refused in checkup.preview.refused:
        yield Problem(_("A run now would refuse: {why}").format(why=refused), _("Look at it: dvornik run --dry-run"))


def _told(trouble: Trouble) -> str:
    return f"{trouble.message} ({words.safe(trouble.context)})" if trouble.context else trouble.message


def _disk_problems(disk: Disk) -> Iterator[Problem]:
    if disk.free < LOW * disk.total:
        yield Problem(
            _("The disk of {root} is almost full").format(root=words.safe(disk.root)),
            _("dvornik run --aggressive; then look at the largest files"),
        )
    if disk.inodes and disk.inodes_free < LOW * disk.inodes:
        yield Problem(
            _("The disk of {root} has almost no inodes left").format(root=words.safe(disk.root)),
            _("Many small files: dvornik run temp; what waits in quarantine: dvornik purge --all"),
        )


def _quarantine_problems(checkup: Checkup) -> Iterator[Problem]:
    """Say so where what waits in quarantine is what a full disk lacks."""
    waiting = sum(size for _count, size in checkup.set_aside.values())
    if any(waiting > LOW * disk.total or (waiting and disk.free < LOW * disk.total) for disk in checkup.disks):
        yield Problem(
            _("The quarantine takes {size}").format(size=words.size(waiting)),
            _("dvornik purge --all gives it back at once; undo is over then"),
        )


def _place_problems(size: Size) -> Iterator[Problem]:
    remedy = _("Run dvornik as the user of the application")
    rights, root = size.rights, words.safe(size.root)
    if is_read_only(size.root):
        yield Problem(
            _("{root} is on a read-only file system: nothing of it can be removed").format(root=root),
            _("See why it was mounted so: mount, dmesg"),
        )
    elif not size.writable:
        yield Problem(_("{root} is not writable for this user").format(root=root), remedy)
    elif rights.closed:
        message = ngettext(
            "Nothing can be removed from {n} directory of {root}, such as {example}: this user may not write to it",
            "Nothing can be removed from {n} directories of {root}, such as {example}: this user may not write to them",
            rights.closed,
        )
        yield Problem(message.format(n=rights.closed, root=root, example=words.safe(rights.examples[0])), remedy)
    if rights.sticky:
        message = ngettext(
            "In {n} directory of {root} only a file's owner may remove it (sticky bit)",
            "In {n} directories of {root} only a file's owner may remove it (sticky bit)",
            rights.sticky,
        )
        yield Problem(message.format(n=rights.sticky, root=root), remedy)
    if size.unreadable:
        yield Problem(_("{n} entries of {root} cannot be read").format(n=size.unreadable, root=root), remedy)


def _state_problems(checkup: Checkup) -> Iterator[Problem]:
    if checkup.state_objection:
        facts = {"why": checkup.state_objection, "state": checkup.state}
        said = quick_health.describe(quick_health.STATE, facts, current())
        yield Problem(said, _state_remedy(checkup))


def _state_remedy(checkup: Checkup) -> str:
    """Return the command that puts a directory right; of a disk or a mount the description says what is missing."""
    if checkup.state_objection in {state_directory.OWNER, state_directory.MODE}:
        return words.safe(state_directory.error(Path(checkup.state), checkup.state_objection).hint)
    return _("Until then no run can be recorded, and most fail.")


def _database_problems(name: str, tables: Sequence[TableSize] | str, hint: str) -> Iterator[Problem]:
    if isinstance(tables, str):
        yield Problem(f"{name}: {tables}", hint or _("Check its address, and that it can be reached"))
        return
    for table in tables:
        if table.reusable > max(_WORTH_REWRITING, _BLOATED * table.size):
            yield Problem(
                _("{size} of {database}: {table} is waste").format(
                    size=words.size(table.reusable), database=name, table=words.safe(table.table)
                ),
                _("dvornik run database --aggressive, in a maintenance window: the table is locked meanwhile"),
            )
