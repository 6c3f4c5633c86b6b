"""What a Django project said, turned into places; whatever cannot be judged safely is left alone, and told."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dvornik.application import App, CachePlace, DatabasePlace, EntryPlace, ExactColumn, Found, MediaPlace
from dvornik.apps.environment import add_folders
from dvornik.apps.places import LOGS, OF_DATABASES, TEMP, Places, unique
from dvornik.caches import memcached_server
from dvornik.config import addresses
from dvornik.config.roots import databases_kept, ground
from dvornik.contracts.database import ExpiryRule
from dvornik.languages import _
from dvornik.model import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dvornik.apps.django import Answer, CacheFound, DatabaseFound, StorageFound
    from dvornik.config import Loaded

_ENGINES = {"sqlite": "sqlite", "spatialite": "sqlite", "postg": "postgresql", "mysql": "mysql", "mariadb": "mariadb"}
_OWN_PART = re.compile(r"[\w.-]")


def without_answer(project: Path, loaded: Loaded, env: Mapping[str, str], trouble: Trouble) -> App:
    """Return what can be cleaned though Django did not load: the usual folders, never media."""
    urls = [item.url for item in loaded.config.databases.values()]
    on = ground(project, Path(loaded.config.app.state), env, allow_outside=True, kept=databases_kept(urls))
    places = Places(project, on)
    add_folders(places)
    return App(
        root=str(project),
        kind="django",
        temp=places.temp,
        logs=places.logs,
        found=places.found,
        trouble=[trouble, *places.trouble],
    )


def from_answer(project: Path, loaded: Loaded, env: Mapping[str, str], answer: Answer) -> App:
    """Return the project's places."""
    return _Project(project, loaded, env, answer).app()


class _Project:
    """One project's answer on its way to an App."""

    def __init__(self, project: Path, loaded: Loaded, env: Mapping[str, str], answer: Answer) -> None:
        self._project, self._answer = project, answer
        self._databases: list[DatabasePlace] = []
        self._same: dict[str, str] = {}
        """Alias to the alias that stands for it: a second name of the same database is read once."""
        self._trouble: list[Trouble] = []
        self._unread = False
        for database in answer.databases:
            self._take_database(database)
        kept = databases_kept(place.url for place in self._databases)
        if answer.static_root:
            kept[answer.static_root] = _("it holds the static files (STATIC_ROOT)")
        if answer.sessions.file_path:
            kept[answer.sessions.file_path] = _("it holds the sessions (SESSION_FILE_PATH)")
        state = Path(loaded.config.app.state)
        static = [path for path in (answer.static_root, *answer.static_dirs) if path]
        on = ground(
            project, state, env, allow_outside=True, kept=kept, static=static, declared=bool(loaded.config.media)
        )
        self._places = Places(project, on)

    def app(self) -> App:
        self._take_media()
        self._take_sessions()
        self._take_caches()
        self._take_folders()
        caches = self._caches()
        expiry = self._expiry()
        shown = [Found("database", addresses.without_password(place.url), "django") for place in self._databases]
        shown += [Found("sessions", f"{rule.table}.{rule.column}", "django") for rule in expiry]
        shown += [Found("references", path, "django") for path in self._answer.templates]
        shown += [Found("cache", addresses.without_password(place.url), "django") for place in caches]
        return App(
            root=str(self._project),
            kind="django",
            temp=self._places.temp,
            logs=self._places.logs,
            media=self._places.media,
            databases=self._databases,
            caches=caches,
            expiry=expiry,
            session_files=self._places.session_files,
            cache_files=self._places.cache_files,
            cache_tables=self._cache_tables(),
            session_servers=[memcached_server(each) for each in self._answer.sessions.servers if each.strip()],
            static=[self._answer.static_root] if self._answer.static_root else [],
            texts=self._answer.templates,
            found=[*self._places.found, *shown],
            trouble=[*self._trouble, *self._places.trouble],
        )

    def _take_database(self, database: DatabaseFound) -> None:
        url = _url(database, self._project)
        if url is None:
            self._unread = True
            message = _("the database {name} ({engine}) cannot be read").format(
                name=database.alias, engine=database.engine
            )
            hint = _("Media is left alone meanwhile: that database may refer to it.")
            self._trouble.append(Trouble(f"databases.{database.alias}", message, hint, steps=OF_DATABASES))
            return
        twin = next((place.name for place in self._databases if place.url == url), None)
        self._same[database.alias] = twin or database.alias
        if twin is None:
            self._databases.append(DatabasePlace(database.alias, url))

    def _take_media(self) -> None:
        for kind in self._answer.foreign:
            self._places.leave("media", _("{storage}: not on this disk").format(storage=kind))
        for storage in self._answer.storages:
            if storage.location == self._answer.static_root:
                self._places.leave("media", _("{root}: the static files").format(root=storage.location))
            elif self._unread:
                self._places.leave("media", _("{root}: not every database can be read").format(root=storage.location))
            else:
                self._places.add_media(self._media(storage), "django")
        for field in self._answer.fields:
            if field.kind == "path":
                self._places.leave("paths", f"{field.table}.{field.column}: {field.location}")

    def _media(self, storage: StorageFound) -> MediaPlace:
        fields = [field for field in self._answer.fields if field.kind == "file" and field.location == storage.location]
        exact = {
            ExactColumn(self._same[alias], field.table, field.column)
            for field in fields
            for alias in field.databases
            if alias in self._same
        }
        name = "default" if storage.name == "default" else Path(storage.location).name or storage.name
        return MediaPlace(
            unique(name, [place.name for place in self._places.media]),
            storage.location,
            storage.url,
            sorted(exact, key=lambda column: (column.database, column.table, column.column)),
            sorted({field.default for field in fields if field.default}),
            self._answer.named,
        )

    def _take_sessions(self) -> None:
        sessions = self._answer.sessions
        if sessions.file_path and sessions.lifetime > 0 and sessions.prefix:
            name = unique("sessions", [place.name for place in self._databases])
            place = EntryPlace(name, sessions.file_path, "django-session", sessions.lifetime, sessions.prefix)
            self._places.add_sessions(place, "django")

    def _take_caches(self) -> None:
        sessions = self._answer.sessions
        for each in self._answer.cache_directories:
            holds = sessions.in_cache and sessions.cache_alias == each.alias
            self._places.add_cache(EntryPlace(each.alias, each.path, "django-cache", has_sessions=holds), "django")

    def _cache_tables(self) -> list[ExpiryRule]:
        """Return the tables that hold nothing but a cache: not the one in which the sessions are kept."""
        sessions = self._answer.sessions
        return [
            ExpiryRule(each.alias or each.table, self._same[each.database], each.table, "expires", rule="cache/row")
            for each in self._answer.cache_tables
            if each.database in self._same and not (sessions.in_cache and sessions.cache_alias == each.alias)
        ]

    def _take_folders(self) -> None:
        for file in self._answer.logs:
            self._places.add_logs(os.path.dirname(file), "django")  # noqa: PTH120 - places are texts
        for root in self._places.usual(LOGS):
            self._places.add_logs(root, "folder")
        if self._answer.upload_temp:
            self._places.add_temp(self._answer.upload_temp, "django")
        for root in self._places.usual(TEMP):
            if self._may_hold_media(root):
                self._places.leave("temp", _("{root}: media may be stored there").format(root=root))
            else:
                self._places.add_temp(root, "folder")

    def _may_hold_media(self, root: str) -> bool:
        """Tell whether a file field may store below ``root``, which merely is called like a temporary directory."""
        for field in self._answer.fields:
            if field.kind != "file" or not field.location or not Path(root).is_relative_to(field.location):
                continue
            inner = PurePosixPath(Path(root).relative_to(field.location).as_posix())
            if field.prefix is None or _meet(inner, PurePosixPath(field.prefix.partition("%")[0])):
                return True
        return False

    def _expiry(self) -> list[ExpiryRule]:
        sessions = self._answer.sessions
        # Without USE_TZ the times are local ones of a zone that is not told: a day is more than any zone is off.
        retention = 0 if sessions.utc else 86400
        aliases = dict.fromkeys(self._same[alias] for alias in sessions.databases if alias in self._same)
        # Django's database cache: what its own culling removes one request in so many.
        cached = [
            ExpiryRule(f"cache-{table.table}", self._same[table.database], table.table, "expires", retention)
            for table in self._answer.cache_tables
            if table.database in self._same
        ]
        if not sessions.table:
            return cached
        names = [f"sessions-{alias}" if number else "sessions" for number, alias in enumerate(aliases)]
        return cached + [
            ExpiryRule(name, alias, sessions.table, sessions.column, retention)
            for name, alias in zip(names, aliases, strict=True)
        ]

    def _caches(self) -> list[CachePlace]:
        """Return the Redis caches with the patterns of their keys; none whose keys may be sessions."""
        made = [(cache, place) for cache in self._answer.caches if (place := self._cache(cache)) is not None]
        alias = self._answer.sessions.cache_alias if self._answer.sessions.in_cache else None
        sessions = [place for cache, place in made if cache.alias == alias]
        kept: list[CachePlace] = []
        for __, place in made:
            where = addresses.without_password(place.url)
            if any(place.url == other.url and place.patterns == other.patterns for other in sessions):
                self._places.leave("cache", _("{url}: the sessions are kept there").format(url=where))
            else:
                kept.append(place)
        return kept

    def _cache(self, cache: CacheFound) -> CachePlace | None:
        first = re.split(r"[,;]", cache.locations[0])[0].strip() if cache.locations else ""
        try:
            url = addresses.with_credentials(addresses.cache(first), cache.user, cache.password)
        except ValueError:
            message = _("the cache {name} has no address of a Redis or Valkey").format(name=cache.alias)
            hint = _("Name it in [cache] of dvornik.toml.")
            self._trouble.append(Trouble(cache.alias, message, hint, steps=("cache",)))
            return None
        if cache.db and not re.search(r"/\d+$", url.partition("?")[0]):
            url = url.rstrip("/") + f"/{cache.db}"
        head, mark, tail = cache.key.partition(cache.mark)
        if not mark or not _OWN_PART.search(head + tail):
            message = _("the keys of the cache {name} cannot be told from others").format(name=cache.alias)
            hint = _("Set KEY_PREFIX, or name them in [cache] patterns of dvornik.toml.")
            self._trouble.append(Trouble(cache.alias, message, hint, steps=("cache",)))
            return CachePlace(cache.alias, url)
        return CachePlace(cache.alias, url, [f"{addresses.glob(head)}*{addresses.glob(tail)}"])


def _url(database: DatabaseFound, project: Path) -> str | None:
    dialect = next((dialect for word, dialect in _ENGINES.items() if word in database.engine.lower()), None)
    if dialect is None:
        return None
    if dialect != "sqlite":
        parts = {key: str(getattr(database, key)) for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
        return addresses.server(dialect, parts, database.options)
    if database.NAME in {"", ":memory:"} or database.NAME.startswith("file:"):
        return None
    return addresses.sqlite(str(project / database.NAME))


def _meet(one: PurePosixPath, other: PurePosixPath) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)
