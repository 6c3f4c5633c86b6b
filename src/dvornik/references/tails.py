"""What may stand behind or before the stem of a used file in the name of one that belongs to it.

A short word, a size, a quality (``-720p``, ``_small``, ``@2x``) belong to a rendition. A count (``_1``) and the random
letters that Django adds tell two uploads of one name apart: such a file is another, which its own row must name.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_DOTS, _CUTS, _LONGEST = 4, 4, 80
_MARKS: Final = "-_@.~ ("
SHORTEST: Final = 3
"""Letters of a stem that a tail may follow: shorter ones begin many a word."""
_SUFFIX: Final = re.compile(r"\.(?=[^.]*[A-Za-z])[A-Za-z0-9]{1,8}$")
_MARK: Final = re.compile(r"[^\w.]|_|\.")
_PIECE: Final = re.compile(r"[^\W_]+")
_SIZE: Final = re.compile(
    r"\d{1,5}x(?:\d{1,5})?|x\d{1,5}|\d{1,5}(?:px|dpi|fps|kbps|[pwhxkiq])|[a-z]{1,4}\d{1,4}", re.IGNORECASE
)
_WORD: Final = re.compile(r"[^\W\d_]{1,12}")
_RANDOM: Final = re.compile(r"(?=.*[0-9A-Z])(?=.*[A-Zg-z])(?!\d+$)[0-9A-Za-z]{7}")
"""What Django's storages put behind a name that is taken; hexadecimal digits alone are somebody else's."""
_TOKEN: Final = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[0-9A-Za-z]{6,64}")
"""A digest of a rendition's size, or of its options."""
_DOUBLED: Final = re.compile(r"(?<=[^-_])(?:__|--)")
"""What follows it is no word of a title: ``photo__FillWzEwMCwxMDBd.jpg``."""
_COUNT: Final = re.compile(r"\d{1,9}")
_PIECES: Final = (_WORD, _SIZE, _COUNT, _TOKEN)
_DEBRIS: Final = frozenset(
    [
        "copy",
        "old",
        "bak",
        "backup",
        "orphan",
        "unused",
        "lost",
        "deleted",
        "removed",
        "tmp",
        "temp",
        "trash",
        "obsolete",
        "stale",
        "dead",
        "leftover",
    ]
)
"""Words of what somebody left behind."""
_STYLE: Final = re.compile(
    r"\d{1,5}x\d{0,5}|\d{2,5}(?:px|[pwh])|[@x]?\d{1,2}x|x{0,3}[sl]|m|[shlmf]d|[hl]q|[hv]?thumb(?:nail)?s?|"
    r"(?:extra|x)?[-_]?(?:small|large|big|medium|tiny|mini|micro|huge)|preview|poster|cover|square|icon|avatar|banner|"
    r"optimi[sz]ed|compressed|converted|transcoded|resized|scaled|cropped|static|web|webp|avif|mobile|desktop|retina|"
    r"display|standard|normal|regular|lowres|hires|print|gallery|listing?|detail|derivatives?|renditions?|variants?|"
    r"styles?|sizes?|streams?|hls|dash|encoded|encoded-video|proxy|proxies|waveforms?|captions?|subtitles?|metadata|meta|"
    r"conversions|responsive-images",
    re.IGNORECASE,
)
_ORIGINAL: Final = re.compile(
    r"[._]?(?:originals?|orig|full|fullsize|source|sources|master|masters|raw|src)", re.IGNORECASE
)
_DIGITS: Final = 12
_LEAST: Final = 16
"""Pixels of the smallest rendition."""


def wholes(name: str) -> Iterator[str]:
    """Yield what stands before each dot of a name, the longest first: ``clip.en``, ``clip``."""
    stem = name
    for _dot in range(_DOTS):
        stem, dot, _rest = stem.rpartition(".")
        if not dot or not stem:
            return
        yield stem


def cuts(name: str) -> Iterator[tuple[str, str]]:
    """Yield the stems to which a name without its endings may add a tail or a head, each with that."""
    base = name
    for _suffix in range(_DOTS - 1):
        shorter = _SUFFIX.sub("", base)
        if not shorter or shorter == base:
            break
        base = shorter
    doubled = _DOUBLED.search(base)
    if doubled:
        yield base[: doubled.start()].rstrip(_MARKS), base[doubled.start() + 1 :]
    marks = [match.start() for match in _MARK.finditer(base)]
    for at in reversed(marks[-_CUTS:]):
        yield base[:at].rstrip(_MARKS), base[at + 1 :]
    if marks:
        yield base[marks[0] + 1 :], base[: marks[0]]


def is_tail(tail: str) -> bool:
    """Tell whether it may tell one file of a stem from another: short words, sizes, numbers, digests.

    Behind a doubled mark stands anything.
    """
    pieces = _PIECE.findall(tail)
    if not pieces or len(tail) > _LONGEST or (_RANDOM.fullmatch(tail) and not _SIZE.fullmatch(tail)):
        return False
    known = tail[0] in "-_" or all(any(each.fullmatch(piece) for each in _PIECES) for piece in pieces)
    return known and _DEBRIS.isdisjoint(map(str.lower, pieces))


def is_rendition(tail: str) -> bool:
    """Tell whether a tail is more than a long number, which each of a row of uploads may have."""
    return not (tail.isdigit() and len(tail) > 5)  # noqa: PLR2004 - a time, an identifier


def is_numbered(tail: str) -> bool:
    """Tell whether a tail is a mere count, as storages add it to a name that is taken; a size is a round number."""
    return tail.isdigit() and (int(tail) < _LEAST or bool(int(tail) % 8 and int(tail) % 10))


@lru_cache(maxsize=1024)
def is_distinct(stem: str) -> bool:
    """Tell whether a stem is random enough to be one file's alone: hexadecimal digits, a UUID, a token."""
    for run in re.findall(r"[0-9a-zA-Z]+", stem.replace("-", "") if stem.count("-") == _CUTS else stem):
        turns = len(re.findall(r"(?<=\d)[a-zA-Z]|(?<=[a-zA-Z])\d", run))
        if (len(run) >= 8 and turns >= 3) or (len(run) >= _DIGITS and run.isdigit()):  # noqa: PLR2004
            return True
    return False


def is_style(directory: str) -> bool:
    """Tell whether a directory is called by a size or a style, or by what these are made from."""
    return bool(_STYLE.fullmatch(directory) or _ORIGINAL.fullmatch(directory))


def are_styles(one: str, other: str) -> bool:
    """Tell whether two directories side by side may hold the same things in several styles."""
    if _ORIGINAL.fullmatch(one) or _ORIGINAL.fullmatch(other):
        return True
    styles = [bool(_STYLE.fullmatch(each)) for each in (one, other)]
    return all(styles) or (any(styles) and min(len(one), len(other)) > 1 and not (one.isdigit() or other.isdigit()))
