"""What ``manage.py populate`` makes is what it says, and the same each time."""

from __future__ import annotations

import html
import json
import re
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest
import redis

from tests.site.site import Site

if TYPE_CHECKING:
    from pathlib import Path

DAY = 24 * 3600
THUMBNAIL = re.compile(r"\.\d+x\d+(?=\.)")


def texts(site: Site) -> str:
    """Return every row of the database as text."""
    with closing(sqlite3.connect(site.database)) as database:
        return "\n".join(database.iterdump())


def spellings(name: str) -> set[str]:
    """Return how a row may write the name of a file."""
    in_json = json.dumps(name)[1:-1]
    return {name, quote(name), html.escape(name), in_json, in_json.replace("/", r"\/")}


def age(file: Path) -> float:
    return time.time() - file.stat().st_mtime


def test_the_manifest_names_every_file_and_no_other(populated: Site) -> None:
    said = populated.manifest
    media, temp, logs = (said.used + said.orphaned, said.old_temp + said.fresh_temp, said.old_logs + said.fresh_logs)
    named = {f"{root}/{name}" for root, names in (("media", media), ("tmp", temp), ("logs", logs)) for name in names}
    assert named | set(said.placeholders) == set(populated.files())


def test_the_numbers_are_those_of_a_small_site(populated: Site) -> None:
    said = populated.manifest
    assert (said.articles, len(said.orphaned), len(said.old_temp), len(said.old_logs)) == (20, 7, 15, 3)
    assert (len(said.expired_sessions), len(said.live_sessions)) == (200, 40)
    assert len(said.used) > 60


def test_every_file_in_use_is_named_by_a_row_and_no_orphan_is(populated: Site) -> None:
    said = texts(populated)
    for name in populated.manifest.used:
        assert any(spelling in said for spelling in spellings(THUMBNAIL.sub("", name))), name
    for name in populated.manifest.orphaned:
        assert not any(spelling in said for spelling in spellings(THUMBNAIL.sub("", name).rpartition("/")[2])), name


@pytest.mark.parametrize("part", ["srcset=", "%D0%", "&amp;", r"\u0432", r"\/media\/", "https://dvor.example/media/"])
def test_rows_name_files_in_many_ways(populated: Site, part: str) -> None:
    assert part in texts(populated)


def test_old_things_are_old_and_fresh_things_are_fresh(populated: Site) -> None:
    said = populated.manifest
    assert all(age(populated.media / name) > 9 * DAY for name in said.orphaned)
    assert all(age(populated.temp / name) > 2 * DAY for name in said.old_temp)
    assert all(age(populated.logs / name) > 44 * DAY for name in said.old_logs)
    assert all(age(populated.logs / name) < 6 * DAY for name in said.fresh_logs)
    assert sorted(age(populated.temp / name) > DAY for name in said.fresh_temp) == [False] * 5 + [True]


def test_sessions_are_expired_or_live_as_the_manifest_says(populated: Site) -> None:
    query = "SELECT session_key FROM django_session WHERE (expire_date < datetime('now')) = ?"
    with closing(sqlite3.connect(populated.database)) as database:
        expired = sorted(key for (key,) in database.execute(query, [1]))
        live = sorted(key for (key,) in database.execute(query, [0]))
    assert expired == populated.manifest.expired_sessions
    assert live == populated.manifest.live_sessions


def test_a_seed_and_a_moment_make_the_same_site_each_time(tmp_path: Path, populated: Site) -> None:
    second = Site.populate(tmp_path, "--seed", "1", "--now", populated.manifest.now)
    assert second.manifest == populated.manifest
    assert second.files() == populated.files()


def test_another_seed_makes_another_site(site: Site) -> None:
    other = Site.populate(site.path, "--seed", "2")
    assert not set(other.manifest.used) & set(site.manifest.used)
    assert not set(other.manifest.expired_sessions) & set(site.manifest.expired_sessions)


def test_a_second_run_adds_nothing_twice(site: Site) -> None:
    files, rows = site.files(), texts(site)
    again = Site.populate(site.path)
    assert (again.manifest.used, again.manifest.orphaned) == (site.manifest.used, site.manifest.orphaned)
    assert site.files() == files
    assert texts(site).count("INSERT INTO") == rows.count("INSERT INTO")


def test_a_second_run_brings_back_what_a_cleanup_took(site: Site) -> None:
    taken = site.media / site.manifest.orphaned[0]
    content = taken.read_bytes()
    taken.unlink()
    Site.populate(site.path)
    assert taken.read_bytes() == content


def test_a_clean_run_starts_over(site: Site) -> None:
    (site.media / "something else.txt").write_text("x")
    again = Site.populate(site.path, "--clean", "--seed", "3")
    media = {name for name in again.files() if name.startswith("media/")}
    assert len(media) == len(again.manifest.used) + len(again.manifest.orphaned) + 1
    assert texts(site).count('INSERT INTO "django_session"') == 240


def test_a_larger_scale_has_more_of_everything(tmp_path: Path, populated: Site) -> None:
    large = Site.populate(tmp_path, "--scale", "2").manifest
    small = populated.manifest
    assert (large.articles, len(large.orphaned), len(large.old_temp)) == (40, 14, 30)
    assert len(large.used) > 1.7 * len(small.used)
    assert set(small.old_temp) < set(large.old_temp)


def test_it_fills_postgresql_as_well(tmp_path: Path, postgresql_url: str) -> None:
    site = Site.populate(tmp_path, env={"DATABASE_URL": postgresql_url})
    with psycopg.connect(postgresql_url) as connection:
        counted = connection.execute("SELECT count(*) FROM django_session").fetchone()
    assert counted == (240,)
    assert not site.database.exists()
    assert len(site.crawl()) > 80


def test_it_fills_the_cache_where_there_is_one(tmp_path: Path, valkey_url: str) -> None:
    said = Site.populate(tmp_path, env={"REDIS_URL": valkey_url}).manifest
    with redis.Redis.from_url(valkey_url) as cache:
        assert {key.decode() for key in cache.scan_iter()} == set(said.cache_keys)
        assert all(cache.ttl(key) > 0 for key in said.cache_keys)
    assert len(said.cache_keys) == 60
    assert all(key.startswith("journal:") for key in said.cache_keys)


def test_a_wrong_scale_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="--scale"):
        Site.populate(tmp_path, "--scale", "0")
