"""Who names a file: rows and lines found by the very tokeniser that keeps it, and the rows that nearly name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from dvornik.references.search import opened
from dvornik.references.tokens import to_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dvornik.contracts.database import Column, Readable, Snapshot
    from dvornik.references.names import Names
    from dvornik.references.search import Columns, Sought

_REFERRERS = 20
_NEAR = 5
_STEM = 4
"""Shorter stems occur in any text."""
_BATCH = 512

Target = tuple[str, str]
"""A listed file: its container and name."""


class Referrers(msgspec.Struct, frozen=True):
    """Who names each file: ``database/table.column id=5``, and how much was read where."""

    rows: Mapping[Target, Sequence[str]]
    """By the file that is named: one that was asked for, or one that it was made from."""
    looked: Mapping[str, int]
    """Source to the number of values."""
    read: Mapping[str, int]
    """Source to the number of bytes."""
    near: Mapping[Target, Sequence[str]] = {}
    """Rows that name the mere stem of a file that was asked for, where no row of their column names it."""


def find_referrers(
    asked: Mapping[Target, Sequence[Target]],
    sought: Sought,
    sources: Mapping[str, Readable],
    exclude: Mapping[str, Sequence[str]],
) -> Referrers:
    """Say which rows name each file, or what it was made from, column by column; each column is read for all of them.

    ``asked`` holds, by file, the files that it may be known by; ``sought`` the whole listing of their storage. Where
    no single row names one (a name whose words stand in different rows), the column alone is named.
    """
    rows: dict[Target, list[str]] = {}
    looked, read = dict[str, int](), dict[str, int]()
    near: dict[Target, list[str]] = {file: [] for file in asked}
    targets = list(dict.fromkeys(each for file, origins in asked.items() for each in (file, *origins)))
    stems = {file: _stem(file[1]) for file in asked}
    for name, columns, snapshot in opened([sought], sources, exclude):
        for column in columns.all():
            source, hit = f"{name}/{column.label}", set[Target]()
            looked[source] = read[source] = 0
            sought.names.forget()
            for cells in columns.read(snapshot, column):
                looked[source] += len(cells)
                read[source] += sum(map(len, cells))
                left = {file: stem for file, stem in stems.items() if file not in hit and len(near[file]) < _NEAR}
                hit |= _holding(cells, left)
            named = [target for target in targets if _means(sought.names, target)]
            for target, keys in _Rows(columns, column, sought.names, named).keys(snapshot).items():
                rows.setdefault(target, []).extend(f"{source} {key}".rstrip() for key in keys or [""])
            known = set(named)
            unknown = {file: stems[file] for file in hit if not known & {file, *asked[file]}}
            for file, key in _near(snapshot, column, unknown).items():
                near[file].append(f"{source} {key}".rstrip())
    return Referrers({target: found[:_REFERRERS] for target, found in rows.items()}, looked, read, near)


class _Rows:
    """The rows of one column that name some files, found by halving."""

    def __init__(self, columns: Columns, column: Column, names: Names, targets: Sequence[Target]) -> None:
        self._names, self._column = names, column
        self._exact = columns.is_exact(column)
        self._found: dict[Target, list[str]] = {target: [] for target in targets}

    def keys(self, snapshot: Snapshot) -> Mapping[Target, Sequence[str]]:
        """Return, by file, the keys of the first of them."""
        batch: list[tuple[str, str | bytes]] = []
        for row in snapshot.rows(self._column) if self._found else ():
            batch.append(row)
            if len(batch) == _BATCH:
                self._search(batch, self._left())
                batch = []
                if not self._left():
                    break
        self._search(batch, self._left())
        return {target: keys[:_REFERRERS] for target, keys in self._found.items()}

    def _left(self) -> list[Target]:
        """Return the files of which more rows are to be told."""
        return [target for target, keys in self._found.items() if len(keys) < _REFERRERS]

    def _search(self, batch: Sequence[tuple[str, str | bytes]], targets: Sequence[Target]) -> None:
        named = self._named([cell for _key, cell in batch], targets) if batch and targets else []
        if not named:
            return
        if len(batch) == 1:
            for target in named:
                self._found[target].append(batch[0][0])
            return
        half = len(batch) // 2
        self._search(batch[:half], named)
        self._search(batch[half:], named)

    def _named(self, cells: Sequence[str | bytes], targets: Sequence[Target]) -> list[Target]:
        self._names.forget()
        if self._exact:
            self._names.strike_paths([_text(cell) for cell in cells])
        else:
            self._names.strike_texts(cells)
        return [target for target in targets if _means(self._names, target)]


def _means(names: Names, target: Target) -> bool:
    return names.is_used(*target) or names.is_meant(target[0])


def _near(snapshot: Snapshot, column: Column, stems: Mapping[Target, bytes]) -> dict[Target, str]:
    """Return, by file, the key of the first row that holds its stem."""
    found: dict[Target, str] = {}
    for key, cell in snapshot.rows(column) if stems else ():
        left = {file: stem for file, stem in stems.items() if file not in found}
        found |= dict.fromkeys(_holding([cell], left), key)
        if len(found) == len(stems):
            break
    return found


def _stem(name: str) -> bytes:
    """Return what stands before a name's ending, if that is long enough to mean anything."""
    stem = to_bytes(name.rpartition(".")[0] or name).lower()
    return stem if len(stem) >= _STEM else b""


def _holding(cells: Sequence[str | bytes], stems: Mapping[Target, bytes]) -> set[Target]:
    """Return the files whose stem stands in any of the cells."""
    found: set[Target] = set()
    left = {file: stem for file, stem in stems.items() if stem}
    for cell in cells:
        if not left:
            break
        text = (to_bytes(cell) if isinstance(cell, str) else cell).lower()
        for file in [file for file, stem in left.items() if stem in text]:
            found.add(file)
            del left[file]
    return found


def _text(cell: str | bytes) -> str:
    return cell if isinstance(cell, str) else cell.decode(errors="surrogateescape")
