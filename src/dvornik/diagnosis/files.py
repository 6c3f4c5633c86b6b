"""What each place holds: how many files, how large, where the bytes lie, and what this user may do there."""

from __future__ import annotations

import heapq
import os
import time
from collections import Counter
from collections.abc import Mapping  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, Final

import msgspec

from dvornik.contracts.storage import Batch
from dvornik.diagnosis.rights import Rights, look
from dvornik.errors import UnreachableError

if TYPE_CHECKING:
    from dvornik.contracts.storage import Storage

LARGE: Final = 100_000_000
"""Bytes from which a file is named: the operator's page says "over 100 MB"."""
_MOST: Final = 10


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
    below: Mapping[str, int] = {}
    """Bytes below each directory at the top; ``""`` for the files that lie in the root itself."""
    rights: Rights = Rights()
    complete: bool = True
    """Whether everything was looked at before the deadline; if not, all figures are at least so large."""


class Large(msgspec.Struct, frozen=True):
    """One large file."""

    path: str
    size: int


def measure(
    storages: Mapping[str, tuple[str, Storage]], *, seconds: float = float("inf")
) -> tuple[list[Size], list[Large]]:
    """Measure each place (by name, with its root) and find the largest files of all.

    ``seconds`` bounds the whole; the places share what is left evenly, so that a huge one cannot hide the others.
    """
    sizes: list[Size] = []
    large: list[Large] = []
    end = time.monotonic() + seconds
    for done, (place, (root, storage)) in enumerate(storages.items()):
        now = time.monotonic()
        try:
            size, found = _Measuring(place, root).whole(storage, now + (end - now) / (len(storages) - done))
        except UnreachableError:
            continue
        sizes.append(size)
        large += found
    return sizes, heapq.nlargest(_MOST, large, key=lambda each: each.size)


class _Measuring:
    """One place while it is measured."""

    def __init__(self, place: str, root: str) -> None:
        self._place, self._root = place, root
        self._files = self._unreadable = self._oldest = 0
        self._below: Counter[str] = Counter()
        self._large: list[Large] = []
        self._rights = Rights()

    def whole(self, storage: Storage, deadline: float) -> tuple[Size, list[Large]]:
        complete = True
        for step in storage.walk(with_times=True, age_by="mtime"):
            if isinstance(step, Batch):
                self._take(step)
            if time.monotonic() > deadline:
                complete = False
                break
        size = Size(
            self._place, self._root, self._files, self._below.total(), self._oldest / 1e9, self._unreadable,
            os.access(self._root, os.W_OK), dict(self._below), self._rights, complete,
        )  # fmt: skip
        return size, self._large

    def _take(self, batch: Batch) -> None:
        self._files += len(batch.names)
        self._below[batch.container.partition("/")[0]] += sum(batch.sizes)
        self._unreadable += sum(miss.reason.is_failure for miss in batch.others)
        if batch.times:
            self._oldest = min(*batch.times, self._oldest or batch.times[0])
        self._rights = look(self._rights, os.path.join(self._root, batch.container))  # noqa: PTH118 - any bytes
        if max(batch.sizes, default=0) > LARGE:
            self._large += [
                Large(os.path.join(self._root, batch.container, name), size)  # noqa: PTH118 - names may hold any bytes
                for name, size in zip(batch.names, batch.sizes, strict=True)
                if size > LARGE
            ]
