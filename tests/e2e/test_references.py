"""``dvornik references`` and ``dvornik why`` on the populated reference site."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from tests.e2e.keeper import tree

if TYPE_CHECKING:
    from tests.e2e.keeper import Keeper


def test_every_column_is_shown_with_what_it_names(keeper: Keeper) -> None:
    before = tree(keeper.site.path)
    ran = keeper.dvornik("references", "--json")
    counted = {each["source"]: each for each in json.loads(ran.out)}
    assert ran.code == 0
    assert counted["default/journal_document.file"]["exact"]
    assert counted["default/journal_document.file"]["files"] > 0
    assert counted["default/journal_article.body"]["values"] == keeper.site.manifest.articles
    assert tree(keeper.site.path) == before


def test_the_table_has_a_line_a_column_and_names_the_exact_ones(keeper: Keeper) -> None:
    ran = keeper.dvornik("references")
    assert "default/journal_document.file (exact)" in ran.out
    assert ran.lines[0].split() == ["files", "values", "bytes", "seconds", "column"]


def test_rows_that_name_a_file_that_is_not_there_are_told_with_their_keys(keeper: Keeper) -> None:
    name = next(name for name in keeper.site.manifest.used if name.startswith("documents/"))
    (keeper.site.media / name).unlink()
    with closing(sqlite3.connect(keeper.site.database)) as connection:
        (key,) = connection.execute("SELECT id FROM journal_document WHERE file = ?", [name]).fetchone()
    ran = keeper.dvornik("references", "--missing")
    assert (ran.code, f"   id={key}: {name}" in ran.lines) == (0, True)
    found = {each["source"]: each for each in json.loads(keeper.dvornik("references", "--missing", "--json").out)}
    assert [f"id={key}", name] in found["default/journal_document.file"]["rows"]


def test_without_media_the_verb_says_so(keeper: Keeper) -> None:
    shutil.rmtree(keeper.site.media)
    assert keeper.dvornik("references", env={"DVORNIK_APP_KIND": "declared"}).code == 2


def test_why_tells_how_much_was_looked_at(keeper: Keeper) -> None:
    ran = keeper.dvornik("why", str(keeper.site.media / keeper.site.manifest.orphaned[0]))
    assert ", " in next(line for line in ran.lines if line.startswith("   looked in"))
    assert any("default/journal_article.body" in line and "kB)" in line for line in ran.lines)
