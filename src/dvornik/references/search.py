"""Reading every database for what it refers to: one snapshot each, exact columns by value, all others as text."""

from __future__ import annotations

import html
import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from unicodedata import normalize
from urllib.parse import quote

import msgspec

from dvornik.languages import _
from dvornik.model import UnreachableError
from dvornik.references.names import Names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dvornik.model import Column, Database, ExactColumn, Snapshot

_REFERRERS = 20
_STEM = 4
"""Shorter stems occur in any text."""


class Sought(msgspec.Struct, frozen=True):
    """The names of one storage, and the columns whose values are paths below it."""

    names: Names
    exact: Sequence[ExactColumn] = ()
    defaults: Sequence[str] = ()
    """Values that no row need hold: they count as references."""

    def is_exact(self, database: str, column: Column) -> bool:
        """Tell whether the column's values are paths below this storage."""
        return any(each.database == database and _is_column(each, column) for each in self.exact)


class Search(msgspec.Struct, frozen=True):
    """What was read: ``database/table.column`` (or ``database/table.*`` for texts) to the number of values."""

    sources: Mapping[str, int]


class Referrers(msgspec.Struct, frozen=True):
    """Who names one file: ``database/table.column id=5``; how much was read; and who names its mere stem."""

    referrers: Sequence[str]
    looked: Mapping[str, int]
    near: Sequence[str] = ()


def search(
    sought: Sequence[Sought], databases: Mapping[str, Database], exclude: Mapping[str, Sequence[str]] | None = None
) -> Search:
    """Strike from every storage's names what the databases refer to. May be repeated with other names.

    ``exclude`` holds, by database, globs of ``table.column`` that are not read as text; exact columns always are.
    Raises UnreachableError when anything cannot be read: then nothing may be concluded from what was.
    """
    sources: dict[str, int] = {}
    for each in sought:
        _check(each.exact, databases)
        each.names.strike_paths([value for value in each.defaults if value])
    for name, database in databases.items():
        columns = database.columns()
        with database.snapshot() as snapshot:
            _read(name, snapshot, _Columns(sought, name, columns, (exclude or {}).get(name, ())), sources)
    return Search(sources)


class _Columns:
    """The columns of one database, by how they are read."""

    def __init__(
        self, sought: Sequence[Sought], database: str, columns: Sequence[Column], exclude: Sequence[str]
    ) -> None:
        self.sought, self.database = sought, database
        self.exact = [column for column in columns if any(each.is_exact(database, column) for each in sought)]
        self.texts: dict[tuple[str, str], list[Column]] = {}
        for column in columns:
            if column not in self.exact and not _is_excluded(column, exclude):
                self.texts.setdefault((column.schema, column.table), []).append(column)


def _read(database: str, snapshot: Snapshot, columns: _Columns, sources: dict[str, int]) -> None:
    for column in columns.exact:
        source = f"{database}/{column.label}"
        for values in snapshot.values(column):
            sources[source] = sources.get(source, 0) + len(values)
            for each in columns.sought:
                if each.is_exact(database, column):
                    each.names.strike_paths(values)
                else:
                    each.names.strike_texts(values)
    for (schema, table), group in columns.texts.items():
        source = f"{database}/{schema + '.' if schema else ''}{table}.*"
        for cells in snapshot.texts(table, group):
            sources[source] = sources.get(source, 0) + len(cells)
            for each in columns.sought:
                each.names.strike_texts(cells)


def _check(exact: Sequence[ExactColumn], databases: Mapping[str, Database]) -> None:
    """Fail when a column that must be read is not there: its references would look like none."""
    for each in exact:
        database = databases.get(each.database)
        if database is None or not any(_is_column(each, column) for column in database.columns()):
            raise UnreachableError(
                _("A column that names media files cannot be read."),
                context=f"{each.database}: {each.table}.{each.column}",
                hint=_("Check the database and its migrations, or correct the list of exact columns."),
            )


def _is_column(exact: ExactColumn, column: Column) -> bool:
    tables = {column.table, f"{column.schema}.{column.table}"}
    return exact.table in tables and exact.column == column.name


def _is_excluded(column: Column, exclude: Sequence[str]) -> bool:
    names = {column.label, f"{column.table}.{column.name}"}
    return any(fnmatchcase(name, pattern) for name in names for pattern in exclude)


def find_referrers(
    path: str,
    databases: Mapping[str, Database],
    base: tuple[str, str] = ("", ""),
    exclude: Mapping[str, Sequence[str]] | None = None,
) -> Referrers:
    """Say which rows name the file at ``path`` (relative to its storage's root), column by column.

    Every column is read by the same tokeniser as in ``search``; rows are then found by the usual spellings. Where
    none of these meets the row, the column alone is named. ``base`` is the storage's root and URL prefix.
    """
    container, _slash, name = path.rpartition("/")
    referrers: list[str] = []
    near: list[str] = []
    looked: dict[str, int] = {}
    for place, database in databases.items():
        columns = [each for each in database.columns() if not _is_excluded(each, (exclude or {}).get(place, ()))]
        with database.snapshot() as snapshot:
            for column in columns:
                source = f"{place}/{column.label}"
                names = Names(*base)
                names.add(container, [name])
                for cells in snapshot.texts(column.table, [column]):
                    names.strike_texts(cells)
                looked[source] = names.cells
                if names.is_used(container, name):
                    referrers += _rows(snapshot, column, source, needles(name))
                elif names.cells:
                    near += _stem(snapshot, column, source, name)
    return Referrers(referrers[:_REFERRERS], looked, near[:_REFERRERS])


def _rows(snapshot: Snapshot, column: Column, source: str, spelt: Sequence[str]) -> list[str]:
    keys = dict[str, None]()
    for needle in spelt:
        for key in snapshot.find(column, needle):
            keys[f"{source} {key}".rstrip()] = None
            if len(keys) == _REFERRERS:
                return list(keys)
    return list(keys) or [source]


def _stem(snapshot: Snapshot, column: Column, source: str, name: str) -> Iterator[str]:
    stem = name.partition(".")[0]
    if len(stem) >= _STEM and stem.isprintable():
        for key in snapshot.find(column, stem):
            yield f"{source} {key}".rstrip()
            return


def needles(name: str) -> tuple[str, ...]:
    """Return the usual spellings of a name inside a cell, the plainest first."""
    plain = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    forms = dict.fromkeys(normalize(form, plain) for form in ("NFC", "NFD"))
    spelt = dict.fromkeys(forms)
    for form in forms:
        for text in (quote(form), quote(quote(form)), html.escape(form)):
            spelt[text] = None
        escaped = json.dumps(form)[1:-1]
        spelt[escaped] = None
        spelt[json.dumps(escaped)[1:-1]] = None
    return tuple(spelt)
