"""Texts and names that are not UTF-8, or were once read wrongly: what they may say in the alphabets in use."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHER_CODECS = ("cp1251", "latin-1", "cp866", "koi8-r", "cp932", "gbk", "big5", "cp949", "euc-jp")
"""What bytes beyond ASCII may mean: single ones, then those of Japanese, Chinese and Korean in twos."""
_OF_NAMES = (
    "koi8-u", "mac-cyrillic", "iso8859-5", "cp855", "cp1250", "iso8859-2", "cp852", "cp1252", "iso8859-15", "cp850",
    "cp437", "mac-roman", "cp1253", "iso8859-7", "cp737", "cp1254", "cp857", "cp1255", "cp862", "cp1256", "iso8859-6",
    "cp1257", "iso8859-13", "cp1258", "cp874", "gb18030", "johab",
)  # fmt: skip
"""What else names may be in: they are few, and unlike words of a text they are asked for one by one."""
_ODD = re.compile("[\udc80-\udcff]")
_MISREAD = ("cp1251", "koi8-r", "cp866", "cp437")
_WINDOWS = str.maketrans({bytes([byte]).decode("cp1252", "replace"): chr(byte) for byte in range(0x80, 0xA0)})
"""From Windows' letters to those of Latin-1 that have the same bytes: programs call either by the other's name."""
_CONTINUATION = bytes(range(0x80, 0xC0))
_Utf8 = codecs.getincrementaldecoder("utf-8")
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_ZEROS = 16
"""Text in two-byte units has ASCII in it, and so a zero in at least each sixteenth byte of either parity."""


def is_utf8(piece: bytes) -> bool:
    """Tell whether it is UTF-8, but for a character cut in two at either end."""
    try:
        _Utf8().decode(piece.lstrip(_CONTINUATION))
    except UnicodeDecodeError:
        return False
    return True


def is_binary(piece: bytes) -> bool:
    """Tell whether it is no UTF-8, or has control characters: lengths and marks may stand beside names."""
    return bool(_CONTROLS.search(piece)) or not is_utf8(piece)


def other_readings(piece: bytes) -> Iterator[str]:
    """Yield the other texts that ``piece`` may be: UTF-16 and UTF-32 where zeros are many, older alphabets else."""
    if 0 not in piece:
        if not is_utf8(piece):
            yield from (piece.decode(codec, "replace") for codec in OTHER_CODECS)
        return
    if max(piece[parity::2].count(0) for parity in (0, 1)) * _ZEROS < len(piece):
        return  # a picture, an archive
    yield piece.replace(b"\0", b"").decode("utf-8", "replace")
    for shift in (0, 1):
        for codec in ("utf-16-le", "utf-16-be"):
            yield piece[shift:].decode(codec, "ignore")


def readings_of_name(path: str) -> tuple[str, ...]:
    """Return what else the path of a file may say, each of its parts by itself.

    A part that is not UTF-8 was written under another locale, or came out of an archive; one that is may have been
    read as something else before. The path itself is not among them.
    """
    if path.isascii():
        return ()
    if not _ODD.search(path):
        return tuple(mended(path))
    parts = [part.encode("utf-8", "surrogateescape") for part in path.split("/")]
    found = dict.fromkeys("/".join(_read(part, codec, "replace") for part in parts) for codec in OTHER_CODECS)
    for codec in _OF_NAMES:
        with suppress(UnicodeDecodeError):
            found["/".join(_read(part, codec, "strict") for part in parts)] = None
    return tuple(found)


def _read(part: bytes, codec: str, errors: str) -> str:
    try:
        return part.decode()
    except UnicodeDecodeError:
        return part.decode(codec, errors)


def mended(text: str) -> Iterator[str]:
    """Yield what ``text`` was if it is UTF-8 that was read as an older alphabet: ``Ð¿Ð»Ð°Ð½`` was ``план``."""
    with suppress(UnicodeError):
        yield text.translate(_WINDOWS).encode("latin-1").decode()
        return
    for codec in _MISREAD:
        with suppress(UnicodeError):
            yield text.encode(codec).decode()
