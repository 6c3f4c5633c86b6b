"""Several caches at once, found or declared, each by its name; one section of the old kind still does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import redis
from cachelib.file import FileSystemCache

from dvornik.apps import discover
from dvornik.config import load
from dvornik.errors import ConfigurationError
from tests.servers.memcached import ask, fill
from tests.unit.small_site import SmallSite
from tests.unit.test_apps import MANAGE, SETTINGS, environment

if TYPE_CHECKING:
    from pathlib import Path

    from dvornik.application import App


def look(base: Path, text: str = "", **env: str) -> App:
    (base / "dvornik.toml").write_text(text)
    return discover(load(None, environment(**env), base), environment(**env))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a Django project with a cache of each kind."""
    for name in ("project", "shop", "cache"):
        (tmp_path / name).mkdir()
    (tmp_path / "manage.py").write_text(MANAGE)
    caches = """
import tempfile
DATABASES = {"default": DATABASES["default"]}
CACHES["files"] = {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": BASE_DIR / "cache"}
CACHES["rows"] = {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cached rows"}
CACHES["mem"] = {"BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache", "LOCATION": "h:11211"}
"""
    (tmp_path / "project/settings.py").write_text(SETTINGS.replace('"shop"]', "]") + caches)
    return tmp_path


def test_django_s_caches_are_found_whatever_keeps_them(project: Path) -> None:
    app = look(project)
    assert [place.name for place in app.caches] == ["default"]
    assert [(place.name, place.root, place.form, place.owned) for place in app.cache_files] == [
        ("files", f"{project}/cache", "django-cache", False)
    ]
    assert [(rule.name, rule.table, rule.rule) for rule in app.cache_tables] == [("rows", "cached rows", "cache/row")]


def test_a_section_speaks_of_the_found_cache_of_its_name(project: Path) -> None:
    text = '[caches.default]\nidle = "1d"\n[caches.files]\nowned = true\n[caches.other]\nurl = "redis://o/1"\n'
    app = look(project, text)
    assert {place.name: (place.idle, len(place.patterns)) for place in app.caches} == {
        "default": (86_400, 1), "other": (0, 0)
    }  # fmt: skip
    assert [place.owned for place in app.cache_files] == [True]
    assert not app.trouble


def test_a_section_of_no_cache_at_all_is_trouble(project: Path) -> None:
    (trouble,) = look(project, "[caches.nowhere]\nowned = true\n").trouble
    assert trouble.place == "caches.nowhere"


@pytest.mark.parametrize(
    ("alias", "section"),
    [("files", "owned = true"), ("mem", 'url = "memcached://h"\nowned = true'), ("rows", 'url = "redis://o/1"')],
)
def test_a_cache_that_holds_the_sessions_is_never_its_own(project: Path, alias: str, section: str) -> None:
    engine = f'\nSESSION_ENGINE, SESSION_CACHE_ALIAS = "django.contrib.sessions.backends.cache", "{alias}"\n'
    with (project / "project/settings.py").open("a") as settings:
        settings.write(engine)
    app = look(project, f"[caches.{alias}]\n{section}\n")
    owned = [*(place for place in app.caches if place.owned), *(place for place in app.cache_files if place.owned)]
    assert owned == []
    assert [trouble.place for trouble in app.trouble] == ([alias] if alias != "rows" else [])
    assert len(app.cache_tables) == (alias != "rows")


def test_one_section_of_the_old_kind_stands_for_all_that_were_found(project: Path) -> None:
    app = look(project, '[cache]\nurl = "redis://c/1"\npatterns = ["a:*"]\n[caches.more]\nurl = "valkey://c/2"\n')
    assert [(place.name, place.url) for place in app.caches] == [("default", "redis://c/1"), ("more", "redis://c/2")]


def test_flask_caching_s_directory_is_found_by_its_settings(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "kept").mkdir()
    for kind in ("FileSystemCache", "filesystem", "flask_caching.backends.FileSystemCache"):
        (place,) = look(tmp_path, CACHE_TYPE=kind, CACHE_DIR="kept").cache_files
        assert (place.root, place.form) == (f"{tmp_path}/kept", "cachelib")


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ('path = "var"', "caches.x.format"),
        ('path = "var"\nformat = "php"', "caches.x.format"),
        ('path = "var"\nformat = "django"\nurl = "redis://h/1"', "caches.x.path"),
        ('path = "var"\nformat = "django"\npatterns = ["a:*"]', "caches.x.patterns"),
        ('path = "/etc"\nformat = "django"', "caches.x.path"),
        ('url = "memcached://h"\nidle = "1d"', "caches.x.idle"),
        ('url = "http://user:s3cret@h"', "caches.x.url"),
    ],
)
def test_what_a_section_cannot_mean_is_an_error_that_names_it(tmp_path: Path, section: str, said: str) -> None:
    (tmp_path / "dvornik.toml").write_text(f"[caches.x]\n{section}\n")
    with pytest.raises(ConfigurationError) as caught:
        load(None, {}, tmp_path)
    shown = f"{caught.value.message} {caught.value.context} {caught.value.hint}"
    assert said in shown
    assert "s3cret" not in shown


def test_a_run_cleans_all_of_them_and_names_each(tmp_path: Path, memcached: str, valkey_url: str) -> None:
    site = SmallSite(tmp_path / "app")
    site.configure(
        more=f'[cache]\nurl = "{valkey_url}"\npatterns = ["page:*"]\n'
        f'[caches.mem]\nurl = "memcached://{memcached}"\nowned = true\n'
        '[caches.disk]\npath = "var/cache"\nformat = "cachelib"\n'
    )
    fill(memcached, 4)
    FileSystemCache(str(site.path / "var/cache")).set("old", "value", timeout=-5)
    with redis.Redis.from_url(valkey_url) as client:
        client.mset({"page:1": "x", "page:2": "x", "other": "x"})
        ran = site.dvornik("run", "cache", "--yes", "--json")
        assert ran.code == 0, ran.out + ran.err
        assert client.dbsize() == 1
    assert ask(memcached, b"get key0") == b"END\r\n"
    done = {name: total["done"] for name, total in json.loads(ran.out)["caches"].items()}
    assert done == {"default": 2, "mem": 4, "disk": 1}
    told = site.dvornik("report").out
    assert all(f"{name}: {count}, " in told for name, count in done.items())
    metrics = site.dvornik("metrics").out
    assert 'dvornik_cache_removed_items{app="app",cache="mem"} 4.0' in metrics
