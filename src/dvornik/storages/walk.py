"""Walks a tree of directories: iterative, one level open at a time, nothing followed and nothing entered twice."""

from __future__ import annotations

import itertools
import stat
import sys
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from dvornik.contracts.storage import Batch, Left
from dvornik.model import Miss, Reason
from dvornik.storages import directories
from dvornik.storages.kernel import code_of, locked, reason_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from dvornik.storages.directories import Directory

BATCH = 4096
"""Most names of one directory in a batch: memory stays flat however large a directory is."""
OWN: Final = ".dvornik-"
"""What the names of our own begin with: the quarantine, and files claimed where there was no room for it."""
_BLOCK = 512
"""Unit of ``st_blocks``, whatever the file system's own block (stat(2))."""


class Looked(NamedTuple):
    """One file's columns."""

    size: int
    time: int
    version: str


def looked(state: os.stat_result, age_by: str) -> Looked:
    """Turn a state into columns.

    Time is the later of modification and change (a copy that keeps its mtime has a new ctime; birth is never later
    than change).
    """
    time, changed = state.st_mtime_ns, state.st_ctime_ns
    if changed > time and age_by != "mtime":
        time = changed
    return Looked(size(state), time, version(state))


def size(state: os.stat_result) -> int:
    """Return what deleting would give back: the blocks of the last link, nothing for others."""
    if state.st_nlink != 1:
        return 0
    if sys.platform != "win32":
        return state.st_blocks * _BLOCK
    return state.st_size


def version(state: os.stat_result) -> str:
    """Return which state was seen: acting on another is refused."""
    return f"{state.st_ino}:{state.st_size}:{state.st_mtime_ns}:{state.st_ctime_ns}"


class _Ahead(NamedTuple):
    """A directory still to be entered: its name, how deep it lies, and since when at the earliest it does."""

    depth: int
    name: str
    since: int = 0


class _Entered(NamedTuple):
    """A directory whose sub-directories come first."""

    depth: int
    looked: Looked
    entries: int


class _Tree(NamedTuple):
    """What a walk is to know of its tree."""

    age_by: str
    """Empty: names only."""
    skip: frozenset[str]
    mounts: frozenset[str]
    locked: frozenset[int]

    is_foreign: Callable[[str], bool] | None = None

    def keeps_out_of(self, path: str) -> Reason | None:
        """Say why a directory is not entered."""
        if path in self.mounts:
            return Reason.MOUNT
        if path in self.skip or path.rpartition("/")[2].startswith(OWN):
            return Reason.EXCLUDED
        return Reason.NOT_OWN if self.is_foreign and self.is_foreign(path) else None


def walk(  # noqa: PLR0913 - what to list, how, and what to leave out
    root: Directory,
    *,
    with_times: bool,
    age_by: str = "newest",
    skip: frozenset[str] = frozenset(),
    mounts: frozenset[str] = frozenset(),
    is_foreign: Callable[[str], bool] | None = None,
    below: str = "",
) -> Iterator[Batch | Left]:
    """List the tree below ``root`` top down; from the directory ``below`` on where only that is meant.

    ``skip`` and ``mounts`` are directories (relative paths) that are not entered, nor are those of which ``is_foreign``
    says that they are another program's, and those that somebody has locked, which asks cleaners to stay out
    (tmpfiles.d(5)). On the way down only names are kept, so that memory stays small in a tree of any depth.
    """
    tree = _Tree(age_by if with_times else "", skip, mounts, locked(), is_foreign)
    steps = _Walk(root, tree, below)
    try:
        yield from steps
    finally:
        steps.close()


class _Walk:
    """One way through a tree. What comes next is read while the caller looks at what was read last."""

    def __init__(self, root: Directory, tree: _Tree, below: str) -> None:
        self._root = root
        self._tree = tree
        self._way = below.split("/") if below else []
        self._todo: list[_Ahead | _Entered] = [_Ahead(len(self._way), self._way[-1] if below else "")]
        self._reader = _reader(root, tree.age_by)
        self._listing: _Listing | None = None
        """The directory that is being read."""

    def close(self) -> None:
        """Stop reading, then close what is read."""
        self._reader.close()
        if self._listing:
            self._listing.directory.__exit__()

    def __iter__(self) -> Iterator[Batch | Left]:
        before = self._go_on()
        while self._listing:
            yield from before
            batch = self._listing.part()
            before = self._go_on()
            yield batch
        yield from before

    def _go_on(self) -> Iterator[Batch | Left]:
        """Begin with the next part there is; return what is to be told before it."""
        if self._listing and not self._listing.is_done:
            self._listing.begin()
            return iter(())
        last, self._listing = self._listing, None
        if last:
            self._todo += last.todo()
        way = list(self._way)
        before: list[_Entered | Batch] = []
        while self._todo and self._listing is None:
            step = self._todo.pop()
            before += [step] if isinstance(step, _Entered) else self._enter(step, last)
        if last:
            last.directory.__exit__()
        return _told(before, way)

    def _enter(self, step: _Ahead, last: _Listing | None) -> Iterator[Batch]:
        """Open a directory and begin to read it, or yield why not."""
        if step.depth:
            self._way[step.depth - 1 :] = [step.name]
        try:
            listing = self._opened(step, last)
        except OSError as error:
            yield self._left_out(step, reason_of(error), code_of(error))
            return
        if listing is None:
            yield self._left_out(step, Reason.OPEN)
            return
        self._listing = listing
        listing.begin()

    def _opened(self, step: _Ahead, last: _Listing | None) -> _Listing | None:
        """Open a directory; ``None`` of one that somebody has locked."""
        directory = _open(self._root, self._way, last.directory if last else None)
        try:
            if not (self._tree.locked and step.depth and directory.own_state().st_ino in self._tree.locked):
                return _Listing(directory, step, self._tree, self._reader)
        except OSError:  # it went stale since: a network file system, a bad disk
            directory.__exit__()
            raise
        directory.__exit__()
        return None

    def _left_out(self, step: _Ahead, reason: Reason, detail: str = "") -> Batch:
        return Batch("/".join(self._way[:-1]), (), others=(Miss(step.name, reason, detail),))


def _told(steps: Sequence[_Entered | Batch], way: Sequence[str]) -> Iterator[Batch | Left]:
    """Yield what happened on the ``way`` up; paths are made one by one, since in a deep tree each is long."""
    for step in steps:
        if isinstance(step, _Entered):
            yield Left("/".join(way[: step.depth]), step.looked.time, step.looked.version, step.entries)
        else:
            yield step


def _open(root: Directory, way: Sequence[str], last: Directory | None) -> Directory:
    """Open the directory at the end of the ``way``: from the last one where it lies in that, else from the root."""
    container = "/".join(way)
    if last and way and container.rpartition("/")[0] == last.container:
        return last.child(way[-1])
    return root.child(container)


class _Listing:
    """One directory's contents, part by part."""

    def __init__(self, directory: Directory, ahead: _Ahead, tree: _Tree, reader: _Reader) -> None:
        self.directory = directory
        self.is_done = False
        self._depth = ahead.depth
        self._tree = tree
        self._reader = reader
        state = directory.own_state()
        self._since = max(ahead.since, _moved(state)) if ahead.depth and tree.age_by == "newest" else 0
        own = looked(state, tree.age_by)
        self._own = own._replace(time=max(own.time, self._since))
        self._count = 0
        self._below: list[str] = []

    def begin(self) -> None:
        """Have the next part read."""
        self._reader.begin(self.directory)

    def part(self) -> Batch:
        """Return the part that was begun; after an error there is no other."""
        container = self.directory.container
        try:
            rows = self._reader.rows()
        except OSError as error:
            self.is_done = True
            return Batch(container, (), others=(Miss("", reason_of(error), code_of(error)),))
        self.is_done = rows.is_last
        self._count += rows.passed
        others = [miss for name, kind, code in rows.others for miss in self._set_apart(name, kind, code)]
        since = self._since
        times = [max(time, since) for time in rows.times] if since else rows.times
        below = sorted(self._below) if self.is_done else ()
        return Batch(container, rows.names, rows.sizes, times, rows.versions, others, below)

    def todo(self) -> Iterator[_Ahead | _Entered]:
        """Yield what comes next, last first: the directory's end, before that its sub-directories."""
        yield _Entered(self._depth, self._own, self._count)
        for name in sorted(self._below, reverse=True):
            yield _Ahead(self._depth + 1, name, self._since)

    def _set_apart(self, name: str, kind: str, code: int) -> Iterator[Miss]:
        """Say why an entry is no file of a batch; a directory to enter is none of the others."""
        if kind == "d":
            container = self.directory.container
            reason = self._tree.keeps_out_of(f"{container}/{name}" if container else name)
            if reason is None:
                self._below.append(name)
            else:
                yield Miss(name, reason)
        elif kind == "e":
            error = OSError(code, "")
            yield Miss(name, reason_of(error), code_of(error))
        else:
            yield Miss(name, _APART[kind])


def _moved(state: os.stat_result) -> int:
    """Return when a directory was moved, as far as can be told; 0 where nothing speaks for it.

    What is in it came along and keeps its own times. A new, removed or renamed entry sets modification and change to
    the same time; only a move (and a new mode or owner) leaves the change as the later of both.
    """
    return state.st_ctime_ns if state.st_ctime_ns > state.st_mtime_ns else 0


_APART: Final = {"f": Reason.EXCLUDED, "l": Reason.SYMLINK, "s": Reason.SPECIAL, "c": Reason.CHANGED}
"""By kind: a file with a name of our own, a symlink, a device or the like, what ceased to be a file meanwhile."""


class _Rows(NamedTuple):
    """Part of a directory: its files in columns, everything else by name, kind and errno; ``passed`` counts both."""

    is_last: bool
    passed: int
    names: Sequence[str]
    sizes: Sequence[int]
    times: Sequence[int]
    versions: Sequence[str]
    others: Sequence[tuple[str, str, int]]


class _Reader(Protocol):
    """Reads directories, a part at a time."""

    def begin(self, directory: Directory) -> None:
        """Begin to read on in a directory, which stays open."""

    def rows(self) -> _Rows:
        """Return what was begun."""

    def close(self) -> None:
        """Read no more."""


def _reader(root: Directory, age_by: str) -> _Reader:
    """Return the reader in C where that was built."""
    is_plain = not directories.inner or not isinstance(root, directories.Descriptor)
    return _PlainReader(age_by) if is_plain else _InnerReader(age_by)


class _InnerReader:
    """Reads in a thread of its own, outside the interpreter lock."""

    def __init__(self, age_by: str) -> None:
        assert directories.inner  # noqa: S101 - for the type checker
        self._inner = directories.inner.Reader(bool(age_by), age_by == "mtime")

    def begin(self, directory: Directory) -> None:
        assert isinstance(directory, directories.Descriptor)  # noqa: S101 - for the type checker: one kind a tree
        self._inner.begin(directory.fileno())

    def rows(self) -> _Rows:
        return _Rows(*self._inner.rows())

    def close(self) -> None:
        self._inner.close()


class _PlainReader:
    """The reference for ``_listing.c``; reads when it is asked."""

    def __init__(self, age_by: str) -> None:
        self._age_by = age_by
        self._directory: Directory | None = None
        self._entries: Iterator[os.DirEntry[str]] = iter(())

    def begin(self, directory: Directory) -> None:
        if directory is not self._directory:
            self._directory, self._entries = directory, directory.entries()

    def rows(self) -> _Rows:
        assert self._directory  # noqa: S101 - begun
        part = list(itertools.islice(self._entries, BATCH))
        names: list[str] = []
        states: list[Looked] = []
        others: list[tuple[str, str, int]] = []
        for entry in part:
            kind, code, state = _look(self._directory, entry, self._age_by)
            if kind == "f" and not entry.name.startswith(OWN):
                names.append(entry.name)
                states += [state] if state else []
            elif kind:
                others.append((entry.name, kind, code))
        sizes, times, versions = zip(*states, strict=True) if states else ((), (), ())
        return _Rows(len(part) < BATCH, len(part), names, sizes, times, versions, others)

    def close(self) -> None:
        self._entries = iter(())


def _look(directory: Directory, entry: os.DirEntry[str], age_by: str) -> tuple[str, int, Looked | None]:
    """Return an entry's kind, errno and columns; no kind where it has vanished."""
    if not entry.is_file(follow_symlinks=False):
        kind = "d" if entry.is_dir(follow_symlinks=False) else "l" if entry.is_symlink() else "s"
        return kind, 0, None
    if not age_by:
        return "f", 0, None
    try:
        state = directory.state(entry.name)
    except FileNotFoundError:
        return "", 0, None
    except OSError as error:
        return "e", error.errno or 0, None
    return ("f", 0, looked(state, age_by)) if stat.S_ISREG(state.st_mode) else ("c", 0, None)
