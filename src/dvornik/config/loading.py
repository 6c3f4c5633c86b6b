"""How the configuration is found, read, checked and made absolute."""

from __future__ import annotations

import hashlib
import os
import stat
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from dvornik.config import addresses
from dvornik.config.checks import check
from dvornik.config.overrides import Override, overrides, table_type, value
from dvornik.config.problems import Problem, raise_for
from dvornik.config.roots import is_shared
from dvornik.config.sections import Config
from dvornik.config.toml_errors import mistake
from dvornik.config.values import convert_section, wants_list, wants_text
from dvornik.errors import ConfigurationError
from dvornik.languages import _, of_system

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FILE = "dvornik.toml"
_PYPROJECT = "pyproject.toml"


class Loaded(msgspec.Struct, frozen=True):
    """The configuration in force and where it came from."""

    config: Config
    """Every path in it is absolute, every address is complete."""
    source: Path | None
    """The file; ``None``: no file was found, the defaults hold."""
    base: Path
    """The directory that relative paths count from, and that counts as the application's own."""
    digest: str
    """Tells one effective configuration from another; passwords do not change it."""
    notes: Sequence[str] = ()
    """How found (``explicit``, ``environment``, ``file``, ``pyproject``, ``below``, ``defaults``), then variables."""


def load(path: Path | None, env: Mapping[str, str], cwd: Path) -> Loaded:
    """Find, read and check the configuration.

    ``path`` wins over ``DVORNIK_CONFIG``; else the nearest ``dvornik.toml`` (or ``[tool.dvornik]``) from ``cwd`` up to
    the first directory that holds ``manage.py`` or ``.git``; else that of the only Django project one directory below;
    else the defaults. Variables ``DVORNIK_<SECTION>_<KEY>`` win over the file.

    Raises:
        ConfigurationError: every problem at once, each with file, key, value and remedy.
    """
    cwd = Path(cwd).absolute()
    source, how = _find(path, env, cwd)
    base = source.parent if source else _project(cwd) or cwd
    raw = _read(source) if source else {}
    settings, strays = overrides(env)
    for setting in settings:
        _override(raw, setting)
    problems = [Problem(stray.variable, "", _("no such setting"), stray.hint) for stray in strays]
    origins = {setting.path: setting.variable for setting in settings}
    config = _convert(raw, problems, origins)
    config = check(config, base, env, problems, origins)
    raise_for(problems, source)
    return Loaded(config, source, base, _digest(config), (how, *(setting.variable for setting in settings)))


def _find(path: Path | None, env: Mapping[str, str], cwd: Path) -> tuple[Path | None, str]:
    named = path or (Path(env["DVORNIK_CONFIG"]) if env.get("DVORNIK_CONFIG") else None)
    if named:
        if str(named).startswith("~"):
            raise ConfigurationError(
                _("~ is another directory for each user"), context=str(named), hint=_("Write the path out.")
            )
        return (cwd / named).resolve(), "explicit" if path else "environment"
    project = _project(cwd)
    if is_shared(cwd) and (cwd / FILE).is_file():
        return _own(cwd / FILE), "file"
    for directory in (cwd, *cwd.parents):
        if is_shared(directory):
            break
        if found := _in(directory):
            return found
        if project in {None, directory}:
            break
    below = None if is_shared(cwd) or (cwd / "manage.py").is_file() else _project_below(cwd)
    found = _in(below) if below else None
    return (found[0], "below") if found else (None, "defaults")


def _in(directory: Path) -> tuple[Path, str] | None:
    """Return the configuration in a directory, and what kind of file it is."""
    if (directory / FILE).is_file():
        return directory / FILE, "file"
    return (directory / _PYPROJECT, "pyproject") if "dvornik" in _tools(directory / _PYPROJECT) else None


def _project_below(cwd: Path) -> Path | None:
    """Return the only Django project one directory below: it is cleaned from here, and not without its own settings."""
    try:
        projects = [path.parent for path in cwd.glob("*/manage.py")]
    except OSError:
        return None
    return projects[0] if len(projects) == 1 else None


def _own(path: Path) -> Path:
    """Return a file in a directory that anyone may write to, if it is ours: what it protects must not be missed."""
    found = path.lstat()
    is_ours = hasattr(os, "geteuid") and found.st_uid == os.geteuid() and found.st_nlink == 1
    if not is_ours or not stat.S_ISREG(found.st_mode) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigurationError(
            _("Anyone may have put this file here: the directory is everybody's."),
            context=str(path),
            hint=_("Name it with --config if it is yours, or take the right to write away from others."),
        )
    return path


def _project(cwd: Path) -> Path | None:
    """Return the nearest directory that is a project's own; none is looked for beyond one that anyone may write to."""
    for directory in (cwd, *cwd.parents):
        if is_shared(directory):
            return None
        if (directory / "manage.py").is_file() or (directory / ".git").exists():
            return directory
    return None


def _tools(path: Path) -> dict[str, Any]:
    """Return ``[tool]`` of a pyproject.toml that we were not told to read: one that is broken is not our affair."""
    try:
        tools = tomllib.loads(path.read_text("utf-8-sig")).get("tool", {})
    except (OSError, ValueError):
        return {}
    return tools if isinstance(tools, dict) else {}


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            _("this is not UTF-8 (byte {position})").format(position=error.start),
            context=str(path),
            hint=_("Save the file as UTF-8."),
        ) from None
    except OSError as error:
        raise ConfigurationError(
            _("the configuration cannot be read: {error}").format(error=of_system(error)),
            context=str(path),
            hint=_("Name a file that is there and readable, or leave it to be found."),
        ) from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise mistake(error, text, path) from None
    if path.name != _PYPROJECT:
        return raw
    own = raw.get("tool", {}).get("dvornik", {})
    return own if isinstance(own, dict) else {}


def _override(raw: dict[str, Any], setting: Override) -> None:
    table = raw
    for name in setting.path[:-1]:
        if not isinstance(table.setdefault(name, {}), dict):
            return  # the conversion says that a table was wanted
        table = table[name]
    sections = {item.name: item.type for item in msgspec.structs.fields(Config)}
    section = sections[setting.path[0]]
    kinds = {item.name: item.type for item in msgspec.structs.fields(table_type(section) or section)}
    kind = kinds[setting.path[-1]]
    table[setting.path[-1]] = value(setting.text, wants_text=wants_text(kind), wants_list=wants_list(kind))


def _convert(raw: dict[str, Any], problems: list[Problem], origins: Mapping[tuple[str, ...], str]) -> Config:
    return convert_section(Config, raw, (), problems, origins) or Config()


def _digest(config: Config) -> str:
    shown = msgspec.to_builtins(config, enc_hook=float)
    for told in (
        "log",
        "metrics",
        "telemetry",
        "notify",
        "ping",
    ):  # who hears of a run changes nothing about what it does
        del shown[told]
    for database in shown["databases"].values():
        database["url"] = addresses.without_password(database["url"])
    for cache in (shown["cache"], *shown["caches"].values(), *shown["sessions"].values()):
        cache["url"] = addresses.without_password(cache["url"])
    return hashlib.sha256(msgspec.json.encode(shown, order="deterministic")).hexdigest()
