"""Reading databases for references, on a real SQLite file."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from dvornik.application import DatabasePlace, ExactColumn
from dvornik.databases.sqlite import SQLite
from dvornik.errors import UnreachableError
from dvornik.references.names import Names
from dvornik.references.referrers import find_referrers
from dvornik.references.search import Sought, count, missing, search

if TYPE_CHECKING:
    from pathlib import Path

EXACT = (ExactColumn("default", "photo", "file"),)


@pytest.fixture
def database(tmp_path: Path) -> SQLite:
    """Make a small site."""
    path = tmp_path / "site.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
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
    return SQLite(DatabasePlace("default", f"sqlite:///{path}"))


def listing() -> Names:
    """List six files, one of them an orphan."""
    names = Names(url="/media/")
    names.add("2024", ["a.jpg", "b.png", "мой кот.jpg", "orphan.gif"])
    names.add("2025", ["a.jpg"])
    names.add("", ["фон.png"])
    return names


def test_every_column_of_every_table_is_searched(database: SQLite) -> None:
    names = listing()
    report = search([Sought(names, EXACT)], {"default": database})
    assert names.unused("2024", ["a.jpg", "b.png", "мой кот.jpg", "orphan.gif"]) == ["orphan.gif"]
    assert names.unused("2025", ["a.jpg"]) == ["a.jpg"]
    assert (names.references, names.found, names.missing_sample) == (2, 1, ["lost.jpg"])
    assert report.sources == {"default/photo.file": 2, "default/article.*": 3}


def test_a_second_look_may_use_other_names(database: SQLite) -> None:
    search([Sought(listing(), EXACT)], {"default": database})
    again = Names()
    again.add("2024", ["b.png", "orphan.gif"])
    search([Sought(again, EXACT)], {"default": database})
    assert again.unused("2024", ["b.png", "orphan.gif"]) == ["orphan.gif"]


def test_an_exact_column_of_one_storage_is_text_to_another(database: SQLite) -> None:
    other = Names()
    other.add("elsewhere", ["a.jpg", "x.jpg"])
    search([Sought(listing(), EXACT), Sought(other)], {"default": database})
    assert other.unused("elsewhere", ["a.jpg", "x.jpg"]) == ["x.jpg"]


def test_defaults_of_fields_count_as_references(database: SQLite) -> None:
    names = listing()
    search([Sought(names, EXACT, ["2024/orphan.gif", ""])], {"default": database})
    assert names.is_used("2024", "orphan.gif")


def test_excluded_columns_are_not_read_but_exact_ones_are(database: SQLite) -> None:
    names = listing()
    search([Sought(names, EXACT)], {"default": database}, {"default": ["article.*", "photo.*"]})
    assert names.is_used("2024", "a.jpg")
    assert not names.is_used("2024", "b.png")


@pytest.mark.parametrize("exact", [ExactColumn("default", "photo", "gone"), ExactColumn("other", "photo", "file")])
def test_an_exact_column_that_is_not_there_fails_the_search(database: SQLite, exact: ExactColumn) -> None:
    with pytest.raises(UnreachableError):
        search([Sought(listing(), [exact])], {"default": database})


def test_an_exact_column_may_be_a_views(database: SQLite) -> None:
    with closing(sqlite3.connect(database.path)) as connection, connection:
        connection.execute("CREATE VIEW scans AS SELECT '2025/' || substr(file, 6) AS path FROM photo WHERE id = 1")
    names = Names()
    names.add("2025", ["a.jpg", "b.jpg"])
    search([Sought(names, [ExactColumn("default", "scans", "path")])], {"default": database})
    assert names.unused("2025", ["a.jpg", "b.jpg"]) == ["b.jpg"]


@pytest.mark.parametrize(
    ("container", "name", "referrer"),
    [
        ("2024", "a.jpg", "default/photo.file id=1"),
        ("2024", "b.png", "default/article.extra id=5"),
        ("2024", "мой кот.jpg", "default/article.body id=5"),
        ("", "фон.png", "default/article.settings id=5"),
    ],
)
def test_the_referrers_of_a_file_are_named_by_row(database: SQLite, container: str, name: str, referrer: str) -> None:
    evidence = find_referrers({(container, name): []}, Sought(listing(), EXACT), {"default": database}, {})
    assert evidence.rows[container, name][0] == referrer
    assert evidence.looked["default/article.body"] == 1
    assert evidence.read["default/photo.file"] == len("2024/a.jpglost.jpg")


def test_a_path_in_an_exact_column_is_no_evidence_for_its_namesake(database: SQLite) -> None:
    evidence = find_referrers({("2025", "a.jpg"): []}, Sought(listing(), EXACT), {"default": database}, {})
    near = evidence.near["2025", "a.jpg"]
    assert (evidence.rows, near) == ({}, ["default/photo.file id=1"] if near else [])


def test_for_an_orphan_the_nearest_row_and_all_that_was_read_are_told(database: SQLite) -> None:
    names = listing()
    names.add("2024", ["lost.png"])
    evidence = find_referrers({("2024", "lost.png"): []}, Sought(names, EXACT), {"default": database}, {})
    assert evidence.rows == {}
    assert evidence.near == {("2024", "lost.png"): ["default/photo.file id=3"]}
    assert evidence.looked["default/photo.file"] == 2


def test_each_column_is_counted_by_itself(database: SQLite) -> None:
    names = listing()
    counted = count([Sought(names, EXACT)], {"default": database}, {"default": ["article.extra"]}, lambda: 7)
    found = {each.source: each for each in counted}
    assert (found["default/photo.file"].values, found["default/photo.file"].exact) == (2, True)
    assert found["default/article.extra"].excluded
    assert (found["default/article.body"].files, found["default/article.body"].values) == (7, 1)


def test_values_that_name_no_file_are_told_with_their_rows(database: SQLite) -> None:
    (each,) = missing([Sought(listing(), EXACT)], {"default": database})
    assert (each.source, each.values, each.missing) == ("default/photo.file", 2, 1)
    assert each.rows == [("id=3", "lost.jpg")]
