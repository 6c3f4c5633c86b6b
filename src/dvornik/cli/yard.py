"""Wires a configuration, the application it describes, and the state into an engine: the one place that knows all."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict

import msgspec

from dvornik import apps, config, guards, health, quick_health
from dvornik.cli import aftermath
from dvornik.cli.watching import Both, WatchedStorage
from dvornik.collectors.cache import CacheCollector
from dvornik.collectors.cache_tables import Tables
from dvornik.collectors.database import DatabaseBloat
from dvornik.collectors.entries import Directory
from dvornik.collectors.logs import Logs
from dvornik.collectors.sessions import Sessions
from dvornik.collectors.temp import Temp
from dvornik.config.secrets import Secrets
from dvornik.databases import connect
from dvornik.databases.upkeep import Rewritable
from dvornik.engine import Engine
from dvornik.errors import UnreachableError
from dvornik.languages import of_system
from dvornik.maintenance_log import MaintenanceLog, tells_of_runs
from dvornik.metrics.otlp import Trace
from dvornik.state import State
from dvornik.storages import quarantine
from dvornik.storages.local import LocalStorage
from dvornik.storages.roots import Root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dvornik.application import App, EntryPlace
    from dvornik.collectors.media import Media
    from dvornik.config import Loaded
    from dvornik.contracts.collector import Collector
    from dvornik.contracts.database import Database
    from dvornik.health import Health, Step
    from dvornik.model import Refusal, Trouble
    from dvornik.reports.progress import Progress
    from dvornik.result import Result

STEPS: Final = ("temp", "logs", "media", "sessions", "database", "cache")
"""The collectors in the order of a run."""
DEFAULT: Final = STEPS[:-1]
"""What runs unasked: never the cache."""


class Around(TypedDict):
    """What a storage is to know of directories that are not its own."""

    skip: Sequence[str]
    public: frozenset[str]


class Yard:
    """One installation: what is configured, what was found, and everything that works on it."""

    def __init__(self, loaded: Loaded, env: Mapping[str, str], *, debug: bool = False) -> None:
        """Take a loaded configuration; nothing is looked at before it is asked for."""
        self.loaded = loaded
        self.config = loaded.config
        self._env = env
        self._debug = debug
        self.state = State(loaded.config.app.state)
        self.progress: Progress | None = None
        """Who watches; set it before anything is asked for."""
        self.running = ""
        """The cleanup that has begun and not yet ended."""
        self.strict = loaded.config.policy.strict
        """Whether writers are kept out while media is claimed; a flag may ask for it beyond the settings."""
        self._steps: Sequence[str] = ()
        self._grounds: dict[str, Root] = {}
        self.trace = Trace(0.0)
        """What that cleanup did when."""
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

    def must_have_something(self) -> None:
        """Raise ``ConfigurationError`` where nothing is under care: whoever asks stands in the wrong directory."""
        app = self.app
        if not (
            app.temp
            or app.logs
            or app.media
            or app.databases
            or app.session_files
            or app.session_stores
            or app.has_cache
            or app.trouble
        ):
            raise apps.nothing_found(self.loaded, self._env)

    @property
    def hindrances(self) -> list[Trouble]:
        """What was wrong before any step and spoils every one: no run can end well."""
        return [trouble for trouble in self.app.trouble if all(map(trouble.spoils, DEFAULT))]

    def troubles(self, steps: Iterable[str]) -> list[Trouble]:
        """Return what was wrong with the application before any step, as far as these steps need it."""
        wanted = set(steps)
        return [trouble for trouble in self.app.trouble if any(map(trouble.spoils, wanted))]

    @cached_property
    def log(self) -> MaintenanceLog:
        """The maintenance log, opened at the first line."""
        path = Path(self.config.log.path) if self.config.log.path else None
        form, keep = self.config.log.format, self.config.log.keep
        return MaintenanceLog(path, keep, debug=self._debug, form=form, hide=self.secrets.hide)

    @cached_property
    def secrets(self) -> Secrets:
        """What must not be said."""
        app = self.app
        urls = [place.url for places in (app.databases, app.caches, app.session_stores) for place in places]
        return Secrets(self.config, self._env, urls)

    @property
    def name(self) -> str:
        """What the application is called in metrics and messages."""
        return self.config.app.name or self.loaded.base.name or self.loaded.base.anchor

    @cached_property
    def databases(self) -> dict[str, Database]:
        """The application's databases, not yet connected."""
        found = {place.name: connect(place) for place in self.app.databases}
        for database in found.values():
            if self.progress is not None and isinstance(database, Rewritable):
                database.tell = self.progress.within
        return found

    @property
    def roots(self) -> dict[str, str]:
        """Every directory under care, by ``collector/place``."""
        app = self.app
        return {
            f"{kind}/{place.name}": place.root
            for kind, places in (
                ("temp", app.temp),
                ("logs", app.logs),
                ("media", app.media),
                ("sessions", app.session_files),
                ("cache", app.cache_files),
            )
            for place in places
        }

    def collectors(self, names: Iterable[str]) -> dict[str, Collector]:
        """Build the named collectors, in the order of a run."""
        builders: dict[str, Callable[[], Collector]] = {
            "temp": lambda: Temp({p.name: self.storage(p.name, p.root) for p in self.app.temp}, self.config.temp),
            "logs": self._logs,
            "media": self._media,
            "sessions": lambda: Sessions(
                self.databases,
                self.app.expiry,
                [*self.config.sessions.values(), *self.config.rows.values()],
                self._entries(self.app.session_files),
                self.app.session_stores,
            ),
            "database": lambda: DatabaseBloat(
                self.databases, self.config.database, self.state, has_window=bool(self.config.window.start)
            ),
            "cache": lambda: CacheCollector(
                self.app.caches,
                files=self._entries(self.app.cache_files),
                tables=Tables(self.databases, self.app.cache_tables) if self.app.cache_tables else None,
            ),
        }
        wanted = set(names)
        return {name: builders[name]() for name in STEPS if name in wanted}

    def _entries(self, places: Iterable[EntryPlace]) -> dict[str, Directory]:
        return {
            place.name: Directory(place, LocalStorage(place.name, self.root(place.root), **self._around(place.root)))
            for place in places
        }

    def _logs(self) -> Logs:
        from dvornik.storages.local_logs import LocalLogs

        storages = {p.name: LocalLogs(p.name, self.root(p.root), **self._around(p.root)) for p in self.app.logs}
        return Logs(storages, self.config.logs, own=self.config.log.path)

    # What only media wants is imported when it is asked for: half of a short run's start.

    def _media(self) -> Media:
        from dvornik.cli.inventory import gather
        from dvornik.collectors.media import Media

        return Media(gather(self), quarantine=self.config.policy.quarantine, strict=self.strict)

    def left_behind(self) -> dict[str, str]:
        """Return the older quarantines that neither undo nor purge reaches any more, by the media's name."""
        found = {place.name: quarantine.left_behind(self.root(place.root), self.public) for place in self.app.media}
        return {name: path for name, path in found.items() if path}

    def storages(self) -> dict[str, tuple[str, LocalStorage]]:
        """Return every place of files with its root, for whoever only measures."""
        return {name: (root, self.storage(name, root)) for name, root in self.roots.items()}

    def storage(self, name: str, root: str) -> LocalStorage:
        """Return the place of files at ``root``; who watches is told what it sees."""
        if self.progress is not None:
            return WatchedStorage(name, self.root(root), **self._around(root), progress=self.progress)
        return LocalStorage(name, self.root(root), **self._around(root))

    def root(self, path: str) -> Root:
        """Return the root at the path of a place: opened once, for all that works below it."""
        return self._grounds.setdefault(path, Root(path))

    def _around(self, root: str) -> Around:
        """Return the directories that belong to somebody else than the place at ``root``, and what is served."""
        others = [other for other in self.roots.values() if other != root]
        return {"skip": [*others, self.config.app.state], "public": self.public}

    @property
    def public(self) -> frozenset[str]:
        """The directories that a web server is there to serve: media and static files."""
        static = map(os.path.realpath, self.app.static)
        return frozenset([*(place.root for place in self.app.media), *static])

    def engine(self, names: Iterable[str]) -> Engine:
        """Build an engine over the named collectors."""
        return Engine(
            self.collectors(names),
            self.config.policy,
            self.state,
            configuration=self.loaded.digest,
            guard=self.guard,
            listener=Both(self.log, self.progress) if self.progress else self.log,
        )

    def guard(self) -> list[Refusal]:
        """Say why nothing irreversible may happen now; this runs the backup command."""
        return guards.refusals(self.config.backup, self.config.window, time.time())

    # health

    @property
    def _health_path(self) -> Path:
        return self.state.directory / quick_health.NAME

    def health(self) -> health.Health:
        """Return what the alerts are judged by, from the configuration as it is now and the last record."""
        source = str(self.loaded.source or "")
        before, unread = health.left(self._health_path)
        if before is None and not unread and self.config.log.path and tells_of_runs(Path(self.config.log.path)):
            unread = quick_health.LOST
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
            step_max_age=float(self.config.health.step_max_age),
            steps={name: step for name, step in before.steps.items() if self._may_run(name)} if before else {},
            freed=before.freed if before else 0,
            quarantine=before.quarantine if before else 0,
            unread=before.unread if before else unread,
            state=str(self.state.directory),
            begun=before.begun if before else None,
        )

    def _may_run(self, step: str) -> bool:
        """Tell whether a step can run at all: one that was given up is nobody's failure."""
        return step in STEPS and (step != "cache" or self.app.has_cache)

    def last_health(self) -> Health:
        """Return the last record as it is while the configuration is the same, which spares finding the application."""
        last, _why = health.left(self._health_path)
        source, base = str(self.loaded.source or ""), str(self.loaded.base)
        if last is not None and quick_health.is_current(health.record(last), source, self._env, base):
            return last
        return self.health()

    def record_quarantine(self, engine: Engine) -> None:
        """Write down what waits in quarantine, where an undo or a purge changed that."""
        waiting = sum(size for _count, size in engine.set_aside().values())
        try:
            health.write(self._health_path, msgspec.structs.replace(self.health(), quarantine=waiting))
        except OSError as error:
            self.log.failure("health", str(error))
        aftermath.refresh(self)

    # a cleanup, from its beginning to what is told of it

    def begin(self, run: str, steps: Sequence[str], what: str) -> None:
        """Note that a cleanup begins; ``what`` describes it in the log."""
        self.running, self._steps, self.trace = run, steps, Trace(time.time())
        before = self.health()  # while the log does not tell of this run: the first one has lost no record
        self.log.started(run, what)
        with suppress(OSError):  # a full disk: how it ends will be written down where the reserve was
            health.write(self._health_path, health.begin(before, run, steps, time.time()))
        self.state.begin(run, "run", steps)
        aftermath.begin(self)

    def conclude(self, result: Result, engine: Engine) -> None:
        """Note how a cleanup ended, in the log and for the health check."""
        status, code = result.status, result.exit_code
        if result.unrecorded and status == "done":
            status = "unrecorded"
        self.log.finished(status, result.seconds, result.summary()["freed"], failed=bool(code))
        steps = health.steps(result, time.time())
        if result.unrecorded:
            self.log.failure("history", result.unrecorded)
        self._record(self.running, status, code, steps, engine if "media" in steps else None)
        self.running = ""

    def failed(self, status: str, exit_code: int, message: str) -> None:
        """Note what stopped a cleanup that had begun; a command that never began is nobody's last cleanup."""
        if not self.running:
            return
        run, self.running = self.running, ""
        self.log.failure("run", message)
        self.state.give_up(status)
        now = time.time()
        self._record(run, status, exit_code, {name: health.Step(run, now, status) for name in self._steps})
        aftermath.follow(self, exit_code)

    def _record(
        self, run: str, status: str, exit_code: int, steps: Mapping[str, Step], engine: Engine | None = None
    ) -> None:
        """Write the record of health; a disk that cannot take it is not the run's failure."""
        now = time.time()
        last = health.LastRun(run, now, status, exit_code, now - self.trace.begun)
        after = health.after(self.health(), last, steps)
        try:
            if engine is not None:
                waiting = sum(size for _count, size in engine.set_aside().values())
                after = msgspec.structs.replace(after, quarantine=waiting)
            self._write(after)
            self.state.reserve()
        except (OSError, UnreachableError) as error:
            self.log.failure("health", of_system(error) if isinstance(error, OSError) else str(error))

    def _write(self, after: Health) -> None:
        """Write the record of health; on a full disk in the place of the reserve, or of the record before."""
        try:
            health.write(self._health_path, after)
        except OSError:
            self.state.release()
            try:
                health.write(self._health_path, after)
            except OSError:
                health.write_over(self._health_path, after)

    def close(self) -> None:
        """Let go of the lock, the record and the log."""
        if "log" in self.__dict__:  # opening it only to close it would find the application out
            self.log.close()
        self.state.close()


def chosen(yard: Yard, steps: Sequence[str], *, thorough: bool) -> list[str]:
    """Return the steps to take, in order: those named, else all but the cache, else all that there is to do."""
    wanted = steps or (STEPS if thorough else DEFAULT)
    has_cache = yard.app.has_cache or "cache" in steps
    return [step for step in STEPS if step in wanted and (step != "cache" or has_cache)]
