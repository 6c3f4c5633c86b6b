"""Answers "why is the disk full" and "is this set up right" in figures: what ``df``, ``du`` and ``find`` would tell."""

from __future__ import annotations

import heapq
import os
import shutil
from typing import TYPE_CHECKING, Final

import msgspec

from dvornik.model import Batch, UnreachableError
from dvornik.storages import kernel, landlock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dvornik.model import Database, Storage, TableSize

LARGE: Final = 100_000_000
"""Bytes from which a file is named: the operator's page says "over 100 MB"."""
_MOST: Final = 10


class Disk(msgspec.Struct, frozen=True):
    """The file system that a place lies on. Bytes and inodes; ``inodes`` is 0 where the system has no limit."""

    root: str
    total: int
    free: int
    inodes: int
    inodes_free: int


class Size(msgspec.Struct, frozen=True):
    """One place's files."""

    place: str
    root: str
    files: int
    size: int
    oldest: float
    """Seconds since the epoch; 0 where there is no file."""
    unreadable: int
    writable: bool


class Large(msgspec.Struct, frozen=True):
    """One large file."""

    path: str
    size: int


def disk(root: str) -> Disk | None:
    """Measure the file system of ``root``; ``None`` where it is not there."""
    try:
        usage = shutil.disk_usage(root)
        inodes = os.statvfs(root) if hasattr(os, "statvfs") else None
    except OSError:
        return None
    return Disk(root, usage.total, usage.free, inodes.f_files if inodes else 0, inodes.f_favail if inodes else 0)


def measure(storages: Mapping[str, tuple[str, Storage]]) -> tuple[list[Size], list[Large]]:
    """Measure each place (by name, with its root) and find the largest files of all."""
    sizes: list[Size] = []
    large: list[Large] = []
    for place, (root, storage) in storages.items():
        try:
            size, found = _measure(place, root, storage)
        except UnreachableError:
            continue
        sizes.append(size)
        large += found
    return sizes, heapq.nlargest(_MOST, large, key=lambda each: each.size)


def _measure(place: str, root: str, storage: Storage) -> tuple[Size, list[Large]]:
    files = total = unreadable = 0
    oldest = 0
    large: list[Large] = []
    for batch in _batches(storage):
        files += len(batch.names)
        total += sum(batch.sizes)
        unreadable += sum(miss.reason.is_failure for miss in batch.others)
        oldest = min([*batch.times, oldest or 1 << 62])
        large += [
            Large(os.path.join(root, batch.container, name), size)  # noqa: PTH118 - names may hold any bytes
            for name, size in zip(batch.names, batch.sizes, strict=True)
            if size > LARGE
        ]
    age = oldest / 1e9 if files else 0.0
    return Size(place, root, files, total, age, unreadable, os.access(root, os.W_OK)), large


def _batches(storage: Storage) -> Iterator[Batch]:
    return (step for step in storage.walk(with_times=True, age_by="mtime") if isinstance(step, Batch))


def tables(databases: Mapping[str, Database]) -> dict[str, Sequence[TableSize] | str]:
    """Measure each database, largest tables first; a sentence where it cannot be reached."""
    found: dict[str, Sequence[TableSize] | str] = {}
    for name, database in databases.items():
        try:
            found[name] = heapq.nlargest(_MOST, database.measure(), key=lambda table: table.size)
        except UnreachableError as error:
            found[name] = error.message
    return found


def guards() -> dict[str, bool]:
    """Tell which of the kernel's guards are active here."""
    return {**kernel.guards(), "landlock": landlock.is_available()}
