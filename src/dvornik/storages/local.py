"""Owns a directory tree on this machine: listing it, and taking files away by claim, then verify, then act.

Everything is relative to directories that are opened one level at a time, without following links. A file is first
renamed into a private directory; only what then still is the file that the scan saw, in a directory that still is
below the root, and that nobody has open, is deleted or kept in quarantine. All else goes back, never overwriting.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from dvornik.languages import _
from dvornik.model import Batch, Left, Miss, Outcome, Reason, UnreachableError
from dvornik.storages import directories
from dvornik.storages.kernel import Use, code_of, mounts, reason_of
from dvornik.storages.quarantine import CLAIMED, KEPT, NAME, Quarantine
from dvornik.storages.walk import Looked, looked, same_file, version, walk

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from dvornik.model import Finding
    from dvornik.storages.directories import Directory

_CHUNK = 256
"""Files claimed before the first is verified: bounds how long a file that must go back was out of sight."""


class LocalStorage:
    """The files below one root."""

    def __init__(self, place: str, root: str, *, skip: Collection[str] = ()) -> None:
        """Take the tree at ``root``; ``skip`` are absolute directories in it that belong to somebody else."""
        self.place = place
        self.path = os.path.realpath(root)
        self._use = Use()
        inside = [os.path.realpath(path) for path in skip] + list(mounts())
        self._skip = frozenset(
            os.path.relpath(path, self.path) for path in inside if path.startswith(self.path.rstrip("/") + "/")
        ) | {NAME}

    @cached_property
    def _root(self) -> Directory:
        """The root, opened once and kept: raises ``UnreachableError`` where it is not there."""
        try:
            return directories.root(self.path)
        except OSError as error:
            raise UnreachableError(
                _("The directory cannot be opened."),
                context=f"{self.place}: {self.path} ({code_of(error)})",
                hint=_("Is the volume mounted, and may this user read it?"),
            ) from error

    @cached_property
    def _quarantine(self) -> Quarantine:
        self._root.own_state()
        return Quarantine(self.path)

    def fingerprint(self) -> str:
        """Return the file system's identity and the root's inode: device numbers change with a reboot."""
        inode = self._root.own_state().st_ino
        system = os.statvfs(self.path) if hasattr(os, "statvfs") else None
        return f"{getattr(system, 'f_fsid', 0):x}:{inode}"

    def walk(self, *, with_times: bool, age_by: str = "newest") -> Iterator[Batch | Left]:
        """List every directory top down, a batch or more each, with a ``Left`` once all below it was listed."""
        return walk(self._root, with_times=with_times, age_by=age_by, skip=self._skip)

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
                        others.append(_miss(name, error))
                        continue
                    if stat.S_ISREG(state.st_mode):
                        kept.append(name)
                        states.append(looked(state, age_by))
                    else:
                        others.append(Miss(name, Reason.CHANGED))
        except OSError as error:
            return Batch(container, (), others=[_miss(name, error) for name in names])
        sizes, times, versions = zip(*states, strict=True) if states else ((), (), ())
        return Batch(container, kept, sizes, times, versions, others)

    def locate(self, path: str) -> tuple[str, str] | None:
        """Split an absolute path into container and name; ``None`` where it is not below the root."""
        parent, name = os.path.split(path)
        inside = os.path.relpath(os.path.realpath(parent), self.path)
        if inside == ".." or inside.startswith("../"):
            return None
        return ("" if inside == "." else inside), name

    def discard(self, finding: Finding, run: str, *, keep: bool) -> Outcome:
        """Claim, verify, and then delete, or keep in quarantine under ``run``."""
        tally = _Tally()
        try:
            with self._root.child(finding.container) as source:
                private = self._quarantine.claims(KEPT if keep else CLAIMED, run, finding.container)
                planned = list(zip(finding.names, finding.versions, finding.sizes, strict=True))
                for start in range(0, len(planned), _CHUNK):
                    self._discard(planned[start : start + _CHUNK], source, private, tally, keep=keep)
        except OSError as error:
            done = {miss.name for miss in tally.missed}
            tally.missed += [_miss(n, error) for n in finding.names[tally.done + len(done) :] if n not in done]
        return tally.outcome(finding, keep=keep)

    def _discard(
        self, planned: list[tuple[str, str, int]], source: Directory, private: Directory, tally: _Tally, *, keep: bool
    ) -> None:
        self._use.forget()
        claimed = [item for item in planned if self._claim(item[0], item[1], source, private, tally)]
        in_place = source.is_below(self._root) and self._root_is_in_place()
        for name, seen, size in claimed:
            reason = self._objection(name, seen, private) if in_place else Reason.MOVED
            if reason:
                tally.missed.append(_returned(name, reason, source, private))
                continue
            if not keep:
                try:
                    private.unlink(name)
                except OSError as error:
                    _returned(name, reason_of(error), source, private)
                    tally.missed.append(_miss(name, error))
                    continue
            tally.done += 1
            tally.size += size

    def _claim(self, name: str, seen: str, source: Directory, private: Directory, tally: _Tally) -> bool:
        try:
            if version(source.state(name)) != seen:
                tally.missed.append(Miss(name, Reason.CHANGED))
                return False
            if self._in_use(name, source):
                tally.missed.append(Miss(name, Reason.OPEN))
                return False
            source.claim(name, private)
        except OSError as error:
            tally.missed.append(_miss(name, error))
            return False
        return True

    def _objection(self, name: str, seen: str, private: Directory) -> Reason | None:
        """Say why a claimed file must go back, if it must."""
        try:
            if not same_file(seen, private.state(name)):
                return Reason.CHANGED
            return Reason.OPEN if self._in_use(name, private) else None
        except OSError as error:
            return reason_of(error)

    def _in_use(self, name: str, directory: Directory) -> bool:
        try:
            descriptor = directory.open_file(name)
        except PermissionError:
            return self._use.is_listed(directory.state(name))
        try:
            return self._use.is_open(descriptor)
        finally:
            os.close(descriptor)

    def _root_is_in_place(self) -> bool:
        """Tell whether the root's path still leads to the root that was opened."""
        try:
            return os.path.samestat(os.stat(self.path, follow_symlinks=False), self._root.own_state())
        except OSError:
            return False

    def prune(self, finding: Finding) -> Outcome:
        """Remove the named directories that are empty; removing a directory can never take a file along."""
        tally = _Tally()
        try:
            with self._root.child(finding.container) as parent:
                for name, seen in zip(finding.names, finding.versions, strict=True):
                    try:
                        if not version(parent.state(name)).startswith(seen.partition(":")[0] + ":"):
                            tally.missed.append(Miss(name, Reason.CHANGED))
                            continue
                        parent.remove(name)
                        tally.done += 1
                    except OSError as error:
                        tally.missed.append(_miss(name, error))
        except OSError as error:
            tally.missed = [_miss(name, error) for name in finding.names]
        return tally.outcome(finding, keep=False)

    def quarantined(self) -> Iterator[tuple[str, Batch]]:
        """List what lies in quarantine: the run that set it aside and a batch a directory."""
        for run in self._quarantine.runs(KEPT):
            for step in self._quarantine.contents(KEPT, run):
                if isinstance(step, Batch) and step.names:
                    yield run, step

    def restore(self, run: str, container: str | None = None, names: Sequence[str] | None = None) -> Iterator[Outcome]:
        """Give back (all of, a directory of, or some names of) what ``run`` set aside. Never overwrites."""
        yield from self._give_back(KEPT, run, container, names)

    def _give_back(
        self, kind: str, run: str, container: str | None = None, names: Sequence[str] | None = None
    ) -> Iterator[Outcome]:
        for batch in self._batches(kind, run, container, names):
            tally = _Tally()
            with self._quarantine.open_run(kind, run) as top, top.child(batch.container) as private:
                try:
                    with self._made(batch.container) as target:
                        for name, size in zip(batch.names, batch.sizes, strict=True):
                            miss = _returned(name, Reason.GONE, target, private)
                            if miss.reason is Reason.GONE:
                                tally.done += 1
                                tally.size += size
                            else:
                                tally.missed.append(miss)
                except OSError as error:
                    tally.missed = [_miss(name, error) for name in batch.names]
            yield Outcome("", self.place, batch.container, tally.done, set_aside=-tally.size, missed=tally.missed)
        self._quarantine.tidy()

    def purge(self, run: str, container: str | None = None, names: Sequence[str] | None = None) -> Iterator[Outcome]:
        """Remove for good (all of, a directory of, or some names of) what ``run`` set aside."""
        for batch in self._batches(KEPT, run, container, names):
            tally = _Tally()
            with self._quarantine.open_run(KEPT, run) as top, top.child(batch.container) as private:
                for name, size in zip(batch.names, batch.sizes, strict=True):
                    try:
                        private.unlink(name)
                    except OSError as error:
                        tally.missed.append(_miss(name, error))
                        continue
                    tally.done += 1
                    tally.size += size
            yield Outcome("", self.place, batch.container, tally.done, freed=tally.size, missed=tally.missed)
        self._quarantine.tidy()

    def _batches(self, kind: str, run: str, container: str | None, names: Sequence[str] | None) -> Iterator[Batch]:
        if not self._quarantine.hold() or run not in self._quarantine.runs(kind):
            return
        wanted = None if names is None else set(names)
        for step in self._quarantine.contents(kind, run):
            if not isinstance(step, Batch) or not step.names or (container is not None and step.container != container):
                continue
            if wanted is None:
                yield step
                continue
            rows = [
                row for row in zip(step.names, step.sizes, step.times, step.versions, strict=True) if row[0] in wanted
            ]
            if rows:
                yield Batch(step.container, *zip(*rows, strict=True))

    def recover(self) -> Iterator[Outcome]:
        """Give back what was claimed for deletion by a run that did not live to finish."""
        if self._quarantine.hold():
            for run in self._quarantine.runs(CLAIMED):
                yield from self._give_back(CLAIMED, run)

    def tidy(self) -> None:
        """Remove the empty directories that claiming left behind."""
        self._quarantine.tidy()

    def _made(self, container: str) -> Directory:
        """Open ``container``, making what is missing of it."""
        with suppress(FileNotFoundError):
            return self._root.child(container)
        current = self._root.child("")
        for part in container.split("/"):
            with current:
                current.make(part, 0o777)
                current = current.child(part)
        return current


class _Tally:
    """What became of one batch so far."""

    def __init__(self) -> None:
        self.done = 0
        self.size = 0
        self.missed: list[Miss] = []

    def outcome(self, finding: Finding, *, keep: bool) -> Outcome:
        freed, aside = (0, self.size) if keep else (self.size, 0)
        return Outcome(
            finding.rule, finding.place, finding.container, self.done, freed, set_aside=aside, missed=self.missed
        )


def _miss(name: str, error: OSError) -> Miss:
    return Miss(name, reason_of(error), code_of(error))


def _returned(name: str, reason: Reason, source: Directory, private: Directory) -> Miss:
    """Put a claimed file back and say why it stays.

    Where its name was taken meanwhile, the newer file keeps the name and the older one stays in quarantine.
    """
    try:
        private.give_back(name, source)
    except OSError as error:
        return _miss(name, error)
    return Miss(name, reason)
