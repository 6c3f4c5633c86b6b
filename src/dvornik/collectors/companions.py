"""Tells which files of one directory belong together by their names alone: pieces, descriptions, copies in progress.

Two names belong together where they differ only in the number of a piece (``film.mp4-0.part``, ``name_003.tmp``,
``x.part1.rar``), or where one is the other with suffixes, or without (``film.mp4`` and ``film.mp4.aria2``,
``x.tmp.meta`` and ``x.tmp``, ``<id>-3`` and ``<id>.json``). No protocol is known by its name.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_PARTS: Final = ("part", "chunk", "piece", "segment", "block", "blob", "slice", "frag", "fragment")
_ENDS: Final = (*_PARTS, *(f"{word}s" for word in _PARTS))
_WORDS: Final = rf"(?:{'|'.join(reversed(_PARTS))})s?"
_CHUNK: Final = re.compile(rf"(?:{_WORDS}[-_. ]?|^|\.)\d+(?:[-_.](?:of[-_.]?)?\d+)?(?=$|\.)", re.IGNORECASE)
"""Forms that only pieces have: every number in them may differ."""
_NUMBER: Final = re.compile(r"\d+")
_PIECES: Final = 10_000
"""Numbers below it count pieces; larger ones are mostly of processes and of times."""
_STEP: Final = 1024
"""What offsets are multiples of, by which some number their pieces."""
_LETTER: Final = re.compile(r"(?:^|[\W\d_])[^\W\d_]$")
"""A single letter before a number is too little to say that two names are of one thing: ``u1``, ``a1b2``."""
_SUFFIX: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,15}|[A-Z0-9]{1,8}")
_TAIL: Final = re.compile(
    rf"(?<=[^-_. (])(?:[-_. ]*(?:{_WORDS})?[-_. (]*\d+\)?|[-_. (]+of[-_. ]?\d+\)?|[-_. ]+{_WORDS})$",
    re.DOTALL | re.IGNORECASE,
)
_DIGITS: Final = dict.fromkeys(map(ord, "0123456789"))
_ANY_WORD: Final = re.compile(rf"(?:[-_. ]*{_WORDS}|[-_. (]+of)$", re.IGNORECASE)
_FEW: Final = 8
_MARGIN: Final = "-_ ()~0"
_SIGNS: Final = (*_PARTS[:-1], "of\0", *(f"{sign}\0" for sign in _MARGIN))
"""What a text holds in which any name ends in what does not count."""


def _is_piece(number: str) -> bool:
    """Tell whether a number may count the pieces of one thing."""
    return number[0] == "0" or len(number) < len(str(_PIECES)) or int(number[-18:]) % _STEP == 0


def _numbered(name: str) -> Iterator[str]:
    """Yield a mark for each number whose change alone makes the name of another piece."""
    if _CHUNK.search(name):
        yield "*" + _NUMBER.sub("#", name)
    for match in _NUMBER.finditer(name):
        if _is_piece(match[0]) and (match[0][0] == "0" or not _LETTER.search(name, 0, match.start())):
            yield f"#{name[: match.start()]}\0{name[match.end() :]}"


def _suffixes_off(name: str) -> Iterator[str]:
    """Yield the name, and what is left of it with one suffix less at a time."""
    yield name
    while True:
        head, dot, suffix = name.rpartition(".")
        if dot and head.strip(".") and not head.endswith(".") and _SUFFIX.fullmatch(suffix):
            name = head
        elif name.endswith("~") and len(name) > 1:
            name = name[:-1]
        else:
            return
        yield name


def _number_off(name: str) -> str:
    """Return the name without the number, or the word, of a piece that it ends in."""
    ends = name[-1:] == ")" or name[-1:].isdecimal() or name.lower().endswith(_ENDS)
    return _TAIL.sub("", name) if ends else name


def _stems(name: str) -> tuple[set[str], set[str]]:
    """Return the name with suffixes off, and with the numbers of pieces off besides."""
    plain = {stem.lstrip(".") or stem for stem in _suffixes_off(name)}
    bare, todo = set(plain), list(plain)
    while todo:
        shorter = _number_off(todo.pop())
        new = set(_suffixes_off(shorter)) - bare
        bare |= new
        todo += new
    return plain, bare


def marks_of(name: str) -> Iterator[str]:
    """Yield what a fresh name leaves for the names that belong to it (``wants``)."""
    yield from _numbered(name)
    plain, bare = _stems(name)
    yield from (f"s{stem}" for stem in plain)
    yield from (f"n{stem}" for stem in bare)


def wants(name: str) -> Iterator[str]:
    """Yield the marks by any of which a name belongs to another.

    Numbers come off one of the two only: ``a-1.tmp`` and ``a-2.tmp`` are for ``_numbered`` to judge.
    """
    yield from _numbered(name)
    plain, bare = _stems(name)
    yield from (f"s{stem}" for stem in bare)
    yield from (f"n{stem}" for stem in plain)


def coarse(names: Sequence[str]) -> list[str]:
    """Return a key for each name that is the same for all that belong together, and for others: very cheap."""
    text = "\0".join(names)
    if "\0." in text or text.startswith("."):
        text = "\0".join([name.lstrip(".") for name in names])
    keys = [name.partition(".")[0] for name in text.translate(_DIGITS).split("\0")]
    text = "\0".join(keys).lower() + "\0"
    return list(map(_bare, keys)) if any(sign in text for sign in _SIGNS) else keys


def _finer(names: Sequence[str]) -> list[str]:
    """Return such keys that fewer others share: where digits stand counts, too."""
    return [_bare(_NUMBER.sub("0", name.lstrip(".")).partition(".")[0]) for name in names]


def _bare(key: str) -> str:
    key = key.rstrip(_MARGIN)
    while key.lower().endswith((*_ENDS, "of")):
        shorter = _ANY_WORD.sub("", key).rstrip(_MARGIN)
        if shorter == key:
            break
        key = shorter
    return key


class Marks:
    """The marks of fresh names of one directory; beyond ``most`` a filter of fixed size, which may keep more."""

    _BITS = 1 << 26

    def __init__(self, most: int = 100_000) -> None:
        """Hold nothing."""
        self._most = most
        self._marks: set[str] = set()
        self._filter = bytearray()

    def __bool__(self) -> bool:
        """Tell whether any name was fresh."""
        return bool(self._marks or self._filter)

    def add(self, names: Iterable[str]) -> None:
        """Leave the marks of fresh names."""
        for name in names:
            self._marks.update(marks_of(name))
            if len(self._marks) > self._most:
                self._filter = self._filter or bytearray(self._BITS >> 3)
                for mark in self._marks:
                    at = hash(mark) % self._BITS
                    self._filter[at >> 3] |= 1 << (at & 7)
                self._marks.clear()

    def claims(self, name: str) -> bool:
        """Tell whether a name belongs to a fresh one."""
        return any(mark in self._marks or (self._filter and self._is_set(mark)) for mark in wants(name))

    def _is_set(self, mark: str) -> bool:
        at = hash(mark) % self._BITS
        return bool(self._filter[at >> 3] >> (at & 7) & 1)


def belonging(names: Sequence[str], fresh: Sequence[str]) -> set[str]:
    """Return those of the ``names`` that belong to one of the ``fresh`` ones.

    Most names of a directory belong to none: first comes what is cheap.
    """
    names, fresh, _keys = _alike(names, fresh, coarse)
    if not names:
        return set()
    names, fresh, keys = _alike(names, fresh, _finer)
    others: dict[str, list[str]] = {}
    for other, key in zip(fresh, _finer(fresh), strict=True):
        others.setdefault(key, []).append(other)
    names = [name for name, key in zip(names, keys, strict=True) if _may_belong(name, others[key])]
    if not names:
        return set()
    marks = Marks()
    marks.add(fresh)
    return {name for name in names if marks.claims(name)}


def _alike(
    names: Sequence[str], fresh: Sequence[str], keys_of: Callable[[Sequence[str]], list[str]]
) -> tuple[list[str], list[str], list[str]]:
    """Leave out what shares its key with none of the others; return the keys of the names, too."""
    if not names or not fresh:
        return [], [], []
    ours, theirs = keys_of(names), keys_of(fresh)
    shared = set(ours).intersection(theirs)
    rows = [row for row, key in enumerate(ours) if key in shared] if shared else []
    left = [name for name, key in zip(fresh, theirs, strict=True) if key in shared] if shared else []
    return [names[row] for row in rows], left, [ours[row] for row in rows]


def _may_belong(name: str, others: Sequence[str]) -> bool:
    """Tell whether a name may belong to any of a few: one begins as the other, or a number or two differ."""
    if len(others) > _FEW or _CHUNK.search(name):
        return True
    start, numbers = _start(name), _NUMBER.findall(name)
    for other in others:
        if other.lstrip(".").startswith(start) or name.lstrip(".").startswith(_start(other)):
            return True
        theirs = _NUMBER.findall(other)
        if len(theirs) == len(numbers) and sum(map(operator.ne, numbers, theirs)) == 1:
            return True
    return False


def _start(name: str) -> str:
    """Return what no suffix is part of."""
    return name.lstrip(".").partition(".")[0].rstrip("~")
