"""Temporary files that nobody came back for.

**Finds** files in the application's temporary directories that are older than ``temp.older_than`` (24 hours), and
directories that are empty, or will be once those files are gone, and as old (``temp/empty-directory``).

**Why that may go:** a temporary file serves one request or one job; a day later nobody is waiting for it.

**What holds it back:** age by the latest of modification and change, placeholders such as ``.gitkeep``, names that
``temp.exclude`` lists (of a directory: all that is in it), files of process numbers (``*.pid``), old pieces of an
upload whose newest piece is fresh and the description of one that grows (``.info``), everything in a directory of
``mkdtemp`` (``temp.units``) while anything in it is fresh, whatever lies in a directory that was moved here lately or
that somebody has locked (``flock``), that a process works in (as its working or root directory), or that is mounted
elsewhere (a layer of an overlay, the source of a bind mount), files that somebody has open, mapped or locked, anything
that is not a regular file, and whatever changed after the scan.

**Undo:** none; what is young, open or in doubt is kept instead.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, ClassVar, Final

from dvornik.collectors.aged import split, survey
from dvornik.collectors.claims import Claiming
from dvornik.collectors.evidence import Sought, explain
from dvornik.collectors.names import Names, any_of, described_by, may_hold_pieces, shown, upload_of
from dvornik.contracts.collector import Rule
from dvornik.contracts.storage import Batch, Left, Storage
from dvornik.errors import UnreachableError
from dvornik.model import Finding, Held, Reason, Trouble
from dvornik.policy import take
from dvornik.storages import busy

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from dvornik.config import TempSection
    from dvornik.contracts.collector import Evidence
    from dvornik.model import Outcome, Seen

OLD: Final = "temp/old"
EMPTY: Final = "temp/empty-directory"
_STANDING: Final = re.compile(r"systemd-private-.+|snap-private-tmp|\.(?:X11|ICE|XIM|font)-unix", re.DOTALL)
"""Directories of services that run: nobody makes them again, not even where they are empty."""
_FRESH: Final = frozenset({Reason.YOUNG, Reason.FUTURE, Reason.GROUP, Reason.OPEN})
"""What tells that a unit is still in use; a link or a placeholder does not."""


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
        """Remove the files, or the directories that are empty by now."""
        storage = self._storages[finding.place]
        return storage.prune(finding) if finding.rule == EMPTY else storage.discard(finding, run, keep=False)

    def why(self, path: str, now: int) -> Evidence | None:
        """Say what holds a file in one of these directories: what a scan of all that is there would say."""
        return explain(Sought(path, now), OLD, self._storages, lambda place: self._scan(place, now), self._settings)

    def _scan(self, place: str, now: int) -> _Scan:
        return _Scan(place, self._storages[place], self._names, self._settings, now)


class _Scan:
    """One place's scan: counts along the way what each directory will still hold; names all that is held."""

    def __init__(self, place: str, storage: Storage, names: Names, settings: TempSection, now: int) -> None:
        self._place = place
        self._storage = storage
        self._names = names
        self._settings = settings
        self._now = now
        self._cutoff = now - int(settings.older_than * 1e9)
        self._fresh: set[str] = set()
        self._pieces: list[Finding] = []
        self._going: dict[str, int] = {}
        self._empty: dict[str, list[Left]] = {}
        located = (storage.locate(path) for path in busy.paths())
        self._busy = frozenset("/".join(filter(None, each)) for each in located if each)
        """What others need without having it open, relative to the root."""
        self._is_unit = any_of(settings.units).match if settings.units else None
        self._unit: _Unit | None = None
        self._items = 0
        self._below: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Seen]:
        for seen in self._seen():
            if self._unit is None or not self._unit.takes(seen):
                yield seen
        yield survey(self._place, Temp.name, self._storage, self._items, self._below)

    def _seen(self) -> Iterator[Finding | Held]:
        container = ""
        for step in self._storage.walk(with_times=True, age_by=self._settings.age_by):
            if isinstance(step, Left) or step.container != container:
                yield from self._flush()
                container = step.container
            if isinstance(step, Batch):
                self._begin_unit(container)
                yield from self._enter(step)
            else:
                yield from self._end_unit(step)
                yield from self._leave(step)

    def _begin_unit(self, container: str) -> None:
        if self._unit is None and self._is_unit and self._is_unit(container.rpartition("/")[2]):
            self._unit = _Unit(container)

    def _end_unit(self, left: Left) -> Iterator[Finding | Held]:
        """Decide on a unit, now that everything in it was seen; a fresh directory is as good as a fresh file."""
        unit, container = self._unit, left.container
        if unit is None:
            return
        unit.is_fresh = unit.is_fresh or left.time > self._cutoff or container in self._busy
        if unit.container != container:
            return
        self._unit = None
        if not unit.is_fresh:
            yield from unit.going
            return
        for finding in unit.going:
            if finding.rule == OLD:
                yield Held(
                    OLD, self._place, finding.container, Reason.GROUP, finding.count, finding.names, detail=container
                )
        self._going.pop(container, None)
        self._empty.pop(container, None)

    def _enter(self, batch: Batch) -> Iterator[Finding | Held]:
        self._items += len(batch.names)
        self._below[batch.container.partition("/")[0]] += sum(batch.sizes)
        in_pieces = may_hold_pieces(batch.names)
        if in_pieces:
            rows = zip(batch.names, batch.times, strict=True)
            self._fresh |= {upload_of(name) for name, time in rows if time > self._cutoff}
        needed = self._needed(batch) if self._busy else []
        if needed:
            yield Held(OLD, self._place, batch.container, Reason.OPEN, len(needed), needed)
            batch = _without(batch, needed)
        for seen in split(batch, OLD, self._place, self._names, self._settings.older_than, self._now):
            if not isinstance(seen, Finding):
                yield seen
                continue
            whole, pieces = _parted(seen) if in_pieces else (seen, None)
            self._pieces += [pieces] if pieces and pieces.names else []
            if whole.names:
                yield self._counted(whole)

    def _needed(self, batch: Batch) -> list[str]:
        """Return the names that others need, be it for the directory that they are in."""
        if self._is_busy(batch.container):
            return list(batch.names)
        return [name for name in batch.names if f"{batch.container}/{name}".lstrip("/") in self._busy]

    def _is_busy(self, container: str) -> bool:
        return any(f"{container}/".startswith(f"{path}/") for path in self._busy)

    def _flush(self) -> Iterator[Finding | Held]:
        """Decide on the pieces of uploads, now that every name of their directory was seen."""
        for pieces in self._pieces:
            fresh = self._fresh | self._described(pieces)
            going_on = [(upload_of(name) or name) in fresh for name in pieces.names]
            kept = [name for name, fresh in zip(pieces.names, going_on, strict=True) if fresh]
            if kept:
                yield Held(OLD, self._place, pieces.container, Reason.GROUP, len(kept), kept)
            if len(kept) < len(pieces.names):
                yield self._counted(take(pieces, [row for row, fresh in enumerate(going_on) if not fresh]))
        self._pieces, self._fresh = [], set()

    def _described(self, pieces: Finding) -> set[str]:
        """Return which of these describe an upload that goes on in a file of its own."""
        names = {described_by(name): name for name in pieces.names if described_by(name)}
        if not names:
            return set()
        uploads = self._storage.examine(pieces.container, list(names), age_by=self._settings.age_by)
        rows = zip(uploads.names, uploads.times, strict=True)
        return {names[upload] for upload, time in rows if time > self._cutoff}

    def _counted(self, finding: Finding) -> Finding:
        self._going[finding.container] = self._going.get(finding.container, 0) + finding.count
        return finding

    def _leave(self, left: Left) -> Iterator[Finding | Held]:
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
        if empty_soon and self._settings.prune_directories and not self._has_to_stay(left.container):
            parent = left.container.rpartition("/")[0]
            self._empty.setdefault(parent, []).append(left)
            self._going[parent] = self._going.get(parent, 0) + 1

    def _has_to_stay(self, container: str) -> bool:
        """Tell whether a directory is named by the settings, is worked in, or was made by the system for others."""
        is_standing = any(map(_STANDING.fullmatch, container.split("/")))
        return is_standing or self._is_busy(container) or self._names.is_shielded(container)


class _Unit:
    """A directory that goes as a whole or not at all: what in it would go, and whether anything in it is fresh."""

    def __init__(self, container: str) -> None:
        self.container = container
        self.going: list[Finding] = []
        self.is_fresh = False

    def takes(self, seen: Finding | Held) -> bool:
        """Note what was seen; tell whether it is to wait until the unit's end."""
        if isinstance(seen, Finding):
            self.going.append(seen)
            return True
        self.is_fresh = self.is_fresh or seen.reason in _FRESH or seen.reason.is_failure
        return False


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


def _parted(finding: Finding) -> tuple[Finding, Finding]:
    """Tell files that stand alone from the pieces of uploads."""
    piece = [bool(upload_of(name) or described_by(name)) for name in finding.names]
    if not any(piece):
        return finding, take(finding, [])
    return (
        take(finding, [row for row, is_piece in enumerate(piece) if not is_piece]),
        take(finding, [row for row, is_piece in enumerate(piece) if is_piece]),
    )
