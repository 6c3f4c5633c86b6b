"""Temporary files that nobody came back for.

**Finds** files in the application's temporary directories that are older than ``temp.older_than`` (24 hours), and
directories that are empty, or will be once those files are gone, and as old (``temp/empty-directory``).

**Why that may go:** a temporary file serves one request or one job; a day later nobody is waiting for it.

**What holds it back:** age by the latest of modification and change, placeholders such as ``.gitkeep``, names that
``temp.exclude`` lists (of a directory: all that is in it), files of process numbers (``*.pid``) and
small lock files, names that belong to a fresh or open file (pieces by number, descriptions by suffix), everything in a
directory made for one job, which its made-up name tells, while anything in it is fresh or in use, everything below a
directory at the top of which a program has an old file open, whatever lies in a directory that was moved here lately or
that somebody has locked (``flock``), that a process works in (as its working or root directory), or that is mounted
elsewhere (a layer of an overlay, the source of a bind mount), files that somebody has open, mapped or locked, anything
that is not a regular file, and whatever changed after the scan.

**Undo:** none; what is young, open or in doubt is kept instead.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, ClassVar, Final

import msgspec

from dvornik.collectors.aged import split, survey
from dvornik.collectors.claims import Claiming
from dvornik.collectors.companions import Marks, belonging
from dvornik.collectors.evidence import Sought, explain
from dvornik.collectors.generated import is_generated, is_of_mkdtemp
from dvornik.collectors.in_use import InUse, is_lock_directory, locks_among
from dvornik.collectors.names import Names, shown
from dvornik.collectors.temp_units import FRESH, Unit
from dvornik.contracts.collector import Rule
from dvornik.contracts.storage import Batch, Left, Storage
from dvornik.errors import UnreachableError
from dvornik.model import Finding, Held, Reason, Trouble
from dvornik.policy import take
from dvornik.storages.walk import BATCH
from dvornik.storages.whole import OTHERS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from dvornik.config import TempSection
    from dvornik.contracts.collector import Evidence
    from dvornik.model import Outcome, Seen

OLD: Final = "temp/old"
EMPTY: Final = "temp/empty-directory"
_STANDING: Final = re.compile(r"systemd-private-.+|snap-private-tmp|\.(?:X11|ICE|XIM|font)-unix", re.DOTALL)
"""Directories of services that run: nobody makes them again, not even where they are empty."""
_MOST: Final = 8 * BATCH
"""Files of one directory that are remembered until all of it was listed; a larger one is listed twice."""


class Temp(Claiming):
    """Collects old temporary files and the directories that they leave empty."""

    name: ClassVar[str] = "temp"
    rules: ClassVar[Mapping[str, Rule]] = {OLD: Rule(OLD), EMPTY: Rule(EMPTY, capped=False)}
    concurrent: ClassVar[frozenset[str]] = frozenset({OLD})

    def __init__(self, storages: Mapping[str, Storage], settings: TempSection) -> None:
        """Take the places by name, and what is meant by old."""
        self._storages = storages
        self._settings = settings
        self._names = Names(settings.patterns, settings.exclude)

    def scan(self, now: int, *, thorough: bool) -> Iterator[Seen]:  # noqa: ARG002 - old is old
        """Stream old files as they are met, and empty directories once all below them was seen."""
        for place in self._storages:
            try:
                yield from map(shown, self._scan(place, now))
            except UnreachableError as error:
                yield Trouble(place, error.message, error.hint, error.context)

    def apply(self, finding: Finding, run: str) -> Outcome:
        """Remove the files, those of a unit all together or none; or the directories that are empty by now."""
        storage = self._storages[finding.place]
        if finding.rule == EMPTY:
            return storage.prune(finding)
        if finding.detail.startswith(OTHERS):
            return storage.discard_whole(finding, run)
        return storage.discard(finding, run, keep=False)

    def why(self, paths: Sequence[str], now: int) -> Mapping[str, Evidence]:
        """Say what holds files in one of these directories: what a scan of all that is there would say."""
        return explain(Sought(paths, now), OLD, self._storages, lambda place: self._scan(place, now), self._settings)

    def _scan(self, place: str, now: int) -> _Scan:
        return _Scan(place, self._storages[place], self._names, self._settings, now)


class _Level:
    """One directory of the way down to where the scan is."""

    def __init__(self, container: str) -> None:
        self.container = container
        self.is_fresh = False
        """Whether anything in it, or below, is fresh or in use."""
        self.old: list[Finding] = []
        self.fresh: list[str] = []
        self.below: Sequence[str] = ()
        self.has_old = False
        self.is_decided = False
        self.marks: Marks | None = None
        """Of the fresh names, once the directory has too many files to remember the old ones."""
        self.waiting: Finding | None = None
        """What belongs to a directory in it, which is still to be seen."""
        self.fresh_below: list[str] = []
        self.held_below: Collection[str] = ()
        """Directories that belong to a fresh file beside them."""


class _Scan:
    """One place's scan: counts along the way what each directory will still hold; names all that is held."""

    def __init__(self, place: str, storage: Storage, names: Names, settings: TempSection, now: int) -> None:
        self._place = place
        self._storage = storage
        self._names = names
        self._settings = settings
        self._now = now
        self._cutoff = now - int(settings.older_than * 1e9)
        self._use = InUse(storage, self._cutoff, settings.age_by)
        self._way: list[_Level] = []
        self._unit: Unit | None = None
        self._going: dict[str, int] = {}
        self._empty: dict[str, list[Left]] = {}
        self._items = 0
        self._below: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Seen]:
        for seen in self._seen():
            if self._unit is None or not self._unit.takes(seen):
                yield seen
        yield survey(self._place, Temp.name, self._storage, self._items, self._below)

    def _seen(self) -> Iterator[Finding | Held]:
        for step in self._storage.walk(with_times=True, age_by=self._settings.age_by):
            if self._way and step.container != self._way[-1].container:
                yield from self._decide(self._way[-1])
            if isinstance(step, Batch):
                yield from self._enter(self._level_of(step.container), step)
            else:
                yield from self._decide(self._way[-1])
                yield from self._leave(step)

    def _level_of(self, container: str) -> _Level:
        """Return the directory that a batch is of; begin with it, and with its unit, where it is new."""
        around = self._way[-1] if self._way else None
        if around and around.container == container:
            return around
        self._way.append(_Level(container))
        name = container.rpartition("/")[2]
        is_held = around is not None and name in around.held_below
        if self._unit is None and container and (is_held or is_generated(name)):
            self._unit = Unit(container, OLD, self._storage, self._use)
            self._unit.is_fresh = self._unit.is_fresh or is_held
        return self._way[-1]

    def _enter(self, level: _Level, batch: Batch) -> Iterator[Finding | Held]:
        self._items += len(batch.names)
        self._below[batch.container.partition("/")[0]] += sum(batch.sizes)
        level.below = batch.below
        if self._unit:
            self._unit.enter(batch)
        for seen in self._judged(batch):
            if isinstance(seen, Held):
                level.is_fresh = level.is_fresh or seen.reason in FRESH
                level.fresh += self._fresh_of(seen, batch)
                yield seen
            elif self._unit:
                yield self._counted(seen)
            else:
                level.has_old = True
                level.old.append(seen)
        if level.marks is not None or sum(each.count for each in level.old) + len(level.fresh) > _MOST:
            level.marks = level.marks or Marks()
            level.marks.add(level.fresh)
            level.old, level.fresh = [], []

    def _fresh_of(self, held: Held, batch: Batch) -> Sequence[str]:
        """Return the names that hold their companions: what is excluded does so while it is fresh."""
        if self._unit:  # where anything is fresh all of it stays: no name is compared
            return ()
        if held.reason in FRESH:
            return held.names
        names = frozenset(held.names)
        rows = zip(batch.names, batch.times, strict=True)
        return [name for name, time in rows if time > self._cutoff and name in names]

    def _judged(self, batch: Batch) -> Iterator[Finding | Held]:
        """Tell what is in use and what is young from what may go; what is in use counts as fresh."""
        needed = self._use.needed(batch)
        if needed:
            yield Held(OLD, self._place, batch.container, Reason.OPEN, len(needed), needed)
            batch = _without(batch, needed)
        for seen in split(batch, OLD, self._place, self._names, self._settings.older_than, self._now):
            if isinstance(seen, Held) or self._unit:
                yield seen
                continue
            locks = locks_among(seen.names, seen.sizes, seen.container)
            if locks:
                names = [seen.names[row] for row in sorted(locks)]
                yield Held(OLD, self._place, seen.container, Reason.EXCLUDED, len(names), names)
                seen = take(seen, [row for row in range(seen.count) if row not in locks])  # noqa: PLW2901
            if seen.names:
                yield seen

    def _decide(self, level: _Level) -> Iterator[Finding | Held]:
        """Decide on a directory's files, now that every name of it was seen."""
        if level.is_decided:
            return
        level.is_decided = True
        if level.below and (level.fresh or level.marks):
            level.held_below = _claimed(level.below, level)
        for finding in self._again(level) if level.marks is not None and level.has_old else level.old:
            held = _claimed(finding.names, level)
            if held:
                names = [name for name in finding.names if name in held]
                yield Held(OLD, self._place, level.container, Reason.GROUP, len(names), names)
            waiting = belonging(finding.names, level.below) - held if level.below else set()
            if waiting:
                level.waiting = _joined(level.waiting, _only(finding, waiting))
            free = _only(finding, set(finding.names) - held - waiting) if held or waiting else finding
            if free.names:
                yield self._counted(free)
        level.old = []

    def _again(self, level: _Level) -> Iterator[Finding]:
        """List a large directory a second time, now that all its fresh names are known."""
        for step in self._storage.walk(with_times=True, age_by=self._settings.age_by, below=level.container):
            if isinstance(step, Left) or step.container != level.container:
                return
            yield from (seen for seen in self._judged(step) if isinstance(seen, Finding))

    def _counted(self, finding: Finding) -> Finding:
        self._going[finding.container] = self._going.get(finding.container, 0) + finding.count
        return finding

    def _leave(self, left: Left) -> Iterator[Finding | Held]:
        level = self._way.pop()
        is_young = (left.time > self._cutoff and self._tells(left.container)) or self._use.holds(left.container)
        if level.waiting:
            held = belonging(level.waiting.names, level.fresh_below)
            if held:
                names = [name for name in level.waiting.names if name in held]
                yield Held(OLD, self._place, level.container, Reason.GROUP, len(names), names)
            free = _only(level.waiting, set(level.waiting.names) - held)
            if free.names:
                yield self._counted(free)
        if self._unit:
            yield from self._leave_unit(self._unit, level, left, is_young=is_young)
        if self._way and (level.is_fresh or is_young):
            self._way[-1].is_fresh = True
            self._way[-1].fresh_below.append(left.container.rpartition("/")[2])
        yield from self._emptied(left)

    def _tells(self, container: str) -> bool:
        """Tell whether a directory's own time says that it is in use.

        Where files go by their modification alone they may have been copied, and their directories are as new as that.
        """
        unit = self._unit.container if self._unit else container
        return self._settings.age_by != "mtime" or is_of_mkdtemp(unit.rpartition("/")[2])

    def _leave_unit(self, unit: Unit, level: _Level, left: Left, *, is_young: bool) -> Iterator[Finding | Held]:
        """Decide on a unit, now that everything in it was seen."""
        unit.leave(left, is_young=is_young)
        level.is_fresh = level.is_fresh or unit.is_fresh
        if unit.container != left.container:
            return
        self._unit = None
        if unit.is_fresh:
            self._going.pop(left.container, None)
            self._empty.pop(left.container, None)
        yield from unit

    def _emptied(self, left: Left) -> Iterator[Finding]:
        """Yield the directories in it that will be empty; note whether it will be so itself."""
        empty = self._empty.pop(left.container, None)
        if empty:
            yield Finding(
                EMPTY,
                self._place,
                left.container,
                [directory.container.rpartition("/")[2] for directory in empty],
                [0] * len(empty),
                [directory.time for directory in empty],
                [directory.version for directory in empty],
            )
        going = self._going.pop(left.container, 0)
        old = left.time <= self._cutoff
        empty_soon = left.container and old and going == left.entries
        if empty_soon and self._settings.prune_directories and not self._has_to_stay(left):
            parent = left.container.rpartition("/")[0]
            self._empty.setdefault(parent, []).append(left)
            self._going[parent] = self._going.get(parent, 0) + 1

    def _has_to_stay(self, left: Left) -> bool:
        """Tell whether a directory is named by the settings, is worked in, is a lock, or was made by the system."""
        name = left.container.rpartition("/")[2]
        is_standing = any(map(_STANDING.fullmatch, left.container.split("/")))
        is_locked = not left.entries and self._unit is None and is_lock_directory(name)
        return is_standing or is_locked or self._use.holds(left.container) or self._names.is_shielded(left.container)


def _without(batch: Batch, names: Collection[str]) -> Batch:
    """Return the batch without some of its names."""
    gone = frozenset(names)
    rest = [row for row, name in enumerate(batch.names) if name not in gone]
    return Batch(
        batch.container,
        [batch.names[row] for row in rest],
        [batch.sizes[row] for row in rest],
        [batch.times[row] for row in rest],
        [batch.versions[row] for row in rest],
        batch.others,
    )


def _claimed(names: Sequence[str], level: _Level) -> set[str]:
    """Return which names belong to what is fresh in their directory."""
    if level.marks is not None:
        return {name for name in names if level.marks.claims(name)}
    return belonging(names, level.fresh)


def _only(finding: Finding, names: Collection[str]) -> Finding:
    """Return the finding with only those names."""
    return take(finding, [row for row, name in enumerate(finding.names) if name in names])


def _joined(one: Finding | None, other: Finding) -> Finding:
    """Put two findings of one directory together."""
    if one is None:
        return other
    columns = {name: [*getattr(one, name), *getattr(other, name)] for name in ("names", "sizes", "times", "versions")}
    return msgspec.structs.replace(one, **columns)
