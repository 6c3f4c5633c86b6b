"""Names in a locale that is not UTF-8, and on disks whose names are not: what a row names stays."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.attack.grounds import COMMAND
from tests.attack.locales import MADE, PLAIN, locales

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["locales"]

NAMED = ("docs/план работ 17.pdf", "docs/grün.pdf", "отчёты/итог.pdf", "docs/写真.jpg", "docs/plain_18.pdf")
LOST = ("docs/orphan_19.pdf", "docs/сирота ъ.pdf")
TOML = """
[databases.default]
url = "sqlite:///db.sqlite3"
[media.default]
root = "media"
url = "/media/"
exact = [{exact}]
[policy]
media_grace = "0s"
allow_short_grace = true
"""
EXACT = '"document.file"'


def site(root: Path, values: Sequence[str], files: Sequence[bytes], exact: str = EXACT) -> None:
    """Make a site whose rows hold ``values`` and whose disk holds ``files``, names in whatever bytes."""
    for file in files:
        path = os.path.join(os.fsencode(root), b"media", file)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(os.fsdecode(path)).write_bytes(b"x")
    (root / "dvornik.toml").write_text(TOML.format(exact=exact))
    with closing(sqlite3.connect(root / "db.sqlite3")) as made:
        made.execute("CREATE TABLE document (id integer PRIMARY KEY, file text)")
        made.executemany("INSERT INTO document (file) VALUES (?)", [(value,) for value in values])
        made.commit()


def left(root: Path) -> set[bytes]:
    """Return the files that are still there."""
    top = os.fsencode(root / "media")
    found = (os.path.join(place, name) for place, _below, names in os.walk(top) for name in names)
    return {os.path.relpath(path, top) for path in found if b".dvornik" not in path}


def run(root: Path, env: Mapping[str, str], *words: str, command: Sequence[str] = COMMAND) -> tuple[int, bytes]:
    """Run the command under nothing but ``env``; return its exit code and what it said."""
    bare = {"PATH": os.environ["PATH"], "HOME": str(root), "PYTHONDONTWRITEBYTECODE": "1", **env}
    done = subprocess.run([*command, *words], cwd=root, env=bare, capture_output=True, check=False, timeout=100)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("locale", [*MADE, *PLAIN])
@pytest.mark.parametrize("mode", [{}, {"PYTHONUTF8": "0"}])
def test_what_a_row_names_stays_in_every_locale(
    tmp_path: Path, locales: Path, locale: str, mode: Mapping[str, str]
) -> None:
    site(tmp_path, NAMED, [name.encode() for name in (*NAMED, *LOST)])
    code, said = run(tmp_path, {"LOCPATH": str(locales), "LC_ALL": locale, **mode}, "run", "media")
    assert (code, left(tmp_path)) == (0, {name.encode() for name in NAMED}), said
    assert b"Traceback" not in said
    run(tmp_path, {"LOCPATH": str(locales), "LC_ALL": locale}, "undo")
    assert left(tmp_path) == {name.encode() for name in (*NAMED, *LOST)}


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-m", "dvornik"],
        [sys.executable, "-P", "-m", "dvornik"],
        [str(Path(sys.executable).with_name("dvornik"))],
        [
            sys.executable,
            "-c",
            "import sys; sys.argv[1:1] = []; from dvornik.cli.entry import cleanup; cleanup('x/y/z')",
        ],
    ],
)
def test_every_way_to_start_reads_names_as_utf_8(tmp_path: Path, locales: Path, command: Sequence[str]) -> None:
    site(tmp_path, NAMED, [name.encode() for name in (*NAMED, *LOST)])
    words = ["--media-only"] if "cleanup" in command[-1] else ["run", "media"]
    code, said = run(tmp_path, {"LOCPATH": str(locales), "LC_ALL": "ru_RU.KOI8-R"}, *words, command=command)
    assert (code, left(tmp_path)) == (0, {name.encode() for name in NAMED}), said


def test_a_program_that_reads_names_otherwise_is_refused(tmp_path: Path, locales: Path) -> None:
    site(tmp_path, NAMED, [name.encode() for name in (*NAMED, *LOST)])
    inside = [sys.executable, "-c", "from dvornik.cli.group import main; main()"]
    code, said = run(tmp_path, {"LOCPATH": str(locales), "LC_ALL": "ru_RU.KOI8-R"}, "run", "media", command=inside)
    assert code == 12
    assert "koi8-r" in said.decode("koi8-r")
    assert len(left(tmp_path)) == len(NAMED) + len(LOST)


def test_the_output_is_in_the_charset_of_the_terminal_and_a_document_in_utf_8(tmp_path: Path, locales: Path) -> None:
    root = tmp_path / "сайт"
    site(root, NAMED, [name.encode() for name in (*NAMED, *LOST)])
    env = {"LOCPATH": str(locales), "LC_ALL": "ru_RU.KOI8-R", "DVORNIK_LANG": "ru"}
    assert "сирота ъ.pdf" in run(root, env, "run", "media", "--dry-run")[1].decode("koi8-r")
    assert "сайт" in run(root, env, "schedule", "cron")[1].decode()
    assert "Уборка" in run(root, env, "--help")[1].decode("koi8-r")


@pytest.mark.parametrize("exact", [EXACT, ""])
@pytest.mark.parametrize("codec", ["koi8-r", "cp1251", "cp866", "mac-cyrillic", "iso8859-5"])
def test_a_disk_in_an_older_alphabet_keeps_what_rows_name_in_unicode(tmp_path: Path, codec: str, exact: str) -> None:
    named = ["docs/план работ 17.pdf", "отчёты/итог.pdf", "docs/plain_18.pdf", "Документы/scan_1.pdf"]
    lost = [b"docs/orphan_19.pdf", "docs/сирота 20.pdf".encode(codec)]
    site(tmp_path, named, [*(name.encode(codec) for name in named), *lost], exact)
    code, said = run(tmp_path, {"LC_ALL": "C.UTF-8"}, "run", "media")
    assert (code, left(tmp_path)) == (0, {name.encode(codec) for name in named}), said
    assert run(tmp_path, {"LC_ALL": "C.UTF-8"}, "undo")[0] == 0
    assert set(lost) < left(tmp_path)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("写真ソ.jpg", "cp932"), ("表示 1.pdf", "cp932"), ("照片.png", "gbk"), ("사진.jpg", "cp949"),
     ("café.pdf", "latin-1"), ("Łódź.pdf", "cp1250"), ("φωτό.jpg", "iso8859-7"), ("तस्वीर.jpg", "utf-8"),
     ("รูป.png", "cp874")],
)  # fmt: skip
def test_the_alphabets_of_the_world_are_read(tmp_path: Path, name: str, codec: str) -> None:
    file, value = f"файлы/{name}".encode()[:11] + name.encode(codec), f"файлы/{name}"
    site(tmp_path, [value, "a.pdf"], [file, b"a.pdf", b"b.pdf"])
    assert run(tmp_path, {"LC_ALL": "C.UTF-8"}, "run", "media")[0] == 0
    assert left(tmp_path) == {file, b"a.pdf"}


@pytest.mark.parametrize("exact", [EXACT, ""])
def test_a_name_in_an_alphabet_that_nobody_knows_stays_where_a_row_may_mean_it(tmp_path: Path, exact: str) -> None:
    unknown = [b"docs/\xa1\xa2\xa3 17.pdf", b"docs/\xa1\xa2.pdf", b"\xa1\xa2/\xa1\xa2\xa3_17.doc"]
    values = ["docs/ახა 17.pdf", "docs/ახ.pdf", "ახ/ახა_17.doc", "a.pdf"]
    site(tmp_path, values, [*unknown, b"a.pdf", b"b.pdf"], exact)
    code, said = run(tmp_path, {"LC_ALL": "C.UTF-8"}, "run", "media")
    assert (code, left(tmp_path)) == (0, {*unknown, b"a.pdf"}), said


@pytest.mark.parametrize("codec", ["latin-1", "cp1251", "koi8-r", "cp866"])
def test_utf_8_that_was_once_read_wrongly_is_read_rightly(tmp_path: Path, codec: str) -> None:
    wrong = "docs/план работ 17.pdf".encode().decode(codec)
    site(tmp_path, ["docs/план работ 17.pdf", "a.pdf"], [wrong.encode(), b"a.pdf", b"b.pdf"])
    assert run(tmp_path, {"LC_ALL": "C.UTF-8"}, "run", "media")[0] == 0
    assert left(tmp_path) == {wrong.encode(), b"a.pdf"}
