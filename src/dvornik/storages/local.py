"""Owns a directory tree on this machine: listing it, and taking files away by claim, then verify, then act.

Everything is relative to directories that are opened one level at a time, without following links. A file is first
renamed into a private directory; only what then still is the file that the scan saw, in a directory that still is
below the root, and that nobody has open, is deleted or kept in quarantine. All else goes back, never overwriting.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
import sys
import threading
from contextlib import nullcontext, suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

from dvornik import terminal
from dvornik.contracts.storage import Batch, Left, Opened
from dvornik.errors import UnreachableError
from dvornik.languages import _
from dvornik.model import Miss, Outcome, Reason
from dvornik.storages import directories, opened, whole
from dvornik.storages.claims import Claims, Rescue, Tally, miss_of, put_back, shown_name
from dvornik.storages.kernel import code_of, is_exhausted, mounts, reason_of, room_for_files
from dvornik.storages.quarantine import CLAIMED, KEPT, Quarantine, waits_beside
from dvornik.storages.roots import Root
from dvornik.storages.texts import text_of
from dvornik.storages.walk import Looked, looked, version, walk
from dvornik.storages.walk import size as size_of
from dvornik.storages.ways import UnsafeStepError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from dvornik.model import Finding
    from dvornik.storages.claims import Planned
    from dvornik.storages.directories import Directory

_CHUNK: Final = 128
"""Files claimed before the first is verified, each held open: bounds how long one that must go back is out of sight."""
_FEW: Final = 16
"""As above on a full disk: each file that goes may make the room for claiming as it should be."""
_REMEMBERED: Final = 100_000
"""Directories whose state is remembered until they may be pruned."""
_LOST_AND_FOUND: Final = "lost+found"
"""At the top of a mounted ext4: it belongs to fsck, and ordinary users may not even look."""


class LocalStorage:
    """The files below one root."""

    def __init__(
        self, place: str, root: str | Root, *, skip: Collection[str] = (), public: Collection[str] = ()
    ) -> None:
        """Take the tree at ``root``, a path that is resolved now or a root that was judged before.

        ``skip`` are absolute directories in it that belong to somebody else.
        ``public`` are directories anywhere that a web server serves: what is set aside does not lie in them.
        """
        self._public = public
        self.place = place
        self.root = root if isinstance(root, Root) else Root.at(root)
        self.path = self.root.path
        self._skip = self._inside(os.path.realpath(path) for path in skip) | {_LOST_AND_FOUND}
        self._mounts = self._inside(mounts())
        self.is_foreign: Callable[[str], bool] | None = None
        """Of a directory below the root: whether it is another program's, and is not entered."""
        self._opening = threading.Lock()
        self._emptied: dict[str, int] = {}
        """Directories that we took files from, with the time of modification that this left them with."""
        self._abandoned: list[tuple[str, str]] = []
        """What a killed run claimed where it lay: container and hidden name."""

    def _inside(self, paths: Iterable[str]) -> frozenset[str]:
        """Return those of the absolute ``paths`` that lie below the root, relative to it."""
        return frozenset(
            os.path.relpath(path, self.path) for path in paths if path.startswith(self.path.rstrip(os.sep) + os.sep)
        )

    @cached_property
    def _root(self) -> Directory:
        """The root, opened once and kept.

        Raises ``UnreachableError`` where it is not there, and where this process does not read names as UTF-8: they
        would be other letters than in the databases, and whatever is named there would look unused.
        """
        if not terminal.are_names_utf8():
            raise UnreachableError(
                _("This process reads names as {charset}, not as UTF-8.").format(charset=sys.getfilesystemencoding()),
                context=f"{self.place}: {self.path}",
                hint=_("Set PYTHONUTF8=1, or start dvornik by its own command, which does."),
            )
        try:
            return self.root.directory
        except OSError as error:
            raise self._unreachable(error) from error

    @cached_property
    def _top(self) -> os.stat_result:
        """Which directory the root is: while it is open its number is nobody else's."""
        return self._root.own_state()

    def _unreachable(self, error: OSError) -> UnreachableError:
        if isinstance(error, UnsafeStepError):
            return UnreachableError(error.message, context=f"{self.place}: {self.path}", hint=error.hint)
        return UnreachableError(
            _("The directory cannot be opened."),
            context=f"{self.place}: {self.path} ({code_of(error)})",
            hint=_("Is the volume mounted, and may this user read it?"),
        )

    @property
    def _quarantine(self) -> Quarantine:
        with self._opening:
            return self._private_side

    @cached_property
    def _private_side(self) -> Quarantine:
        root = self._root
        try:
            root.own_state()
            return Quarantine(self.root, self._public)
        except OSError as error:
            raise self._unreachable(error) from error

    def fingerprint(self) -> str:
        """Return the file system's identity and the root's inode: device numbers change with a reboot."""
        try:
            if not self.root.is_in_place(self._top):  # moved away since it was opened
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            return f"{self._root.system():x}:{self._top.st_ino}"
        except OSError as error:
            raise self._unreachable(error) from error

    def walk(self, *, with_times: bool, age_by: str = "newest", below: str = "") -> Iterator[Batch | Left]:
        """List every directory top down (of all, or from ``below``), with a ``Left`` once all below it was listed."""
        self._quarantine.check()
        for step in walk(
            self._root, with_times=with_times, age_by=age_by, skip=self._skip, mounts=self._mounts,
            is_foreign=self.is_foreign, below=below,
        ):  # fmt: skip
            if isinstance(step, Batch):
                self._abandoned += [(step.container, miss.name) for miss in step.others if shown_name(miss.name)]
            yield step

    def examine(self, container: str, names: Sequence[str], *, age_by: str = "newest") -> Batch:
        """Return the columns of the named files as they are now; what cannot be looked at is among the others."""
        kept: list[str] = []
        states: list[Looked] = []
        others: list[Miss] = []
        try:
            with self._root.child(container) as directory:
                for name in names:
                    try:
                        state = directory.state(name)
                    except OSError as error:
                        others.append(miss_of(name, error))
                        continue
                    if stat.S_ISREG(state.st_mode):
                        kept.append(name)
                        states.append(looked(state, age_by))
                    else:
                        others.append(Miss(name, Reason.CHANGED))
        except OSError as error:
            return Batch(container, (), others=[miss_of(name, error) for name in names])
        sizes, times, versions = zip(*states, strict=True) if states else ((), (), ())
        return Batch(container, kept, sizes, times, versions, others)

    def names_in(self, container: str) -> Sequence[str]:
        """List the regular files of one directory as it is now; none where it cannot be listed."""
        try:
            with self._root.child(container) as directory:
                return [entry.name for entry in directory.entries() if entry.is_file(follow_symlinks=False)]
        except OSError:
            return ()

    def texts(self, container: str, names: Sequence[str], run: str = "") -> Iterator[bytes | Reason]:
        """Yield what each file (of the quarantine of ``run``) holds if it is a text, nothing of one that is none."""
        try:
            with (
                self._quarantine.open_run(KEPT, run) if run else nullcontext(self._root) as top,
                top.child(container) as directory,
            ):
                for name in names:
                    yield text_of(directory, name)
                return
        except OSError as error:
            reason = reason_of(error)
        yield from [reason] * len(names)

    def heads(self, container: str, names: Sequence[str], size: int) -> Iterator[bytes | Reason]:
        """Yield the first ``size`` bytes of each file, or why they cannot be read."""
        try:
            directory = self._root.child(container)
        except OSError as error:
            yield from [reason_of(error)] * len(names)
            return
        with directory:
            for name in names:
                yield _head(directory, name, size)

    def opened(self) -> Opened:
        """Return what visible programs have open or mapped at this moment."""
        return opened.below(self.path)

    def locate(self, path: str) -> tuple[str, str] | None:
        """Split an absolute path into container and name; ``None`` where it is not below the root."""
        parent, name = os.path.split(path)
        inside = os.path.relpath(os.path.realpath(parent), self.path)
        if inside == ".." or inside.startswith("../"):
            return None
        return ("" if inside == "." else inside), name

    def discard(self, finding: Finding, run: str, *, keep: bool) -> Outcome:
        """Claim, verify, and then delete, or keep in quarantine under ``run``."""
        tally = Tally()
        sizes = finding.sizes or itertools.repeat(0, finding.count)
        planned = list(zip(finding.names, finding.versions, sizes, strict=True))
        try:
            with self._root.child(finding.container) as source:
                self._discard(planned, source, run, tally, keep=keep)
                with suppress(OSError):  # it is gone: nothing to remember
                    self._remember(source)
        except OSError as error:
            tally.missed = [miss_of(name, error) for name, _seen, _size in planned]
        return tally.outcome(finding, keep=keep)

    def _discard(self, planned: Sequence[Planned], source: Directory, run: str, tally: Tally, *, keep: bool) -> None:
        rescue = partial(self._rescue, source.container, run, keep)
        in_place = partial(self._is_in_place, source)
        room = room_for_files()
        while planned:
            try:
                private = self._private(source, run, keep=keep)
            except OSError as error:
                tally.missed += [miss_of(name, error) for name, _seen, _size in planned]
                return
            if not in_place():
                tally.missed += [Miss(name, Reason.MOVED) for name, _seen, _size in planned]
                return
            claims = Claims(source, private, tally, rescue)
            planned, later = planned[:room], planned[room:] if room else ()
            planned = claims.take_plain(planned, in_place, keep=keep)
            count = _FEW if private is source else _CHUNK
            if planned:
                claims.take(planned[:count], in_place, keep=keep)
            planned = [*planned[count:], *later]

    def _private(self, source: Directory, run: str, *, keep: bool) -> Directory:
        """Return where files of ``source`` are claimed to; on a full disk where they lie, until there is room."""
        try:
            return self._quarantine.claims(KEPT if keep else CLAIMED, run, source.container)
        except OSError as error:
            if keep or reason_of(error) is not Reason.NO_SPACE:
                raise
            return source

    def discard_whole(self, finding: Finding, run: str) -> Outcome:
        """Delete all files of one directory, whose names may be paths below it, or none: see ``whole``."""

        def rescue(container: str) -> Rescue:
            return partial(self._rescue, container, run, False)  # noqa: FBT003 - as it is bound elsewhere

        ground = whole.Ground(self._root, self._quarantine, self._is_in_place, rescue, self._remember)

        def listing(below: str) -> Iterator[Batch | Left]:
            return self.walk(with_times=True, below=below)

        return whole.discard(finding, run, ground, listing, partial(self.discard, run=run, keep=False))

    def _is_in_place(self, source: Directory) -> bool:
        """Tell whether a directory still is below the root, and the root's path still leads to the root."""
        try:
            return self.root.is_in_place(self._top) and source.is_below(self._top)
        except OSError as error:
            if is_exhausted(error):  # which is not to be told as a directory that was moved
                raise
            return False

    def _rescue(  # noqa: PLR0913, PLR0917 - where from, bound beforehand, and what
        self,
        container: str,
        run: str,
        keep: bool,  # noqa: FBT001 - bound beforehand
        hidden: str,
        private: Directory,
        name: str,
        error: OSError,
    ) -> bool:
        """Make the directory of a claimed file anew if it is gone; keep the file for undo if its name is taken."""
        with suppress(OSError):
            if isinstance(error, FileNotFoundError) and private.state(hidden):
                with directories.made(self._root, container, 0o777, adopted=True) as target:
                    put_back(hidden, private, target, name)
                return True
            if not keep:
                private.give_back(hidden, self._quarantine.claims(KEPT, run, container), name)
        return False

    def prune(self, finding: Finding) -> Outcome:
        """Remove the named directories that are empty and as they were seen, or as our own removals left them.

        Removing a directory can never take a file along.
        """
        tally = Tally()
        try:
            with self._root.child(finding.container) as parent:
                in_place = self._is_in_place(parent)
                for name, seen in zip(finding.names, finding.versions, strict=True):
                    reason = self._objection_to_pruning(parent, name, seen) if in_place else Reason.MOVED
                    if reason:
                        tally.missed.append(Miss(name, reason))
                        continue
                    try:
                        parent.remove(name)
                        tally.done += 1
                    except OSError as error:
                        tally.missed.append(miss_of(name, error))
                self._remember(parent)
        except OSError as error:
            tally.missed = [miss_of(name, error) for name in finding.names]
        return tally.outcome(finding, keep=False)

    def _objection_to_pruning(self, parent: Directory, name: str, seen: str) -> Reason | None:
        try:
            state = parent.state(name)
        except OSError as error:
            return reason_of(error)
        left = self._emptied.pop(f"{parent.container}/{name}".lstrip("/"), None)
        if left is None:
            return None if version(state) == seen else Reason.CHANGED
        is_same = seen.startswith(f"{state.st_ino}:") and state.st_mtime_ns == left
        return None if is_same and stat.S_ISDIR(state.st_mode) else Reason.CHANGED

    def _remember(self, directory: Directory) -> None:
        """Note how our removals left a directory: whatever changes it later is somebody else."""
        left = directory.own_state().st_mtime_ns
        with self._opening:
            if len(self._emptied) >= _REMEMBERED:
                self._emptied.pop(next(iter(self._emptied)))
            self._emptied[directory.container] = left

    def quarantined(self) -> Iterator[tuple[str, Batch]]:
        """List what lies in quarantine: the run that set it aside and a batch a directory."""
        for run in self._quarantine.runs(KEPT):
            for step in self._quarantine.contents(KEPT, run):
                if isinstance(step, Batch) and step.names:
                    yield run, step

    def restore(self, run: str, container: str | None = None, names: Sequence[str] | None = None) -> Iterator[Outcome]:
        """Give back (all of, a directory of, or some names of) what ``run`` set aside. Never overwrites."""
        if self._has_nothing_of(run):
            return
        yield from self._give_back(KEPT, run, container, names)
        if container is None:
            self._quarantine.sweep(KEPT, run)

    def _give_back(
        self, kind: str, run: str, container: str | None = None, names: Sequence[str] | None = None
    ) -> Iterator[Outcome]:
        for batch in self._batches(kind, run, container, names):
            tally = Tally()
            with self._quarantine.open_run(kind, run) as top, top.child(batch.container) as private:
                try:
                    with directories.made(self._root, batch.container, 0o777, adopted=True) as target:
                        self._put_back(
                            batch, private, target, partial(self._rescue, batch.container, run, kind == KEPT), tally
                        )
                except NotADirectoryError as error:  # a file has the name of its directory
                    tally.missed = [Miss(name, Reason.TAKEN, code_of(error)) for name in batch.names]
                except OSError as error:
                    tally.missed = [miss_of(name, error) for name in batch.names]
            self._quarantine.shrink(kind, run, batch.container)
            stuck = [
                Miss(miss.name, miss.reason, miss.detail, is_stuck=True) for miss in (*tally.missed, *batch.others)
            ]
            yield Outcome("", self.place, batch.container, tally.done, set_aside=-tally.size, missed=stuck)

    def _put_back(self, batch: Batch, private: Directory, target: Directory, rescue: Rescue, tally: Tally) -> None:
        for name, size in zip(batch.names, batch.sizes, strict=True):
            try:
                put_back(name, private, target, name)
            except OSError as error:
                if not rescue(name, private, name, error):
                    tally.missed.append(miss_of(name, error))
                    continue
            tally.done += 1
            tally.size += size

    def purge(self, run: str, container: str | None = None, names: Sequence[str] | None = None) -> Iterator[Outcome]:
        """Remove for good (all of, a directory of, or some names of) what ``run`` set aside."""
        if self._has_nothing_of(run):
            return
        for batch in self._batches(KEPT, run, container, names):
            tally = Tally()
            with self._quarantine.open_run(KEPT, run) as top, top.child(batch.container) as private:
                for name, size in zip(batch.names, batch.sizes, strict=True):
                    try:
                        freed = size or size_of(private.state(name))  # of several names, the last gives it back
                        private.unlink(name)
                    except OSError as error:
                        tally.missed.append(miss_of(name, error))
                        continue
                    tally.done += 1
                    tally.size += freed
            self._quarantine.shrink(KEPT, run, batch.container)
            missed = [*tally.missed, *batch.others]
            yield Outcome("", self.place, batch.container, tally.done, freed=tally.size, missed=missed)
        if container is None:
            self._quarantine.sweep(KEPT, run)

    def _has_nothing_of(self, run: str) -> bool:
        """Tell whether the root is not there at all, and nothing of it waits beside it."""
        return self.root.is_missing() and not waits_beside(self.path, run)

    def _batches(self, kind: str, run: str, container: str | None, names: Sequence[str] | None) -> Iterator[Batch]:
        """List what a run left, whole or in part."""
        if not self._quarantine.hold() or run not in self._quarantine.runs(kind):
            return
        wanted = None if names is None else set(names)
        for step in self._quarantine.contents(kind, run, below=container or ""):
            if container is not None and step.container != container:
                return  # its own files come first: what lies deeper is nobody's question
            if not isinstance(step, Batch):
                continue
            rows = list(zip(step.names, step.sizes, step.times, step.versions, strict=True))
            others = step.others
            if kind == CLAIMED:  # something else may have been claimed in a file's stead
                rows += [(miss.name, 0, 0, "") for miss in others]
                others = ()
            if wanted is not None:
                rows = [row for row in rows if row[0] in wanted]
                others = ()
            if rows or others:
                names, sizes, times, versions = zip(*rows, strict=True) if rows else ((), (), (), ())
                yield Batch(step.container, names, sizes, times, versions, others)

    def recover(self) -> Iterator[Outcome]:
        """Give back what was claimed for deletion by a run that did not live to finish.

        What cannot go back since its name was taken is kept under that run, as for undo.
        """
        if self._quarantine.hold():
            for run in self._quarantine.runs(CLAIMED):
                yield from self._give_back(CLAIMED, run)

    def tidy(self) -> None:
        """Give back what the last scan met of a killed run, remove the empty private directories, unlock the place."""
        for container, hidden in self._abandoned:
            with suppress(OSError), self._root.child(container) as directory:
                put_back(hidden, directory, directory, shown_name(hidden))
        self._abandoned.clear()
        self._quarantine.tidy()


def _head(directory: Directory, name: str, size: int) -> bytes | Reason:
    try:
        descriptor = directory.open_file(name)
        try:
            return os.read(descriptor, size)
        finally:
            os.close(descriptor)
    except OSError as error:
        return reason_of(error)
