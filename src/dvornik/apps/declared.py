"""What the configuration says of places, laid over what was found; no protection that was found is lost by it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dvornik import presets
from dvornik.application import App, DatabasePlace, ExactColumn, Found, LogPlace, MediaPlace, TempPlace
from dvornik.apps import declared_stores as stores
from dvornik.apps.places import OF_DATABASES, unique
from dvornik.config import addresses, rows
from dvornik.contracts.database import ExpiryRule
from dvornik.languages import _
from dvornik.model import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dvornik.config import Config, Loaded, MediaSection, RowsSection

_HOW = "configuration"


def over(loaded: Loaded, found: App) -> App:
    """Return ``found`` with every section that the configuration declares in place of what was found for it.

    Databases are added to rather than replaced: one that is not read may be the one that refers to a file. A declared
    media directory keeps the columns and defaults that were found for the same directory.
    """
    config = loaded.config
    databases = _databases(config, found)
    known = {place.name for place in databases}
    found = _renamed(found, databases)
    media, trouble = _media(config, found, known)
    expiry, lost = _expiry(config, found, known)
    sessions = stores.session_files(config, found.session_files, known)
    caches, astray = stores.caches(config, found)
    names = {place.name for place in caches}
    files, shared = stores.cache_files(config, found.cache_files, names)
    app = msgspec.structs.replace(
        found,
        temp=found.temp if config.temp.paths is None else _temp(config.temp.paths, loaded.base),
        logs=found.logs if config.logs.paths is None else _logs(config.logs.paths, loaded.base),
        media=media,
        databases=databases,
        caches=caches,
        cache_files=files,
        expiry=expiry,
        session_files=sessions,
        session_stores=stores.session_stores(config, known | {place.name for place in sessions}),
        cache_tables=stores.cache_tables(found.cache_tables, names | {place.name for place in files}),
        trouble=[*_still_wrong(found, config), *trouble, *lost, *astray, *shared],
    )
    return msgspec.structs.replace(app, found=[*_still(found, app), *_told(config)])


def _temp(paths: Sequence[str], base: Path) -> list[TempPlace]:
    return [TempPlace(name, root) for name, root in _named(paths, base)]


def _logs(paths: Sequence[str], base: Path) -> list[LogPlace]:
    return [LogPlace(name, root) for name, root in _named(paths, base)]


def _named(paths: Sequence[str], base: Path) -> list[tuple[str, str]]:
    names: list[str] = []
    for root in paths:
        path = Path(root)
        names.append(unique(path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name, names))
    return list(zip(names, paths, strict=True))


def _databases(config: Config, found: App) -> list[DatabasePlace]:
    declared = [DatabasePlace(name, section.url) for name, section in config.databases.items()]
    urls = {place.url for place in declared}
    others = [place for place in found.databases if place.name not in config.databases and place.url not in urls]
    return [*declared, *others]


def _media(config: Config, found: App, known: set[str]) -> tuple[Sequence[MediaPlace], list[Trouble]]:
    if not config.media:
        return found.media, []
    unread = [name for name in _unread(found) if name not in config.databases]
    if unread:
        message = _("media is left alone: the database {name} cannot be read").format(name=unread[0])
        hint = _("Declare it: [databases.{name}].").format(name=unread[0])
        return [], [_no_media(name, message, hint) for name in config.media]
    if any(trouble.place == "django" for trouble in found.trouble):
        message = _("media is left alone until Django can be loaded: its file fields say what is used")
        hint = _('If dvornik.toml says it all: [app] kind = "declared".')
        return [], [_no_media(name, message, hint) for name in config.media]
    if not known:
        message = _("media is left alone: no database is known that says what is used")
        return [], [_no_media(name, message, _("Name it in [databases.default].")) for name in config.media]
    places, trouble = [], []
    for name, section in config.media.items():
        unknown = _unknown(section, known)
        if unknown:
            message = _("{column}: no such database is configured").format(column=unknown)
            hint = _("Known here: {names}.").format(names=", ".join(sorted(known)))
            trouble.append(_no_media(name, message, hint))
        else:
            places.append(_place(name, section, found, known))
    return places, trouble


def _no_media(name: str, message: str, hint: str) -> Trouble:
    return Trouble(name, message, hint, steps=("media",))


def _still_wrong(found: App, config: Config) -> list[Trouble]:
    """Return the trouble with what was found; a Django that does not load spoils nothing that is declared whole."""
    folders = {"temp": config.temp.paths, "logs": config.logs.paths}
    steps = [*(name for name, paths in folders.items() if paths is None), *OF_DATABASES, "cache"]
    return [each if each.steps else msgspec.structs.replace(each, steps=steps) for each in found.trouble]


def _unread(found: App) -> list[str]:
    """Return the databases that are there but could not be made out."""
    kind, mark = "databases", "."
    return [trouble.place.partition(mark)[2] for trouble in found.trouble if trouble.place.startswith(kind + mark)]


def _renamed(found: App, databases: Sequence[DatabasePlace]) -> App:
    """Return ``found`` with its columns and rows under the name by which the same database is declared.

    Where another database is declared under the name of one that was found, they are looked for in that.
    """
    names = {place.url: place.name for place in databases}
    new = {place.name: names.get(place.url, place.name) for place in found.databases}

    def renamed(place: MediaPlace) -> MediaPlace:
        exact = [msgspec.structs.replace(column, database=new[column.database]) for column in place.exact]
        return msgspec.structs.replace(place, exact=exact)

    expiry, tables = (
        [msgspec.structs.replace(rule, database=new[rule.database]) for rule in rules]
        for rules in (found.expiry, found.cache_tables)
    )
    media = [renamed(place) for place in found.media]
    return msgspec.structs.replace(found, media=media, expiry=expiry, cache_tables=tables)


def _place(name: str, section: MediaSection, found: App, known: set[str]) -> MediaPlace:
    twin = next((place for place in found.media if place.root == section.root), None)
    exact = [_column(text, known) for text in section.exact]
    if twin is not None:
        exact += [column for column in twin.exact if column not in exact]
    url = section.url or (twin.url if twin else "")
    if twin is None:
        return MediaPlace(name, section.root, url, exact)
    return MediaPlace(name, section.root, url, exact, twin.defaults, twin.named)


def _column(text: str, known: set[str]) -> ExactColumn:
    database, mark, column = text.rpartition(":")
    if not mark:
        database = "default" if "default" in known or len(known) != 1 else next(iter(known))
    table, __, name = column.rpartition(".")
    return ExactColumn(database, table, name)


def _unknown(section: MediaSection, known: set[str]) -> str:
    return next((text for text in section.exact if _column(text, known).database not in known), "")


def _expiry(config: Config, found: App, known: set[str]) -> tuple[list[ExpiryRule], list[Trouble]]:
    """Return what is declared and, where that speaks of another table, what was found."""
    rules = [_rule(name, section, presets.SESSION) for name, section in _tables(config.sessions)]
    taken = {rule.name for rule in rules}
    rules += [_rule(unique(name, sorted(taken)), section, presets.ROW) for name, section in _tables(config.rows)]
    trouble = [
        Trouble(
            rule.name,
            _("{column}: no such database is configured").format(column=f"{rule.database}:{rule.table}.{rule.column}"),
            _("Known here: {names}.").format(names=", ".join(sorted(known))),
            steps=("sessions",),
        )
        for rule in rules
        if rule.database not in known
    ]
    # [sessions.NAME] has always stood in the place of the sessions that were found.
    off = {
        (each.database, each.table) for each in (*config.sessions.values(), *config.rows.values()) if not each.enabled
    }
    chosen = rules if any(rule.rule == presets.SESSION for rule in rules) else [*found.expiry, *rules]
    chosen = [rule for rule in chosen if (rule.database, rule.table) not in off]
    return [rule for rule in chosen if rule.database in known], trouble


def _tables(sections: Mapping[str, RowsSection]) -> Iterator[tuple[str, RowsSection]]:
    return ((name, section) for name, section in sections.items() if section.enabled and section.table)


def _rule(name: str, section: RowsSection, rule: str) -> ExpiryRule:
    return ExpiryRule(
        name,
        section.database,
        section.table,
        section.column,
        int(section.retention),
        rows.comparisons(section),
        rows.UNITS[section.unit][0],
        section.cascade,
        rule,
        section.archive,
        section.triggers,
        rows.UNITS[section.unit][1],
        declared=True,
    )


def _still(found: App, app: App) -> list[Found]:
    """Return what was found and is in force."""
    known = (
        {place.root for place in app.temp} | {place.root for place in app.logs} | {place.root for place in app.media}
    )
    known |= {addresses.without_password(place.url) for place in app.databases}
    known |= {addresses.without_password(place.url) for place in app.caches}
    known |= set(app.texts)
    known |= {f"{rule.table}.{rule.column}" for rule in app.expiry}
    known |= {place.root for place in (*app.session_files, *app.cache_files)}
    return [item for item in found.found if item.how == "left-alone" or item.where in known]


def _told(config: Config) -> list[Found]:
    told = [Found("temp", root, _HOW) for root in config.temp.paths or ()]
    told += [Found("logs", root, _HOW) for root in config.logs.paths or ()]
    told += [Found("references", path, _HOW) for path in config.references.paths]
    told += [Found("media", section.root, _HOW) for section in config.media.values()]
    urls = [("database", section.url) for section in config.databases.values()]
    caches = (config.cache, *config.caches.values())
    urls += [("cache", section.url) for section in caches if section.url]
    told += [Found("cache", section.path, _HOW) for section in caches if section.path]
    told += [Found(what, addresses.without_password(url), _HOW) for what, url in urls]
    told += [Found("sessions", section.path, _HOW) for section in config.sessions.values() if section.path]
    urls += [("sessions", section.url) for section in config.sessions.values() if section.url]
    declared = [*_tables(config.sessions), *_tables(config.rows)]
    return told + [Found("sessions", f"{each.table}.{each.column}", _HOW) for _name, each in declared]
