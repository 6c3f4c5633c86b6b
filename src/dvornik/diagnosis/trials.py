"""Tries each database, cache and media directory once: what works there, or why it does not and what to do."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence  # noqa: TC003 - msgspec reads the annotations
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec

from dvornik import caches, databases
from dvornik.config import addresses
from dvornik.contracts.database import Discloses
from dvornik.databases.trouble import fruitless
from dvornik.diagnosis.rights import is_read_only, user
from dvornik.errors import DvornikError, UnreachableError
from dvornik.languages import _, of_system
from dvornik.storages import quarantine

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from dvornik.application import App, CachePlace, DatabasePlace

_SHOWN = 3


class Trial(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one place answered: ``figures`` where all works, else the error in three sentences."""

    place: str
    """As the configuration calls it: ``databases.default``."""
    where: str
    """A path, or an address without its password."""
    figures: Mapping[str, int] = {}
    message: str = ""
    context: str = ""
    hint: str = ""


def tried(
    app: App, exclude: Mapping[str, Sequence[str]] | None = None, public: Collection[str] = ()
) -> Iterator[Trial]:
    """Try one place after the other; changes nothing.

    ``exclude`` holds, by database, globs of columns that are not read; ``public`` names the directories that a web
    server serves.
    """
    unread = exclude or {}
    for place in app.databases:
        where = addresses.without_password(place.url)
        yield _trial(f"databases.{place.name}", where, lambda place=place: _database(place, app, unread))  # type: ignore[misc]
    for kind, stores in (("caches", app.caches), ("sessions", app.session_stores)):
        for store in stores:
            where = addresses.without_password(store.url)
            yield _trial(f"{kind}.{store.name}", where, lambda store=store: _cache(store))  # type: ignore[misc]
    for media in app.media:
        root = media.root
        yield _trial(f"media.{media.name}", root, lambda root=root: _directory(root, public))  # type: ignore[misc]


def _trial(place: str, where: str, attempt: Callable[[], Mapping[str, int]]) -> Trial:
    try:
        return Trial(place, where, attempt())
    except DvornikError as error:
        return Trial(place, where, message=error.message, context=error.context, hint=error.hint)


def _database(place: DatabasePlace, app: App, exclude: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Open it as the search for references does, and ask whether rows that expire may go."""
    database = databases.connect(place)
    with database.snapshot():
        columns = database.columns()
    closed = database.unreadable() if isinstance(database, Discloses) else []
    closed = [
        name for name in closed if not any(fnmatchcase(f"{name}.*", glob) for glob in exclude.get(place.name, ()))
    ]
    if closed:
        message = _("this user may not read every row of {tables}").format(tables=", ".join(closed[:_SHOWN]))
        hint = _("Let this user read every row (pg_read_all_data, BYPASSRLS), or exclude the table's columns.")
        raise UnreachableError(message, context=place.name, hint=hint)
    rules = [rule for rule in app.expiry if rule.database == place.name]
    for rule in rules:
        if obstacle := database.obstacle(rule.table, rule.column):
            raise fruitless(obstacle, f"{rule.table}.{rule.column}")
    return {"tables": len({(column.schema, column.table) for column in columns}), "rules": len(rules)}


def _cache(place: CachePlace) -> dict[str, int]:
    return {"bytes": caches.connect(place).memory()}


def _directory(root: str, public: Collection[str]) -> dict[str, int]:
    """Look into it, and ask whether files may be moved from it to where they wait."""
    real = os.path.realpath(root)
    try:
        with os.scandir(real) as entries:
            count = sum(1 for _entry in entries)
        base = quarantine.base_for(real, public)
        owner = os.stat(real).st_uid  # noqa: PTH116 - names may hold any bytes
    except OSError as error:
        message = _("the directory cannot be read: {error}").format(error=of_system(error))
        hint = _("Mount it, correct its root, or let this user look into it.")
        raise UnreachableError(message, context=root, hint=hint) from error
    waiting = base if os.path.isdir(base) else os.path.dirname(base)  # noqa: PTH112, PTH120 - as above
    for path in (real, waiting):
        if is_read_only(path):
            message = _("this file system is read-only: nothing can be moved to the quarantine")
            raise UnreachableError(message, context=path, hint=_("See why it was mounted so: mount, dmesg"))
        if not os.access(path, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            message = _("this user may not move files from it to the quarantine")
            hint = _("Run dvornik as {owner}, to whom it belongs, or let this user write there.")
            raise UnreachableError(message, context=path, hint=hint.format(owner=user(owner)))
    return {"entries": count}
