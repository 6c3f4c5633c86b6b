"""Temporary files that nobody came back for.

**Finds** files in the application's temporary directories that are older than ``temp.older_than`` (24 hours), and
directories that are empty, or will be once those files are gone, and as old (``temp/empty-directory``).

**Why that may go:** a temporary file serves one request or one job; a day later nobody is waiting for it.

**What holds it back:** age by the latest of modification and change, placeholders such as ``.gitkeep``, names that
``temp.exclude`` lists, old pieces of an upload whose newest piece is fresh, files that somebody has open, mapped or
locked, anything that is not a regular file, and whatever changed after the scan.

**Undo:** none; what is young, open or in doubt is kept instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from dvornik.collectors.aged import explain, split
from dvornik.collectors.claims import Claiming
from dvornik.collectors.names import Names, may_hold_pieces, upload_of
from dvornik.model import Batch, Finding, Held, Left, Reason, Rule, Storage, Survey, Trouble, UnreachableError
from dvornik.policy import take

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dvornik.config import TempSection
    from dvornik.model import Evidence, Outcome, Seen

OLD: Final = "temp/old"
EMPTY: Final = "temp/empty-directory"


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
        for place, storage in self._storages.items():
            try:
                yield from _Scan(place, storage, self._names, self._settings, now)
            except UnreachableError as error:
                yield Trouble(place, error.message, error.hint, error.context)

    def apply(self, finding: Finding, run: str) -> Outcome:
        """Remove the files, or the directories that are empty by now."""
        storage = self._storages[finding.place]
        return storage.prune(finding) if finding.rule == EMPTY else storage.discard(finding, run, keep=False)

    def why(self, path: str, now: int) -> Evidence | None:
        """Say what holds a file in one of these directories."""
        settings = self._settings
        return explain(self._storages, path, OLD, self._names, settings.older_than, settings.age_by, now)


class _Scan:
    """One place's scan: counts along the way what each directory will still hold."""

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
        self._items = 0
        self._size = 0

    def __iter__(self) -> Iterator[Seen]:
        container = ""
        for step in self._storage.walk(with_times=True, age_by=self._settings.age_by):
            if isinstance(step, Left) or step.container != container:
                yield from self._flush()
                container = step.container
            yield from self._enter(step) if isinstance(step, Batch) else self._leave(step)
        yield Survey(self._place, Temp.name, self._storage.fingerprint(), self._items, self._size)

    def _enter(self, batch: Batch) -> Iterator[Seen]:
        self._items += len(batch.names)
        self._size += sum(batch.sizes)
        in_pieces = may_hold_pieces(batch.names)
        if in_pieces:
            rows = zip(batch.names, batch.times, strict=True)
            self._fresh |= {upload_of(name) for name, time in rows if time > self._cutoff}
        for seen in split(batch, OLD, self._place, self._names, self._settings.older_than, self._now):
            if not isinstance(seen, Finding):
                yield seen
                continue
            whole, pieces = _parted(seen) if in_pieces else (seen, None)
            self._pieces += [pieces] if pieces and pieces.names else []
            if whole.names:
                yield self._counted(whole)

    def _flush(self) -> Iterator[Seen]:
        """Decide on the pieces of uploads, now that every name of their directory was seen."""
        for pieces in self._pieces:
            going_on = [upload_of(name) in self._fresh for name in pieces.names]
            kept = [name for name, fresh in zip(pieces.names, going_on, strict=True) if fresh]
            if kept:
                yield Held(OLD, self._place, pieces.container, Reason.GROUP, len(kept), kept[:5])
            if len(kept) < len(pieces.names):
                yield self._counted(take(pieces, [row for row, fresh in enumerate(going_on) if not fresh]))
        self._pieces, self._fresh = [], set()

    def _counted(self, finding: Finding) -> Finding:
        self._going[finding.container] = self._going.get(finding.container, 0) + finding.count
        return finding

    def _leave(self, left: Left) -> Iterator[Seen]:
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
        if self._settings.prune_directories and left.container and old and going == left.entries:
            parent = left.container.rpartition("/")[0]
            self._empty.setdefault(parent, []).append(left)
            self._going[parent] = self._going.get(parent, 0) + 1


def _parted(finding: Finding) -> tuple[Finding, Finding]:
    """Tell files that stand alone from the pieces of uploads."""
    piece = [bool(upload_of(name)) for name in finding.names]
    if not any(piece):
        return finding, take(finding, [])
    return (
        take(finding, [row for row, is_piece in enumerate(piece) if not is_piece]),
        take(finding, [row for row, is_piece in enumerate(piece) if is_piece]),
    )
