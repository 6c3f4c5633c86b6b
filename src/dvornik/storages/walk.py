"""Walks a tree of directories: iterative, one level open at a time, nothing followed and nothing entered twice."""

from __future__ import annotations

import stat
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from dvornik.model import Batch, Left, Miss, Reason
from dvornik.storages.kernel import code_of, reason_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

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
        self._names: list[str] = []
        self._states: list[Looked] = []
        self._others: list[Miss] = []

    def batches(self) -> Iterator[Batch]:
        try:
            for entry in self._directory.entries():
                self.count += 1
                if not entry.is_file(follow_symlinks=False) or entry.name.startswith(OWN):
                    self._set_apart(entry)
                elif self._tree.age_by:
                    self._look(entry.name)
                else:
                    self._names.append(entry.name)
                if len(self._names) >= BATCH:
                    yield self._batch()
        except OSError as error:
            self._others.append(Miss("", reason_of(error), code_of(error)))
        yield self._batch()

    def _set_apart(self, entry: os.DirEntry[str]) -> None:
        if entry.is_dir(follow_symlinks=False):
            self._meet(entry.name)
        elif entry.is_symlink():
            self._others.append(Miss(entry.name, Reason.SYMLINK))
        else:
            is_own = entry.is_file(follow_symlinks=False)
            self._others.append(Miss(entry.name, Reason.EXCLUDED if is_own else Reason.SPECIAL))

    def _meet(self, name: str) -> None:
        container = self._directory.container
        reason = self._tree.keeps_out_of(f"{container}/{name}" if container else name)
        if reason:
            self._others.append(Miss(name, reason))
        else:
            self.below.append(name)

    def _look(self, name: str) -> None:
        try:
            state = self._directory.state(name)
        except FileNotFoundError:
            return
        except OSError as error:
            self._others.append(Miss(name, reason_of(error), code_of(error)))
            return
        if stat.S_ISREG(state.st_mode):
            self._names.append(name)
            self._states.append(looked(state, self._tree.age_by))
        else:
            self._others.append(Miss(name, Reason.CHANGED))

    def _batch(self) -> Batch:
        names, states, others = self._names, self._states, self._others
        self._names, self._states, self._others = [], [], []
        sizes, times, versions = zip(*states, strict=True) if states else ((), (), ())
        return Batch(self._directory.container, names, sizes, times, versions, others)
