"""Owns the question which files below a root visible programs have open, map, listen at or name, at this moment.

It answers before anything is touched, and only as far as this user may look: the lease that a file is taken under
(``grips``) has the last word. It tells what belongs to a file in use; a lease tells of that file alone.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from dvornik.contracts.storage import Opened

if TYPE_CHECKING:
    from collections.abc import Iterator

_DELETED = " (deleted)"


def below(root: str) -> Opened:
    """Ask every visible process but this one."""
    top = root.rstrip("/") + "/"
    try:
        device = os.stat(root).st_dev
        processes = [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
    except OSError:
        return Opened()
    paths: set[str] = set(_listening(top))
    inodes: set[int] = set()
    named: set[str] = set()
    for process in processes:
        with suppress(OSError):  # it ended meanwhile, or is closed to us
            for path, state in _held(f"/proc/{process}"):
                if state.st_dev != device:
                    continue
                inodes.add(state.st_ino)
                if path.startswith(top) and _is_at(path, state):
                    paths.add(path[len(top) :])
        with suppress(OSError):  # as above
            paths.update(_mapped(f"/proc/{process}/maps", top))
        for told in ("cmdline", "environ"):
            with suppress(OSError):  # as above
                named.update(_named(f"/proc/{process}/{told}", top))
    return Opened(frozenset(paths), frozenset(inodes), frozenset(named))


def _held(process: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield what a process holds a descriptor of, works in, or has as its root."""
    with os.scandir(f"{process}/fd") as entries:
        links = [f"{process}/cwd", f"{process}/root", *(entry.path for entry in entries)]
    for link in links:
        with suppress(OSError):  # closed meanwhile
            path = os.readlink(link)
            if path.startswith("/"):  # no pipe, no socket
                yield path, os.stat(link)


def _is_at(path: str, state: os.stat_result) -> bool:
    """Tell whether a path leads there here as well: it may be one of another mount namespace."""
    try:
        return os.path.samestat(os.lstat(path), state)
    except OSError:
        return False


def _mapped(maps: str, top: str) -> Iterator[str]:
    """Yield the files below the root that are mapped (proc(5)), which writes a newline in their names as octal."""
    wanted = os.fsencode(top)
    with open(maps, "rb") as file:
        text = file.read()
    if wanted not in text:
        return
    for line in text.splitlines():
        at = line.find(b" " + wanted)
        if at >= 0:
            yield os.fsdecode(line[at + 1 + len(wanted) :].replace(b"\\012", b"\n")).removesuffix(_DELETED)


def _named(words: str, top: str) -> Iterator[str]:
    """Yield what a process was told of below the root: an interpreter closes its script once it is read."""
    wanted = os.fsencode(top)
    with open(words, "rb") as file:
        text = file.read()
    for word in text.split(b"\0") if wanted in text else ():
        for part in word.split(wanted)[1:]:
            yield os.fsdecode(part).rstrip("/")


def _listening(top: str) -> Iterator[str]:
    """Yield the sockets below the root that a process made and still has: nobody need be connected."""
    wanted = os.fsencode(top)
    with suppress(OSError), open("/proc/net/unix", "rb") as lines:
        for line in lines:
            words = line.rstrip(b"\n").split(b" " + wanted, 1)
            if len(words) > 1:
                yield os.fsdecode(words[1])
