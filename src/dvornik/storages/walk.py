"""Walks a tree of directories: iterative, one level open at a time, nothing followed and nothing entered twice."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, NamedTuple

from dvornik.model import Batch, Left, Miss, Reason
from dvornik.storages.kernel import code_of, reason_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from dvornik.storages.directories import Directory

BATCH = 4096
"""Most names of one directory in a batch: memory stays flat however large a directory is."""
_BLOCK = 512
"""Unit of ``st_blocks``, whatever the file system's own block (stat(2))."""


class Looked(NamedTuple):
    """One file's columns."""

    size: int
    time: int
    version: str


def looked(state: os.stat_result, age_by: str) -> Looked:
    """Turn a state into columns.

    Size is what deleting would return: the blocks of the last link, nothing for others. Time is the later of
    modification and change (a copy that keeps its mtime has a new ctime; birth is never later than change).
    """
    blocks = getattr(state, "st_blocks", None)
    size = state.st_size if blocks is None else blocks * _BLOCK
    time = state.st_mtime_ns if age_by == "mtime" else max(state.st_mtime_ns, state.st_ctime_ns)
    return Looked(size if state.st_nlink == 1 else 0, time, version(state))


def version(state: os.stat_result) -> str:
    """Return which state was seen: acting on another is refused."""
    return f"{state.st_ino}:{state.st_size}:{state.st_mtime_ns}:{state.st_ctime_ns}"


def same_file(seen: str, state: os.stat_result) -> bool:
    """Tell whether a claimed file is the one seen: everything but the ctime, which a rename changes."""
    return seen.rpartition(":")[0] == version(state).rpartition(":")[0]


def walk(
    root: Directory, *, with_times: bool, age_by: str = "newest", skip: frozenset[str] = frozenset()
) -> Iterator[Batch | Left]:
    """List the tree below ``root`` top down; ``skip`` names directories (relative paths) that are not entered."""
    todo: list[str | Left] = [""]
    while todo:
        step = todo.pop()
        if isinstance(step, Left):
            yield step
            continue
        try:
            directory = root.child(step)
        except OSError as error:
            parent, _, name = step.rpartition("/")
            yield Batch(parent, (), others=(Miss(name, reason_of(error), code_of(error)),))
            continue
        with directory:
            below: list[str | Left] = []
            yield from _list(directory, below, skip, age_by if with_times else "")
        todo.extend(below)


def _list(directory: Directory, below: list[str | Left], skip: frozenset[str], age_by: str) -> Iterator[Batch | Left]:
    """List one directory; ``below`` receives what to do next: its ``Left``, then its sub-directories."""
    container = directory.container
    own = looked(directory.own_state(), age_by)
    names: list[str] = []
    states: list[Looked] = []
    others: list[Miss] = []
    count = 0
    children: list[str] = []
    try:
        for entry in directory.entries():
            count += 1
            if entry.is_symlink():
                others.append(Miss(entry.name, Reason.SYMLINK))
            elif entry.is_dir(follow_symlinks=False):
                path = f"{container}/{entry.name}" if container else entry.name
                if path in skip:
                    others.append(Miss(entry.name, Reason.EXCLUDED))
                else:
                    children.append(path)
            elif not entry.is_file(follow_symlinks=False):
                others.append(Miss(entry.name, Reason.SPECIAL))
            elif not age_by:
                names.append(entry.name)
            else:
                _look(directory, entry.name, names, states, others, age_by)
            if len(names) >= BATCH:
                yield _batch(container, names, states, ())
                names, states = [], []
    except OSError as error:
        others.append(Miss("", reason_of(error), code_of(error)))
    children.sort(reverse=True)
    below.append(Left(container, own.time, own.version, count))
    below.extend(children)
    yield _batch(container, names, states, others)


def _look(  # noqa: PLR0913, PLR0917 - the columns of one batch travel together
    directory: Directory, name: str, names: list[str], states: list[Looked], others: list[Miss], age_by: str
) -> None:
    try:
        state = directory.state(name)
    except FileNotFoundError:
        return
    except OSError as error:
        others.append(Miss(name, reason_of(error), code_of(error)))
        return
    if stat.S_ISREG(state.st_mode):
        names.append(name)
        states.append(looked(state, age_by))
    else:
        others.append(Miss(name, Reason.CHANGED))


def _batch(container: str, names: list[str], states: list[Looked], others: list[Miss] | tuple[Miss, ...]) -> Batch:
    sizes, times, versions = zip(*states, strict=True) if states else ((), (), ())
    return Batch(container, names, sizes, times, versions, others)
