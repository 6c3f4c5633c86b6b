"""What the systems under an application tell of themselves: disks, databases, caches, and the kernel's guards."""

from __future__ import annotations

import heapq
import os
import shutil
from typing import TYPE_CHECKING, Final

import msgspec

from dvornik import caches
from dvornik.errors import DvornikError, UnreachableError
from dvornik.references import keys
from dvornik.storages import directories, kernel, landlock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dvornik.application import CachePlace
    from dvornik.contracts.database import Database, TableSize

_MOST: Final = 10


class Disk(msgspec.Struct, frozen=True):
    """The file system that some places lie on. Bytes and inodes; ``inodes`` is 0 where the system has no limit."""

    root: str
    total: int
    free: int
    inodes: int
    inodes_free: int
    device: int = 0


def disk(root: str) -> Disk | None:
    """Measure the file system of ``root``; ``None`` where it is not there."""
    try:
        usage, device = shutil.disk_usage(root), os.stat(root).st_dev  # noqa: PTH116 - names may hold any bytes
        inodes = os.statvfs(root) if hasattr(os, "statvfs") else None
    except OSError:
        return None
    files, files_free = (inodes.f_files, inodes.f_favail) if inodes else (0, 0)
    return Disk(root, usage.total, usage.free, files, files_free, device)


def tables(databases: Mapping[str, Database]) -> tuple[dict[str, Sequence[TableSize] | str], dict[str, str]]:
    """Measure each database, largest tables first; a sentence where it cannot be reached, and by name what to do."""
    found: dict[str, Sequence[TableSize] | str] = {}
    hints: dict[str, str] = {}
    for name, database in databases.items():
        try:
            found[name] = heapq.nlargest(_MOST, database.measure(), key=lambda table: table.size)
        except UnreachableError as error:
            found[name], hints[name] = error.message, error.hint
    return found, hints


def memory(places: Iterable[CachePlace]) -> tuple[dict[str, int | str], dict[str, str]]:
    """Return the bytes that each cache's data takes; a sentence where it cannot be reached, and by name what to do."""
    found: dict[str, int | str] = {}
    hints: dict[str, str] = {}
    for place in places:
        try:
            found[place.name] = caches.connect(place).memory()
        except DvornikError as error:
            found[place.name], hints[place.name] = error.message, error.hint
    return found, hints


def guards() -> dict[str, bool]:
    """Tell which of the kernel's guards are to be had here, and which of the two extensions in C were built."""
    extensions = {"files-extension": directories.inner is not None, "search-extension": keys.inner is not None}
    return {**kernel.guards(), "landlock": landlock.is_available(), **extensions}


def landlock_lack() -> str:
    """Say by a code why the kernel cannot forbid removals elsewhere; empty where it can."""
    return landlock.why_not()
