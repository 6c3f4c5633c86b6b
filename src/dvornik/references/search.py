"""Reading every source for what it refers to: one snapshot each, exact columns by value, all others as text."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from dvornik.application import ExactColumn
from dvornik.contracts.database import Column
from dvornik.errors import UnreachableError
from dvornik.languages import _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from dvornik.contracts.database import Readable, Snapshot
    from dvornik.references.names import Names

_SAMPLE = 20
_VIEW = "view"
_AHEAD = 2
"""Batches that may wait to be struck: about a megabyte each."""


class Sought(msgspec.Struct, frozen=True):
    """The names of one storage, and the columns whose values are paths below it."""

    names: Names
    exact: Sequence[ExactColumn] = ()
    defaults: Sequence[str] = ()
    """Values that no row need hold: they count as references."""
    named: Sequence[str] = ()
    """Texts of the application's own that may name files."""

    def is_exact(self, source: str, column: Column) -> bool:
        """Tell whether the column's values are paths below this storage."""
        return any(each.database == source and _is_column(each, column) for each in self.exact)


class Search(msgspec.Struct, frozen=True):
    """What was read: ``database/table.column`` (or ``database/table.*`` for texts) to the number of values."""

    sources: Mapping[str, int]


class Counted(msgspec.Struct, frozen=True):
    """What one column contributes: values, bytes, the distinct files that it names, and seconds that it took."""

    source: str
    exact: bool = False
    excluded: bool = False
    values: int = 0
    size: int = 0
    files: int = 0
    seconds: float = 0.0


class Missing(msgspec.Struct, frozen=True):
    """Values of one exact column that name no file: how many of how many, and some of their rows."""

    source: str
    values: int
    missing: int
    rows: Sequence[tuple[str, str]]
    """The key of the row (``id=5``) and the value."""


def search(
    sought: Sequence[Sought], sources: Mapping[str, Readable], exclude: Mapping[str, Sequence[str]] | None = None
) -> Search:
    """Strike from every storage's names what the sources refer to. May be repeated with other names.

    ``exclude`` holds, by source, globs of ``table.column`` that are not read as text; exact columns always are.
    Raises UnreachableError when anything cannot be read: then nothing may be concluded from what was.
    """
    read: dict[str, int] = {}
    for each in sought:
        each.names.strike_paths([value for value in each.defaults if value])
        each.names.strike_texts(each.named)
        each.names.tell("", (), 0)
    for name, columns, snapshot in opened(sought, sources, exclude or {}):
        for column in columns.exact:
            read[f"{name}/{column.label}"] = _meanwhile(
                partial(columns.strike, column), columns.values(snapshot, column)
            )
            columns.tell(f"{name}/{column.label}", [column], read)
        for (schema, table), group in columns.texts.items():
            label = f"{name}/{schema + '.' if schema else ''}{table}.*"
            read[label] = _meanwhile(columns.strike_texts, snapshot.texts(table, group))
            columns.tell(label, group, read)
    return Search({label: count for label, count in read.items() if count})


def _meanwhile(strike: Callable[[Sequence[str | bytes]], None], batches: Iterator[Sequence[str | bytes]]) -> int:
    """Strike each batch in a second thread while the next is read; return the number of values.

    The database is waited for, and the names are struck, outside the interpreter lock.
    """
    count = 0
    waiting: deque[Future[None]] = deque()
    with ThreadPoolExecutor(1, "strike") as worker:
        for cells in batches:
            count += len(cells)
            waiting.append(worker.submit(strike, cells))
            if len(waiting) > _AHEAD:
                waiting.popleft().result()
        for each in waiting:
            each.result()
    return count


def count(
    sought: Sequence[Sought],
    sources: Mapping[str, Readable],
    exclude: Mapping[str, Sequence[str]],
    files: Callable[[], int],
) -> Iterator[Counted]:
    """Yield, column by column, what each contributes by itself; ``files`` counts the listed files that are named."""
    for name, columns, snapshot in opened(sought, sources, exclude):
        for column in columns.excluded:
            yield Counted(f"{name}/{column.label}", excluded=True)
        for column in columns.all():
            begun = time.monotonic()
            values = size = 0
            for each in sought:
                each.names.forget()
            for cells in columns.read(snapshot, column):
                values += len(cells)
                size += sum(map(len, cells))
            seconds = time.monotonic() - begun
            label, exact = f"{name}/{column.label}", columns.is_exact(column)
            named = files() if values else 0
            yield Counted(label, exact, values=values, size=size, files=named, seconds=seconds)


def missing(sought: Sequence[Sought], sources: Mapping[str, Readable]) -> Iterator[Missing]:
    """Yield, exact column by exact column, what it names that is not there; every storage must have been listed."""
    for name, columns, snapshot in opened(sought, sources, {}):
        for column in columns.exact:
            values, lost, sample = 0, 0, dict[str, None]()
            for batch in columns.values(snapshot, column):
                values += len(batch)
                misses = list(batch)
                for each in sought:
                    if each.is_exact(name, column):
                        misses = each.names.misses(misses)
                lost += len(misses)
                sample.update(dict.fromkeys(misses[: _SAMPLE - len(sample)]))
            rows = list(_rows_of(snapshot, column, sample)) if sample else []
            yield Missing(f"{name}/{column.label}", values, lost, rows)


def _rows_of(snapshot: Snapshot, column: Column, sample: Mapping[str, None]) -> Iterator[tuple[str, str]]:
    left = dict(sample)
    for key, cell in snapshot.rows(column):
        value = cell if isinstance(cell, str) else cell.decode(errors="surrogateescape")
        if value in left:
            del left[value]
            yield key, value
            if not left:
                return


def opened(
    sought: Sequence[Sought], sources: Mapping[str, Readable], exclude: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, Columns, Snapshot]]:
    """Open one source after the other; fail first where one that must be read is not there at all."""
    for each in (exact for one in sought for exact in one.exact):
        if each.database not in sources:
            raise _not_there(each)
    for name, source in sources.items():
        columns = Columns(sought, name, source.columns(), exclude.get(name, ()))
        with source.snapshot() as snapshot:
            yield name, columns, snapshot


class Columns:
    """The columns of one source, by how they are read."""

    def __init__(
        self, sought: Sequence[Sought], source: str, columns: Sequence[Column], exclude: Sequence[str] = ()
    ) -> None:
        """Sort ``columns``; globs of ``exclude`` leave texts out, and exact columns never."""
        self._sought, self._source = sought, source
        self.exact = [column for column in columns if self.is_exact(column)]
        self.exact += self._views()
        self.excluded: list[Column] = []
        self.texts: dict[tuple[str, str], list[Column]] = {}
        for column in columns:
            if column in self.exact:
                continue
            if _is_excluded(column, exclude):
                self.excluded.append(column)
            else:
                self.texts.setdefault((column.schema, column.table), []).append(column)

    def _views(self) -> Iterator[Column]:
        """Yield exact columns that no table has: those of a view can be read by name, any other fails then."""
        wanted = dict.fromkeys(each for one in self._sought for each in one.exact if each.database == self._source)
        for each in wanted:
            if not any(_is_column(each, column) for column in self.exact):
                schema, _dot, table = each.table.rpartition(".")
                yield Column(table, each.column, _VIEW, schema)

    def all(self) -> list[Column]:
        """Return what is read, one by one."""
        return [*self.exact, *(column for group in self.texts.values() for column in group)]

    def is_exact(self, column: Column) -> bool:
        """Tell whether the values are paths below any of the storages."""
        return any(each.is_exact(self._source, column) for each in self._sought)

    def read(self, snapshot: Snapshot, column: Column) -> Iterator[Sequence[str | bytes]]:
        """Strike what one column names, batch by batch, and yield what was read."""
        exact = self.is_exact(column)
        for cells in self.values(snapshot, column) if exact else snapshot.texts(column.table, [column]):
            self.strike(column, cells)
            yield cells

    def strike(self, column: Column, cells: Sequence[str | bytes]) -> None:
        """Strike what values of ``column`` name: paths below their own storage, texts to any other."""
        for each in self._sought:
            if each.is_exact(self._source, column):
                each.names.strike_paths([cell for cell in cells if isinstance(cell, str)])  # all of them
            else:
                each.names.strike_texts(cells)

    def strike_texts(self, cells: Sequence[str | bytes]) -> None:
        """Strike what texts name, in every storage."""
        for each in self._sought:
            each.names.strike_texts(cells)

    def tell(self, label: str, columns: Sequence[Column], read: Mapping[str, int]) -> None:
        """Let every storage's names know what they were told of."""
        for each in self._sought:
            each.names.tell(label, sorted(column.name for column in columns), read[label])

    def values(self, snapshot: Snapshot, column: Column) -> Iterator[Sequence[str]]:
        """Stream the values of an exact column; one that is in no table and no view is an operator's mistake."""
        try:
            yield from snapshot.values(column)
        except UnreachableError as error:
            if column.type != _VIEW:
                raise
            raise _not_there(ExactColumn(self._source, column.table, column.name), error.context) from error


def _not_there(exact: ExactColumn, said: str = "") -> UnreachableError:
    """Return the error for a column that must be read: its references would look like none."""
    return UnreachableError(
        _("A column that names media files cannot be read."),
        context=f"{exact.database}: {exact.table}.{exact.column}" + (f" ({said})" if said else ""),
        hint=_("Check the database and its migrations, or correct the list of exact columns."),
    )


def _is_column(exact: ExactColumn, column: Column) -> bool:
    tables = {column.table, f"{column.schema}.{column.table}"}
    return exact.table in tables and exact.column == column.name


def _is_excluded(column: Column, exclude: Sequence[str]) -> bool:
    names = {column.label, f"{column.table}.{column.name}"}
    return any(fnmatchcase(name, pattern) for name in names for pattern in exclude)
