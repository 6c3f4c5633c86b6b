"""Wires a configuration, the application it describes, and the state into an engine: the one place that knows all."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dvornik import apps, config, guards, health, quick_health
from dvornik.apps.places import unique
from dvornik.collectors.cache import CacheCollector
from dvornik.collectors.database import DatabaseBloat, SingleFile
from dvornik.collectors.inventory import Inventory, Source
from dvornik.collectors.logs import Logs
from dvornik.collectors.media import Media
from dvornik.collectors.sessions import Sessions
from dvornik.collectors.temp import Temp
from dvornik.databases import connect
from dvornik.engine import Engine
from dvornik.maintenance_log import MaintenanceLog
from dvornik.references.files import Files
from dvornik.state import State
from dvornik.storages import grips, landlock, quarantine
from dvornik.storages.local import LocalStorage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dvornik.config import Loaded
    from dvornik.model import App, Collector, Database, Refusal

STEPS: Final = ("temp", "logs", "media", "sessions", "database", "cache")
"""The collectors in the order of a run."""
DEFAULT: Final = STEPS[:-1]
"""What runs unasked: never the cache."""


class Yard:
    """One installation: what is configured, what was found, and everything that works on it."""

    def __init__(self, loaded: Loaded, env: Mapping[str, str], *, debug: bool = False) -> None:
        """Take a loaded configuration; nothing is looked at before it is asked for."""
        self.loaded = loaded
        self.config = loaded.config
        self._env = env
        self._debug = debug
        self.state = State(loaded.config.app.state)
        self.running = ""
        """The cleanup that has begun and not yet ended."""
        self.strict = loaded.config.policy.strict
        """Whether writers are kept out while media is claimed; a flag may ask for it beyond the settings."""
        source = str(loaded.source or "")
        # What is not there yet counts as well: a file that appears later changes the answer.
        watched = [source] if source else [str(loaded.base / name) for name in ("dvornik.toml", "pyproject.toml")]
        self._sources = health.sources([*watched, str(loaded.base / ".env")])

    @classmethod
    def open(cls, path: str | None, directory: str, env: Mapping[str, str], *, debug: bool = False) -> Yard:
        """Load the configuration for ``directory``."""
        return cls(config.load(Path(path) if path else None, env, Path(directory)), env, debug=debug)

    @cached_property
    def app(self) -> App:
        """The application, found out or told."""
        return apps.discover(self.loaded, self._env)

    @cached_property
    def log(self) -> MaintenanceLog:
        """The maintenance log, opened at the first line."""
        path = Path(self.config.log.path) if self.config.log.path else None
        return MaintenanceLog(path, self.config.log.keep, debug=self._debug)

    @cached_property
    def databases(self) -> dict[str, Database]:
        """The application's databases, not yet connected."""
        return {place.name: connect(place) for place in self.app.databases}

    @property
    def roots(self) -> dict[str, str]:
        """Every directory under care, by ``collector/place``."""
        app = self.app
        return {
            f"{kind}/{place.name}": place.root
            for kind, places in (("temp", app.temp), ("logs", app.logs), ("media", app.media))
            for place in places
        }

    def collectors(self, names: Iterable[str]) -> dict[str, Collector]:
        """Build the named collectors, in the order of a run."""
        builders: dict[str, Callable[[], Collector]] = {
            "temp": lambda: Temp({p.name: self._storage(p.name, p.root) for p in self.app.temp}, self.config.temp),
            "logs": lambda: Logs({p.name: self._storage(p.name, p.root) for p in self.app.logs}, self.config.logs),
            "media": lambda: Media(self.inventory(), quarantine=self.config.policy.quarantine, strict=self.strict),
            "sessions": lambda: Sessions(self.databases, self.app.expiry),
            "database": lambda: DatabaseBloat(self.databases),
            "cache": lambda: CacheCollector(self.app.caches),
        }
        wanted = set(names)
        return {name: builders[name]() for name in STEPS if name in wanted}

    def inventory(self) -> Inventory:
        """Gather the media and everything that may refer to it."""
        places = {
            place.name: Source(
                self._storage(place.name, place.root),
                os.path.realpath(place.root),
                place.url,
                place.exact,
                place.defaults,
                self.config.media[place.name].exclude if place.name in self.config.media else (),
            )
            for place in self.app.media
        }
        exclude = {name: section.exclude for name, section in self.config.databases.items()}
        return Inventory(places, self.databases, texts=self._texts(), exclude=exclude)

    def _texts(self) -> dict[str, Files]:
        section = self.config.references
        paths = list(dict.fromkeys([*section.paths, *self.app.texts]))
        if not paths:
            return {}
        # Our own record names what was found, and would keep it; the media itself is no text.
        own = [self.config.app.state, self.config.log.path]
        media = [place.root for place in self.app.media]
        files = Files(
            str(self.loaded.base), paths, patterns=section.patterns, exclude=[*section.exclude, quarantine.NAME],
            skip=[*filter(None, own), *media],
        )  # fmt: skip
        return {unique("files", list(self.databases)): files}

    def storages(self) -> dict[str, tuple[str, LocalStorage]]:
        """Return every place of files with its root, for whoever only measures."""
        return {name: (root, self._storage(name, root)) for name, root in self.roots.items()}

    def _storage(self, name: str, root: str) -> LocalStorage:
        others = [other for other in self.roots.values() if os.path.realpath(other) != os.path.realpath(root)]
        return LocalStorage(name, root, skip=[*others, self.config.app.state])

    def engine(self, names: Iterable[str]) -> Engine:
        """Build an engine over the named collectors."""
        return Engine(
            self.collectors(names),
            self.config.policy,
            self.state,
            configuration=self.loaded.digest,
            guard=self.guard,
            listener=self.log,
        )

    def guard(self) -> list[Refusal]:
        """Say why nothing irreversible may happen now; this runs the backup command."""
        return guards.refusals(self.config.backup, self.config.window, time.time())

    def give_up_rights(self) -> bool:
        """Give up, where the kernel can, the right to remove or move anything but what is under care and our own.

        Not where a backup command is configured: it may have to remove old backups, and would inherit the lack. Nor
        where a file system has no leases: whether a file is open is then read from /proc, which Landlock closes.
        """
        roots = [os.path.realpath(root) for root in self.roots.values() if Path(root).is_dir()]
        if self.config.backup.command or not all(grips.has_leases(quarantine.made(root)) for root in roots):
            return False
        sys.dont_write_bytecode = True  # the interpreter renames what it compiled, and may not any more
        files = [str(each.path.parent) for each in self.databases.values() if isinstance(each, SingleFile)]
        own = [str(self.state.directory), str(Path(self.config.log.path or self.state.directory).parent)]
        scratch = [tempfile.gettempdir(), "/var/tmp"]  # noqa: S108 - where SQLite puts what a rewrite needs
        return landlock.restrict([*roots, *map(quarantine.made, roots), *files, *own, *scratch])

    # health

    @property
    def _health_path(self) -> Path:
        return self.state.directory / quick_health.NAME

    def health(self) -> health.Health:
        """Return what the alerts are judged by, from the configuration as it is now and the last record."""
        source = str(self.loaded.source or "")
        try:
            before: health.Health | None = health.read(self._health_path)
        except (OSError, ValueError):
            before = None
        paths = [path for path in (source, str(self.state.directory)) if path]
        return health.Health(
            since=before.since if before else health.since(paths, time.time()),
            max_age=float(self.config.health.max_age),
            temp_limit=int(self.config.health.temp),
            logs_limit=int(self.config.health.logs),
            temp=[place.root for place in self.app.temp],
            logs=[place.root for place in self.app.logs],
            config=source,
            sources=self._sources,
            environ=quick_health.settings(self._env),
            last_success=before.last_success if before else None,
            last_run=before.last_run if before else None,
            language=self.config.app.language,
        )

    def record_health(self, run: str, status: str, exit_code: int) -> None:
        """Write down how the run ended, for the health check; a disk that cannot take it is not the run's failure."""
        last = health.LastRun(run, time.time(), status, exit_code)
        try:
            health.write(self._health_path, health.after(self.health(), last))
        except OSError as error:
            self.log.failure("health", str(error))

    def failed(self, status: str, exit_code: int, message: str) -> None:
        """Note what stopped a cleanup that had begun; a command that never began is nobody's last cleanup."""
        if self.running:
            self.log.failure("run", message)
            self.record_health(self.running, status, exit_code)

    def close(self) -> None:
        """Let go of the lock, the record and the log."""
        self.log.close()
        self.state.close()


def chosen(yard: Yard, steps: Sequence[str], *, thorough: bool) -> list[str]:
    """Return the steps to take, in order: those named, else all but the cache, else all that there is to do."""
    wanted = steps or (STEPS if thorough else DEFAULT)
    has_cache = bool(yard.app.caches) or "cache" in steps
    return [step for step in STEPS if step in wanted and (step != "cache" or has_cache)]


def with_language(loaded: Loaded, asked: str | None, env: Mapping[str, str], default: str) -> str:
    """Choose the language: the flag, the environment, the configuration, then the command's own default."""
    return asked or env.get("DVORNIK_LANG") or loaded.config.app.language or default


def of_locale(env: Mapping[str, str]) -> str:
    """Return the language of the locale: Russian where it says so, English otherwise."""
    locale = env.get("LC_ALL") or env.get("LC_MESSAGES") or env.get("LANG") or ""
    return "ru" if locale.lower().startswith("ru") else "en"
