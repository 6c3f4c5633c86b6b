"""Walks a tree of directories: iterative, one level open at a time, nothing followed and nothing entered twice."""

from __future__ import annotations

import itertools
import stat
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from dvornik.contracts.storage import Batch, Left
from dvornik.model import Miss, Reason
from dvornik.storages import directories
from dvornik.storages.kernel import code_of, reason_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from dvornik.storages.directories import Directory

BATCH = 4096
"""Most names of one directory in a batch: memory stays flat however large a directory is."""
_ENOUGH: Final = BATCH - 64 * 1024 // 24
"""Names after which a batch is full in C, which reads 64 KiB of entries at once, 24 bytes the shortest."""
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
    """A directory still to be entered: its name and how deep it lies."""

    depth: int
    name: str


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

    def keeps_out_of(self, path: str) -> Reason | None:
        """Say why a directory is not entered."""
        if path in self.mounts:
            return Reason.MOUNT
        return Reason.EXCLUDED if path in self.skip or path.rpartition("/")[2].startswith(OWN) else None


def walk(
    root: Directory,
    *,
    with_times: bool,
    age_by: str = "newest",
    skip: frozenset[str] = frozenset(),
    mounts: frozenset[str] = frozenset(),
) -> Iterator[Batch | Left]:
    """List the tree below ``root`` top down.

    ``skip`` and ``mounts`` are directories (relative paths) that are not entered. On the way down only names are kept,
    so that memory stays small in a tree of any depth.
    """
    tree = _Tree(age_by if with_times else "", skip, mounts)
    todo: list[_Ahead | _Entered] = [_Ahead(0, "")]
    way: list[str] = []
    near = root
    try:
        while todo:
            step = todo.pop()
            if isinstance(step, _Entered):
                yield Left("/".join(way[: step.depth]), step.looked.time, step.looked.version, step.entries)
                continue
            if step.depth:
                way[step.depth - 1 :] = [step.name]
            last = near
            try:
                near = _open(root, way, last)
            except OSError as error:
                yield Batch("/".join(way[:-1]), (), others=(Miss(step.name, reason_of(error), code_of(error)),))
                continue
            if last is not root:
                last.__exit__()
            yield from _enter(near, step.depth, tree, todo)
    finally:
        if near is not root:
            near.__exit__()


def _open(root: Directory, way: Sequence[str], last: Directory) -> Directory:
    """Open the directory at the end of the ``way``: from the last one where it lies in that, else from the root."""
    container = "/".join(way)
    if last is not root and way and container.rpartition("/")[0] == last.container:
        return last.child(way[-1])
    return root.child(container)


def _enter(directory: Directory, depth: int, tree: _Tree, todo: list[_Ahead | _Entered]) -> Iterator[Batch]:
    """List one directory; ``todo`` receives what comes next: its end, before that its sub-directories."""
    listing = _Listing(directory, tree)
    yield from listing.batches()
    todo.append(_Entered(depth, listing.own, listing.count))
    todo.extend(_Ahead(depth + 1, name) for name in sorted(listing.below, reverse=True))


class _Listing:
    """One directory's contents."""

    def __init__(self, directory: Directory, tree: _Tree) -> None:
        self._directory = directory
        self._tree = tree
        self.own = looked(directory.own_state(), tree.age_by)
        self.count = 0
        self.below: list[str] = []

    def batches(self) -> Iterator[Batch]:
        container, rows, others = self._directory.container, Rows(), []
        try:
            for rows in listed(self._directory, self._tree.age_by):
                self.count += rows.passed
                others = [miss for name, kind, code in rows.others for miss in self._set_apart(name, kind, code)]
                yield Batch(container, rows.names, rows.sizes, rows.times, rows.versions, others)
        except OSError as error:
            yield Batch(container, (), others=(Miss("", reason_of(error), code_of(error)),))
        if not self.count:
            yield Batch(container, ())

    def _set_apart(self, name: str, kind: str, code: int) -> Iterator[Miss]:
        """Say why an entry is no file of a batch; a directory to enter is none of the others."""
        if kind == "d":
            container = self._directory.container
            reason = self._tree.keeps_out_of(f"{container}/{name}" if container else name)
            if reason is None:
                self.below.append(name)
            else:
                yield Miss(name, reason)
        elif kind == "e":
            error = OSError(code, "")
            yield Miss(name, reason_of(error), code_of(error))
        else:
            yield Miss(name, _APART[kind])


_APART: Final = {"f": Reason.EXCLUDED, "l": Reason.SYMLINK, "s": Reason.SPECIAL, "c": Reason.CHANGED}
"""By kind: a file with a name of our own, a symlink, a device or the like, what ceased to be a file meanwhile."""


class Rows(NamedTuple):
    """Part of a directory: its files in columns, everything else by name, kind and errno; ``passed`` counts both."""

    passed: int = 0
    names: Sequence[str] = ()
    sizes: Sequence[int] = ()
    times: Sequence[int] = ()
    versions: Sequence[str] = ()
    others: Sequence[tuple[str, str, int]] = ()


def listed(directory: Directory, age_by: str) -> Iterator[Rows]:
    """List one directory, names only where ``age_by`` is empty; in C where that was built."""
    if not directories.inner or not isinstance(directory, directories.Descriptor):
        yield from _listed(directory, age_by)
        return
    with directory.reopened() as own:
        while (rows := Rows(*directories.inner.listed(own.fileno(), _ENOUGH, bool(age_by), age_by == "mtime"))).passed:
            yield rows


def _listed(directory: Directory, age_by: str) -> Iterator[Rows]:
    """List one directory: the reference for ``_inner.c``."""
    entries = directory.entries()
    while part := list(itertools.islice(entries, BATCH)):
        names: list[str] = []
        states: list[Looked] = []
        others: list[tuple[str, str, int]] = []
        for entry in part:
            kind, code, state = _look(directory, entry, age_by)
            if kind == "f" and not entry.name.startswith(OWN):
                names.append(entry.name)
                states += [state] if state else []
            elif kind:
                others.append((entry.name, kind, code))
        sizes, times, versions = zip(*states, strict=True) if states else ((), (), ())
        yield Rows(len(part), names, sizes, times, versions, others)


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
