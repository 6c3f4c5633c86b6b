"""Names that an application may make from the number of a row: ``17.jpg``, ``file12``, ``avatar_12.png``.

Numbers of rows are not read. A bare number, a word without an ending, or a table's own word is told by how the files
beside it are known: where such names are stored, most are found.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_NAME: Final = re.compile(r"([A-Za-z]{0,20}?)([-_]?)(\d{1,19})(\.[^.]*)?")
_TIME: Final = re.compile(r"1\d{9}|1\d{12}")
"""Seconds or milliseconds since 1970, as uploads are stamped with."""
_SPLIT: Final = re.compile(r"[^a-z]+")


def words(tables: Iterable[str]) -> frozenset[str]:
    """Return the words of tables' names, as they are and for one row: ``files`` and ``file``."""
    return frozenset(form for table in tables for word in _SPLIT.split(table.lower()) if word for form in _forms(word))


def _forms(word: str) -> Iterator[str]:
    yield word
    for ending, instead in (("ies", "y"), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            yield word[: -len(ending)] + instead


def untold(used: Iterable[str], unused: Iterable[str], tables: Collection[str]) -> list[str]:
    """Return those of a directory's ``unused`` files that a row's number may name, as its ``used`` ones tell."""
    matches = {name: match for name in unused if (match := _NAME.fullmatch(name)) and _is_row(match, tables)}
    if not matches:
        return []
    stored = Counter(_kind(match) for match in map(_NAME.fullmatch, used) if match)
    left = Counter(map(_kind, matches.values()))
    return [name for name, match in matches.items() if not _is_stored(match, left[_kind(match)], stored[_kind(match)])]


def _is_row(match: re.Match[str], tables: Collection[str]) -> bool:
    word, mark, number, ending = match.groups()
    if not word:
        return not mark
    return not _TIME.fullmatch(number) and (ending is None or word.lower() in tables)


def _kind(match: re.Match[str]) -> str:
    return f"{match[1].lower()}{match[2]}{'.' if match[4] else ''}" if match[1] else ""


def _is_stored(match: re.Match[str], unused: int, used: int) -> bool:
    """Tell whether rows hold such names; of a word without an ending a sentence may tell as well."""
    if not match[1]:
        return used > 0
    return bool(match[4]) and used >= unused
