"""Who names one file: rows and lines found by the very tokeniser that keeps it, and the rows that nearly name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from dvornik.references.search import opened
from dvornik.references.tokens import to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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
    """Who names a file: ``database/table.column id=5``, and how much was read where."""

    rows: Mapping[Target, Sequence[str]]
    """By the file that is named: the one asked for, or one that it was made from."""
    looked: Mapping[str, int]
    """Source to the number of values."""
    read: Mapping[str, int]
    """Source to the number of bytes."""
    near: Sequence[str] = ()
    """Rows that name the mere stem of the first file."""


def find_referrers(
    targets: Sequence[Target], sought: Sought, sources: Mapping[str, Readable], exclude: Mapping[str, Sequence[str]]
) -> Referrers:
    """Say which rows name each of ``targets``, column by column; ``sought`` holds the whole listing of their storage.

    Where no single row does (a name whose words stand in different rows), the column alone is named.
    """
    rows: dict[Target, list[str]] = {}
    looked, read, near = dict[str, int](), dict[str, int](), list[str]()
    stem = _stem(targets[0][1])
    for name, columns, snapshot in opened([sought], sources, exclude):
        for column in columns.all():
            source, hit = f"{name}/{column.label}", False
            looked[source] = read[source] = 0
            sought.names.forget()
            for cells in columns.read(snapshot, column):
                looked[source] += len(cells)
                read[source] += sum(map(len, cells))
                hit = hit or _holds(cells, stem)
            named = [target for target in targets if _means(sought.names, target)]
            for target in named:
                keys = _Rows(columns, column, sought.names, target).keys(snapshot)
                rows.setdefault(target, []).extend(f"{source} {key}".rstrip() for key in keys or [""])
            if hit and not named and len(near) < _NEAR:
                near += _near(snapshot, column, source, stem)
    return Referrers({target: found[:_REFERRERS] for target, found in rows.items()}, looked, read, near)


class _Rows:
    """The rows of one column that name one file, found by halving."""

    def __init__(self, columns: Columns, column: Column, names: Names, target: Target) -> None:
        self._names, self._target = names, target
        self._column = column
        self._exact = columns.is_exact(column)

    def keys(self, snapshot: Snapshot) -> list[str]:
        """Return the keys of the first of them."""
        found: list[str] = []
        batch: list[tuple[str, str | bytes]] = []
        for row in snapshot.rows(self._column):
            batch.append(row)
            if len(batch) == _BATCH:
                found += self._search(batch)
                batch = []
                if len(found) >= _REFERRERS:
                    return found[:_REFERRERS]
        return (found + self._search(batch))[:_REFERRERS]

    def _search(self, batch: Sequence[tuple[str, str | bytes]]) -> list[str]:
        if not batch or not self._is_named([cell for _key, cell in batch]):
            return []
        if len(batch) == 1:
            return [batch[0][0]]
        half = len(batch) // 2
        return self._search(batch[:half]) + self._search(batch[half:])

    def _is_named(self, cells: Sequence[str | bytes]) -> bool:
        self._names.forget()
        if self._exact:
            self._names.strike_paths([_text(cell) for cell in cells])
        else:
            self._names.strike_texts(cells)
        return _means(self._names, self._target)


def _means(names: Names, target: Target) -> bool:
    return names.is_used(*target) or names.is_meant(target[0])


def _near(snapshot: Snapshot, column: Column, source: str, stem: bytes) -> Iterator[str]:
    for key, cell in snapshot.rows(column):
        if _holds([cell], stem):
            yield f"{source} {key}".rstrip()
            return


def _stem(name: str) -> bytes:
    """Return what stands before a name's ending, if that is long enough to mean anything."""
    stem = to_bytes(name.rpartition(".")[0] or name).lower()
    return stem if len(stem) >= _STEM else b""


def _holds(cells: Sequence[str | bytes], stem: bytes) -> bool:
    return bool(stem) and any(stem in (to_bytes(cell) if isinstance(cell, str) else cell).lower() for cell in cells)


def _text(cell: str | bytes) -> str:
    return cell if isinstance(cell, str) else cell.decode(errors="surrogateescape")
