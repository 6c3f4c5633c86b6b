"""Texts that stand in base64, in hexadecimal digits or in quoted-printable, as a whole cell or amid another text.

A run of digits is taken for a text by how it begins, wherever in it a text may begin: at once, a few signs later (what
stands before it may end in a digit), or after a slash. What spans the cell is judged by all that it holds as well.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, Final

from dvornik.references.alphabets import is_utf8

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LEAST: Final = 16
"""Signs of a run: less holds no path."""
_LOOKED: Final = 32
"""Signs by which a text is told."""
_BEFORE_IT: Final = 8
"""Signs that an escape before a run may seem to add to it: ``%2522`` is a quote."""
_WITHIN: Final = 256
_RUN: Final = re.compile(rb"[A-Za-z0-9+/_-]{16,}")
_BEFORE: Final = re.compile(rb"[A-Za-z0-9+/_%&#;\\-]*\Z")
_BEHIND: Final = re.compile(rb"[A-Za-z0-9+/_%&#;\\\r\n-]*")
"""A run goes on where one of its signs is escaped, or a line of it ends."""
_SIGN: Final = re.compile(rb"(?:%(?:25)*|(?<!\\)\\++u00|&(?:amp;)*#[xX])(2[BbFf]);?|&(?:amp;)*#4([37]);")
"""Backslashes are looked at once, from the first: a text may be nothing but them."""
_BREAK: Final = re.compile(rb"(?<!\\)\\++(?:[rn]|(?=/))|[\r\n]+|%(?:25)*0[AaDd]")
_BOUNDARY: Final = re.compile(rb"(?:(?<!\\)\\++[rn]|[\r\n])--")
"""What follows a part of an e-mail."""
_WHOLE: Final = re.compile(rb"\.?([A-Za-z0-9+/_-]{16,})(?:={0,2}\s*\Z|:)")
"""Also as Django signs it: a dot before what is packed, then a time and a signature."""
_HEX: Final = re.compile(rb"(?:0?x)?((?:[0-9a-fA-F]{2}){16,})")
_HASH: Final = re.compile(rb"[0-9a-fA-F-]{16}")
"""So hashes and UUIDs begin: they are no base64."""
_URLSAFE: Final = bytes.maketrans(b"-_", b"+/")
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_PRINTED: Final = bytes(range(0x20, 0x7F)) + b"\t\n\r"
_CONTINUATION: Final = range(0x80, 0xC0)
_PACKED: Final = re.compile(
    rb"\x80[\x02-\x05]|\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd", re.DOTALL
)
"""How pickles begin, and what packed.py unpacks."""
QUOTED_PRINTABLE: Final = re.compile(rb"[^\s=]=(?:\r?\n|(?:\\+r)?\\+n)|=[89A-Fa-f][0-9A-Fa-f]=[0-9A-Fa-f]{2}")
"""A line of quoted-printable that goes on in the next one, or a letter beyond ASCII."""
_SOFT: Final = re.compile(rb"=(?:\r?\n|(?:\\+r)?\\+n)")


def unquoted(cell: bytes) -> bytes:
    """Return what a cell in quoted-printable says; lines that are continued are joined."""
    return binascii.a2b_qp(_SOFT.sub(b"", cell))


def regions(cells: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what of the cells may be a text in base64 or hexadecimal digits, with the escapes that it has."""
    for cell in cells:
        whole = _WHOLE.match(cell)
        if whole and _is_mostly_text(whole[1]):
            yield whole[1]
        done = 0
        for match in _RUN.finditer(cell):
            if match.start() >= done and next(_texts(match[0]), None) is not None:
                before = _BEFORE.search(cell, max(done, match.start() - _WITHIN), match.start())
                behind = _BEHIND.match(cell, match.end())
                begin, done = before.start() if before else match.start(), behind.end() if behind else match.end()
                yield cell[begin:done]


def decoded(region: bytes) -> Iterator[bytes]:
    """Yield the texts that a region holds."""
    plain = _SIGN.sub(
        lambda match: b"+" if (match[1] or match[2]) in {b"2B", b"2b", b"3"} else b"/", _BOUNDARY.split(region)[0]
    )
    for run in _RUN.findall(_BREAK.sub(b"", plain)):
        yield from _texts(run)
        if _is_mostly_text(run):
            yield _from_base64(run)


def _texts(run: bytes) -> Iterator[bytes]:
    """Yield what a run says, from wherever in it a text begins."""
    slashes = [match.end() for match in re.finditer(b"/", run)]
    for begin in (0, *slashes):
        digits = _HEX.match(run, begin)
        if digits and _is_text(bytes.fromhex(digits[1][:_LOOKED].decode())):
            yield bytes.fromhex(digits[1].decode())
            return
    for begin in dict.fromkeys((*range(_BEFORE_IT), *slashes)):
        if len(run) - begin < _LEAST or _HASH.match(run, begin):
            continue
        head = _from_base64(run[begin : begin + _LOOKED])
        if _is_text(head) or (not begin and 4 * len(head.translate(None, _PRINTED)) <= len(head)):
            yield _from_base64(run[begin:])
            return


def _is_text(head: bytes) -> bool:
    return bool(_PACKED.match(head)) or (is_utf8(head) and not _CONTROLS.search(head) and head[0] not in _CONTINUATION)


def _is_mostly_text(run: bytes) -> bool:
    """Tell whether half of what it says is ASCII: what is serialised has lengths and marks between its texts."""
    if _HASH.match(run):
        return False
    text = _from_base64(run)
    return 2 * len(text.translate(None, _PRINTED)) < len(text)


def _from_base64(run: bytes) -> bytes:
    raw = run.translate(_URLSAFE)
    raw = raw[: len(raw) - (len(raw) % 4 == 1)]  # one sign more is no byte
    return binascii.a2b_base64(raw + b"=" * (-len(raw) % 4))
