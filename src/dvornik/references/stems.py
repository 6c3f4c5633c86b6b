"""Names without their endings: which cells, or parts of one, may mean ``photo_1.jpg`` by ``photo_1``.

Only what stands by itself counts: a whole cell, the last part of a path, an item of a list, a string in JSON. The same
word in the middle of a text is a word of its language.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dvornik.references import cuts
from dvornik.references.alphabets import is_binary
from dvornik.references.hashed import Hashed
from dvornik.references.keys import new_keys
from dvornik.references.paths import path_key
from dvornik.references.tokens import fold_stem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MOST = 255
"""Bytes of a stem. The shortest count as well: ``flags/ru.png`` is known by the language's code alone."""
_LONGEST = 2048
"""Bytes of a cell that may be a list or an object of such names."""
_UUID_LENGTH, _HEX_LENGTH, _RAW_LENGTH, _DASHES = 36, 32, 16, 4
_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SHORTEST = 26
"""Letters of an identifier: a ULID's."""
_ULID = re.compile(rb"[0-7][0-9a-hjkmnp-tv-z]{25}")
_CROCKFORD = bytes.maketrans(b"abcdefghjkmnpqrstvwxyz", b"abcdefghijklmnopqrstuv")
"""From the digits of a ULID to Python's of base 32; it stands for the same 128 bits as a UUID."""
_HEX = re.compile(rb"[0-9a-f]{32}")
_DIGIT = rb"[0-9a-fA-F]"
_DASHED = re.compile(rb"-(?<=%b{8}-)(?:%b{4}-){3}%b{12}".replace(b"%b", _DIGIT))
_QUOTED = re.compile(rb'"%b{32}(?=")'.replace(b"%b", _DIGIT))
"""Both begin with a sign that is searched for quickly, and fold no letters: half the time."""
_TOLD = re.compile(
    rb'(?:"[ ]?[:,][ ]?\\*"|[0-9]:\\*"|[\[{=][ ]?\\*"|/)(%b{8}-(?:%b{4}-){3}%b{12}|%b{32})(?![0-9A-Za-z-])'.replace(
        b"%b", _DIGIT
    )
)
"""As a value of JSON, of PHP's or of an attribute, or in a path: a sentence has quotes too."""
_DIGEST = re.compile(rb"(?<![0-9a-fA-F])[0-9a-fA-F]{32,128}(?![0-9a-fA-F])")
_OPENING = frozenset((b"{", b"["))
_LIST = re.compile(rb"[,;|{}]+")
_TELLING = re.compile(rb"[0-9/]")
"""What an item must hold: ``image`` and ``header`` are words of every document in JSON."""


class Stems:
    """The keys of one storage's names that hold no ending. First ``add`` all of them, then strike, then ask."""

    def __init__(self) -> None:
        """Start with none."""
        self.keys = new_keys()
        self._has_uuids = self._has_digests = False
        self._hashed = Hashed()

    def add(self, folded: Iterable[bytes]) -> None:
        """Take note of names, as ``path_key`` folds them."""
        for each in folded:
            known = stems(each)
            self.note(has_uuids=len(known) > 1)
            self.keys.add_all(known)

    def note(self, *, has_uuids: bool) -> None:
        """Take note that a name that was added elsewhere is, or is not, a UUID's."""
        self._has_uuids = self._has_uuids or has_uuids

    def add_place(self, container: str, names: Sequence[str]) -> None:
        """Take note of what a directory's own path tells of it, and of the files in it."""
        found = _identifiers(container)
        self.keys.add_all(found)
        self.note(has_uuids=bool(found))
        self._has_digests = self._has_digests or bool(found)
        self._hashed.note(found)
        for cut in cuts.of_names(container, names).values():
            self.keys.add_all(cut)
            self._hashed.note(cut)
            self._has_digests = self._has_uuids = True

    def strike(self, cells: Sequence[bytes]) -> None:
        """Strike what texts name wherever it stands; known is what does so as a value of its own."""
        if self._has_uuids:
            found = uuids(cells)
            if len(self.keys.mark_all(found)) < len(found):
                self.keys.mark_known(told(cells))
        if self._has_digests:
            self.keys.mark_all(hashes(cells))
            self.keys.mark_known(self._hashed.of(cells))

    def strike_cells(self, cells: Sequence[bytes]) -> None:
        """Strike what a cell names as a whole."""
        if len(self.keys):
            sentences = [cell for cell in cells if _is_sentence(cell)]
            self.keys.mark_all(meant(sentences))
            self.keys.mark_known(meant(cell for cell in cells if not _is_sentence(cell)))

    def forget(self) -> None:
        """Let none have been seen yet."""
        self.keys.forget()

    def are_known(self, folded: bytes) -> bool:
        """Tell whether a value means the name without its ending."""
        return any(map(self.keys.known, stems(folded)))

    def are_seen(self, folded: bytes) -> bool:
        """Tell whether anything means the name without its ending."""
        return any(map(self.keys.seen, stems(folded)))

    def is_meant(self, container: str) -> bool:
        """Tell whether a UUID was seen that the directory, or one above it, is called by."""
        return (self._has_uuids or self._has_digests) and any(map(self.keys.seen, _identifiers(container)))

    def is_called_so(self, part: str) -> bool:
        """Tell whether a UUID or a digest was seen that this part of a path is, or holds."""
        return any(map(self.keys.seen, _whole(path_key(part))))

    def is_cut(self, container: str) -> bool:
        """Tell whether an identifier was seen that is cut into several parts of a directory's path."""
        parts = path_key(container).split(b"/")
        whole = {each for part in parts for each in _whole(part)}
        return any(self.keys.seen(each) for each in cuts.of_directory(container) if each not in whole)

    def knows_digest(self, container: str, name: str) -> bool:
        """Tell whether a value is the digest that a file's path is."""
        return self._has_digests and any(map(self.keys.known, cuts.of_names(container, [name]).get(name, ())))

    def without_digests(self, container: str, names: list[str]) -> list[str]:
        """Return those of one directory's names whose path is no digest that was seen."""
        known = cuts.of_names(container, names) if self._has_digests else {}
        return [name for name in names if not any(map(self.keys.seen, known.get(name, ())))] if known else names


def _identifiers(container: str) -> list[bytes]:
    if len(container) < SHORTEST:
        return []
    parts = path_key(container).split(b"/")
    return [each for part in parts for each in identifiers(part)] + cuts.of_directory(container)


def _whole(part: bytes) -> list[bytes]:
    return [*identifiers(part), *cuts.of_directory(part.decode("utf-8", "surrogateescape"))]


def stems(folded: bytes) -> tuple[bytes, ...]:
    """Return the cells that mean a name, given as ``path_key`` folds it, without holding its ending.

    Its stem, or all of a name without an ending, and what ``identifiers`` says of it (sqlalchemy-media:
    ``image-UUID-photo.jpg``; sqlalchemy-file: ``UUID.metadata.json``); none for a mere number: the numbers of rows are
    read nowhere, and other numbers would name files by chance.
    """
    before, dot, after = folded.rpartition(b".")
    stem = before if dot else after
    if not 0 < len(stem) <= MOST or stem.isdigit():
        return ()
    return (stem, *(each for each in identifiers(stem) if each != stem)) if len(stem) >= SHORTEST else (stem,)


def identifiers(part: bytes) -> tuple[bytes, ...]:
    """Return the UUIDs that a part of a folded path holds, with and without dashes; also one written as a ULID."""
    if len(part) == SHORTEST and _ULID.fullmatch(part):
        return cuts.spellings(b"%032x" % int(part.translate(_CROCKFORD), 32))
    if len(part) == _HEX_LENGTH and _HEX.fullmatch(part):
        return cuts.spellings(part)
    if len(part) >= _UUID_LENGTH and part.count(b"-") >= _DASHES:
        return tuple(form for uuid in _UUID.findall(part) for form in cuts.spellings(uuid.replace(b"-", b"")))
    return ()


def hashes(cells: Iterable[bytes]) -> set[bytes]:
    """Return the digests in hexadecimal that whole texts hold."""
    return {match[0].lower() for match in _DIGEST.finditer(b"\n".join(cells))}


def uuids(cells: Iterable[bytes]) -> set[bytes]:
    """Return the UUIDs of whole texts, in lower case; those without dashes where they stand in double quotes.

    A UUID is no word of any language, so it means its file wherever it stands: documents in JSON are long.
    """
    joined = b"\n".join(cells)
    found = {joined[match.start() - 8 : match.end()].lower() for match in _DASHED.finditer(joined)}
    found.update(match[0][1:].lower() for match in _QUOTED.finditer(joined))
    return found


def _is_sentence(cell: bytes) -> bool:
    """Tell whether a cell that ends in a path has words before it, so that it may be a sentence."""
    text = cell.strip()
    return b" " in text.replace(b"\\", b"/").rstrip(b"/").rpartition(b"/")[0] and text[:1] not in _OPENING


def told(cells: Iterable[bytes]) -> set[bytes]:
    """Return the UUIDs that are values of a document or parts of a path, in lower case."""
    found = _TOLD.findall(b"\n".join(cells))
    return {form for each in found for form in cuts.spellings(each.lower().replace(b"-", b""))}


def meant(cells: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what cells may mean each by itself, folded as ``stems`` are."""
    for raw in cells:
        size = len(raw)
        if size > _LONGEST:
            continue
        cell = raw.strip()
        if b"/" not in cell and b"\\" not in cell:
            if 0 < len(cell) <= MOST:
                yield fold_stem(cell)
        elif b"\n" not in cell:
            yield from _last(cell)
        if size == _RAW_LENGTH:
            yield from _in_bytes(raw)
        elif 2 * size in cuts.LENGTHS and is_binary(raw):
            yield raw.hex().encode()
        if cell[:1] in _OPENING:
            yield from _items(cell.split(b'"'))
        if b" " not in cell and _LIST.search(cell):
            yield from _items(_LIST.split(cell))


def _in_bytes(raw: bytes) -> Iterator[bytes]:
    """Yield the UUIDs that sixteen bytes may be: in order, as MySQL swaps its times, as .NET writes its numbers."""
    yield raw.hex().encode()
    yield (raw[4:8] + raw[2:4] + raw[:2] + raw[8:]).hex().encode()
    yield (raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:]).hex().encode()


def _items(parts: Sequence[bytes]) -> Iterator[bytes]:
    for part in parts:
        if 0 < len(part) <= MOST and _TELLING.search(part):
            yield from _last(part)


def _last(path: bytes) -> Iterator[bytes]:
    """Yield the last part of a path, or what is none as a whole."""
    last = path.replace(b"\\", b"/").rstrip(b"/").rpartition(b"/")[2]
    if 0 < len(last) <= MOST:
        yield fold_stem(last)
