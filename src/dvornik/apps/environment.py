"""Any application by its usual environment variables (also from ``.env``) and folder names."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from dvornik.application import App, CachePlace, DatabasePlace, EntryPlace, Found, MediaPlace
from dvornik.apps import server_variables
from dvornik.apps.places import LOGS, MEDIA, OF_DATABASES, TEMP, Places, unique
from dvornik.apps.server_variables import servers
from dvornik.config import addresses, dotenv
from dvornik.config.roots import databases_kept, ground
from dvornik.languages import _
from dvornik.model import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dvornik.config import Loaded

ADDRESSES = (
    "DATABASE_URL", "SQLALCHEMY_DATABASE_URI", "SQLALCHEMY_DATABASE_URL", "DATABASE_URI", "DB_URL", "DB_URI",
    "POSTGRES_URL", "POSTGRESQL_URL", "MYSQL_URL", "MARIADB_URL",
)  # fmt: skip
"""Variables that are called after nothing but the address of the application's database."""
BINDS = "SQLALCHEMY_BINDS"
"""Flask-SQLAlchemy's further databases, as JSON."""
UPLOADS = ("MEDIA_ROOT", "UPLOAD_FOLDER", "UPLOAD_DIR")
"""Variables that are called after the directory that uploads are stored in."""
FLASK = "FLASK_"
"""What ``app.config.from_prefixed_env()`` takes off: ``FLASK_UPLOAD_FOLDER`` is ``UPLOAD_FOLDER``."""
SECRET = (*ADDRESSES, BINDS, *server_variables.SECRET)
"""What belongs into no file that others may read."""


def look(loaded: Loaded, env: Mapping[str, str]) -> App:
    """Return what the environment and the folders below the base tell.

    No directory is taken for media unless there is a database that can say what is used.
    """
    variables = _Variables(loaded.base, env)
    databases, found, trouble = _databases(variables, loaded.base)
    urls = [place.url for place in databases] + [item.url for item in loaded.config.databases.values()]
    on = ground(
        loaded.base, Path(loaded.config.app.state), env, allow_outside=True, kept=databases_kept(urls),
        declared=bool(loaded.config.media),
    )  # fmt: skip
    places = Places(loaded.base, on)
    if urls and not trouble:
        _add_media(places, variables, loaded.base)
    else:
        for root in (variables[name] for name in UPLOADS if name in variables):
            places.leave("media", _("{root}: no database is known that says what is used").format(root=root))
    _add_sessions(places, variables, loaded.base)
    _add_cache(places, variables, loaded.base)
    add_folders(places)
    caches, cache_found, cache_trouble = _caches(variables)
    return App(
        root=str(loaded.base),
        kind="environment",
        temp=places.temp,
        logs=places.logs,
        media=places.media,
        databases=databases,
        caches=caches,
        session_files=places.session_files,
        cache_files=places.cache_files,
        found=[*found, *places.found, *cache_found],
        trouble=[*trouble, *places.trouble, *cache_trouble],
    )


def add_folders(places: Places) -> None:
    """Take the usual folders of logs and of temporary files."""
    for root in places.usual(LOGS):
        places.add_logs(root, "folder")
    for root in places.usual(TEMP):
        places.add_temp(root, "folder")


_PREFIX = re.compile(r"[\w.-]{2}")
"""What a prefix must hold at least, or it would be everybody's."""


class _Variables:
    """The process's variables, then those of ``.env``; empty ones count as unset."""

    def __init__(self, base: Path, env: Mapping[str, str]) -> None:
        self._env = env
        self._file = dotenv.read(base, env)

    def __contains__(self, name: str) -> bool:
        return bool(self.get(name))

    def __getitem__(self, name: str) -> str:
        return self.get(name)

    def get(self, name: str) -> str:
        found = self._env.get(name) or self._file.get(name)
        return found or _plain(self._env.get(FLASK + name) or self._file.get(FLASK + name, ""))

    def all(self, name: str) -> list[str]:
        """Return what both spellings of a name say."""
        plain = self._env.get(name) or self._file.get(name, "")
        return list(dict.fromkeys(value for value in (plain, self.get(FLASK + name)) if value))

    def how(self, name: str) -> str:
        if not (self._env.get(name) or self._file.get(name)):
            name = FLASK + name
        return "environment" if self._env.get(name) else "dotenv"


def _plain(value: str) -> str:
    """Return a value of Flask's prefixed variables, which are JSON where they can be read so."""
    try:
        read = json.loads(value)
    except ValueError:
        return value
    return read if isinstance(read, str) else value


def _databases(variables: _Variables, base: Path) -> tuple[list[DatabasePlace], list[Found], list[Trouble]]:
    """Return every database that is told of, each once: one that is not read may be the one that refers to a file."""
    places: dict[str, DatabasePlace] = {}
    found: list[Found] = []
    trouble: list[Trouble] = []
    told = [(name, value) for name in ADDRESSES for value in variables.all(name)]
    told += [(BINDS, value) for value in _binds(variables)]
    for name, value in told or list(servers(variables, base)):
        urls = _readings(value, base)
        if not urls:
            message = _("{name} is no address of a database that dvornik reads").format(name=name)
            hint = _("Name it in [databases.default] of dvornik.toml.")
            trouble.append(Trouble("databases.default", message, hint, steps=OF_DATABASES))
        for url in urls:
            if url not in places:
                called = unique("default", [place.name for place in places.values()])
                places[url] = DatabasePlace(called, url)
                found.append(Found("database", addresses.without_password(url), variables.how(name)))
    return ([], [], trouble) if trouble else (list(places.values()), found, [])


def _readings(value: str, base: Path) -> list[str]:
    """Return the databases that an address may mean: Flask keeps a file that is told by its name in ``instance``."""
    try:
        urls = [url for root in (base, base / "instance") for url in addresses.databases(value, root)]
    except ValueError:
        return []
    files = {url: addresses.sqlite_path(url) for url in urls}
    there = [url for url, path in files.items() if path is None or Path(path).exists()]
    return there or urls[:1]


def _binds(variables: _Variables) -> list[str]:
    """Return the addresses of further databases; what cannot be read as such is none."""
    if BINDS not in variables:
        return []
    try:
        read = json.loads(variables[BINDS])
    except ValueError:
        return [""]
    if not isinstance(read, dict):
        return [""]
    values = [each.get("url", "") if isinstance(each, dict) else each for each in read.values()]
    return [value if isinstance(value, str) else "" for value in values]


def _add_media(places: Places, variables: _Variables, base: Path) -> None:
    """Take the directories that are told, else the usual ones; never one in another, nor one called temporary."""
    url, taken = variables.get("MEDIA_URL"), list[Path]()
    for name in [name for name in UPLOADS if name in variables]:
        root = Path(os.path.normpath(base / variables[name]))
        if name != UPLOADS[0] and root.name.lower() in TEMP:
            places.leave("media", _("{root}: it is called like a directory of temporary files").format(root=root))
        elif not any(root.is_relative_to(other) or other.is_relative_to(root) for other in taken):
            called = unique("default", [place.name for place in places.media])
            places.add_media(MediaPlace(called, str(root), "" if taken else url), variables.how(name))
            taken.append(root)
    if taken:
        return
    for usual in places.usual(MEDIA):
        places.add_media(MediaPlace(os.path.basename(usual), usual, url), "folder")  # noqa: PTH119 - roots are texts


def _add_sessions(places: Places, variables: _Variables, base: Path) -> None:
    """Take Flask-Session's files: where its settings say, else the directory that it makes by default."""
    if variables.get("SESSION_TYPE").lower() == "filesystem" and "SESSION_FILE_DIR" in variables:
        root = os.path.normpath(base / variables["SESSION_FILE_DIR"])
        places.add_sessions(EntryPlace("sessions", root, "cachelib"), variables.how("SESSION_FILE_DIR"))
    for root in places.usual(("flask_session",)):
        name = unique("flask_session", [place.name for place in places.session_files])
        places.add_sessions(EntryPlace(name, root, "cachelib"), "folder")


def _add_cache(places: Places, variables: _Variables, base: Path) -> None:
    """Take Flask-Caching's files, where its settings say."""
    if variables.get("CACHE_TYPE").lower().rpartition(".")[2] in _IN_FILES and "CACHE_DIR" in variables:
        root = os.path.normpath(base / variables["CACHE_DIR"])
        places.add_cache(EntryPlace("default", root, "cachelib"), variables.how("CACHE_DIR"))


_IN_FILES = {"filesystem", "filesystemcache"}
"""``CACHE_TYPE``: the old word, and the class, with its module or without."""


def _caches(variables: _Variables) -> tuple[list[CachePlace], list[Found], list[Trouble]]:
    """Return the cache; without a prefix of its own it has no patterns: a Redis may hold sessions and queues as well.

    ``CACHE_REDIS_URL`` and ``CACHE_KEY_PREFIX`` (``flask_cache_`` unless set) are Flask-Caching's. A prefix counts only
    beside an address that is called the cache's.
    """
    name = next((name for name in ("CACHE_URL", "CACHE_REDIS_URL", "REDIS_URL") if name in variables), None)
    if name is None:
        return [], [], []
    try:
        url = addresses.cache(variables[name])
    except ValueError:
        message = _("{name} is no address of a Redis or Valkey").format(name=name)
        return [], [], [Trouble("cache", message, _("Name it in [cache] of dvornik.toml."), steps=("cache",))]
    prefix = variables.get("CACHE_KEY_PREFIX") if name != "REDIS_URL" else ""
    prefix = prefix or ("flask_cache_" if name == "CACHE_REDIS_URL" else "")
    patterns = [f"{addresses.glob(prefix)}*"] if _PREFIX.search(prefix) else []
    found = Found("cache", addresses.without_password(url), variables.how(name))
    return [CachePlace("default", url, patterns)], [found], []
