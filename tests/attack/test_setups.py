"""Ordinary set-ups in their less ordinary states: what is needed stays, and what is not goes all the same."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.attack.grounds import COMMAND, environment

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
from pathlib import Path
BASE_DIR = Path(__file__).parent
SECRET_KEY = "x"
INSTALLED_APPS = ["shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "site.db"}}
MEDIA_ROOT, MEDIA_URL = BASE_DIR / "media", "/media/"
LOOKS = {"avatar": "faces/nobody.png", "folder": "uploads/"}
USE_TZ = True
"""
MODELS = """
from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.db import models
private = FileSystemStorage(settings.BASE_DIR / "private", base_url="/private/")
class Photo(models.Model):
    file = models.FileField()
    icon = models.CharField(max_length=99, default="icons/plain.png")
class Paper(models.Model):
    file = models.FileField(storage=private)
"""
NEEDED = {"one.png", "faces/nobody.png", "icons/plain.png", "uploads/used.png"}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A Django site with four needed files and an orphan, whose private storage was never written to."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").touch()
    (tmp_path / "shop/models.py").write_text(MODELS)
    (tmp_path / "settings.py").write_text(SETTINGS)
    (tmp_path / "manage.py").write_text('os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")')
    (tmp_path / "dvornik.toml").write_text('[policy]\nmedia_grace = "0s"\nallow_short_grace = true\n')
    for name in (*NEEDED, "uploads/orphan.png"):
        path = tmp_path / "media" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    sql(tmp_path, "CREATE TABLE shop_photo (id integer PRIMARY KEY, file text, icon text)")
    sql(tmp_path, "CREATE TABLE shop_paper (id integer PRIMARY KEY, file text)")
    sql(tmp_path, "INSERT INTO shop_photo VALUES (1, 'one.png', ''), (2, 'uploads/used.png', '')")
    return tmp_path


def sql(site: Path, statement: str) -> None:
    with closing(sqlite3.connect(site / "site.db")) as connection:
        connection.execute(statement)
        connection.commit()


def clean(site: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [*COMMAND, *(words or ("run", "media"))],
        cwd=site, env=environment(), capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def files(site: Path) -> set[str]:
    media = site / "media"
    return {str(path.relative_to(media)) for path in media.rglob("*") if path.is_file()}


def test_a_storage_that_was_never_written_to_stops_no_other(site: Path) -> None:
    code, said = clean(site)
    assert code == 0, said
    assert "private" not in said
    assert "1 unused" in said


def test_a_storage_that_is_missing_though_rows_name_its_files_is_told_and_stops_no_other(site: Path) -> None:
    sql(site, "INSERT INTO shop_paper VALUES (1, 'needed.pdf')")
    code, said = clean(site)
    assert code == 12, said
    assert "private" in said
    assert files(site) == NEEDED


def test_a_declared_directory_that_is_missing_is_told(site: Path) -> None:
    with (site / "dvornik.toml").open("a") as file:
        file.write('[media.more]\nroot = "misspelt"\n[media.media]\nroot = "media"\n')
    code, said = clean(site)
    assert code == 12, said
    assert "misspelt" in said


def test_files_that_only_settings_or_defaults_of_fields_name_stay(site: Path) -> None:
    assert clean(site)[0] == 0
    assert files(site) == NEEDED


def test_an_undo_that_cannot_reach_a_directory_does_not_say_that_there_is_nothing(site: Path) -> None:
    assert clean(site)[0] == 0
    (site / "media").rename(site / "away")
    code, said = clean(site, "undo")
    assert code == 12, said
    (site / "away").rename(site / "media")
    assert clean(site, "undo")[0] == 0
    assert files(site) == {*NEEDED, "uploads/orphan.png"}


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("chattr"), reason="only root makes directories immutable")
def test_an_undo_names_what_it_could_not_bring_back(site: Path) -> None:
    assert clean(site)[0] == 0
    uploads = site / "media/uploads"
    if subprocess.run(["chattr", "+i", uploads], capture_output=True, check=False).returncode:
        pytest.skip("this file system has nothing immutable")
    code, said = clean(site, "undo")
    subprocess.run(["chattr", "-i", uploads], check=True)
    assert code == 3, said
    assert "Could not bring back default:uploads/orphan.png" in said


def in_the_way(uploads: Path, what: str) -> None:
    """Put something in the way of ``orphan.png``, which an undo is to bring back."""
    if what == "file":
        shutil.rmtree(uploads)
        uploads.write_text("a file of the directory's name")
    elif what == "link":
        shutil.rmtree(uploads)
        uploads.symlink_to("faces")
    else:
        (uploads / "orphan.png").mkdir()


@pytest.mark.parametrize("what", ["file", "link", "directory"])
def test_an_undo_names_whatever_something_is_in_the_way_of(site: Path, what: str) -> None:
    assert clean(site)[0] == 0
    in_the_way(site / "media/uploads", what)
    code, said = clean(site, "undo")
    assert code == 3, said
    assert "Could not bring back default:uploads/orphan.png" in said
    assert "not brought back" in (site / "logs/maintenance.log").read_text()
    assert [path.name for path in (site / ".dvornik-quarantine").rglob("*.png")] == ["orphan.png"]


@pytest.mark.parametrize("what", ["file", "link", "directory"])
def test_a_run_that_cannot_bring_back_what_is_named_again_says_so(site: Path, what: str) -> None:
    assert clean(site)[0] == 0
    in_the_way(site / "media/uploads", what)
    sql(site, "UPDATE shop_photo SET file = 'uploads/orphan.png' WHERE id = 2")
    for words in (("run", "media"), ("purge", "--all", "--yes")):
        code, said = clean(site, *words)
        assert code == 3, said
        assert "Could not bring back default:uploads/orphan.png" in said
    assert [path.name for path in (site / ".dvornik-quarantine").rglob("*.png")] == ["orphan.png"]


def test_an_undo_has_nothing_to_do_with_a_directory_that_the_run_took_nothing_from(site: Path) -> None:
    (site / "gone").mkdir()
    with (site / "dvornik.toml").open("a") as file:
        file.write('[temp]\npaths = ["gone"]\n')
    assert clean(site)[0] == 0
    (site / "gone").rmdir()
    code, said = clean(site, "undo")
    assert code == 0, said
    assert files(site) == {*NEEDED, "uploads/orphan.png"}
