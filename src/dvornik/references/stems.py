"""Names without their endings: which cells, or parts of one, may mean ``photo_1.jpg`` by ``photo_1``.

Only what stands by itself counts: a whole cell, the last part of a path, an item of a list, a string in JSON. The same
word in the middle of a text is a word of its language.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dvornik.references.tokens import fold_stem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LEAST, MOST = 5, 255
"""Bytes of a stem; shorter ones are words of any language."""
_LONGEST = 2048
"""Bytes of a cell that may be a list or an object of such names."""
_UUID_LENGTH, _HEX_LENGTH, _RAW_LENGTH, _DASHES = 36, 32, 16, 4
_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HEX = re.compile(rb"[0-9a-f]{32}")
_DIGIT = rb"[0-9a-fA-F]"
_DASHED = re.compile(rb"-(?<=%b{8}-)(?:%b{4}-){3}%b{12}".replace(b"%b", _DIGIT))
_QUOTED = re.compile(rb'"%b{32}(?=")'.replace(b"%b", _DIGIT))
"""Both begin with a sign that is searched for quickly, and fold no letters: half the time."""
_OPENING = frozenset((b"{", b"["))
_LIST = re.compile(rb"[,;|{}]+")
_TELLING = re.compile(rb"[0-9/]")
"""What an item must hold: ``image`` and ``header`` are words of every document in JSON."""


def stems(folded: bytes) -> tuple[bytes, ...]:
    """Return the cells that mean a name, given as ``path_key`` folds it, without holding its ending.

    Its stem, and a UUID in it with and without its dashes (sqlalchemy-media: ``image-UUID-photo.jpg``; sqlalchemy-file:
    ``UUID.metadata.json``); none for a mere number: the numbers of rows are read nowhere, and other numbers would name
    files by chance.
    """
    stem, dot, _ending = folded.rpartition(b".")
    if not dot or not LEAST <= len(stem) <= MOST or stem.isdigit():
        return ()
    if len(stem) == _UUID_LENGTH and _UUID.fullmatch(stem):
        return stem, stem.replace(b"-", b"")
    if len(stem) == _HEX_LENGTH and _HEX.fullmatch(stem):
        return stem, b"-".join((stem[:8], stem[8:12], stem[12:16], stem[16:20], stem[20:]))
    if len(stem) > _UUID_LENGTH and stem.count(b"-") >= _DASHES:
        return stem, *(form for uuid in _UUID.findall(stem) for form in (uuid, uuid.replace(b"-", b"")))
    return (stem,)


def uuids(cells: Iterable[bytes]) -> set[bytes]:
    """Return the UUIDs of whole texts, in lower case; those without dashes where they stand in double quotes.

    A UUID is no word of any language, so it means its file wherever it stands: documents in JSON are long.
    """
    joined = b"\n".join(cells)
    found = {joined[match.start() - 8 : match.end()].lower() for match in _DASHED.finditer(joined)}
    found.update(match[0][1:].lower() for match in _QUOTED.finditer(joined))
    return found


def meant(cells: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what cells may mean each by itself, folded as ``stems`` are."""
    for raw in cells:
        size = len(raw)
        if size > _LONGEST:
            continue
        cell = raw.strip()
        if b"/" not in cell and b"\\" not in cell:
            if LEAST <= len(cell) <= MOST:
                yield fold_stem(cell)
        elif b"\n" not in cell:
            yield from _last(cell)
        if size == _RAW_LENGTH:
            yield raw.hex().encode()  # a UUID in sixteen bytes
        if cell[:1] in _OPENING:
            yield from _items(cell.split(b'"'))
        if b" " not in cell and _LIST.search(cell):
            yield from _items(_LIST.split(cell))


def _items(parts: Sequence[bytes]) -> Iterator[bytes]:
    for part in parts:
        if LEAST <= len(part) <= MOST and _TELLING.search(part):
            yield from _last(part)


def _last(path: bytes) -> Iterator[bytes]:
    """Yield the last part of a path, or what is none as a whole."""
    last = path.replace(b"\\", b"/").rstrip(b"/").rpartition(b"/")[2]
    if LEAST <= len(last) <= MOST:
        yield fold_stem(last)
