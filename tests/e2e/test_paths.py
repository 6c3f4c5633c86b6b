"""A site below a directory of any name: its SQLite file is found, and media, sessions and database are cleaned."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DIRECTORIES = ("сайт", "50%", "a%20b", "who?", "no#1", "a b", "a+b", "a\nb", "[ab]*", "100%25?x=1#y", "%D1%84", "a@b:c")
SETTINGS = """
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "x"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "data/db.sqlite3"}}
MEDIA_ROOT, MEDIA_URL = BASE_DIR / "media", "/media/"
"""
MANAGE = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")\n'


def fill(root: Path, data: str = "data") -> Path:
    """Make what is cleaned below ``root``; return the database."""
    for name in ("kept 1.jpg", "lost 2.jpg"):
        (root / "media").mkdir(parents=True, exist_ok=True)
        (root / "media" / name).write_text(name)
    (root / data).mkdir(exist_ok=True)
    with closing(sqlite3.connect(root / data / "db.sqlite3")) as made:
        made.execute("CREATE TABLE django_session (session_key text PRIMARY KEY, session_data text, expire_date text)")
        made.execute("INSERT INTO django_session VALUES ('old', '', '2001-01-01 00:00:00')")
        made.execute("CREATE TABLE page (id integer PRIMARY KEY, body text)")
        made.execute("INSERT INTO page (body) VALUES ('<img src=\"/media/kept%201.jpg\">')")
        made.commit()
    return root / data / "db.sqlite3"


def cleaned(root: Path, database: Path, env: Mapping[str, str], *, sessions: bool = True) -> None:
    """Run a whole cleanup and see that all of it was done."""
    call = "from dvornik.cli.entry import dvornik; dvornik()"
    own = {"DVORNIK_POLICY_MEDIA_GRACE": "0s", "DVORNIK_POLICY_ALLOW_SHORT_GRACE": "true", "DVORNIK_LANG": "en"}
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE", "DVORNIK"))}
    done = subprocess.run(
        [sys.executable, "-c", call, "run"], cwd=root, env={**bare, **own, **env}, capture_output=True, check=False,
        timeout=100,
    )  # fmt: skip
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    assert {path.name for path in (root / "media").iterdir() if path.is_file()} == {"kept 1.jpg"}, said
    assert "atabase" in said
    with closing(sqlite3.connect(database)) as found:
        assert found.execute("SELECT count(*) FROM django_session").fetchone() == (0 if sessions else 1,), said


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_a_django_project_is_cleaned(tmp_path: Path, directory: str) -> None:
    root = tmp_path / directory
    database = fill(root)
    (root / "manage.py").write_text(MANAGE)
    (root / "project").mkdir()
    (root / "project/settings.py").write_text(SETTINGS)
    cleaned(root, database, {})


@pytest.mark.parametrize("is_quoted", [True, False])
@pytest.mark.parametrize("directory", DIRECTORIES)
def test_an_address_is_read_as_it_is_written_and_as_it_is_meant(
    tmp_path: Path, directory: str, *, is_quoted: bool
) -> None:
    root = tmp_path / directory
    database = fill(root)
    path = quote(str(database)) if is_quoted else str(database)
    cleaned(root, database, {"DATABASE_URL": f"sqlite:///{path}", "MEDIA_ROOT": "media"}, sessions=False)


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_a_relative_address_in_dvornik_toml_is_read(tmp_path: Path, directory: str) -> None:
    database = fill(tmp_path / directory)
    text = '[databases.default]\nurl = "sqlite:///data/db.sqlite3"\n[media.m]\nroot = "media"\nurl = "/media/"\n'
    (tmp_path / directory / "dvornik.toml").write_text(text)
    cleaned(tmp_path / directory, database, {}, sessions=False)


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_a_file_in_flasks_instance_directory_is_read(tmp_path: Path, directory: str) -> None:
    database = fill(tmp_path / directory, "instance")
    env = {"SQLALCHEMY_DATABASE_URI": "sqlite:///db.sqlite3", "UPLOAD_FOLDER": "media"}
    cleaned(tmp_path / directory, database, env, sessions=False)


def test_both_files_are_read_where_an_address_may_mean_either(tmp_path: Path) -> None:
    fill(tmp_path, "a b")
    database = fill(tmp_path, "a%20b")
    with closing(sqlite3.connect(tmp_path / "a b/db.sqlite3")) as one:
        one.execute("UPDATE page SET body = ''")
        one.commit()
    env = {"DATABASE_URL": "sqlite:///a%20b/db.sqlite3", "MEDIA_ROOT": "media"}
    cleaned(tmp_path, database, env, sessions=False)
