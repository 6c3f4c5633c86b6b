"""Reads files that may be texts, told by their content; what is none costs its first bytes."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from dvornik.storages.kernel import reason_of

if TYPE_CHECKING:
    from dvornik.model import Reason
    from dvornik.storages.directories import Directory

MOST: Final = 8 << 20
"""Bytes of a text that are read: whatever names files is shorter, or does so from its beginning on."""
_HEAD: Final = 4096
_CHUNK: Final = 1 << 20
_CONTROL: Final = bytes(byte for byte in range(0x20) if byte not in b"\t\n\v\f\r\x1b")
_FEW: Final = 100
"""One control character in so many bytes is still a text's."""
_MARKS: Final = (b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b\x08")
"""UTF-16, and gzip, which packs texts that are served."""


def text_of(directory: Directory, name: str) -> bytes | Reason:
    """Return what a regular file holds if that is a text, nothing if it is none, or why it cannot be read."""
    try:
        descriptor = directory.open_file(name)
        try:
            return _text(descriptor) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
        finally:
            os.close(descriptor)
    except OSError as error:
        return reason_of(error)


def _text(descriptor: int) -> bytes:
    head = os.read(descriptor, _HEAD)
    if not _is_text(head):
        return b""
    parts = [head]
    left = MOST - len(head)
    while left > 0 and (chunk := os.read(descriptor, min(_CHUNK, left))):
        parts.append(chunk)
        left -= len(chunk)
    return b"".join(parts)


def _is_text(head: bytes) -> bool:
    if head.startswith(_MARKS):
        return True
    return b"\0" not in head and _FEW * (len(head) - len(head.translate(None, _CONTROL))) <= len(head)
