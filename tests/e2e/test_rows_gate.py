"""Declared rows by the command line: what is refused, told and overridden, before any row is lost."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DAY = 86_400


def site(path: Path, section: str, days: Sequence[float | None], kind: str = "rows") -> None:
    """Make a table whose times lie so many days from now, and a section for it."""
    now = time.time()
    with closing(sqlite3.connect(path / "site.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE entry (id integer PRIMARY KEY, at integer)")
        moments = [(None if each is None else int(now + each * DAY),) for each in days]
        connection.executemany("INSERT INTO entry (at) VALUES (?)", moments)
        connection.execute("CREATE VIEW shown AS SELECT * FROM entry")
    text = f'[databases.default]\nurl = "sqlite:///site.db"\n[{kind}.entries]\n{section}\n'
    (path / "dvornik.toml").write_text(text)


def run(path: Path, *words: str) -> tuple[int, dict[str, Any]]:
    call = "from dvornik.cli.entry import dvornik; dvornik()"
    command = [sys.executable, "-c", call, "run", "sessions", "--json", *words]
    env = {**os.environ, "DVORNIK_LANG": "en"}
    ran = subprocess.run(command, cwd=path, env=env, capture_output=True, text=True, check=False, timeout=100)
    return ran.returncode, json.loads(ran.stdout)


def left(path: Path) -> int:
    with closing(sqlite3.connect(path / "site.db")) as connection:
        return int(connection.execute("SELECT count(*) FROM entry").fetchone()[0])


ENTRY = 'table = "entry"\ncolumn = "at"'


def test_nearly_all_rows_of_a_table_go_only_once_that_was_allowed(tmp_path: Path) -> None:
    site(tmp_path, ENTRY, [-1] * 98 + [1] * 2)
    code, report = run(tmp_path)
    assert (code, left(tmp_path)) == (10, 100)
    assert [each["gate"] for each in report["refusals"]] == ["rows-share"]
    assert run(tmp_path, "--allow", "rows-share")[0] == 0
    assert left(tmp_path) == 2
    with closing(sqlite3.connect(tmp_path / "site.db", isolation_level=None)) as connection:
        connection.execute("UPDATE entry SET at = at - 5 * 86400")
        connection.executemany("INSERT INTO entry (at) VALUES (?)", [(int(time.time()) - DAY,)] * 200)
    assert (run(tmp_path)[0], left(tmp_path)) == (0, 0)


@pytest.mark.parametrize("days", [[-1] * 90 + [1] * 10, [-1] * 99], ids=["nine in ten", "a small table"])
def test_less_than_nearly_all_needs_no_word(tmp_path: Path, days: list[float]) -> None:
    site(tmp_path, ENTRY, days)
    assert run(tmp_path)[0] == 0
    assert left(tmp_path) == days.count(1)


def test_sessions_of_a_neglected_site_go_where_some_still_live(tmp_path: Path) -> None:
    site(tmp_path, ENTRY, [-1] * 300 + [1], "sessions")
    assert (run(tmp_path)[0], left(tmp_path)) == (0, 1)


def test_sessions_of_which_none_lives_may_be_another_column(tmp_path: Path) -> None:
    site(tmp_path, ENTRY, [-1] * 300, "sessions")
    assert (run(tmp_path)[0], left(tmp_path)) == (10, 300)


def test_a_refused_table_keeps_no_other_from_being_cleaned(tmp_path: Path) -> None:
    other = '\n[rows.others]\ntable = "other"\ncolumn = "at"'
    site(tmp_path, ENTRY + other, [-1] * 100)
    with closing(sqlite3.connect(tmp_path / "site.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE other AS SELECT * FROM entry WHERE id < 5")
    assert (run(tmp_path)[0], left(tmp_path)) == (10, 100)
    with closing(sqlite3.connect(tmp_path / "site.db")) as connection:
        assert connection.execute("SELECT count(*) FROM other").fetchone() == (0,)


@pytest.mark.parametrize(
    ("section", "named"),
    [
        ('table = "entries"\ncolumn = "at"', "no such table"),
        ('table = "entry"\ncolumn = "ended"', "no such column"),
        ('table = "shown"\ncolumn = "at"', "view"),
    ],
)
def test_a_declared_table_from_which_nothing_can_go_is_told(tmp_path: Path, section: str, named: str) -> None:
    site(tmp_path, section, [-1])
    code, report = run(tmp_path)
    (trouble,) = report["troubles"]
    assert (code, left(tmp_path)) == (12, 1)
    assert named in trouble["message"]
    assert section.split('"')[1] in trouble["context"]


def test_rows_whose_time_never_comes_are_told(tmp_path: Path) -> None:
    site(tmp_path, ENTRY, [-1, 1, None, None])
    code, report = run(tmp_path)
    assert (code, left(tmp_path)) == (0, 3)
    assert [(each["reason"], each["count"]) for each in report["held"]] == [("lasting", 2)]
