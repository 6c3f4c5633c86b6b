"""Names by directory that wait for a second look: packed in memory, and beyond some megabytes on the disk."""

from __future__ import annotations

import tempfile
import zlib
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CHUNK: Final = 1 << 19
"""Characters that are packed together."""
_MOST: Final = 1 << 22
"""Packed bytes that memory holds."""
_BETWEEN, _RECORD = "\0", "\0\0"
"""No name has either in it."""


class PackedNames:
    """First ``add``, then take ``all`` in the same order."""

    def __init__(self) -> None:
        """Start with none."""
        self._open: list[str] = []
        self._size = self._weight = 0
        self._chunks: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._lengths: list[int] = []

    def add(self, container: str, names: Sequence[str]) -> None:
        """Take names of one directory."""
        record = _BETWEEN.join((container, *names))
        self._open.append(record)
        self._size += len(record)
        if self._size > _CHUNK:
            self._chunks.append(self._packed())
            self._weight += len(self._chunks[-1])
        if self._weight > _MOST:
            self._spill()

    def _packed(self) -> bytes:
        raw = self._raw()
        self._open, self._size = [], 0
        return zlib.compress(raw, 1)

    def _raw(self) -> bytes:
        return _RECORD.join(self._open).encode("utf-8", "surrogateescape")

    def _spill(self) -> None:
        """Move what is packed to the disk; where that is full it stays in memory."""
        with suppress(OSError):
            if self._file is None:
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with this object
            self._file.seek(sum(self._lengths))
            for chunk in list(self._chunks):
                if self._file.write(chunk) < len(chunk):
                    return
                self._lengths.append(len(chunk))
                del self._chunks[0]
                self._weight -= len(chunk)

    def all(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each directory with its names."""
        begin = 0
        for length in self._lengths:
            assert self._file  # noqa: S101 - lengths are those of what it holds
            self._file.seek(begin)
            yield from _records(zlib.decompress(self._file.read(length)))
            begin += length
        for chunk in self._chunks:
            yield from _records(zlib.decompress(chunk))
        if self._open:
            yield from _records(self._raw())


def _records(raw: bytes) -> Iterator[tuple[str, list[str]]]:
    for record in raw.decode("utf-8", "surrogateescape").split(_RECORD):
        container, *names = record.split(_BETWEEN)
        yield container, names
