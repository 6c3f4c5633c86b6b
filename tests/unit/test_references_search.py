"""Reading databases for references, on a real SQLite file behind a reader as small as the protocol allows."""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

import pytest

from dvornik.model import Column, Database, ExactColumn, UnreachableError
from dvornik.references.names import Names
from dvornik.references.search import Sought, find_referrers, needles, search

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

EXACT = (ExactColumn("default", "photo", "file"),)


class Reader:
    """Reads one SQLite file: the half of the protocol that a search uses."""

    place = "default"

    def __init__(self, path: Path) -> None:
        """Open it."""
        self.connection = sqlite3.connect(path)

    def columns(self) -> Sequence[Column]:
        """Return all columns of all tables."""
        tables = self.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return [
            Column(table, row[1], row[2])
            for (table,) in tables
            for row in self.connection.execute(f'PRAGMA table_info("{table}")')
            if row[1] != "id"
        ]

    @contextmanager
    def snapshot(self) -> Iterator[Reader]:
        """Read in one transaction."""
        self.connection.execute("BEGIN")
        try:
            yield self
        finally:
            self.connection.execute("ROLLBACK")

    def values(self, column: Column) -> Iterator[Sequence[str]]:
        """Stream distinct values."""
        query = f'SELECT DISTINCT "{column.name}" FROM "{column.table}" WHERE "{column.name}" <> \'\''  # noqa: S608
        yield [str(value) for (value,) in self.connection.execute(query)]

    def texts(self, table: str, columns: Sequence[Column]) -> Iterator[Sequence[str | bytes]]:
        """Stream cells."""
        listed = ", ".join(f'"{column.name}"' for column in columns)
        for row in self.connection.execute(f'SELECT {listed} FROM "{table}"'):  # noqa: S608
            yield [cell for cell in row if cell not in {None, ""}]

    def find(self, column: Column, needle: str) -> Iterator[str]:
        """Yield keys."""
        query = f'SELECT id FROM "{column.table}" WHERE instr(lower("{column.name}"), lower(?))'  # noqa: S608
        for (key,) in self.connection.execute(query, (needle,)):
            yield f"id={key}"


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """Make a small site."""
    path = tmp_path / "site.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "CREATE TABLE photo (id INTEGER PRIMARY KEY, file TEXT); CREATE TABLE article (id INTEGER PRIMARY KEY,"
            " body TEXT, extra BLOB, settings JSON)"
        )
        connection.executemany("INSERT INTO photo (file) VALUES (?)", [("2024/a.jpg",), ("2024/a.jpg",), ("lost.jpg",)])
        connection.execute(
            "INSERT INTO article VALUES (5, ?, ?, ?)",
            (
                f'<img src="/media/2024/{quote("мой кот.jpg")}">',
                b"\x80\x04pickled b.png\x94",
                json.dumps({"bg": "/media/фон.png"}),
            ),
        )
    return cast("Database", Reader(path))


def listing() -> Names:
    """List six files, one of them an orphan."""
    names = Names(url="/media/")
    names.add("2024", ["a.jpg", "b.png", "мой кот.jpg", "orphan.gif"])
    names.add("2025", ["a.jpg"])
    names.add("", ["фон.png"])
    return names


def test_every_column_of_every_table_is_searched(database: Database) -> None:
    names = listing()
    report = search([Sought(names, EXACT)], {"default": database})
    assert names.unused("2024", ["a.jpg", "b.png", "мой кот.jpg", "orphan.gif"]) == ["orphan.gif"]
    assert names.unused("2025", ["a.jpg"]) == ["a.jpg"]
    assert (names.references, names.found, names.missing_sample) == (2, 1, ["lost.jpg"])
    assert report.sources == {"default/photo.file": 2, "default/article.*": 3}


def test_a_second_look_may_use_other_names(database: Database) -> None:
    search([Sought(listing(), EXACT)], {"default": database})
    again = Names()
    again.add("2024", ["b.png", "orphan.gif"])
    search([Sought(again, EXACT)], {"default": database})
    assert again.unused("2024", ["b.png", "orphan.gif"]) == ["orphan.gif"]


def test_an_exact_column_of_one_storage_is_text_to_another(database: Database) -> None:
    other = Names()
    other.add("elsewhere", ["a.jpg", "x.jpg"])
    search([Sought(listing(), EXACT), Sought(other)], {"default": database})
    assert other.unused("elsewhere", ["a.jpg", "x.jpg"]) == ["x.jpg"]


def test_defaults_of_fields_count_as_references(database: Database) -> None:
    names = listing()
    search([Sought(names, EXACT, ["2024/orphan.gif", ""])], {"default": database})
    assert names.is_used("2024", "orphan.gif")


def test_excluded_columns_are_not_read_but_exact_ones_are(database: Database) -> None:
    names = listing()
    search([Sought(names, EXACT)], {"default": database}, {"default": ["article.*", "photo.*"]})
    assert names.is_used("2024", "a.jpg")
    assert not names.is_used("2024", "b.png")


@pytest.mark.parametrize("exact", [ExactColumn("default", "photo", "gone"), ExactColumn("other", "photo", "file")])
def test_an_exact_column_that_is_not_there_fails_the_search(database: Database, exact: ExactColumn) -> None:
    with pytest.raises(UnreachableError):
        search([Sought(listing(), [exact])], {"default": database})


@pytest.mark.parametrize(
    ("path", "referrer"),
    [
        ("2024/a.jpg", "default/photo.file id=1"),
        ("2024/b.png", "default/article.extra id=5"),
        ("2024/мой кот.jpg", "default/article.body id=5"),
        ("фон.png", "default/article.settings id=5"),
    ],
)
def test_the_referrers_of_a_file_are_named_by_row(database: Database, path: str, referrer: str) -> None:
    evidence = find_referrers(path, {"default": database})
    assert evidence.referrers[0] == referrer
    assert evidence.looked["default/article.body"] == 1


def test_for_an_orphan_the_nearest_row_and_all_that_was_read_are_told(database: Database) -> None:
    evidence = find_referrers("2024/lost.png", {"default": database})
    assert evidence.referrers == []
    assert evidence.near == ["default/photo.file id=3"]
    assert evidence.looked["default/photo.file"] == 3


def test_needles_cover_the_usual_spellings() -> None:
    spelt = needles("мой кот.jpg")
    assert quote("мой кот.jpg") in spelt
    assert json.dumps("мой кот.jpg")[1:-1] in spelt
