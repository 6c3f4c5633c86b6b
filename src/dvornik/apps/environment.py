"""Any application by its usual environment variables (also from ``.env``) and folder names."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from dvornik.application import App, CachePlace, DatabasePlace, EntryPlace, Found, MediaPlace
from dvornik.apps.places import LOGS, MEDIA, TEMP, Places, unique
from dvornik.config import addresses
from dvornik.config.roots import databases_kept, ground
from dvornik.languages import _
from dvornik.model import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dvornik.config import Loaded

_LINE = re.compile(
    r"""\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(?:'([^']*)'|"((?:[^"\\]|\\.)*)"|(.*?))(?:\s+\#.*|\s*)""", re.ASCII
)
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ESCAPE = re.compile(r"\\(.)")


def look(loaded: Loaded, env: Mapping[str, str]) -> App:
    """Return what the environment and the folders below the base tell.

    No directory is taken for media unless there is a database that can say what is used.
    """
    variables = _Variables(loaded.base, env)
    databases, found, trouble = _databases(variables, loaded.base)
    urls = [place.url for place in databases] + [item.url for item in loaded.config.databases.values()]
    on = ground(loaded.base, Path(loaded.config.app.state), env, allow_outside=True, kept=databases_kept(urls))
    places = Places(loaded.base, on)
    if urls and not trouble:
        _add_media(places, variables, loaded.base)
    elif "MEDIA_ROOT" in variables:
        places.leave(
            "media", _("{root}: no database is known that says what is used").format(root=variables["MEDIA_ROOT"])
        )
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


def parse(text: str, env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a ``.env`` file: quotes, ``export``, comments, ``${NAME}``; other lines are skipped."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        name, literal, quoted, bare = match.groups()
        if literal is not None:
            values[name] = literal
            continue
        text = _ESCAPE.sub(r"\1", quoted) if quoted is not None else bare
        values[name] = _REFERENCE.sub(lambda ref: env.get(ref[1], values.get(ref[1], ref[0])), text)
    return values


_PREFIX = re.compile(r"[\w.-]{2}")
"""What a prefix must hold at least, or it would be everybody's."""


class _Variables:
    """The process's variables, then those of ``.env``; empty ones count as unset."""

    def __init__(self, base: Path, env: Mapping[str, str]) -> None:
        self._env = env
        try:
            self._file = parse((base / ".env").read_text("utf-8-sig"), env)
        except (OSError, UnicodeDecodeError):
            self._file = {}

    def __contains__(self, name: str) -> bool:
        return bool(self._env.get(name) or self._file.get(name))

    def __getitem__(self, name: str) -> str:
        return self._env.get(name) or self._file[name]

    def get(self, name: str) -> str:
        return self._env.get(name) or self._file.get(name, "")

    def how(self, name: str) -> str:
        return "environment" if self._env.get(name) else "dotenv"


def _databases(variables: _Variables, base: Path) -> tuple[list[DatabasePlace], list[Found], list[Trouble]]:
    if "DATABASE_URL" not in variables:
        return [], [], []
    try:
        url = addresses.database(variables["DATABASE_URL"], base)
    except ValueError:
        message = _("DATABASE_URL is no address of a database that dvornik reads")
        return [], [], [Trouble("databases.default", message, _("Name it in [databases.default] of dvornik.toml."))]
    found = Found("database", addresses.without_password(url), variables.how("DATABASE_URL"))
    return [DatabasePlace("default", url)], [found], []


def _add_media(places: Places, variables: _Variables, base: Path) -> None:
    url = variables.get("MEDIA_URL")
    if "MEDIA_ROOT" in variables:
        root = os.path.normpath(base / variables["MEDIA_ROOT"])
        places.add_media(MediaPlace("default", root, url), variables.how("MEDIA_ROOT"))
        return
    for root in places.usual(MEDIA):
        places.add_media(MediaPlace(os.path.basename(root), root, url), "folder")  # noqa: PTH119 - roots are texts


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
        return [], [], [Trouble("cache", message, _("Name it in [cache] of dvornik.toml."))]
    prefix = variables.get("CACHE_KEY_PREFIX") if name != "REDIS_URL" else ""
    prefix = prefix or ("flask_cache_" if name == "CACHE_REDIS_URL" else "")
    patterns = [f"{addresses.glob(prefix)}*"] if _PREFIX.search(prefix) else []
    found = Found("cache", addresses.without_password(url), variables.how(name))
    return [CachePlace("default", url, patterns)], [found], []
