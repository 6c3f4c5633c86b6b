"""A Django project: where it is, and what its own settings and models say, asked in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dvornik.config.addresses import redacted
from dvornik.config.roots import is_shared
from dvornik.languages import _, of_system
from dvornik.model import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dvornik.config import Loaded

_MODULE = re.compile(r"""DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']""")
_TIMEOUT = 60.0
_LEVELS = 3
_MOST_CHILDREN = 2000
_MOST_PROJECTS = 10
FOREIGN = frozenset({"node_modules", "site-packages", "venv", "env"})
"""Directories whose projects are somebody else's."""
_LONGEST_MESSAGE = 300


class Field(msgspec.Struct, frozen=True):
    """A file field or file path field of a model."""

    kind: str
    table: str
    column: str
    databases: list[str]
    location: str = ""
    prefix: str | None = None
    default: str = ""


class StorageFound(msgspec.Struct, frozen=True):
    """A file-system storage."""

    name: str
    location: str
    url: str = ""


class DatabaseFound(msgspec.Struct, frozen=True):
    """An entry of ``DATABASES``; the other keys are Django's own."""

    alias: str
    engine: str
    NAME: str
    USER: str
    PASSWORD: str
    HOST: str
    PORT: str
    options: dict[str, str] = {}

    def __repr__(self) -> str:
        """Leave the password out."""
        return f"DatabaseFound({self.alias!r})"


class Sessions(msgspec.Struct, frozen=True):
    """How sessions are kept."""

    engine: str
    cache_alias: str = ""
    in_cache: bool = False
    table: str = ""
    column: str = ""
    databases: list[str] = []
    file_path: str = ""
    utc: bool = True
    lifetime: int = 0
    """Seconds that a session in a file lives after its last change."""
    prefix: str = ""
    """What the names of such files begin with."""
    servers: list[str] = []
    """Of memcached, where they are kept there."""


class CacheFound(msgspec.Struct, frozen=True):
    """An entry of ``CACHES`` kept in Redis; ``key`` is how it stores the key ``mark``."""

    alias: str
    backend: str
    locations: list[str]
    key: str
    mark: str
    user: str = ""
    password: str = ""
    db: str = ""

    def __repr__(self) -> str:
        """Leave address and password out."""
        return f"CacheFound({self.alias!r})"


class CacheTable(msgspec.Struct, frozen=True):
    """A table that an entry of ``CACHES`` is kept in."""

    table: str
    database: str
    alias: str = ""


class CacheDirectory(msgspec.Struct, frozen=True):
    """A directory that an entry of ``CACHES`` is kept in."""

    alias: str
    path: str


class Answer(msgspec.Struct, frozen=True):
    """What the project said; see ``django_probe``."""

    databases: list[DatabaseFound]
    fields: list[Field]
    storages: list[StorageFound]
    foreign: list[str]
    static_root: str
    static_dirs: list[str]
    sessions: Sessions
    caches: list[CacheFound]
    logs: list[str]
    upload_temp: str
    version: str
    cache_tables: list[CacheTable] = []
    cache_directories: list[CacheDirectory] = []
    templates: list[str] = []
    named: list[str] = []


class _Failure(msgspec.Struct, frozen=True):
    error: str
    message: str
    file: str = ""
    line: int = 0
    variable: str = ""
    """What the settings looked for in the environment."""
    module: str = ""
    """What could not be imported."""


def find(base: Path) -> Path | None:
    """Return the directory of the project's ``manage.py``: the base, its only child that has one, or its parent.

    None is taken from a directory that anyone may write to: its code would be run.
    """
    if is_shared(base):
        return None
    if _has_project(base):
        return base
    try:
        children = [child for child in base.iterdir() if child.is_dir() and _has_project(child)]
    except OSError:
        children = []
    if children:
        return children[0] if len(children) == 1 else None
    return base.parent if _has_project(base.parent) and not is_shared(base.parent) else None


def without_manage(loaded: Loaded, env: Mapping[str, str]) -> Path | None:
    """Return the base where the settings module is named although there is no ``manage.py``: an installed package."""
    is_named = bool(loaded.config.app.settings or env.get("DJANGO_SETTINGS_MODULE"))
    return loaded.base if is_named and not is_shared(loaded.base) else None


def projects(base: Path) -> list[Path]:
    """Return the directories below ``base`` with a project's ``manage.py``, the first few, not many levels down."""
    found: list[Path] = []
    level = [base]
    for _depth in range(_LEVELS):
        level = [child for directory in level for child in _children(directory)][:_MOST_CHILDREN]
        found += [child for child in level if _has_project(child)]
    return found[:_MOST_PROJECTS]


def _children(directory: Path) -> list[Path]:
    try:
        children = sorted(child for child in directory.iterdir() if child.is_dir() and not child.is_symlink())
    except OSError:
        return []
    return [child for child in children if not child.name.startswith(".") and child.name not in FOREIGN]


def ask(project: Path, loaded: Loaded, env: Mapping[str, str]) -> Answer | Trouble:
    """Load the project in a process of its own and return what it says, or why it could not be loaded."""
    module = loaded.config.app.settings or env.get("DJANGO_SETTINGS_MODULE") or _named_in(project / "manage.py")
    if not module:
        hint = _('Name it in dvornik.toml: [app] settings = "project.settings".')
        return Trouble("django", _("manage.py does not say which settings module to use"), hint)
    # A look must not leave __pycache__ behind.
    own = {**env, "DJANGO_SETTINGS_MODULE": module, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}
    python = loaded.config.app.python or sys.executable
    try:
        out, err, status = _run([python, "-X", "utf8", str(Path(__file__).with_name("django_probe.py"))], project, own)
    except subprocess.TimeoutExpired:
        message = _("Django could not be loaded: it took longer than {count} seconds").format(count=int(_TIMEOUT))
        return Trouble("django", message, _look_yourself())
    except OSError as error:
        message = _("the application's Python cannot be started: {error}").format(error=f"{python}: {of_system(error)}")
        return Trouble("django", message, _("Name it in dvornik.toml: [app] python."))
    return _understand(out, err, status, own, project)


def _has_project(directory: Path) -> bool:
    try:
        return "DJANGO_SETTINGS_MODULE" in (directory / "manage.py").read_text("utf-8", "replace")
    except OSError:
        return False


def _named_in(manage: Path) -> str:
    match = _MODULE.search(manage.read_text("utf-8", "replace"))
    return match[1] if match else ""


def _run(command: list[str], cwd: Path, env: dict[str, str]) -> tuple[bytes, bytes, int]:
    with subprocess.Popen(  # noqa: S603 - the application's own Python and our own script
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=_TIMEOUT)
        except BaseException:
            _end(process)
            raise
    return out, err, process.returncode


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process with all that it started: a child that keeps the pipe would keep us waiting."""
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)


def _understand(out: bytes, err: bytes, status: int, env: Mapping[str, str], project: Path) -> Answer | Trouble:
    try:
        return msgspec.json.decode(out, type=Answer)
    except msgspec.MsgspecError:
        pass
    try:
        failure = msgspec.json.decode(out, type=_Failure)
    except msgspec.MsgspecError:
        last = err.decode("utf-8", "replace").strip().rpartition("\n")[2]
        said = _shortened(last or _("it ended with status {status}").format(status=status), env)
        return Trouble("django", _("Django could not be loaded: {error}").format(error=said), _look_yourself())
    said = failure.error
    if failure.variable:
        said = _("the environment lacks {variable} ({error})").format(variable=failure.variable, error=said)
    elif failure.message:
        said = _shortened(f"{said}: {failure.message}", env)
    if failure.file:
        place = os.path.relpath(failure.file, project) if Path(failure.file).is_relative_to(project) else failure.file
        said = _("{error}; {file}, line {line}").format(error=said, file=place, line=failure.line)
    return Trouble("django", _("Django could not be loaded: {error}").format(error=said), _remedy(failure, env))


def _shortened(said: str, env: Mapping[str, str]) -> str:
    return " ".join(redacted(said, env).split())[:_LONGEST_MESSAGE]


def _remedy(failure: _Failure, env: Mapping[str, str]) -> str:
    if failure.variable:
        return _(
            "Set it for dvornik as for the application: in the unit, the crontab or the compose file that starts it."
        )
    if not failure.module:
        return _look_yourself()
    settings = env.get("DJANGO_SETTINGS_MODULE", "")
    if settings == failure.module or settings.startswith(f"{failure.module}."):
        return _('Name the settings module that the application uses: [app] settings = "project.settings".')
    return _("Run dvornik by the Python of the application, or name it in dvornik.toml: [app] python.")


def _look_yourself() -> str:
    return _("See why: python manage.py check")
