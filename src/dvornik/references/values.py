"""Whether a name stands in a text as a value of its own: that proves more than a word of a sentence does.

A value is a whole cell, an item of a list without spaces, a string of JSON or of PHP's, an attribute, a link, an
element's whole text, or the end of a path that leads through a directory of the listing. A word in a sentence keeps
its own file, but does not tell that the application names files of that kind.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from dvornik.references.paths import path_key
from dvornik.references.tokens import EDGE, cut, fold, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dvornik.references.keys import Keys

_FAR: Final = 300
"""Bytes that are looked back for the beginning of a name, or of the last part of a directory."""
_LISTED: Final = 2048
_ESCAPED: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
_RUN: Final = re.compile(rb"[0-9A-Za-z._\-\x80-\xff]+")
_LAST_RUN: Final = re.compile(rb"[0-9A-Za-z._\-\x80-\xff]*\Z")
_SPACES: Final = b" \t\n\r\v\f"
_SLASHES: Final = b"/\\"
_QUOTES: Final = b"\"'`"
_ENDS: Final = b"\"'`><\n\r/\\\0"
"""No name that has spaces in it goes beyond these."""


def leaf_key(path: bytes) -> bytes:
    """Return what directories that end alike have in common: the last run of letters of the last part, folded."""
    found = _LAST_RUN.search(path)
    return fold(found[0].decode("utf-8", "surrogateescape")).encode("utf-8", "replace") if found else b""


def readings(cell: bytes) -> Iterator[bytes]:
    """Yield a cell as it stands, and with escapes of one sort undone."""
    yield cell
    if b"%" in cell:
        yield unquote_to_bytes(cell)
    if b"&" in cell:
        yield to_bytes(html.unescape(cell.decode("utf-8", "surrogateescape")))
    if b"\\u" in cell:
        yield to_bytes(_ESCAPED.sub(lambda match: chr(int(match[1], 16)), cell.decode("utf-8", "surrogateescape")))


def values(cell: bytes, tokens: Keys, stems: Keys, parents: Keys) -> Iterator[bytes]:
    """Yield the listed tokens that stand in a cell as values of their own."""
    for match in _RUN.finditer(cell):
        if b"." not in match[0]:
            continue
        piece = cut(match[0].decode("utf-8", "surrogateescape"))
        token = piece.clean.decode(piece.codec, "replace").encode().strip(EDGE)
        if token in tokens and _Place(cell, stems, parents).is_sure(*match.span()):
            yield token


class _Place:
    """A cell in which something stands."""

    def __init__(self, cell: bytes, stems: Keys, parents: Keys) -> None:
        self._cell, self._stems, self._parents = cell, stems, parents
        self._begin = len(cell) - len(cell.lstrip(_SPACES))
        self._end = len(cell.rstrip(_SPACES))

    def is_sure(self, begin: int, end: int) -> bool:
        """Tell whether what stands at a place is a value, or the end of a name that is one."""
        if self._is_value(begin, end):
            return True
        longer = -1 if self._sign(begin - 1) in _SLASHES else self._longer(begin, end)
        return longer >= 0 and self._is_value(longer, end)

    def _sign(self, at: int) -> bytes:
        return self._cell[at : at + 1] if self._begin <= at < self._end else b"\0"

    def _is_value(self, begin: int, end: int) -> bool:
        if (begin, end) == (self._begin, self._end):
            return True
        if self._sign(begin - 1) in _SLASHES:
            before = self._cell[:begin].rstrip(_SLASHES)
            return leaf_key(before[-_FAR:]) in self._parents
        return self._is_enclosed(begin, end)

    def _is_enclosed(self, begin: int, end: int) -> bool:
        before, two_before = self._sign(begin - 1), self._sign(begin - 2)
        if before in _QUOTES + b"(" and self._sign(end) in b"?#":
            while end < self._end and self._sign(end) not in _SPACES + _QUOTES + b")\\":
                end += 1
        after = self._sign(end)
        if before in _QUOTES:
            close = end + (after == b"\\")
            return self._sign(close) == before and self._is_string(begin - 1, close)
        if before == b"(":
            return two_before in b"]lL" and after in b") "
        if before + after in {b"><", b"]["}:
            return True
        return before in b",;|{\0" and after in b",;|}\0" and self._is_list()

    def _is_list(self) -> bool:
        cell = self._cell[self._begin : self._end]
        return len(cell) <= _LISTED and not any(sign in cell for sign in _SPACES)

    def _is_string(self, opening: int, closing: int) -> bool:
        """Tell whether a quoted string is an attribute, or one of JSON or of PHP's; not one in a sentence."""
        before = self._cell[self._begin : opening].rstrip(_SPACES + b"\\")
        after = self._cell[closing + 1 : self._end].lstrip(_SPACES + b"\\")
        if before.endswith(b"="):
            return True
        if after[:1] not in {b"", b",", b"]", b"}", b";"}:
            return False
        if before.endswith(b":"):
            key = before[:-1].rstrip(_SPACES + b"\\")[-1:]
            return bool(key) and key in _QUOTES + b"0123456789"
        return not before or (before[-1:] in b",[{" and self._cell[self._begin : self._begin + 1] in b"{[")

    def _longer(self, begin: int, end: int) -> int:
        """Return where a listed name with delimiters in it begins that ends here; -1: there is none."""
        first = begin
        while first > self._begin and end - first < _FAR and self._sign(first - 1) not in _ENDS:
            first -= 1
        while first < begin and self._sign(first) in _SPACES:
            first += 1
        stem = self._cell[first:end].rpartition(b".")[0]
        is_listed = first < begin and path_key(stem.decode("utf-8", "surrogateescape")) in self._stems
        return first if stem and is_listed else -1
