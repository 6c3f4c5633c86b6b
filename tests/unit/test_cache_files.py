"""Caches in files and in tables: what has expired goes, all of it where it is the cache's own and the run thorough."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from cachelib.file import FileSystemCache

from dvornik.application import DatabasePlace, EntryPlace
from dvornik.collectors.cache import CacheCollector
from dvornik.collectors.cache_tables import Tables
from dvornik.collectors.entries import Directory
from dvornik.contracts.database import ExpiryRule
from dvornik.databases import connect
from dvornik.model import Finding, Held, Miss, Reason, Survey, Trouble
from dvornik.storages.local import LocalStorage
from tests.unit.small_site import DAY, SmallSite

if TYPE_CHECKING:
    from pathlib import Path

    from dvornik.model import Outcome, Seen

_DJANGO = """
import sys
from django.conf import settings
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[2]}}, USE_TZ=True)
import django; django.setup()
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.management import call_command
files, rows = FileBasedCache(sys.argv[1], {}), DatabaseCache("cached rows", {})
settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cached rows"}}
call_command("createcachetable", verbosity=0)
for cache in (files, rows):
    for number in range(5):
        cache.set(f"old{number}", "x" * 5000, -60)
    cache.set("new", "x" * 5000, 600)
    cache.set("always", {"a": 1}, None)
"""


@pytest.fixture
def django(tmp_path: Path) -> tuple[Path, Path]:
    """Return the directory and the database of two caches that Django itself filled."""
    paths = (tmp_path / "cache", tmp_path / "site.db")
    subprocess.run([sys.executable, "-c", _DJANGO, *map(str, paths)], check=True)
    return paths


def collector(root: Path, form: str, *, owned: bool = False) -> CacheCollector:
    place = EntryPlace("files", str(root), form, owned=owned)
    return CacheCollector([], files={"files": Directory(place, LocalStorage("files", str(root)))})


def scan(cache: CacheCollector, *, thorough: bool = False) -> list[Seen]:
    return list(cache.scan(time.time_ns(), thorough=thorough))


def clean(cache: CacheCollector, *, thorough: bool = False) -> list[Outcome]:
    found = [seen for seen in scan(cache, thorough=thorough) if isinstance(seen, Finding)]
    outcomes = [cache.apply(finding, "run") for finding in found]
    cache.tidy()
    return outcomes


def test_expired_entries_of_django_s_files_go_and_the_others_stay(django: tuple[Path, Path]) -> None:
    cache = collector(django[0], "django-cache")
    held = {seen.reason: seen.count for seen in scan(cache, thorough=True) if isinstance(seen, Held)}
    assert held == {Reason.UNEXPIRED: 1, Reason.LASTING: 1}
    (outcome,) = clean(cache, thorough=True)
    assert (outcome.rule, outcome.done, outcome.missed) == ("cache/expired", 5, [])
    assert outcome.freed > 0
    assert len(list(django[0].iterdir())) == 2


def test_all_of_an_owned_cache_goes_only_in_a_thorough_run(django: tuple[Path, Path]) -> None:
    cache = collector(django[0], "django-cache", owned=True)
    (django[0] / "somebody's").write_text("x")
    assert [outcome.done for outcome in clean(cache)] == [5]
    (outcome,) = clean(cache, thorough=True)
    assert (outcome.rule, outcome.done) == ("cache/file", 2)
    assert [path.name for path in django[0].iterdir()] == ["somebody's"]


def test_an_entry_that_is_written_anew_after_the_scan_stays(django: tuple[Path, Path]) -> None:
    cache = collector(django[0], "django-cache")
    (finding,) = (seen for seen in scan(cache) if isinstance(seen, Finding))
    path = django[0] / finding.names[0]
    (django[0] / "tmp-new").write_bytes(path.read_bytes())
    (django[0] / "tmp-new").replace(path)
    outcome = cache.apply(finding, "run")
    assert (outcome.done, outcome.missed) == (4, [Miss(path.name, Reason.CHANGED)])
    assert path.exists()


def test_flask_caching_s_files_go_likewise(tmp_path: Path) -> None:
    files = FileSystemCache(str(tmp_path))
    files.set("old", "value", timeout=-5)
    files.set("new", "value")
    assert [outcome.done for outcome in clean(collector(tmp_path, "cachelib"), thorough=True)] == [1]
    assert files.get("new") == "value"
    assert [outcome.done for outcome in clean(collector(tmp_path, "cachelib", owned=True), thorough=True)] == [1]
    assert list(tmp_path.iterdir()) == []


def tables(path: Path, table: str = "cached rows") -> CacheCollector:
    database = connect(DatabasePlace("default", f"sqlite:///{path}"))
    rule = ExpiryRule("rows", "default", table, "expires", rule="cache/row")
    return CacheCollector([], tables=Tables({"default": database}, [rule]))


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute('SELECT count(*) FROM "cached rows"').fetchone()[0])


def test_a_cache_s_table_is_emptied_by_a_thorough_run_alone(django: tuple[Path, Path]) -> None:
    cache = tables(django[1])
    assert scan(cache) == []
    survey, finding = scan(cache, thorough=True)
    assert isinstance(survey, Survey)
    assert (survey.place, survey.items) == ("rows", 7)
    assert finding == Finding("cache/row", "rows", "cached rows", amount=7)
    (outcome,) = clean(cache, thorough=True)
    assert (outcome.place, outcome.done, outcome.missed) == ("rows", 7, ())
    assert count(django[1]) == 0


def test_a_finding_of_another_table_is_not_applied(django: tuple[Path, Path]) -> None:
    finding = Finding("cache/row", "rows", "other", amount=7)
    assert tables(django[1]).apply(finding, "run").missed == (Miss("other", Reason.CHANGED),)
    assert count(django[1]) == 7


def test_a_database_that_cannot_be_reached_is_trouble(django: tuple[Path, Path], tmp_path: Path) -> None:
    assert scan(tables(django[1], "no such table"), thorough=True) == []
    (trouble,) = scan(tables(tmp_path / "none.db"), thorough=True)
    assert isinstance(trouble, Trouble)
    assert tables(tmp_path / "none.db").fingerprints() == {}


def test_the_only_cache_may_be_a_directory_and_is_left_alone_unless_asked_for(tmp_path: Path) -> None:
    site = SmallSite(tmp_path / "app")
    site.configure(more='[cache]\npath = "var/cache"\nformat = "cachelib"\n')
    site.photos("a.jpg")
    files = FileSystemCache(str(site.path / "var/cache"))
    files.set("old", "value", timeout=-5)
    assert "cache" not in site.dvornik("run", "--yes", "--json").out.partition('"collectors"')[2].partition("]")[0]
    ran = site.dvornik("run", "cache", "--yes")
    assert ran.code == 0, ran.out + ran.err
    assert "Removed 1 expired cache entry" in ran.out


def test_ages_of_files_do_not_matter_where_they_say_their_end(tmp_path: Path) -> None:
    files = FileSystemCache(str(tmp_path), threshold=0)
    files.set("new", "value", timeout=9999)
    for path in tmp_path.iterdir():
        os.utime(path, (time.time() - 99 * DAY,) * 2)
    assert clean(collector(tmp_path, "cachelib")) == []
