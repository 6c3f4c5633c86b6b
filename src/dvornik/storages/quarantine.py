"""Owns the private directory beside a root: where claimed files go, wait, and come back from.

``<beside the root>/.dvornik-quarantine/<root's name>/claimed/<run>/…`` holds, for moments, what is about to be deleted;
``…/kept/<run>/…`` holds what can be brought back. Both mirror the tree, so that a plain ``mv`` restores a file even
where every record of the run is lost.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

from dvornik import served
from dvornik.contracts.storage import Batch, Left
from dvornik.errors import LockedError, UnreachableError
from dvornik.languages import _
from dvornik.storages import directories
from dvornik.storages.kernel import code_of
from dvornik.storages.roots import Root
from dvornik.storages.walk import OWN, walk

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from dvornik.storages.directories import Directory

NAME: Final = f"{OWN}quarantine"
CLAIMED: Final = "claimed"
KEPT: Final = "kept"
_CLOCK: Final = "clock"
"""A directory that is made and removed at once, for its time."""
_APART: Final = 3600 * 10**9
"""Nanoseconds by which clocks may differ: well below the ages that are asked for."""
_NO_TIME: Final = 10**18
"""Nanoseconds since the epoch (2001): what is earlier comes of a file system that keeps no times of directories."""


def base_for(path: str, public: Collection[str] = ()) -> str:
    """Return where the quarantine of the root at ``path`` lies: beside it on the same mount, else inside it.

    Where a web server serves what is beside it (``public`` names directories that one does), it lies above all that
    is served. Where everybody may make names (``/tmp``), somebody else's quarantine would be in the way. Raises
    ``OSError`` where the root cannot be opened.
    """
    root = Root.at(path)
    try:
        return os.path.join(_home_of(root, public)[0], NAME)
    finally:
        root.close()


def _home_of(root: Root, public: Collection[str]) -> tuple[str, str]:
    """Return the directory in which the quarantine of ``root`` lies, and the name of this place in it."""
    parent = os.path.dirname(root.path)
    around = served.root_of(parent, public)
    for candidate in (*_used(root.path), os.path.dirname(around), parent):
        name = served.name_below(root.path, candidate) if candidate else ""
        if candidate and served.is_name(name) and root.may_move_to(candidate):
            return candidate, name
    return root.path, os.path.basename(root.path)


def _used(root: str) -> Iterator[str]:
    """Yield where a quarantine of ``root`` lies already: what is served now may not have been, and the reverse."""
    for path in served.upwards(os.path.dirname(root)):
        base = os.path.join(path, NAME)
        if served.is_ours(base) and os.path.isdir(os.path.join(base, served.name_below(root, path), KEPT)):
            yield path


def has_beside(root: str) -> bool:
    """Tell whether something was ever set aside of a root that is not there (any more)."""
    return any(map(os.path.lexists, _ever(root)))


def waits_beside(root: str, run: str) -> bool:
    """Tell whether what ``run`` set aside of a root that is not there (any more) waits outside of it."""
    return any(os.path.lexists(os.path.join(path, KEPT, run)) for path in _ever(root))


def _ever(root: str) -> Iterator[str]:
    for path in served.upwards(os.path.dirname(root)):
        yield os.path.join(path, NAME, served.name_below(root, path))


def left_behind(root: Root, public: Collection[str] = ()) -> str:
    """Return an older quarantine of ``root`` at another of its places; empty where there is none.

    A directory that became a mount point, or ceased to be one, leaves it there: nothing can be renamed from one file
    system to another, and what lies there may belong to what was in the directory before.
    """
    try:
        home, name = _home_of(root, public)
    except OSError:  # the root is not there: it is told by itself
        return ""
    everywhere = (*_ever(root.path), os.path.join(root.path, NAME, os.path.basename(root.path)))
    others = [path for path in everywhere if path != os.path.join(home, NAME, name)]
    return next((path for path in others if os.path.isdir(os.path.join(path, KEPT))), "")


def remains(root: str, *, with_runs: bool) -> Iterator[str]:
    """Yield the files that lie where ``root`` may have its quarantine, and the names that others have beside it.

    What runs set aside is left out unless ``with_runs``.
    """
    for ours in (*_ever(root), os.path.join(root, NAME, os.path.basename(root))):
        base = os.path.dirname(ours)
        if served.is_ours(base):
            yield from (path for path in _named(base) if path != ours)
            for directory, below, names in os.walk(ours):
                if directory in {os.path.join(ours, KEPT), os.path.join(ours, CLAIMED)} and not with_runs:
                    below.clear()
                yield from (os.path.join(directory, name) for name in sorted(names))


def _named(directory: str) -> list[str]:
    try:
        return sorted(os.path.join(directory, name) for name in os.listdir(directory))
    except OSError:
        return []


def made(root: Root, public: Collection[str] = ()) -> list[Directory]:
    """Return the open quarantine of ``root``, made where it is missing, since the kernel grants only what is there.

    Nothing where it is not ours, which claiming says. Raises ``OSError`` where it cannot be made.
    """
    with contextlib.suppress(UnreachableError):
        return [Quarantine(root, public).made_base()]
    return []


class Quarantine:
    """The private directory of one root, opened once and held: no name on the way to it is trusted twice."""

    def __init__(self, root: Root, public: Collection[str] = ()) -> None:
        """Choose the directory, by what a web server serves too; nothing is made before the first claim."""
        home, self.place = _home_of(root, public)
        self._outside = root.at_or_above(home)
        self.base = os.path.join(home, NAME)
        self._is_served = bool(served.root_of(home, public))
        self._home: Directory | None = None
        self._is_locked = False
        self._is_timed = False
        self._last: dict[tuple[str, int], tuple[str, Directory]] = {}
        self._making = threading.Lock()
        self._hollow: set[str] = set()

    def made_base(self) -> Directory:
        """Open the directory around all places, made where it is missing: the kernel grants only what is there."""
        self._outside.make(NAME, directories.PRIVATE)
        return self._open_base()

    def check(self) -> None:
        """Raise ``UnreachableError`` where the directory is there and not ours alone. Changes nothing."""
        self._reach()

    def hold(self) -> bool:
        """Lock what is there; ``False`` where there is no quarantine yet. The lock dies with the process."""
        home = self._reach()
        if home and not self._is_locked:
            _lock(home, self.base)
            self._is_locked = True
        return home is not None

    def _reach(self) -> Directory | None:
        """Open what is there."""
        if self._home is None:
            with contextlib.suppress(FileNotFoundError), self._open_base() as base:
                self._home = self._opened(base, self.place)
        return self._home

    def _opened(self, directory: Directory, path: str) -> Directory:
        """Open what lies in ours; what is no directory there, or a link, somebody else put there."""
        try:
            return directory.child(path)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _refused(self.base) from error

    def _open_base(self) -> Directory:
        """Open the directory around all places; refuse it where it is not ours alone."""
        try:
            base = self._outside.child(NAME)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _refused(self.base) from error
        if not _is_ours(base.own_state()):
            base.__exit__()
            raise _refused(self.base)
        return base

    def _made(self) -> Directory:
        """Make and lock our place, anew where another process removed it, empty, before we had the lock."""
        while True:
            self._outside.make(NAME, directories.PRIVATE)
            with contextlib.suppress(FileNotFoundError), self._open_base() as base:
                if self._is_served and isinstance(base, directories.Descriptor):
                    served.deny(base.fileno())
                base.make(self.place, directories.PRIVATE)
                if self.hold() and self._home and _is_at(base, self.place, self._home):
                    return self._home
            self.close()

    def claims(self, kind: str, run: str, container: str) -> Directory:
        """Open (and make) the private counterpart of ``container``. It stays open until this thread's next call.

        Raises ``UnreachableError`` where the file system's clock is behind ours: what it dates looks older than it is.
        """
        path = f"{kind}/{run}/{container}".rstrip("/")
        mine = kind, threading.get_ident()
        with self._making:
            home = self._home if self._home and self._is_locked else self._made()
            if not self._is_timed:
                _must_keep_time(home, self.base)
                self._is_timed = True
        reached, current = self._last.pop(mine, ("", home))
        if reached == path:
            self._last[mine] = path, current
            return current
        try:
            if reached and path.startswith(f"{reached}/"):
                below = _opened_anew(current, path[len(reached) + 1 :])
            else:
                below = _opened_anew(home, path)
        finally:
            if reached:
                current.__exit__()
        self._last[mine] = path, below
        return below

    def runs(self, kind: str) -> list[str]:
        """Return the runs that left something, oldest first; raise ``UnreachableError`` where that cannot be read."""
        home = self._reach()
        if home is None:
            return []
        try:
            with self._opened(home, kind) as top:
                return sorted(entry.name for entry in top.entries() if entry.is_dir(follow_symlinks=False))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UnreachableError(
                _("The quarantine cannot be read."),
                context=f"{self.base} ({code_of(error)})",
                hint=_("Is the volume mounted, and may this user read it?"),
            ) from error

    @contextlib.contextmanager
    def open_run(self, kind: str, run: str) -> Iterator[Directory]:
        """Open what a run left, as the root of its own tree."""
        home = self._reach()
        if home is None:
            raise FileNotFoundError(self.base)
        with home.child(f"{kind}/{run}") as top:
            top.container = ""
            yield top

    def contents(self, kind: str, run: str, *, below: str = "") -> Iterator[Batch | Left]:
        """List what a run left (of all, or from ``below``); one that left only directories is noted for ``tidy``."""
        count = 0
        with self.open_run(kind, run) as top:
            for step in walk(top, with_times=True, below=below):
                count += isinstance(step, Batch) and len(step.names) + len(step.others)
                yield step
        if not count and kind == KEPT and not below:
            self._hollow.add(run)

    def shrink(self, kind: str, run: str, container: str) -> None:
        """Remove the counterpart of ``container`` and those around it, as far as they are empty by now."""
        self._let_go()
        way = f"{kind}/{run}/{container}".rstrip("/").split("/")
        home = self._reach()
        with contextlib.suppress(OSError):
            while home and way:
                with home.child("/".join(way[:-1])) as around:
                    around.remove(way.pop())

    def tidy(self) -> None:
        """Remove what is empty by now of what was claimed, then the directory itself, and give up the lock."""
        self._let_go()
        try:
            if self._home and self._is_locked:
                self._remove_empty(self._home)
        finally:
            self.close()
        with contextlib.suppress(OSError, UnreachableError), self._open_base() as base:
            if [each.name for each in base.entries()] == [served.HTACCESS]:
                base.unlink(served.HTACCESS)
            self._outside.remove(NAME)

    def _remove_empty(self, home: Directory) -> None:
        for kind, runs in ((CLAIMED, self.runs(CLAIMED)), (KEPT, sorted(self._hollow))):
            for run in runs:
                self.sweep(kind, run)
            with contextlib.suppress(OSError):
                home.remove(kind)
        with contextlib.suppress(OSError):  # only a killed run left it
            home.remove(_CLOCK)
        with contextlib.suppress(OSError), self._open_base() as base:
            base.remove(self.place)

    def sweep(self, kind: str, run: str) -> None:
        """Remove every directory of a run that is empty."""
        with contextlib.suppress(OSError), self.open_run(kind, run) as top:
            ways = (step.container for step in walk(top, with_times=False) if isinstance(step, Left))
            for parent, siblings in itertools.groupby(filter(None, ways), lambda way: way.rpartition("/")[0]):
                with contextlib.suppress(OSError), top.child(parent) as directory:
                    for way in siblings:
                        with contextlib.suppress(OSError):
                            directory.remove(way.rpartition("/")[2])
        self.shrink(kind, run, "")

    def _let_go(self) -> None:
        """Close the directories that the last claims used."""
        for _path, directory in self._last.values():
            directory.__exit__()
        self._last.clear()

    def close(self) -> None:
        """Close everything; the lock goes with it."""
        self._let_go()
        if self._home:
            self._home.__exit__()
        self._home, self._is_locked = None, False


def _opened_anew(around: Directory, path: str) -> Directory:
    """Open a directory of ours; most often nothing but its last level is missing."""
    with contextlib.suppress(OSError):  # which is told by what follows
        around.make(path, directories.PRIVATE)
    return directories.made(around, path, directories.PRIVATE)


def _must_keep_time(home: Directory, path: str) -> None:
    """Compare the clocks by a directory made now; where none can be made, or it has no time, nothing is said of them.

    A server of files may have its own clock, and ours may have jumped: either makes young files look old.
    """
    times: list[int] = []
    with contextlib.suppress(OSError):
        is_new = home.make(_CLOCK, directories.PRIVATE)
        state = home.state(_CLOCK)
        home.remove(_CLOCK)
        times = [max(state.st_mtime_ns, state.st_ctime_ns)] if is_new else []
    for made in times:
        if _NO_TIME < made < time.time_ns() - _APART:
            raise UnreachableError(
                _("The clock of this file system is behind that of this machine."),
                context=path,
                hint=_("Nobody's age can be told: set both right first."),
            )


def _is_at(base: Directory, name: str, directory: Directory) -> bool:
    return os.path.samestat(base.state(name), directory.own_state())


def _is_ours(state: os.stat_result) -> bool:
    return sys.platform == "win32" or (state.st_uid == os.geteuid() and not stat.S_IMODE(state.st_mode) & 0o077)


def _refused(path: str) -> UnreachableError:
    return UnreachableError(
        _("The quarantine is not ours alone."),
        context=path,
        hint=_("It must belong to the user who runs dvornik, with mode 0700; look at what is in it first."),
    )


def _lock(directory: Directory, path: str) -> None:
    """Take the place for this process. Two cleaners with different states still meet here."""
    try:
        if sys.platform != "win32" and isinstance(directory, directories.Descriptor):
            fcntl.flock(directory.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise LockedError(
            _("Another run is cleaning this place."), context=path, hint=_("Wait for it to finish.")
        ) from error
