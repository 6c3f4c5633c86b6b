"""An application that nothing is known of is told the lines that it needs, and they work as they are pasted."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from dvornik.apps.guesses import guess
from tests.unit.small_site import SmallSite

if TYPE_CHECKING:
    from pathlib import Path


def application(path: Path, uploads: str, database: str) -> SmallSite:
    """Make one of no usual name, with code, a page's own pictures, a used upload and an orphan."""
    site = SmallSite(path)
    for name in ("tmp", "logs", "media", "own"):
        (path / name).rmdir()
    (path / "dvornik.toml").unlink()
    (path / database).parent.mkdir(parents=True, exist_ok=True)
    site.database.rename(path / database)
    for name in ("app/main.py", "web/index.html", "web/img/logo.png", "web/img/bar.png", "web/img/foo.png"):
        site.file(name)
    site.file(f"{uploads}/2026/used.jpg", age=9 * 86400)
    site.file(f"{uploads}/2026/lost.jpg", age=9 * 86400)
    with closing(sqlite3.connect(path / database)) as connection, connection:
        connection.execute("INSERT INTO photo (file) VALUES ('2026/used.jpg')")
    return site


def pasted(site: SmallSite) -> list[str]:
    """Do as the refusal says."""
    said = site.dvornik("run", "--dry-run", "--lang", "en").err.splitlines()
    start = next(number for number, line in enumerate(said) if str(site.path / "dvornik.toml") in line)
    lines = [line.strip() for line in said[start + 1 :] if " = " in line]
    before = (site.path / "dvornik.toml").read_text() if (site.path / "dvornik.toml").exists() else ""
    (site.path / "dvornik.toml").write_text("\n".join(lines) + f"\n{before}")
    return lines


@pytest.mark.parametrize(
    ("uploads", "database"),
    [("data/blobs", "data/site.db"), ("people/pictures of all", "storage/my base.sqlite"), ("файлы", "база#1.db")],
)
def test_the_three_lines_of_the_refusal_are_all_that_a_run_needs(tmp_path: Path, uploads: str, database: str) -> None:
    site = application(tmp_path / "odd", uploads, database)
    assert len(pasted(site)) == 3
    assert site.dvornik("config", "check", "--connect").code == 0
    (evidence,) = json.loads(site.dvornik("why", "--json", f"{uploads}/2026/used.jpg").out)
    assert evidence["verdict"] == "referenced"
    assert site.dvornik("run", "media", "--dry-run").code == 0


def test_a_database_that_only_an_unusual_variable_names_is_told_by_the_variable(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs/a.jpg").touch()
    (tmp_path / ".env").write_text("SHOP_DSN=postgresql://shop:s3cr3t@db/shop\n")
    found = guess(tmp_path, {"OTHER": "http://h"})
    assert found.lines[1:] == ['databases.default.url = "${SHOP_DSN}"', 'media.uploads.root = "blobs"']
    assert found.is_complete


def test_where_nothing_is_found_the_words_to_replace_are_in_capitals(tmp_path: Path) -> None:
    found = guess(tmp_path, {})
    assert not found.is_complete
    assert 'media.uploads.root = "DIRECTORY"' in found.lines


def test_lines_go_before_the_tables_of_a_file_that_is_there(tmp_path: Path) -> None:
    site = application(tmp_path / "odd", "blobs", "site.db")
    (site.path / "dvornik.toml").write_text('[policy]\nmedia_grace = "48h"\n')
    pasted(site)
    assert site.dvornik("config").code == 0


@pytest.mark.skipif(os.name == "nt", reason="such names are none on Windows")
def test_a_name_that_a_terminal_would_obey_is_not_proposed(tmp_path: Path) -> None:
    evil = tmp_path / "up\x1b[2Jloads"
    evil.mkdir()
    (evil / "a.jpg").touch()
    assert "DIRECTORY" in guess(tmp_path, {}).lines[-1]
