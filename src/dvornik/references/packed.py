"""What zlib, gzip, bz2, xz or zstd packed: told by how a cell begins, and read as any other cell once it is unpacked.

Also as MySQL's ``COMPRESS`` writes it, and bare as PHP's ``gzdeflate`` does.
"""

from __future__ import annotations

import bz2
import lzma
import sys
import zlib
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SHORTEST: Final = 10
"""Bytes: less holds no name of a file."""
_MOST: Final = 1 << 26
"""Bytes that one cell is unpacked to, so that no cell stops a run."""
_ZSTD: Final = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
_MYSQL: Final = 4
"""Bytes of the length that MySQL puts before what it compresses."""


class _Unpacker(Protocol):
    """What zlib, bz2, lzma and zstd have in common."""

    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes:
        """Return what the data holds, up to a length."""


def unpacked(cell: bytes) -> Iterator[bytes]:
    """Yield what a cell that is no text holds in packed form."""
    if len(cell) < _SHORTEST:
        return
    for magic, unpacker in _MAGIC:
        if cell.startswith(magic):
            yield from _opened(unpacker(), cell)
            return
    for begin in (0, _MYSQL):
        if cell[begin] == 0x78 and int.from_bytes(cell[begin : begin + 2]) % 31 == 0:  # noqa: PLR2004 - zlib's header, RFC 1950
            yield from _opened(zlib.decompressobj(), cell[begin:])
            return
    bare = zlib.decompressobj(-zlib.MAX_WBITS)
    for text in _opened(bare, cell):
        if bare.eof and not bare.unused_data:  # any bytes may begin so, but not end so
            yield text


def _zstd() -> _Unpacker | None:
    """Return none where Python lacks it: packages for older ones are an extra."""
    try:
        return import_module(_ZSTD).ZstdDecompressor()  # type: ignore[no-any-return]
    except ImportError:
        return None


_MAGIC: Final[tuple[tuple[bytes, Callable[[], _Unpacker | None]], ...]] = (
    (b"\x1f\x8b\x08", lambda: zlib.decompressobj(16 + zlib.MAX_WBITS)),
    (b"BZh", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\0", lzma.LZMADecompressor),
    (b"\x28\xb5\x2f\xfd", _zstd),
)


def _opened(unpacker: _Unpacker | None, data: bytes) -> Iterator[bytes]:
    """Yield what can be unpacked, nothing where it was not packed after all."""
    try:
        text = unpacker.decompress(data, _MOST) if unpacker else b""
    except (zlib.error, OSError, EOFError, ValueError, lzma.LZMAError):
        return
    if text:
        yield text
