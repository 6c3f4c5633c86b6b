"""Texts inside a cell that must be unpacked before they can be read: base64, and what zlib, gzip, bz2 or xz packed.

A packed text is recognised by the cell as a whole (a pickle field of Django, a session, MySQL's ``COMPRESS``), or
where it is marked (WPBakery's raw HTML, a ``data:`` address). In the middle of other text it is not looked for.
"""

from __future__ import annotations

import binascii
import bz2
import lzma
import re
import zlib
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SHORTEST: Final = 20
"""Bytes: less holds no name of a file."""
_MOST: Final = 1 << 26
"""Bytes that one cell is unpacked to, so that no cell stops a run."""
_DEPTH: Final = 3
_MARKED: Final = re.compile(rb"\[(vc_raw_\w+)[^\]]{0,500}\]\s*([A-Za-z0-9+/=\s]{20,}?)\s*\[/\1\]")
_INLINE: Final = re.compile(
    rb"data:(?:text/|image/svg|application/(?:json|xml|xhtml|javascript))[^,\"' ]{0,100};base64,([A-Za-z0-9+/=_-]{20,})"
)
"""Addresses that hold a text rather than a picture."""
_BASE64: Final = re.compile(rb"\.?([A-Za-z0-9+/_-]{20,}={0,2})(?::[\w-]+:[\w-]+)?")
"""Also as Django signs it: a dot before what is packed, then a time and a signature."""
_HEAD: Final = re.compile(
    rb"(?:.{4})?\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08|BZh|\xfd7zXZ\0|(?![0-9a-fA-F-]*$)\.?[A-Za-z0-9+/_-]{20}", re.DOTALL
)
"""How a packed cell begins; hexadecimal digits are a hash."""
_MARK: Final = b"[vc_raw_"
_INLINE_MARK: Final = b";base64,"
_URLSAFE: Final = bytes.maketrans(b"-_", b"+/")
_TEXT: Final = bytes(range(0x20, 0x7F)) + b"\t\n\r"
_SPACES: Final = b" \t\n\r"
_MOSTLY: Final = 4
"""Of text in UTF-8 no more than a quarter need be beyond ASCII: what is decoded is JSON, HTML or percent-encoded."""
_PICKLES: Final = frozenset(bytes((0x80, protocol)) for protocol in range(2, 6))
_MYSQL: Final = 4
"""Bytes of the length that MySQL puts before what it compresses."""


class _Unpacker(Protocol):
    """What zlib, bz2 and lzma have in common."""

    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes:
        """Return what the data holds, up to a length."""


def packed(cells: Iterable[bytes]) -> list[bytes]:
    """Return those cells that may hold something packed: few, and quickly told from the many."""
    return [cell for cell in cells if len(cell) >= _SHORTEST and (_HEAD.match(cell) or _is_marked(cell))]


def _is_marked(cell: bytes) -> bool:
    return _INLINE_MARK in cell or _MARK in cell


def unpacked(cell: bytes, depth: int = _DEPTH) -> Iterator[bytes]:
    """Yield the texts that ``cell`` holds in packed form, none where it is a text itself."""
    if len(cell) < _SHORTEST or not depth:
        return
    opener = _opener(cell)
    if opener:
        text = _opened(*opener)
        if text:
            yield text
            yield from unpacked(text, depth - 1)
    elif not _is_marked(cell):
        yield from _from_base64(cell, depth)
    else:
        for body in (*(body for _name, body in _MARKED.findall(cell)), *_INLINE.findall(cell)):
            yield from _from_base64(body, depth)


def _opener(cell: bytes) -> tuple[_Unpacker, bytes] | None:
    if cell[0] == 0x78 and int.from_bytes(cell[:2]) % 31 == 0:  # noqa: PLR2004 - zlib's header, RFC 1950
        return zlib.decompressobj(), cell
    if cell[:3] == b"\x1f\x8b\x08":
        return zlib.decompressobj(16 + zlib.MAX_WBITS), cell
    if cell[:3] == b"BZh":
        return bz2.BZ2Decompressor(), cell
    if cell[:6] == b"\xfd7zXZ\0":
        return lzma.LZMADecompressor(), cell
    if cell[_MYSQL] == 0x78 and int.from_bytes(cell[_MYSQL : _MYSQL + 2]) % 31 == 0:  # noqa: PLR2004 - as above
        return zlib.decompressobj(), cell[_MYSQL:]
    return None


def _opened(unpacker: _Unpacker, data: bytes) -> bytes:
    """Return what can be unpacked, nothing where it was not packed after all."""
    try:
        return unpacker.decompress(data, _MOST)
    except (zlib.error, OSError, EOFError, ValueError, lzma.LZMAError):
        return b""


def _from_base64(cell: bytes, depth: int) -> Iterator[bytes]:
    """Yield what it decodes to if that is a text, packed, or an object with texts in it: hashes look like base64."""
    found = _BASE64.fullmatch(cell.translate(None, _SPACES))
    if not found:
        return
    raw = found[1].translate(_URLSAFE).rstrip(b"=")
    try:
        decoded = binascii.a2b_base64(raw + b"=" * (-len(raw) % 4))
    except binascii.Error:
        return
    if _opener(decoded):
        yield from unpacked(decoded, depth - 1)
    elif 2 * len(decoded.translate(None, _TEXT)) < len(decoded) or decoded[:1] == b"\x80":
        yield decoded
        yield from unpacked(decoded, depth - 1)
