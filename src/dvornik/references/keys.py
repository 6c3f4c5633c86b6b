"""A compact set of salted hashes, marked as *seen* and *known*: five to ten bytes a key, whatever the key's length."""

from __future__ import annotations

import os
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Protocol

try:
    from dvornik.references import _inner
except ImportError:
    inner = None
else:
    inner = None if os.environ.get("DVORNIK_NO_EXTENSION") else _inner
    """The table and the scanner in C, where they were built; ``DVORNIK_NO_EXTENSION`` turns them off."""

if TYPE_CHECKING:
    from collections.abc import Iterable

_SEEN, _KNOWN = 1, 2
_SHARDS = 256
"""Sorting shard by shard keeps the boxed integers of a sort to a few thousand at a time."""


class Keys(Protocol):
    """What the table of either kind does."""

    def __len__(self) -> int:
        """How many were added, duplicates counted."""

    def __contains__(self, key: bytes) -> bool:
        """Tell whether it was added."""

    def add_all(self, keys: Iterable[bytes]) -> None:
        """Add many; not allowed once anything was looked up."""

    def mark(self, key: bytes) -> bool:
        """Mark it as seen; tell whether it had been added at all."""

    def mark_all(self, keys: Iterable[bytes]) -> list[bytes]:
        """Mark many; return those that were never added."""

    def mark_known(self, keys: Iterable[bytes]) -> list[bytes]:
        """Mark many as known, and as seen; return those that were never added."""

    def known(self, key: bytes) -> bool:
        """Tell whether it was marked as known."""

    def seen(self, key: bytes) -> bool:
        """Tell whether it was added and marked."""

    def again(self, key: bytes) -> bool:
        """Tell whether it was added more than once."""

    def seen_all(self, keys: Iterable[bytes]) -> list[bool]:
        """Tell so of each key."""

    def marked(self) -> int:
        """How many different ones were marked."""

    def forget(self) -> None:
        """Take every mark away."""


def new_keys() -> Keys:
    """Return an empty table, in C where that was built."""
    return inner.Keys() if inner else PlainKeys()


class PlainKeys:
    """Keys are first added, then marked as seen. A collision only makes an unseen key look seen: a file is kept.

    The salt is the interpreter's own (``hash`` of bytes is SipHash with a secret of the process), so another run
    finds what a collision hid.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._shards = [array("q") for _ in range(_SHARDS)]
        self._seen: list[bytearray] = []
        self._filter = bytearray(1)
        self._mask = 0
        self._count = 0

    def __len__(self) -> int:
        """How many were added, duplicates counted."""
        return self._count

    def add_all(self, keys: Iterable[bytes]) -> None:
        """Add many; not allowed once anything was looked up."""
        if self._mask:
            raise RuntimeError
        shards, count = self._shards, self._count
        for key in keys:
            number = hash(key)
            shards[number & 255].append(number)
            count += 1
        self._count = count

    def _seal(self) -> None:
        self._mask = (1 << max(10, (self._count * 4).bit_length())) - 1
        self._filter = bytearray(self._mask + 1)
        self._shards = [array("q", sorted(shard)) for shard in self._shards]
        self._seen = [bytearray(len(shard)) for shard in self._shards]
        for shard in self._shards:
            for number in shard:
                self._filter[number >> 8 & self._mask] = 1

    def _place(self, key: bytes) -> tuple[int, int]:
        """Return the shard and the index in it; the index is -1 where the key was never added."""
        if not self._mask:
            self._seal()
        number = hash(key)
        if not self._filter[number >> 8 & self._mask]:
            return 0, -1
        shard = self._shards[number & 255]
        index = bisect_left(shard, number)
        return number & 255, index if index < len(shard) and shard[index] == number else -1

    def __contains__(self, key: bytes) -> bool:
        """Tell whether it was added."""
        return self._place(key)[1] >= 0

    def mark(self, key: bytes) -> bool:
        """Mark it as seen; tell whether it had been added at all."""
        return not self._mark_all((key,), _SEEN)

    def mark_all(self, keys: Iterable[bytes]) -> list[bytes]:
        """Mark many; return those that were never added."""
        return self._mark_all(keys, _SEEN)

    def mark_known(self, keys: Iterable[bytes]) -> list[bytes]:
        """Mark many as known, and as seen; return those that were never added."""
        return self._mark_all(keys, _SEEN | _KNOWN)

    def _mark_all(self, keys: Iterable[bytes], how: int) -> list[bytes]:
        if not self._mask:
            self._seal()
        table, mask, shards, seen = self._filter, self._mask, self._shards, self._seen
        unknown = []
        for key in keys:
            number = hash(key)
            if table[number >> 8 & mask]:
                shard = shards[number & 255]
                index = bisect_left(shard, number)
                if index < len(shard) and shard[index] == number:
                    seen[number & 255][index] |= how
                    continue
            unknown.append(key)
        return unknown

    def forget(self) -> None:
        """Take every mark away."""
        self._seen = [bytearray(len(shard)) for shard in self._seen]

    def seen_all(self, keys: Iterable[bytes]) -> list[bool]:
        """Tell of each key whether it was added and marked."""
        if not self._mask:
            self._seal()
        table, mask, shards, seen = self._filter, self._mask, self._shards, self._seen
        found = []
        for key in keys:
            number = hash(key)
            if table[number >> 8 & mask]:
                shard = shards[number & 255]
                index = bisect_left(shard, number)
                found.append(index < len(shard) and shard[index] == number and seen[number & 255][index] & _SEEN != 0)
            else:
                found.append(False)
        return found

    def seen(self, key: bytes) -> bool:
        """Tell whether it was added and marked."""
        shard, index = self._place(key)
        return index >= 0 and self._seen[shard][index] & _SEEN != 0

    def known(self, key: bytes) -> bool:
        """Tell whether it was marked as known."""
        shard, index = self._place(key)
        return index >= 0 and self._seen[shard][index] & _KNOWN != 0

    def marked(self) -> int:
        """How many different ones were marked."""
        return sum(len(shard) - shard.count(0) for shard in self._seen)

    def again(self, key: bytes) -> bool:
        """Tell whether it was added more than once."""
        shard, index = self._place(key)
        return index >= 0 and self._shards[shard][index : index + 2].count(hash(key)) > 1
