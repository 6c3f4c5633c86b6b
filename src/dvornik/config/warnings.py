"""What is no error in a configuration, and yet makes it less than it seems: told by ``dvornik config check``."""

from __future__ import annotations

import glob
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from dvornik.config.exposure import exposures, holds_password
from dvornik.config.problems import Problem
from dvornik.errors import DvornikError
from dvornik.languages import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dvornik.application import App
    from dvornik.config.loading import Loaded
    from dvornik.contracts.database import Database


def warnings(loaded: Loaded, app: App, databases: Mapping[str, Database]) -> Iterator[Problem]:
    """Yield each, with key, value and remedy. Looks at directories, files and tables, and changes nothing."""
    roots = _roots(app)
    yield from _absent(roots)
    yield from _nested(roots)
    yield from _columns(app, databases)
    yield from _secrets(loaded)
    yield from exposures(loaded, app)
    file = loaded.config.backup.file
    if file and not glob.glob(file, recursive=True):  # noqa: PTH207 - an absolute pattern of the operator's
        yield Problem("backup.file", file, _("no file is there"), _("Until one is, irreversible steps are refused."))


def _roots(app: App) -> dict[str, str]:
    """Return the places by the key that they are configured under, or would be."""
    media = {f"media.{place.name}.root": place.root for place in app.media}
    temp = {f"temp.paths ({place.name})": place.root for place in app.temp}
    sessions = {f"sessions.{place.name}.path": place.root for place in app.session_files}
    caches = {f"caches.{place.name}.path": place.root for place in app.cache_files}
    logs = {f"logs.paths ({place.name})": place.root for place in app.logs}
    return {**temp, **logs, **media, **sessions, **caches}


def _absent(roots: Mapping[str, str]) -> Iterator[Problem]:
    for key, root in roots.items():
        if not os.path.isdir(root):  # noqa: PTH112 - it answers where we may not look
            yield Problem(key, root, _("no such directory"), _("Make it, mount it, or correct the path."))
        elif not os.access(root, os.R_OK | os.X_OK):
            yield Problem(key, root, _("this user may not read it"), _("Run dvornik as the user of the application"))


def _nested(roots: Mapping[str, str]) -> Iterator[Problem]:
    real = {key: Path(root) for key, root in roots.items()}
    for key, root in real.items():
        around = [other for other, outer in real.items() if outer != root and root.is_relative_to(outer)]
        if around:
            message = _("it lies inside {key}").format(key=around[0])
            yield Problem(key, str(root), message, _("Each is cleaned by its own rule; better lay them side by side."))


def _columns(app: App, databases: Mapping[str, Database]) -> Iterator[Problem]:
    """Name columns that are not there: what is misspelt so would never be cleaned, or never protect a file."""
    named = [
        (f"media.{place.name}.exact", column.database, column.table, column.column)
        for place in app.media
        for column in place.exact
    ]
    named += [(f"sessions.{rule.name}", rule.database, rule.table, rule.column) for rule in app.expiry]
    for key, database, table, column in named:
        try:
            missing = database in databases and not databases[database].has(table, column)
        except DvornikError:  # a database that cannot be reached is told by itself
            continue
        if missing:
            value = f"{database}:{table}.{column}"
            yield Problem(key, value, _("no such column"), _("Correct it, or migrate the database."))


def _secrets(loaded: Loaded) -> Iterator[Problem]:
    """Name files that show a password to everybody on this machine."""
    for path in (loaded.source, loaded.base / ".env"):
        try:
            is_open = path is not None and bool(path.stat().st_mode & stat.S_IROTH) and os.name != "nt"
            text = path.read_text("utf-8", "replace") if path and is_open else ""
        except OSError:
            continue
        if holds_password(text):
            message = _("it holds a password, and everybody may read it")
            yield Problem(str(path), "", message, f"chmod o-r {path}")
