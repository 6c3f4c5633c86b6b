"""A locale that is not UTF-8: what a row names in Cyrillic stays, and the output follows the terminal."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.servers import debian

if TYPE_CHECKING:
    from pathlib import Path

NAMED, ORPHAN = ("docs/план работ 17.pdf", "docs/named_18.pdf"), "docs/orphan_19.pdf"
TOML = """
[databases.default]
url = "sqlite:///db.sqlite3"
[media.default]
root = "media"
url = "/media/"
exact = ["document.file"]
[policy]
media_grace = "0s"
allow_short_grace = true
"""


def under(tmp_path: Path, locale: str, charset: str) -> dict[str, str]:
    """Return an environment with this locale, made where the system may have none of it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHONUTF8"))}
    if not charset:
        return {**env, "LC_ALL": locale}
    if not os.path.isfile(f"/usr/share/i18n/locales/{locale}"):  # noqa: PTH113 - a plain path
        env["I18NPATH"] = str(debian.unpacked("locales") / "usr/share/i18n")
    made = tmp_path / f"locales/{locale}.{charset}"
    made.parent.mkdir()
    subprocess.run(["localedef", "-i", locale, "-f", charset, made], env=env, check=True, capture_output=True)
    return {**env, "LOCPATH": str(made.parent), "LC_ALL": made.name}


@pytest.mark.parametrize("is_journal", [True, False])
def test_the_journal_gets_utf8_and_a_file_the_charset_of_the_locale(tmp_path: Path, *, is_journal: bool) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "dvornik.toml").write_text('[temp]\npaths = ["tmp"]\n')
    with (tmp_path / "said").open("wb") as said:
        there = os.fstat(said.fileno())
        env = {**under(tmp_path, "ru_RU", "KOI8-R"), "DVORNIK_LANG": "ru"}
        env["JOURNAL_STREAM"] = f"{there.st_dev}:{there.st_ino + (not is_journal)}"
        command = [sys.executable, "-m", "dvornik", "run", "temp"]
        done = subprocess.run(command, cwd=tmp_path, env=env, stdout=said, check=False)
    heard = (tmp_path / "said").read_bytes().decode("utf-8" if is_journal else "koi8-r")
    assert (done.returncode, "Очистка завершена успешно!" in heard) == (0, True), heard


@pytest.mark.parametrize(("locale", "charset"), [("ru_RU", "KOI8-R"), ("en_US", "ISO-8859-1"), ("C", "")])
def test_what_a_row_names_in_cyrillic_stays_in_any_locale(tmp_path: Path, locale: str, charset: str) -> None:
    for name in (*NAMED, ORPHAN):
        path = tmp_path / "media" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (tmp_path / "dvornik.toml").write_text(TOML)
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as connection:
        connection.execute("CREATE TABLE document (id integer PRIMARY KEY, file text)")
        connection.executemany("INSERT INTO document (file) VALUES (?)", [(name,) for name in NAMED])
        connection.commit()
    command = [sys.executable, "-m", "dvornik", "run", "media"]
    done = subprocess.run(command, cwd=tmp_path, env=under(tmp_path, locale, charset), capture_output=True, check=False)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stdout + done.stderr
    left = {str(path.relative_to(tmp_path / "media")) for path in (tmp_path / "media").rglob("*.pdf")}
    assert left == set(NAMED)
    done.stdout.decode(charset or "utf-8")
