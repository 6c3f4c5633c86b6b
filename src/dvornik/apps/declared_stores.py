"""What the configuration says of caches and of sessions in files, laid over what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from dvornik.application import App, CachePlace, EntryPlace
from dvornik.apps.places import unique
from dvornik.caches import memcached_server
from dvornik.caches.entry_files import PREFIXES
from dvornik.config import entries
from dvornik.languages import _
from dvornik.model import Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dvornik.config import Config
    from dvornik.config.sections import CacheSection, SessionsSection
    from dvornik.contracts.database import ExpiryRule


def session_files(config: Config, found: Sequence[EntryPlace], taken: set[str]) -> list[EntryPlace]:
    """Return the declared directories and those found; what is declared of one that was found stands in its place."""
    sections = {name: section for name, section in config.sessions.items() if section.path}
    places = [_entries(name, section) for name, section in sections.items() if section.enabled]
    told = {section.path for section in sections.values()}
    places += [place for place in found if place.root not in told]
    return _distinct(places, taken)


def _distinct(places: Sequence[EntryPlace], taken: set[str]) -> list[EntryPlace]:
    names: list[str] = []
    for place in places:
        names.append(unique(place.name, [*taken, *names]))
    return [msgspec.structs.replace(place, name=name) for place, name in zip(places, names, strict=True)]


def _entries(name: str, section: SessionsSection) -> EntryPlace:
    form = entries.SESSION_FORMS[section.format]
    return EntryPlace(name, section.path, form, int(section.retention), section.prefix or PREFIXES.get(form, ""))


def session_stores(config: Config, taken: set[str]) -> list[CachePlace]:
    """Return the servers on which sessions without an end are to be ended."""
    sections = [(name, section) for name, section in config.sessions.items() if section.url and section.enabled]
    return [
        CachePlace(
            unique(name, sorted(taken)),
            section.url,
            section.patterns,
            idle=int(section.retention),
            only_without_ttl=True,
            of_sessions=True,
        )
        for name, section in sections
    ]


def caches(config: Config, found: App) -> tuple[list[CachePlace], list[Trouble]]:
    """Return the one cache of ``[cache]`` or those found, with what ``[caches.NAME]`` adds or says of them."""
    section = config.cache
    if section.url:
        places = {"default": _cache("default", section)}
    else:
        places = {place.name: _said(place, section) for place in found.caches}
    trouble = []
    for name, each in config.caches.items():
        if each.url:
            places = {key: place for key, place in places.items() if place.url != each.url}
            places[name] = _cache(name, each)
        elif name in places:
            places[name] = _said(places[name], each)
        elif not each.path and all(place.name != name for place in found.cache_files):
            message = _("no cache of this name was found")
            trouble.append(Trouble(f"caches.{name}", message, _("Give it a url or a path."), steps=("cache",)))
    for place in [place for place in places.values() if place.owned and _servers(place) & set(found.session_servers)]:
        del places[place.name]
        trouble.append(_living(place.name))
    return list(places.values()), trouble


def _cache(name: str, section: CacheSection) -> CachePlace:
    return CachePlace(name, section.url, section.patterns, section.owned, int(section.idle), section.only_without_ttl)


def _said(place: CachePlace, section: CacheSection) -> CachePlace:
    """Return a cache that was found, as its section has it."""
    patterns = section.patterns or place.patterns
    idle = int(section.idle) or place.idle
    only = section.only_without_ttl or place.only_without_ttl
    owned = section.owned or place.owned
    return CachePlace(place.name, place.url, patterns, owned, idle, only)


def _servers(place: CachePlace) -> set[str]:
    """Return the servers of memcached that a place consists of."""
    scheme, _mark, rest = place.url.partition("://")
    return {memcached_server(each) for each in rest.split(",")} if scheme.startswith("memcached") else set()


def _living(name: str) -> Trouble:
    message = _("the sessions are kept in this cache: it is not its own")
    return Trouble(name, message, _("Take owned = true away, or keep the sessions elsewhere."), steps=("cache",))


def cache_files(config: Config, found: Sequence[EntryPlace], taken: set[str]) -> tuple[list[EntryPlace], list[Trouble]]:
    """Return the directories of ``[cache]``, ``[caches.NAME]`` and those found, and where the sessions forbid it."""
    sections = {"default": config.cache} if config.cache.path else {}
    sections |= {name: section for name, section in config.caches.items() if section.path}
    with_sessions = {place.root for place in found if place.has_sessions}
    told = {section.path for section in sections.values()}
    places = [
        EntryPlace(name, section.path, entries.CACHE_FORMS[section.format], owned=section.owned)
        for name, section in sections.items()
    ]
    for place in found:
        if place.root not in told:
            owned = place.name in config.caches and config.caches[place.name].owned
            places.append(msgspec.structs.replace(place, owned=owned))
    shared = [place for place in places if place.owned and place.root in with_sessions]
    kept = [msgspec.structs.replace(place, owned=place.owned and place not in shared) for place in places]
    return _distinct(kept, taken), [_living(place.name) for place in shared]


def cache_tables(found: Sequence[ExpiryRule], taken: set[str]) -> list[ExpiryRule]:
    """Return the tables under names that no other cache has."""
    names: list[str] = []
    for rule in found:
        names.append(unique(rule.name, [*taken, *names]))
    return [msgspec.structs.replace(rule, name=name) for rule, name in zip(found, names, strict=True)]
