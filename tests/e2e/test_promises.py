"""What the README and the safety page promise, to the letter."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.attack.grounds import in_namespace
from tests.unit.small_site import DAY, SmallSite

ROOT = Path(__file__).parents[2]
COMMAND = f"{sys.executable} -c 'from dvornik.cli.entry import dvornik; dvornik()'"


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    made = SmallSite(tmp_path)
    made.file("tmp/old", age=9 * DAY)
    made.photos("used.jpg")
    made.orphans(5)
    return made


def test_a_database_of_no_bytes_takes_no_media_and_stops_nothing_else(site: SmallSite) -> None:
    before = site.files()
    site.database.write_bytes(b"")
    ran = site.dvornik("run")
    assert (ran.code, site.files(), site.files("tmp")) == (12, before, set())
    assert "successfully" not in ran.out
    assert site.dvornik("run", "media", "--allow", "no-references").code == 12


def test_a_database_without_rows_refuses_media_and_stops_nothing_else(site: SmallSite) -> None:
    before = site.files()
    site.sql("DELETE FROM photo")
    ran = site.dvornik("run")
    assert (ran.code, site.files(), site.files("tmp")) == (10, before, set())


@pytest.mark.parametrize("name", ["README.md", "README.ru.md"])
def test_both_readmes_say_which_code_an_empty_database_ends_with(name: str) -> None:
    rows = [row for row in (ROOT / name).read_text().splitlines() if re.search(r"empty or wrong|пустая или чужая", row)]
    assert len(rows) == 1
    assert re.search(r"\b10\b", rows[0])
    assert re.search(r"\b12\b", rows[0])


def test_sessions_that_are_nowhere_are_not_said_to_be_cleaned(site: SmallSite) -> None:
    for words in (("run",), ("run", "sessions"), ("run", "--dry-run")):
        ran = site.dvornik(*words)
        assert "expired sessions" not in ran.out
        assert "no table, directory or server" in ran.out
    site.sql("CREATE TABLE django_session (session_key TEXT PRIMARY KEY, session_data TEXT, expire_date DATETIME)")
    assert "Removed 0 expired sessions" in site.dvornik("run", "sessions").out


@pytest.mark.parametrize(("files", "code"), [(90, 0), (100, 10)])
def test_the_cap_holds_from_a_hundred_files_up(site: SmallSite, files: int, code: int) -> None:
    site.photos(*(f"{number}.jpg" for number in range(files * 7 // 10 - 1)))
    site.orphans(files - files * 7 // 10)
    ran = site.dvornik("run", "media")
    assert (len(site.files()) == files or code == 0, ran.code) == (True, code), ran.out


PAGES = [
    f"{directory}{name}"
    for directory, names in {
        "": ("README.md", "README.ru.md"),
        "docs/": ("en/safety.md", "ru/safety.md"),
        "backend/scripts/maintenance/": ("README.md", "README.en.md"),
    }.items()
    for name in names
]


@pytest.mark.parametrize("lang", PAGES)
def test_wherever_the_cap_is_promised_its_hundred_files_are_said(lang: str) -> None:
    rows = [row for row in (ROOT / lang).read_text().splitlines() if re.search(r"20 %|`cap-share`", row)]
    rows = [row for row in rows if row.startswith("|")]
    assert rows
    assert all("100" in row for row in rows)


FULL = f"""
cp -a "$1" /mnt/; mount -t tmpfs -o size=40m,mode=755 none "$1"; cp -a "/mnt/$(basename "$1")/." "$1"; cd "$1"
head -c 38M /dev/zero > ballast; head -c 500000 /dev/zero > media/lost/orphan0.bin
{COMMAND} run --aggressive --yes --lang en | grep -A9 "set aside"
ls media/lost 2> /dev/null | wc -l
{COMMAND} purge --all --yes --lang en
"""


def test_an_aggressive_run_on_a_full_disk_says_what_frees_what_it_set_aside(site: SmallSite) -> None:
    ran = in_namespace(f"mount -t tmpfs none /mnt; {FULL}", site.path)
    if ran is None:
        pytest.skip("this system lets nobody mount")
    assert "To free 5" in ran.stdout, ran.stdout + ran.stderr
    assert "dvornik purge --all" in ran.stdout
    assert re.search(r"Freed 5\d\d.* kB", ran.stdout)


def test_a_run_on_a_roomy_disk_says_nothing_of_a_full_one(site: SmallSite) -> None:
    assert "almost full" not in site.dvornik("run", "--aggressive", "--yes").out


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_safety_page_counts_no_failures_that_it_then_lists_otherwise(lang: str) -> None:
    text = (ROOT / f"docs/{lang}/safety.md").read_text()
    assert not re.search(r"These (five|six)|Эти (пять|шесть)", text)
