"""Places are found out from a real Django project, the environment and the folders, and told by the configuration."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from dvornik.application import App, ExactColumn, MediaPlace
from dvornik.apps import discover
from dvornik.config import dotenv, load
from dvornik.config.sample import reference, sample
from dvornik.config.sections import Config
from dvornik.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.whole  # most of them start the probe of Django's settings

MANAGE = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")\n'
SETTINGS = """
from pathlib import Path
print("noise on standard output")
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "top-secret-key"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "shop"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"},
    "again": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"},
    "archive": {"ENGINE": "django.db.backends.postgresql", "NAME": "n", "USER": "u", "PASSWORD": "p@ss", "HOST": "h"},
}
MEDIA_ROOT, MEDIA_URL = BASE_DIR / "media", "/m/"
FILE_UPLOAD_TEMP_DIR = BASE_DIR / "incoming"
LOGGING = {"version": 1, "handlers": {"f": {"class": "logging.FileHandler", "filename": BASE_DIR / "journal/app.log"}}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://:pw12@h:6379/2",
                      "KEY_PREFIX": "sh[o]p", "VERSION": 3}}
"""
MODELS = """
from django.core.files.storage import FileSystemStorage, Storage
from django.db import models
class Elsewhere(Storage):
    pass
class Photo(models.Model):
    image = models.FileField(upload_to="photos", default="photos/none.png", db_column="img")
    paper = models.FileField(storage=FileSystemStorage(location="papers"), upload_to="%Y")
    cloud = models.FileField(storage=Elsewhere())
    tags = models.ManyToManyField("self")
class Alias(Photo):
    class Meta:
        proxy = True
class Album(Photo):
    cover = models.FileField()
class Old(models.Model):
    scan = models.FileField()
    class Meta:
        managed = False
        db_table = "old scans"
"""


@pytest.fixture(autouse=True)
def _bounded(tmp_path: Path) -> None:
    """Keep the search for a project within the test's own directory, wherever that lies."""
    (tmp_path / ".git").mkdir()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A tiny Django project."""
    for name in ("project", "shop", "incoming", "journal", "logs", "tmp", "media/tmp"):
        (tmp_path / "site" / name).mkdir(parents=True)
    root = tmp_path / "site"
    (root / "manage.py").write_text(MANAGE)
    (root / "project/settings.py").write_text(SETTINGS)
    (root / "shop/models.py").write_text(MODELS)
    return root


def environment(**more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT") if name in os.environ}
    return kept | more


def look(base: Path, text: str = "", **env: str) -> App:
    if text:
        (base / "dvornik.toml").write_text(text)
    return discover(load(None, environment(**env), base), environment(**env))


def notes(app: App, how: str) -> list[str]:
    return [item.where for item in app.found if item.how == how]


def test_django_tells_its_databases_and_a_second_name_counts_once(project: Path) -> None:
    app = look(project)
    assert (app.kind, app.root, app.trouble) == ("django", str(project), [])
    urls = {place.name: place.url for place in app.databases}
    assert urls == {"default": f"sqlite:///{project}/db.sqlite3", "archive": "postgresql://u:p%40ss@h/n"}
    assert "p%40ss" not in repr(app)
    assert "pw12" not in repr(app)


def test_django_tells_how_its_mysql_is_reached(project: Path) -> None:
    options = """"OPTIONS": {"ssl": {"ca": "/c a.pem"}, "ssl_mode": "VERIFY_CA", "charset": "utf8mb4"}"""
    entry = f"""{{"ENGINE": "django.db.backends.mysql", "NAME": "n", "USER": "u", "HOST": "/run/s.sock", {options}}}"""
    settings = re.sub(r'"archive": \{.*\}', f'"archive": {entry}', SETTINGS)
    (project / "project/settings.py").write_text(settings)
    urls = {place.name: place.url for place in look(project).databases}
    assert urls["archive"] == "mysql://u@/n?ssl_mode=VERIFY_CA&ssl_ca=%2Fc%20a.pem&unix_socket=%2Frun%2Fs.sock"


def test_django_tells_every_file_field_of_every_storage(project: Path) -> None:
    media = {place.name: place for place in look(project).media}
    columns = [("old scans", "scan"), ("shop_album", "cover"), ("shop_photo", "img")]
    exact = [ExactColumn("default", table, column) for table, column in columns]
    assert media["default"] == MediaPlace(
        "default", str(project / "media"), "/m/", exact, ["photos/none.png"], media["default"].named
    )
    assert media["papers"].exact == [ExactColumn("default", "shop_photo", "paper")]
    assert len(media) == 2


def test_django_tells_the_templates_of_the_project_and_of_no_library(project: Path) -> None:
    for name in ("pages/base.html", "shop/templates/shop/list.html", "empty/deep/.", "other/x.html"):
        (project / name).parent.mkdir(parents=True)
        if not name.endswith("."):
            (project / name).write_text("<img>")
    engine = "django.template.backends.django.DjangoTemplates"
    templates = [{"BACKEND": engine, "APP_DIRS": True, "DIRS": ["pages", "empty"]}]
    (project / "project/settings.py").write_text(SETTINGS + f"\nTEMPLATES = {templates}\n")
    assert look(project).texts == [str(project / "pages"), str(project / "shop/templates")]


STORAGES = """
from django.core.files.storage import FileSystemStorage, storages
from django.contrib.auth.models import AbstractUser
from django.db import models
def private():
    return storages["private"]
def somewhere(instance, name):
    return name
class Named(models.Model):
    scan = models.FileField(upload_to=somewhere, default=lambda: "scans/blank.pdf")
    class Meta:
        abstract = True
class Paper(Named):
    secret = models.FileField(storage=private)
    listed = models.FilePathField(path="/usr/share")
class Swapped(models.Model):
    old = models.FileField()
    class Meta:
        swappable = "SHOP_MODEL"
class Swapping(models.Model):
    new = models.FileField()
class View(models.Model):
    shown = models.ImageField()
    class Meta:
        managed = False
        db_table = '"reports"."view"'
"""


def test_django_tells_of_callable_nested_and_swapped_what_is_in_force(project: Path) -> None:
    (project / "shop/models.py").write_text(STORAGES)
    kind = {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    private = kind | {"OPTIONS": {"location": str(project / "media/private")}}
    storages = {"default": kind, "private": private, "staticfiles": kind}
    more = f'\nSHOP_MODEL = "shop.Swapping"\nSTORAGES = {storages}\n'
    (project / "project/settings.py").write_text(SETTINGS + more)
    app = look(project)
    media = {place.name: place for place in app.media}
    assert (set(media), app.trouble) == ({"default", "private"}, [])
    exact = [(column.table, column.column) for column in media["default"].exact]
    assert exact == [("reports.view", "shown"), ("shop_paper", "scan"), ("shop_swapping", "new")]
    assert media["default"].defaults == ["scans/blank.pdf"]
    assert media["private"].root == str(project / "media/private")
    assert "shop_paper.listed: /usr/share" in notes(app, "left-alone")


def test_django_tells_logs_temporary_directories_and_sessions(project: Path) -> None:
    app = look(project)
    assert {place.name for place in app.logs} == {"journal", "logs"}
    assert {place.name for place in app.temp} == {"incoming", "tmp"}
    assert [(rule.database, rule.table, rule.column) for rule in app.expiry] == [
        ("default", "django_session", "expire_date")
    ]


def test_a_log_beside_manage_py_is_noted_and_spoils_no_run(project: Path) -> None:
    (project / "project/settings.py").write_text(SETTINGS.replace("journal/app.log", "django.log"))
    app = look(project)
    assert {place.name for place in app.logs} == {"logs"}
    assert f"{project}: it holds the application itself" in notes(app, "left-alone")
    assert not app.trouble


def test_a_look_at_django_changes_nothing_on_the_disk(project: Path) -> None:
    before = sorted(project.rglob("*"))
    look(project)
    assert sorted(project.rglob("*")) == before


def test_cache_keys_are_told_by_the_way_django_makes_them(project: Path) -> None:
    (place,) = look(project).caches
    assert (place.url, place.patterns, place.owned) == ("redis://:pw12@h:6379/2", [r"sh\[o\]p:3:*"], False)
    assert "redis://@h:6379/2" in notes(look(project), "django")


def test_rows_of_django_s_database_cache_expire(project: Path) -> None:
    table = '\nCACHES["rows"] = {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cached rows"}\n'
    (project / "project/settings.py").write_text(SETTINGS + table)
    rules = [(rule.name, rule.database, rule.table, rule.column) for rule in look(project).expiry]
    assert rules[0] == ("cache-cached rows", "default", "cached rows", "expires")
    assert [rule[0] for rule in rules[1:]] == ["sessions"]


@pytest.mark.parametrize(
    ("told", "patterns"),
    [
        ({"CACHE_REDIS_URL": "redis://h/1"}, ["flask_cache_*"]),
        ({"CACHE_REDIS_URL": "redis://h/1", "CACHE_KEY_PREFIX": "a*b_"}, [r"a\*b_*"]),
        ({"CACHE_URL": "redis://h/1", "CACHE_KEY_PREFIX": "shop:"}, ["shop:*"]),
        ({"CACHE_URL": "redis://h/1", "CACHE_KEY_PREFIX": ":"}, []),
        ({"REDIS_URL": "redis://h/1", "CACHE_KEY_PREFIX": "shop:"}, []),
    ],
)
def test_a_prefix_counts_beside_an_address_that_is_the_cache_s(
    tmp_path: Path, told: dict[str, str], patterns: list[str]
) -> None:
    (place,) = look(tmp_path, **told).caches
    assert list(place.patterns) == patterns


def test_a_service_under_sentinel_and_a_cluster_are_addresses_of_a_cache(tmp_path: Path) -> None:
    for url in ("valkeys+sentinel://:secret@h1,h2/main/0", "valkey+cluster://h1:7000,h2:7001"):
        (place,) = look(tmp_path, CACHE_URL=url).caches
        assert place.url == url.replace("valkeys", "rediss").replace("valkey", "redis")


def test_a_cache_that_holds_the_sessions_is_left_alone(project: Path) -> None:
    settings = SETTINGS + '\nSESSION_ENGINE = "django.contrib.sessions.backends.cache"\n'
    (project / "project/settings.py").write_text(settings)
    app = look(project)
    assert (list(app.caches), list(app.expiry)) == ([], [])
    assert any("sessions are kept there" in note for note in notes(app, "left-alone"))


_IN_FILES = """
SESSION_ENGINE, SESSION_COOKIE_AGE, SESSION_COOKIE_NAME = "django.contrib.sessions.backends.file", 3600, "shop"
"""


def test_django_tells_of_sessions_in_files_but_not_in_the_system_s_temporary_directory(project: Path) -> None:
    (project / "project/settings.py").write_text(f"{SETTINGS}{_IN_FILES}SESSION_FILE_PATH = BASE_DIR / 'kept'\n")
    (project / "kept").mkdir()
    (place,) = look(project).session_files
    assert (place.root, place.form, place.lifetime) == (f"{project}/kept", "django-session", 3600)
    assert (place.name, place.prefix) == ("sessions", "shop")
    for line in ("", "SESSION_FILE_PATH = '/tmp'\n", "SESSION_FILE_PATH = BASE_DIR\n"):
        (project / "project/settings.py").write_text(f"{SETTINGS}{_IN_FILES}{line}")
        assert not look(project).session_files


def test_what_is_declared_of_session_files_stands_in_the_place_of_what_was_found(project: Path) -> None:
    (project / "project/settings.py").write_text(f"{SETTINGS}{_IN_FILES}SESSION_FILE_PATH = BASE_DIR / 'kept'\n")
    (project / "kept").mkdir()
    section = '[sessions.default]\npath = "kept"\nformat = "django"\nretention = "90d"\n'
    (place,) = look(project, section).session_files
    assert (place.name, place.lifetime, place.prefix) == ("default-2", 90 * 86_400, "sessionid")
    assert not look(project, f"{section}enabled = false\n").session_files


def test_flask_session_s_directory_is_found_by_its_setting_and_by_its_name(tmp_path: Path) -> None:
    for name in ("flask_session", "var/sessions"):
        (tmp_path / name).mkdir(parents=True)
    places = look(tmp_path, SESSION_TYPE="filesystem", SESSION_FILE_DIR="var/sessions").session_files
    assert [(place.name, place.root, place.form) for place in places] == [
        ("sessions", f"{tmp_path}/var/sessions", "cachelib"),
        ("flask_session", f"{tmp_path}/flask_session", "cachelib"),
    ]


def test_a_storage_elsewhere_is_noted(project: Path) -> None:
    assert "shop.models.Elsewhere: not on this disk" in notes(look(project), "left-alone")


def test_a_directory_that_a_file_field_may_fill_is_not_temporary_by_its_name(project: Path) -> None:
    (project / "project/settings.py").write_text(SETTINGS.replace('BASE_DIR / "media"', "BASE_DIR"))
    text = (project / "shop/models.py").read_text().replace('upload_to="photos"', 'upload_to="tmp"')
    (project / "shop/models.py").write_text(text)
    app = look(project)
    assert "tmp" not in {place.name for place in app.temp}


@pytest.mark.parametrize("value", ['"/"', '"/etc/media"', "BASE_DIR", "BASE_DIR.parent"])
def test_a_dangerous_media_root_is_refused(project: Path, value: str) -> None:
    (project / "project/settings.py").write_text(SETTINGS.replace('BASE_DIR / "media"', value))
    app = look(project)
    assert [place.name for place in app.media] == ["papers"]
    assert [trouble.place for trouble in app.trouble] == ["media"]


def test_static_files_within_media_are_not_taken_for_orphans(project: Path) -> None:
    (project / "project/settings.py").write_text(SETTINGS + '\nSTATIC_ROOT = MEDIA_ROOT / "static"\n')
    app = look(project)
    assert [place.name for place in app.media] == ["papers"]
    assert "STATIC_ROOT" in app.trouble[0].message


def test_a_database_that_cannot_be_read_keeps_all_media(project: Path) -> None:
    (project / "project/settings.py").write_text(SETTINGS.replace("backends.postgresql", "backends.oracle"))
    app = look(project, '[media.m]\nroot = "media"\n')
    assert (list(app.media), [place.name for place in app.databases]) == ([], ["default"])
    assert {trouble.place for trouble in app.trouble} == {"databases.archive", "m"}


def test_a_django_that_does_not_load_is_told_without_its_secrets_and_keeps_all_media(project: Path) -> None:
    (project / "project/settings.py").write_text("import os\nraise ValueError('bad ' + os.environ['DB_PASSWORD'])\n")
    app = look(project, '[media.m]\nroot = "media"\n', DB_PASSWORD="hunter22", DATABASE_URL="sqlite:///db.sqlite3")
    assert app.trouble[0].message == "Django could not be loaded: ValueError: bad ***; project/settings.py, line 2"
    assert list(app.media) == []
    assert {place.name for place in app.temp} == {"tmp"}


@pytest.mark.parametrize("broken", ["import nowhere", "raise SystemExit(3)", "import os; os._exit(4)", "1 +"])
def test_a_django_that_does_not_load_is_one_line_of_trouble(project: Path, broken: str) -> None:
    (project / "project/settings.py").write_text(broken)
    (trouble,) = look(project).trouble
    assert trouble.message.startswith("Django could not be loaded: ")
    assert "\n" not in trouble.message
    assert trouble.hint


LIBRARY = """\
import os
from django.core.exceptions import ImproperlyConfigured
class UndefinedValueError(Exception):
    pass
class Env:
    def __call__(self, name):
        try:
            return os.environ[name]
        except KeyError as error:
            raise ImproperlyConfigured("it is not set") from error
def config(name):
    if name not in os.environ:
        raise UndefinedValueError(f"{name} not found. Declare it as envvar.")
"""
"""Two libraries' ways to ask, installed beside the project."""
HELPER = """\
import os
from django.core.exceptions import ImproperlyConfigured
def env(name):
    try:
        return os.environ[name]
    except KeyError:
        raise ImproperlyConfigured(f"{name} has no value") from None
"""


@pytest.mark.parametrize(
    ("text", "error", "line"),
    [
        ("import os\n\nKEY = os.environ['SHOP_KEY']\n", "KeyError", 3),
        (f"{HELPER}KEY = env('SHOP_KEY')\n", "ImproperlyConfigured", 7),
        ("from library import Env\nKEY = Env()('SHOP_KEY')\n", "ImproperlyConfigured", 2),
        ("import library\nKEY = library.config('SHOP_KEY')\n", "UndefinedValueError", 2),
    ],
)
def test_a_variable_that_the_settings_miss_is_named_with_file_and_line(
    project: Path, text: str, error: str, line: int
) -> None:
    (project / "project/settings.py").write_text(text)
    installed = project / "venv/lib/site-packages"
    installed.mkdir(parents=True)
    (installed / "library.py").write_text(LIBRARY)
    (trouble,) = look(project, PYTHONPATH=str(installed)).trouble
    said = f"the environment lacks SHOP_KEY ({error}); project/settings.py, line {line}"
    assert trouble.message == f"Django could not be loaded: {said}"
    assert "compose file" in trouble.hint


@pytest.mark.parametrize(
    ("text", "remedy"),
    [("import nowhere", "[app] python"), ("from . import nowhere", "manage.py check"), ("1 +", "manage.py check")],
)
def test_another_python_is_advised_only_where_a_module_is_missing(project: Path, text: str, remedy: str) -> None:
    (project / "project/settings.py").write_text(text)
    (trouble,) = look(project).trouble
    assert "project/settings.py, line 1" in trouble.message
    assert remedy in trouble.hint


def test_an_application_python_that_is_not_there_is_trouble(project: Path) -> None:
    (trouble,) = look(project, '[app]\npython = "venv/bin/python"\n').trouble
    assert "cannot be started" in trouble.message


def test_a_project_one_directory_below_is_found(project: Path) -> None:
    assert look(project.parent).root == str(project)


def test_asking_for_django_where_there_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no Django project"):
        look(tmp_path, '[app]\nkind = "django"\n')


def test_declared_sections_win_and_keep_what_was_found_for_the_same_directory(project: Path) -> None:
    text = (
        '[temp]\npaths = ["spool"]\n[media.pictures]\nroot = "media"\nexact = ["main:other.file"]\n'
        '[databases.main]\nurl = "sqlite:///db.sqlite3"\n[cache]\nurl = "redis://c/1"\n'
    )
    app = look(project, text)
    (media,) = app.media
    assert [place.root for place in app.temp] == [str(project / "spool")]
    assert (media.name, media.defaults, len(media.exact)) == ("pictures", ["photos/none.png"], 4)
    assert {column.database for column in media.exact} == {"main"}
    assert {place.name for place in app.databases} == {"main", "archive"}
    assert [rule.database for rule in app.expiry] == ["main"]
    assert [place.url for place in app.caches] == ["redis://c/1"]


def test_another_database_under_the_name_of_one_that_was_found_takes_its_columns(project: Path) -> None:
    app = look(project, '[databases.default]\nurl = "postgresql://app@db/app"\n')
    assert {place.name: place.url for place in app.databases}["default"] == "postgresql://app@db/app"
    assert [rule.database for rule in app.expiry] == ["default"]
    assert "default" in {column.database for place in app.media for column in place.exact}


def test_a_declared_application_is_not_looked_at(project: Path) -> None:
    app = look(project, '[app]\nkind = "declared"\n')
    assert (app.root, app.kind, list(app.found), list(app.trouble)) == (str(project), "declared", [], [])
    assert all(part == [] for part in places(app))


def test_media_declared_for_an_unknown_database_is_trouble(tmp_path: Path) -> None:
    text = '[databases.a]\nurl = "sqlite:///a.db"\n[media.m]\nroot = "m"\nexact = ["b:t.c"]\n[sessions.s]\n'
    app = look(tmp_path, text + 'table = "t"\ncolumn = "c"\n')
    assert (list(app.media), list(app.expiry)) == ([], [])
    assert {trouble.place for trouble in app.trouble} == {"m", "s"}


def test_the_environment_and_the_folders_tell_the_places(tmp_path: Path) -> None:
    for name in ("tmp", "log", "files", "uploads/tmp"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / ".env").write_text("DATABASE_URL=sqlite+aiosqlite:///app.db\nexport MEDIA_ROOT='files' # here\n")
    app = look(tmp_path, REDIS_URL="redis://:secret@h/0")
    assert [place.url for place in app.databases] == [f"sqlite:///{tmp_path}/app.db"]
    assert [place.root for place in app.media] == [str(tmp_path / "files")]
    assert ([p.name for p in app.temp], [p.name for p in app.logs]) == (["tmp", "uploads/tmp"], ["log"])
    assert [(place.url, list(place.patterns)) for place in app.caches] == [("redis://:secret@h/0", [])]
    assert set(notes(app, "dotenv")) == {f"sqlite:///{tmp_path}/app.db"} | {str(tmp_path / "files")}
    assert notes(app, "environment") == ["redis://@h/0"]


def test_the_process_wins_over_the_file_of_variables(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=sqlite:///one.db\n")
    (place,) = look(tmp_path, DATABASE_URL="sqlite:///two.db").databases
    assert place.url.endswith("two.db")


@pytest.mark.parametrize(
    "name",
    ["DATABASE_URL", "SQLALCHEMY_DATABASE_URI", "SQLALCHEMY_DATABASE_URL", "DATABASE_URI", "DB_URL", "POSTGRES_URL",
     "FLASK_SQLALCHEMY_DATABASE_URI"],
)  # fmt: skip
@pytest.mark.parametrize("file", [True, False])
def test_the_usual_names_of_a_databases_address_are_understood(tmp_path: Path, name: str, *, file: bool) -> None:
    url = "postgresql+asyncpg://u:pw@h:5432/n"
    if file:
        (tmp_path / ".env").write_text(f"{name}={url}\n")
    app = look(tmp_path, **({} if file else {name: url}))
    assert [(place.name, place.url) for place in app.databases] == [("default", "postgresql://u:pw@h:5432/n")]
    assert notes(app, "dotenv" if file else "environment") == ["postgresql://u@h:5432/n"]


def test_every_database_that_is_told_of_is_read_and_each_once(tmp_path: Path) -> None:
    same = {"DATABASE_URL": "postgres://u@h/n", "SQLALCHEMY_DATABASE_URI": "postgresql+psycopg://u@h/n"}
    app = look(tmp_path, **same, FLASK_SQLALCHEMY_BINDS='{"a": "mysql://h/a", "b": {"url": "sqlite:////srv/b.db"}}')
    urls = ["postgresql://u@h/n", "mysql://h/a", "sqlite:////srv/b.db"]
    assert [place.url for place in app.databases] == urls
    assert [place.name for place in app.databases] == ["default", "default-2", "default-3"]


@pytest.mark.parametrize(
    "env",
    [{"DB_URL": "mongodb://h/n"}, {"SQLALCHEMY_BINDS": "a,b"}, {"SQLALCHEMY_BINDS": '{"a": 5}'},
     {"DATABASE_URL": "sqlite:///a.db", "POSTGRES_URL": "nonsense"}],
)  # fmt: skip
def test_a_database_that_cannot_be_made_out_keeps_all_media(tmp_path: Path, env: dict[str, str]) -> None:
    (tmp_path / "uploads").mkdir()
    app = look(tmp_path, UPLOAD_FOLDER="uploads", **env)
    assert (list(app.media), len(app.trouble)) == ([], 1)
    assert app.trouble[0].spoils("media")


def test_a_server_that_is_told_part_by_part_counts_where_its_host_is_told(tmp_path: Path) -> None:
    parts = {"POSTGRES_USER": "u", "POSTGRES_PASSWORD": "p@ss", "POSTGRES_DB": "n"}
    assert not look(tmp_path, **parts).databases
    (place,) = look(tmp_path, **parts, POSTGRES_SERVER="h", POSTGRES_PORT="5433").databases
    assert place.url == "postgresql://u:p%40ss@h:5433/n"
    (place,) = look(tmp_path, MYSQL_HOST="h", MYSQL_DATABASE="n").databases
    assert place.url == "mysql://h/n"
    (place,) = look(tmp_path, **parts, POSTGRES_HOST="h", DATABASE_URL="postgresql://u@db/n").databases
    assert place.url == "postgresql://u@db/n"


@pytest.mark.parametrize(
    ("env", "url"),
    [
        ({"DB_CLIENT": "pg", "DB_HOST": "h", "DB_DATABASE": "n", "DB_USER": "u", "DB_PASSWORD": "p"}, "postgresql://u:p@h/n"),
        ({"DB_CONNECTION": "mysql", "DB_HOST": "h", "DB_DATABASE": "n", "DB_USERNAME": "u"}, "mysql://u@h/n"),
        ({"DB_ENGINE": "django.db.backends.postgresql", "DB_HOST": "h", "DB_NAME": "n", "DB_PORT": "6000"}, "postgresql://h:6000/n"),
        ({"DB_HOST": "h", "DB_NAME": "n", "DB_PORT": "5432"}, "postgresql://h:5432/n"),
    ],
)  # fmt: skip
def test_a_database_that_db_variables_tell_is_found(tmp_path: Path, env: dict[str, str], url: str) -> None:
    app = look(tmp_path, **env)
    assert ([place.url for place in app.databases], app.trouble) == ([url], [])


@pytest.mark.parametrize("name", ["DB_FILENAME", "DB_DATABASE", "DB_NAME"])
def test_a_file_that_db_variables_tell_is_found(tmp_path: Path, name: str) -> None:
    (place,) = look(tmp_path, DB_CLIENT="sqlite3", **{name: "./data/a.db"}).databases
    assert place.url == f"sqlite:///{tmp_path}/data/a.db"


@pytest.mark.parametrize("kind", [{"DB_CLIENT": "oracledb"}, {}])
def test_a_database_of_another_kind_keeps_all_media(tmp_path: Path, kind: dict[str, str]) -> None:
    (tmp_path / "uploads").mkdir()
    app = look(tmp_path, UPLOAD_FOLDER="uploads", DB_HOST="h", DB_NAME="n", **kind)
    assert (list(app.media), len(app.trouble)) == ([], 1)
    assert "[databases.default]" in app.trouble[0].hint


@pytest.mark.parametrize("way", ["configuration", "environment"])
def test_a_django_project_without_manage_py_is_asked_by_its_settings(project: Path, way: str) -> None:
    (project / "manage.py").unlink()
    (project / ".git").mkdir()
    text = '[app]\nsettings = "project.settings"\n' if way == "configuration" else ""
    app = look(project, text, **({} if text else {"DJANGO_SETTINGS_MODULE": "project.settings"}))
    assert (app.kind, app.trouble) == ("django", [])
    assert {place.name for place in app.media} >= {"papers"}


def test_a_file_of_flasks_is_found_in_its_instance_directory(tmp_path: Path) -> None:
    env = {"SQLALCHEMY_DATABASE_URI": "sqlite:///app.db"}
    assert [place.url for place in look(tmp_path, **env).databases] == [f"sqlite:///{tmp_path}/app.db"]
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance/app.db").touch()
    assert [place.url for place in look(tmp_path, **env).databases] == [f"sqlite:///{tmp_path}/instance/app.db"]
    (tmp_path / "app.db").touch()
    assert len(look(tmp_path, **env).databases) == 2


@pytest.mark.parametrize("name", ["MEDIA_ROOT", "UPLOAD_FOLDER", "UPLOAD_DIR", "FLASK_UPLOAD_FOLDER"])
def test_the_usual_names_of_the_directory_of_uploads_are_understood(tmp_path: Path, name: str) -> None:
    (tmp_path / "var/files").mkdir(parents=True)
    env = {name: '"var/files"' if name.startswith("FLASK") else "var/files"}
    app = look(tmp_path, DATABASE_URL="sqlite:///a.db", **env)
    assert [(place.name, place.root) for place in app.media] == [("default", str(tmp_path / "var/files"))]
    assert not look(tmp_path, **env).media


def test_of_directories_of_uploads_in_one_another_the_first_is_taken_and_none_that_is_called_temporary(
    tmp_path: Path,
) -> None:
    env = {"DATABASE_URL": "sqlite:///a.db", "MEDIA_ROOT": "media", "UPLOAD_FOLDER": "media/in", "UPLOAD_DIR": "other"}
    assert [place.root for place in look(tmp_path, **env).media] == [str(tmp_path / "media"), str(tmp_path / "other")]
    assert not look(tmp_path, DATABASE_URL="sqlite:///a.db", UPLOAD_FOLDER="/srv/app/tmp").media


def test_no_directory_is_media_without_a_database(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    assert list(look(tmp_path).media) == []
    assert list(look(tmp_path, MEDIA_ROOT="media").media) == []
    assert list(look(tmp_path, DATABASE_URL="mongodb://u:secret@h/n").media) == []
    assert [place.name for place in look(tmp_path, DATABASE_URL="sqlite:///a.db").media] == ["media"]


def test_a_usual_folder_that_leads_elsewhere_is_not_taken(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "tmp").symlink_to(tmp_path)
    assert list(look(base).temp) == []


def test_a_file_of_variables_is_read_with_its_quotes_and_comments() -> None:
    text = 'A=1 # one\n# B=2\nexport C="x \\"y\\" # z"\nD=\'${A}\'\nE=${A}/${HOST}\nF = a#b\nnonsense\nG=\n'
    values = dotenv.parse(text, {"HOST": "h"})
    assert values == {"A": "1", "C": 'x "y" # z', "D": "${A}", "E": "1/h", "F": "a#b", "G": ""}


def test_a_file_of_variables_that_anyone_may_have_put_there_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DATABASE_URL=sqlite:///a.db\nUPLOAD_FOLDER=elsewhere\n")
    assert places(look(tmp_path)) != places(App(root=str(tmp_path), kind="environment"))
    tmp_path.chmod(0o1777)
    assert places(look(tmp_path)) == places(App(root=str(tmp_path), kind="environment"))


def places(app: App) -> tuple[object, ...]:
    return tuple(list(part) for part in (app.temp, app.logs, app.media, app.databases, app.caches, app.expiry))


def test_the_sample_loads_back_to_the_same_places(project: Path) -> None:
    before = load(None, environment(), project)
    app = discover(before, environment())
    text = sample(app, before.config, before.base)
    assert places(look(project, text)) == places(app)
    assert "p%40ss" not in text
    assert "pw12" not in text


def test_the_sample_keeps_every_setting_that_was_made(tmp_path: Path) -> None:
    made = (
        '[app]\nallow_outside = true\nkind = "declared"\n[temp]\npaths = ["/srv/x/tmp"]\nolder_than = "90m"\n'
        '[databases."my db"]\nurl = "sqlite:///a b.db"\n[media.m]\nroot = "m"\nexact = ["t.c"]\nexclude = ["*.\\"x"]\n'
        '[health]\ntemp = "1.5 GiB"\n[sessions.s]\ntable = "t"\ncolumn = "c"\ndatabase = "my db"\nretention = "1h"\n'
    )
    (tmp_path / "dvornik.toml").write_text(made)
    before = load(None, {}, tmp_path)
    (tmp_path / "dvornik.toml").write_text(sample(discover(before, {}), before.config, before.base))
    assert load(None, {}, tmp_path).digest == before.digest


def test_the_sample_of_defaults_changes_nothing(tmp_path: Path) -> None:
    before = load(None, {}, tmp_path)
    (tmp_path / "dvornik.toml").write_text(sample(App(root="", kind=""), before.config, before.base))
    assert load(None, {}, tmp_path).digest == before.digest


def test_a_declared_password_leaves_the_file(tmp_path: Path) -> None:
    (tmp_path / "dvornik.toml").write_text('[databases.main]\nurl = "postgresql://u:secret@h/n?sslmode=require"\n')
    before = load(None, {}, tmp_path)
    text = sample(discover(before, {}), before.config, before.base)
    assert 'url = "postgresql://u:${MAIN_PASSWORD}@h/n?sslmode=require"' in text
    (tmp_path / "dvornik.toml").write_text(text)
    assert load(None, {"MAIN_PASSWORD": "secret"}, tmp_path).config.databases == before.config.databases


def test_the_reference_names_every_section() -> None:
    page = reference()
    assert all(f"## `[{name}" in page for name in Config.__struct_fields__)
    assert "| `older_than` | duration |" in page


def test_sessions_in_local_time_are_kept_a_day_longer(project: Path) -> None:
    (project / "project/settings.py").write_text(SETTINGS + "\nUSE_TZ = False\n")
    (rule,) = look(project).expiry
    assert rule.retention == 86400
