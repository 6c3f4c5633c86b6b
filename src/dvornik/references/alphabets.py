"""Bytes that are not UTF-8: what they may say in the alphabets that are, or were, in use."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHER_CODECS = ("cp1251", "latin-1", "cp866", "koi8-r", "cp932", "gbk", "big5", "cp949", "euc-jp")
"""What bytes beyond ASCII may mean: single ones, then those of Japanese, Chinese and Korean in twos."""
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
