"""Owns the private directory beside a root: where claimed files go, wait, and come back from.

``<beside the root>/.dvornik-quarantine/<root's name>/claimed/<run>/…`` holds, for moments, what is about to be deleted;
``…/kept/<run>/…`` holds what can be brought back. Both mirror the tree, so that a plain ``mv`` restores a file even
where every record of the run is lost.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from typing import TYPE_CHECKING, Final

from dvornik.languages import _
from dvornik.model import DvornikError, LockedError
from dvornik.storages import directories
from dvornik.storages.kernel import mounts
from dvornik.storages.walk import walk

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dvornik.model import Batch, Left
    from dvornik.storages.directories import Directory

NAME: Final = ".dvornik-quarantine"
CLAIMED: Final = "claimed"
KEPT: Final = "kept"


def base_for(root: str) -> str:
    """Return where the quarantine of ``root`` lies: beside it on the same mount, else inside it."""
    parent = os.path.dirname(root)
    beside = (
        root not in mounts()
        and parent != os.path.dirname(parent)
        and os.access(parent, os.W_OK | os.X_OK)
        and os.stat(parent).st_dev == os.stat(root).st_dev
    )
    return os.path.join(parent if beside else root, NAME)


class Quarantine:
    """The private directory of one root."""

    def __init__(self, root: str) -> None:
        """Choose the directory; nothing is made before the first claim."""
        self.base = base_for(root)
        self.place = os.path.basename(root)
        self._lock: Directory | None = None
        self._last: tuple[str, Directory] | None = None

    def claims(self, kind: str, run: str, container: str) -> Directory:
        """Open (and make) the private counterpart of ``container``. It stays open until the next call."""
        path = f"{self.place}/{kind}/{run}/{container}".rstrip("/")
        last, self._last = self._last, None
        if last and last[0] != path and not path.startswith(f"{last[0]}/"):
            last[1].__exit__()
            last = None
        reached, current = last or ("", self._open_base())
        for part in path[len(reached) :].strip("/").split("/") if path != reached else ():
            with current:
                current.make(part, directories.PRIVATE)
                current = current.child(part)
        self._last = (path, current)
        return current

    def _open_base(self) -> Directory:
        """Make the directory where it is missing, refuse it where it is not ours alone, and lock our place in it."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.base, directories.PRIVATE)
        base = directories.root(self.base)
        _must_be_ours(base.own_state(), self.base)
        if self._lock is None:
            base.make(self.place, directories.PRIVATE)
            self._lock = base.child(self.place)
            _lock(self._lock, self.base)
        return base

    def hold(self) -> bool:
        """Lock what is there; ``False`` where there is no quarantine yet. The lock dies with the process."""
        if not os.path.isdir(os.path.join(self.base, self.place)):
            return False
        with self._open_base():
            return True

    def runs(self, kind: str) -> list[str]:
        """Return the runs that left something, oldest first."""
        try:
            with directories.root(self.base) as base, base.child(f"{self.place}/{kind}") as top:
                return sorted(entry.name for entry in top.entries() if entry.is_dir(follow_symlinks=False))
        except (FileNotFoundError, NotADirectoryError):
            return []

    @contextlib.contextmanager
    def open_run(self, kind: str, run: str) -> Iterator[Directory]:
        """Open what a run left, as the root of its own tree."""
        self.close()
        with directories.root(os.path.join(self.base, self.place, kind, run)) as top:
            yield top

    def contents(self, kind: str, run: str) -> Iterator[Batch | Left]:
        """List what a run left."""
        with self.open_run(kind, run) as top:
            yield from walk(top, with_times=True)

    def tidy(self) -> None:
        """Remove the directories that are empty by now. The place's own stays: the lock lives on it."""
        self.close()
        for kind in (CLAIMED, KEPT):
            for run in self.runs(kind):
                path = os.path.join(self.base, self.place, kind, run)
                _remove_empty_below(path)
                _remove_empty(path)
            _remove_empty(os.path.join(self.base, self.place, kind))

    def close(self) -> None:
        """Let go of the directory that the last claim used."""
        if self._last:
            self._last[1].__exit__()
            self._last = None


def _remove_empty_below(path: str) -> None:
    with contextlib.suppress(OSError), directories.root(path) as top:
        for step in walk(top, with_times=False):
            parent, _slash, name = step.container.rpartition("/")
            if name and hasattr(step, "entries"):
                with contextlib.suppress(OSError), top.child(parent) as directory:
                    directory.remove(name)


def _remove_empty(path: str) -> None:
    with contextlib.suppress(OSError):
        os.rmdir(path)


def _must_be_ours(state: os.stat_result, path: str) -> None:
    if os.name == "nt":
        return
    if state.st_uid != os.geteuid() or stat.S_IMODE(state.st_mode) & 0o077:
        raise DvornikError(
            _("The quarantine is not ours alone."),
            context=path,
            hint=_("It must belong to the user who runs dvornik, with mode 0700; look at what is in it first."),
        )


def _lock(directory: Directory, path: str) -> None:
    """Take the place for this process. Two cleaners with different states still meet here."""
    if sys.platform == "win32" or not isinstance(directory, directories.Descriptor):
        return
    try:
        fcntl.flock(directory.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise LockedError(
            _("Another run is cleaning this place."), context=path, hint=_("Wait for it to finish.")
        ) from error
