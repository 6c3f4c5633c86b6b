"""What no type can say: paths made absolute and judged, addresses completed, settings that contradict each other."""

from __future__ import annotations

import os
import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from dvornik import served
from dvornik.config import addresses, dotenv, entries, rows
from dvornik.config.problems import Problem, dotted, shown
from dvornik.config.roots import Ground, databases_kept, ground, is_dangerous, judged
from dvornik.config.sections import LogSection, RowsSection, ScheduleSection
from dvornik.languages import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dvornik.config.sections import CacheSection, Config, SessionsSection, WindowSection

Rows = TypeVar("Rows", bound=RowsSection)
_EXACT = re.compile(r"(?:[^:]+:)?[^:.]+(?:\.[^:.]+){1,2}")
_HOUR = 3600
_DEFAULT = ScheduleSection()


def check(
    config: Config, base: Path, env: Mapping[str, str], problems: list[Problem], origins: Mapping[tuple[str, ...], str]
) -> Config:
    """Return ``config`` with absolute paths and complete addresses; add what is wrong to ``problems``."""
    return _Check(base, env, problems, origins).whole(config)


class _Check:
    """One pass over one configuration."""

    def __init__(
        self, base: Path, env: Mapping[str, str], problems: list[Problem], origins: Mapping[tuple[str, ...], str]
    ) -> None:
        self._base, self._env, self._problems, self._origins = base, env, problems, origins
        self._roots: dict[str, str] = {}

    def whole(self, config: Config) -> Config:
        config = msgspec.structs.replace(config, **self._single_paths(config), **self._addresses(config))
        on = ground(
            self._base,
            Path(config.app.state),
            self._env,
            allow_outside=config.app.allow_outside,
            kept=databases_kept(item.url for item in config.databases.values()),
            declared=True,
        )
        config = msgspec.structs.replace(config, **self._places(config, on))
        self._exact(config)
        cache = self._entries(("cache",), config.cache, on)
        caches = {name: self._entries(("caches", name), section, on) for name, section in config.caches.items()}
        config = msgspec.structs.replace(config, cache=cache, caches=caches)
        config = msgspec.structs.replace(
            config, sessions=self._sessions(config.sessions, on), rows=self._rows("rows", config.rows)
        )
        self._window(config.window)
        self._schedule(config.schedule)
        config = msgspec.structs.replace(config, **self._told(config))
        if config.policy.media_grace < _HOUR and not config.policy.allow_short_grace:
            self._add(
                ("policy", "media_grace"),
                f"{config.policy.media_grace:g}s",
                _("under one hour, uploads in flight may be lost"),
                _("Raise it, or say that you mean it: [policy] allow_short_grace = true."),
            )
        return config

    def _single_paths(self, config: Config) -> dict[str, msgspec.Struct]:
        if config.app.state == served.STATE:
            state = served.state_for(os.path.normpath(self._base))
        else:
            state = self._absolute(("app", "state"), config.app.state)
        if is_dangerous(state, ""):
            message, hint = _("a directory of the system or of a user"), _("Name a directory that holds this alone.")
            self._add(("app", "state"), shown(config.app.state), message, hint)
        python = config.app.python
        if python and os.path.basename(python) != python:  # noqa: PTH119 - a text, perhaps of another system
            python = self._absolute(("app", "python"), python)
        log, file = config.log.path, config.backup.file
        if log == LogSection().path and served.root_of(os.path.realpath(self._base / "logs")):
            log = os.path.join(state, "maintenance.log")  # noqa: PTH118 - where nobody fetches it
        texts = [self._absolute(("references", "paths"), path) for path in config.references.paths]
        return {
            "references": msgspec.structs.replace(config.references, paths=texts),
            "app": msgspec.structs.replace(config.app, state=state, python=python),
            "log": msgspec.structs.replace(config.log, path=log and self._absolute(("log", "path"), log)),
            "backup": msgspec.structs.replace(config.backup, file=file and self._absolute(("backup", "file"), file)),
        }

    def _addresses(self, config: Config) -> dict[str, object]:
        databases = {
            name: msgspec.structs.replace(item, url=self._database(("databases", name, "url"), item.url))
            for name, item in config.databases.items()
        }
        caches = {
            name: msgspec.structs.replace(item, url=self._cache(("caches", name, "url"), item.url))
            for name, item in config.caches.items()
        }
        cache = msgspec.structs.replace(config.cache, url=self._cache(("cache", "url"), config.cache.url))
        return {"databases": databases, "cache": cache, "caches": caches}

    def _told(self, config: Config) -> dict[str, msgspec.Struct]:
        """Complete the addresses of those who are told of a run: tokens and passwords come from the environment."""
        metrics, notify, ping = config.metrics, config.notify, config.ping
        textfile = metrics.textfile and self._absolute(("metrics", "textfile"), metrics.textfile)
        gateway = self._web(("metrics", "pushgateway"), metrics.pushgateway)
        collector = self._web(("telemetry", "endpoint"), config.telemetry.endpoint)
        urls = [self._service(("notify", "urls"), url) for url in notify.urls]
        readers = [self._service(("notify", "report_to"), url) for url in notify.report_to]
        return {
            "metrics": msgspec.structs.replace(metrics, textfile=textfile, pushgateway=gateway),
            "telemetry": msgspec.structs.replace(config.telemetry, endpoint=collector),
            "notify": msgspec.structs.replace(notify, urls=urls, report_to=readers),
            "ping": msgspec.structs.replace(ping, url=self._web(("ping", "url"), ping.url)),
        }

    def _web(self, key: tuple[str, ...], text: str) -> str:
        url = self._interpolated(key, text, secret=True)
        if url and not re.match(r"https?://[^/\s]+", url):
            self._add(key, "", _("this is no web address"), _("Write it like https://host/path."))
        return url

    def _service(self, key: tuple[str, ...], text: str) -> str:
        url = self._interpolated(key, text, secret=True)
        if url and "://" not in url:
            self._add(key, "", _("this is no address of a service"), _("Write it like mailto://user:password@host."))
        return url

    def _places(self, config: Config, on: Ground) -> dict[str, object]:
        media = {
            name: msgspec.structs.replace(item, root=self._root(("media", name, "root"), item.root, on, media=True))
            for name, item in config.media.items()
        }
        return {
            "temp": msgspec.structs.replace(config.temp, paths=self._listed("temp", config.temp.paths, on)),
            "logs": msgspec.structs.replace(config.logs, paths=self._listed("logs", config.logs.paths, on)),
            "media": media,
        }

    def _listed(self, section: str, paths: list[str] | None, on: Ground) -> list[str] | None:
        return paths and [self._root((section, "paths"), path, on, media=False) for path in paths]

    def _root(self, key: tuple[str, ...], text: str, on: Ground, *, media: bool) -> str:
        before = len(self._problems)
        root = self._absolute(key, text)
        if len(self._problems) > before:
            return root
        real, refused = judged(root, on, user_content=media)
        if refused:
            self._add(key, shown(text), refused.message, refused.hint)
        elif real in self._roots:
            other = _("the same directory as {key}").format(key=self._roots[real])
            self._add(key, shown(text), other, _("Let each directory be cleaned by one rule."))
        self._roots.setdefault(real, dotted(key))
        return real

    def _absolute(self, key: tuple[str, ...], text: str) -> str:
        problem = _unusable(text)
        if problem:
            self._add(key, shown(text), *problem)
            return text
        return os.path.normpath(self._base / text)

    def _database(self, key: tuple[str, ...], text: str) -> str:
        url = self._interpolated(key, text)
        try:
            return addresses.database(url, self._base) if url else text
        except ValueError:
            hint = _("Write it like sqlite:///db.sqlite3, postgresql://user@host/name or mysql://user@host/name.")
            self._add(key, "", _("this is no address of a database"), hint)
            return text

    def _cache(self, key: tuple[str, ...], text: str) -> str:
        url = self._interpolated(key, text)
        try:
            return addresses.cache(url) if url else text
        except ValueError:
            hint = _("Write it like redis://host:6379/0 or memcached://host:11211.")
            self._add(key, "", _("this is no address of a cache"), hint)
            return text

    def _interpolated(self, key: tuple[str, ...], text: str, *, secret: bool = False) -> str:
        """Fill in variables; of a ``secret`` address nothing may be shown, not even its host."""
        try:
            return addresses.interpolate(text, self._variables) if "$" in text else text
        except KeyError as error:
            message = _("the variable {name} is not set").format(name=error.args[0])
            value = "" if secret else addresses.without_password(text)
            self._add(key, value, message, _("Set it where dvornik is started, or in .env beside the configuration."))
            return ""

    @cached_property
    def _variables(self) -> Mapping[str, str]:
        """The process's variables, then those of ``.env``; empty ones count as unset."""
        return {**dotenv.read(self._base, self._env), **{name: value for name, value in self._env.items() if value}}

    def _exact(self, config: Config) -> None:
        for name, media in config.media.items():
            for text in media.exact:
                if not _EXACT.fullmatch(text):
                    hint = _('Write it like "table.column" or "database:table.column".')
                    self._add(("media", name, "exact"), shown(text), _("this is no column"), hint)

    def _entries(self, key: tuple[str, ...], section: CacheSection, on: Ground) -> CacheSection:
        for name, value, message, hint in entries.of_cache(section):
            self._add((*key, name), value, message, hint)
        path = section.path and self._root((*key, "path"), section.path, on, media=False)
        return msgspec.structs.replace(section, path=path)

    def _sessions(self, sections: Mapping[str, SessionsSection], on: Ground) -> dict[str, SessionsSection]:
        stored = {name: section for name, section in sections.items() if section.path or section.url}
        found = self._rows("sessions", {name: section for name, section in sections.items() if name not in stored})
        for name, section in stored.items():
            for key, value, message, hint in entries.of_sessions(section):
                self._add(("sessions", name, key), value, message, hint)
            path = section.path and self._root(("sessions", name, "path"), section.path, on, media=False)
            url = self._cache(("sessions", name, "url"), section.url)
            found[name] = msgspec.structs.replace(section, path=path, url=url)
        return found

    def _rows(self, kind: str, sections: Mapping[str, Rows]) -> dict[str, Rows]:
        found = {}
        for name, section in sections.items():
            for key, value, message, hint in rows.problems(section):
                self._add((kind, name, key), value, message, hint)
            archive = section.archive and self._absolute((kind, name, "archive"), section.archive)
            found[name] = msgspec.structs.replace(section, archive=archive)
        return found

    def _window(self, window: WindowSection) -> None:
        is_known = not any(self._is_wrong(("window", name)) for name in ("start", "end"))
        if is_known and bool(window.start) != bool(window.end):
            self._add(("window",), "", _("a window has a start and an end"), _("Set both, or neither."))
        elif window.start and window.start == window.end:
            hint = _("Let it end later; leave both out, and it is always open.")
            self._add(("window", "end"), shown(window.end), _("a window that ends as it starts never opens"), hint)
        self._timezone("window", window.timezone)

    def _schedule(self, schedule: ScheduleSection) -> None:
        for name in ("daily", "weekly", "monthly"):
            text = getattr(schedule, name)
            if text not in {"", msgspec.structs.asdict(_DEFAULT)[name]} and not _is_cron(text):
                hint = _('Write minute, hour, day, month and weekday, like "30 2 * * 1-5"; or nothing: never.')
                self._add(("schedule", name), shown(text), _("this is no cron expression"), hint)
        self._timezone("schedule", schedule.timezone)

    def _timezone(self, section: str, name: str) -> None:
        if name and not _is_timezone(name):
            self._add((section, "timezone"), shown(name), _("no such time zone"), _("Write it like Europe/Moscow."))

    def _add(self, key: tuple[str, ...], value: str, message: str, hint: str) -> None:
        self._problems.append(Problem(self._named(key), value, message, hint))

    def _is_wrong(self, key: tuple[str, ...]) -> bool:
        """Tell whether a setting could not be read at all, so that its default stands here instead."""
        return any(problem.key == self._named(key) for problem in self._problems)

    def _named(self, key: tuple[str, ...]) -> str:
        """Return the variable that set a key, else the key."""
        return self._origins.get(key, dotted(key))


def _unusable(text: str) -> tuple[str, str] | None:
    if not text.strip():
        return _("the path is empty"), _("Name a directory, or leave the setting out.")
    if text.startswith("~"):
        return _("~ is another directory for each user"), _("Write the path out.")
    if "://" in text:
        return _("this is an address, not a directory"), _("Name a directory.")
    return (_("the path holds a NUL character"), _("Write the path out.")) if "\0" in text else None


def _is_cron(text: str) -> bool:
    """Tell whether ``text`` is what every cron understands: five fields, no last days, no n-th weekdays."""
    from datetime import UTC, datetime  # noqa: PLC0415 - needed by few

    from cronsim import CronSim, CronSimError  # noqa: PLC0415 - as above

    try:
        times = CronSim(text, datetime(2024, 1, 1, tzinfo=UTC))
        next(times)
    except (CronSimError, StopIteration):
        return False
    is_plain = min(times.days) > 0 and all(isinstance(day, int) for day in times.weekdays)
    return is_plain and len(text.split()) == 5 and text == " ".join(text.split())  # noqa: PLR2004 - cron's own


def _is_timezone(name: str) -> bool:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - needed by few

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
