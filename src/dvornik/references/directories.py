"""The directories of one storage's listing, and which of them a text or a value names: that keeps all below."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dvornik.references.alphabets import readings_of_name
from dvornik.references.keys import new_keys
from dvornik.references.paths import path_key, tidy
from dvornik.references.tokens import Slice, any_of, cut, to_bytes
from dvornik.references.values import leaf_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dvornik.references.paths import Base

_MANY = 200
"""So many different names make an alternation slower than looking at every slash."""
_WORD, _PART = 2, 255
_SHORT = 2048
"""A cell of up to so many bytes may be one path as a whole."""
_LONGEST = 4096
_ESCAPE_LIKE = re.compile(rb"u[0-9a-f]{4}")
_NUMBERS = re.compile(rb"^[./\\]*[0-9]+(?:[/\\]+[0-9]+)+[/\\]*$", re.MULTILINE)
_SLASHES = frozenset((b"/", b"\\"))
_DISTINCT = re.compile(r"(?=.*\d)(?=.*[^\W\d])[\w-]{6,}")
"""A part that as a whole cell means the directory all the same: ``summer-2024``, unlike ``gallery``."""
_ENCODED = re.compile(rb"(?:%|\\u|&#)[^ ]{1,4000}")
_PATH = bytes(
    byte if byte >= 0x80 or chr(byte).isalnum() or byte in b"._-/\\%&#;+~" else 0x20  # noqa: PLR2004 - end of ASCII
    for byte in range(256)
)
"""Leaves what an encoded path consists of."""
_SHORT_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_PLAIN_WORD = re.compile(r"[\w.-]+")


class Directories:
    """First ``add`` all of them, then strike, then ask."""

    def __init__(self, base: Base) -> None:
        """Take what may stand before a path."""
        self._base = base
        self._marks = tuple(prefix.rpartition("/")[2] for prefix in base.prefixes)
        self.keys, self.leaves, self.parents = new_keys(), new_keys(), new_keys()
        self.parents.add_all(leaf_key(to_bytes(mark)) for mark in self._marks or ("",))
        self.wide = False
        """Whether any last part is not ASCII."""
        self.containers: set[str] = {""}
        self._few: set[bytes] = set()
        self._leaf: re.Pattern[bytes] | None = None
        self.numeric = self.beyond_ascii = self._awkward = self._dotted = self._escape_like = False
        self._single = self._distinct = False

    def add(self, container: str) -> None:
        """Take note of a directory and of those above it."""
        while container not in self.containers:
            self.containers.add(container)
            for reading in (container, *readings_of_name(container)):
                self._add_reading(reading)
            container = container.rpartition("/")[0]

    def _add_reading(self, container: str) -> None:
        self.keys.add_all(self._spellings(container))
        self.beyond_ascii = self.beyond_ascii or not container.isascii()
        self._single = self._single or "/" not in container
        leaf = container.rpartition("/")[2]
        self.parents.add_all((leaf_key(to_bytes(leaf)),))
        if leaf != container and _DISTINCT.fullmatch(leaf):
            self._distinct = True
            self.keys.add_all((b"#" + path_key(leaf),))
        self.numeric = self.numeric or container.replace("/", "").isdigit()
        words = cut(container)
        if b" " in words.clean or words.clean.decode(words.codec, "replace").encode() != path_key(container):
            self._awkward = True  # words of a text cannot name it: it has delimiters in it
        else:
            self._add_leaf(path_key(leaf))

    def _add_leaf(self, leaf: bytes) -> None:
        self.leaves.add_all((leaf,))
        self.wide = self.wide or not leaf.isascii()
        self._dotted = self._dotted or b"." in leaf
        self._escape_like = self._escape_like or bool(_ESCAPE_LIKE.match(leaf))
        if len(self._few) <= _MANY:
            self._few.add(leaf)

    def _spellings(self, container: str) -> Iterator[bytes]:
        """Yield the keys of what names a directory; after ``=`` and ``~`` what does so as a whole value alone.

        A single part (``gallery``), or numbers alone (``2024/01``), are words of any page's address: in texts they
        count only after the place's own prefix (``media/gallery``), several numbers also as a cell of their own.
        """
        key = path_key(container)
        yield b"=" + key
        if _DISTINCT.fullmatch(container):
            yield b"~" + key
        if b"/" in key and not key.replace(b"/", b"").isdigit():
            yield key
        for mark in self._marks:
            yield path_key(f"{mark}/{container}")

    # -- striking ------------------------------------------------------------------------------------------------

    def strike_values(self, keys: Iterable[bytes]) -> bool:
        """Strike those that a value of an exact column names, by ``path_key``; tell whether there are any."""
        return sum(self.keys.mark(b"=" + key) for key in keys) > 0  # each of them, not just the first

    def strike_cells(self, cells: Sequence[bytes]) -> None:
        """Strike what a cell names as a whole: ``gallery/``, several numbers, names with delimiters in them."""
        if self.numeric:
            self.strike_numbers(b"\n".join(cells))
        self.strike_whole(cells)

    def strike_numbers(self, lines: bytes) -> None:
        """Strike what a line of numbers names."""
        self.keys.mark_all(b"=" + path_key(tidy(path.decode())) for path in _NUMBERS.findall(lines))

    def strike_whole(self, cells: Sequence[bytes]) -> None:
        """Strike what a cell names as a whole but for numbers."""
        if self._distinct:
            self.keys.mark_all(b"#" + _folded(cell) for cell in cells if _WORD <= len(cell) <= _PART)
        if self._single:
            words = [cell for cell in cells if _WORD <= len(cell) <= _PART and b" " not in cell]
            self.keys.mark_all(b"~" + _folded(cell) for cell in words)
            ended = [cell.rstrip(b"/\\") for cell in words if cell[-1:] in _SLASHES]
            self.keys.mark_all(b"=" + _folded(cell) for cell in ended if not cell.isdigit())
        if self._awkward:
            for cell in cells:
                if len(cell) <= _SHORT and (b"/" in cell or b"\\" in cell):
                    self._strike_cell(cell.decode("utf-8", "surrogateescape"))

    def _strike_cell(self, text: str) -> None:
        for path in self._base.readings(text):
            if not _PLAIN_WORD.fullmatch(path):
                self.keys.mark(b"=" + path_key(path))

    def strike(self, piece: Slice) -> None:
        """Strike what a piece of text names."""
        if not len(self.keys):
            return
        words, clean = set(), piece.clean
        for match in self._pattern().finditer(clean):
            low = max(0, match.start() - _LONGEST)
            words.add(clean[clean.rfind(b" ", low, match.start()) + 1 or low : match.end()])
        for word in words:
            path = word.decode(piece.codec, "replace")
            for ended in {path.rstrip("/\\"), path.rstrip("./\\")}:  # "in albums/2024/." and at a sentence's end
                self._strike_word(ended)

    def _pattern(self) -> re.Pattern[bytes]:
        if self._leaf is None:
            few = len(self._few) <= _MANY and all(leaf.isascii() for leaf in self._few)
            leaf = any_of(self._few) if few else self._any_leaf()
            self._leaf = re.compile(rb"/(?<=[^ \t/]/)/*" + leaf + rb"[/.]*(?= |$)")
        return self._leaf

    def _any_leaf(self) -> bytes:
        """Match any last part that the listed directories may have; escapes and files are far more frequent."""
        escapes = b"" if self._escape_like else rb"(?!u[0-9a-f]{4})"
        return escapes + (rb"[^ \t/]{1,255}" if self._dotted else rb"[^ \t/.]{1,255}")

    def _strike_word(self, word: str) -> None:
        path = path_key(tidy(word))
        while b"/" in path:
            self.keys.mark(path)
            path = path.partition(b"/")[2]

    def strike_encoded(self, raw: bytes) -> None:
        """Strike what a text names in percent-encoding, in HTML or JSON: each word as a whole, its spaces its own."""
        if self.beyond_ascii and (b"%" in raw or b"\\u" in raw or b"&#" in raw):
            paths = raw.translate(_PATH)
            begun = (
                (paths.rfind(b" ", max(0, match.start() - _LONGEST), match.start()) + 1, match.end())
                for match in _ENCODED.finditer(paths)
            )
            for word in {paths[begin:end] for begin, end in begun}:
                if b"/" in word:
                    self._strike_encoded(word.decode("utf-8", "surrogateescape").replace("\\/", "/"))

    def _strike_encoded(self, text: str) -> None:
        if "\\u" in text:
            text = _SHORT_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
        for path in self._base.readings(text):
            self._strike_word(path)

    def forget(self) -> None:
        """Let none have been named yet."""
        self.keys.forget()

    # -- asking --------------------------------------------------------------------------------------------------

    def is_used(self, container: str) -> bool:
        """Tell whether the directory, or one above it, is named."""
        while container:
            for reading in (container, *readings_of_name(container)):
                if any(self.keys.seen(key) for key in self._spellings(reading)):
                    return True
            container = container.rpartition("/")[0]
        return False

    def is_meant(self, container: str) -> bool:
        """Tell whether a whole cell is the mere last part of the directory, or of one above it: a row's own key."""
        if not self._distinct:
            return False
        readings = (container, *readings_of_name(container))
        return any(self.keys.seen(b"#" + path_key(part)) for each in readings for part in each.split("/")[1:])

    def is_called_so(self, container: str) -> bool:
        """Tell whether a whole cell is the mere last part of this very directory."""
        readings = (container, *readings_of_name(container))
        return self._distinct and any(
            self.keys.seen(b"#" + path_key(each.rpartition("/")[2])) for each in readings if "/" in each
        )


def _folded(cell: bytes) -> bytes:
    return cell.lower() if cell.isascii() else path_key(cell.decode("utf-8", "surrogateescape"))
