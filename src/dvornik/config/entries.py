"""What is wrong with a section of files or of a cache, beyond what types can say, and the forms that it stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dvornik.caches.entry_files import FORMS
from dvornik.config.problems import shown
from dvornik.languages import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dvornik.config.sections import CacheSection, SessionsSection

SESSION_FORMS: Final = {"django": "django-session", "php": "php-session", "cachelib": "cachelib"}
"""``[sessions.NAME] format``, in the words of those who read the files."""
CACHE_FORMS: Final = {"django": "django-cache", "cachelib": "cachelib"}
"""``[cache] format``, likewise."""
_OF_ROWS: Final = ("table", "column", "preset", "where", "archive", "cascade")


def of_sessions(section: SessionsSection) -> Iterator[tuple[str, str, str, str]]:
    """Yield key, value, message and hint of each thing that cannot be meant of sessions in files or on a server."""
    for key in _OF_ROWS:
        if getattr(section, key):
            message = _("this belongs to a table, not to a path or a url")
            yield key, shown(getattr(section, key)) if key != "where" else "", message, _("Leave out one of the two.")
    yield from _of_keys(section) if section.url else _of_files(section)


def _of_keys(section: SessionsSection) -> Iterator[tuple[str, str, str, str]]:
    for key in ("path", "format", "prefix"):
        if getattr(section, key):
            yield key, shown(getattr(section, key)), _("this belongs to files, and url to a server"), _("Leave it out.")
    if section.url.startswith("memcached"):
        hint = _("Name a Redis or a Valkey.")
        yield "url", "", _("memcached does not tell which keys it holds"), hint
    if not section.patterns:
        hint = _('Name the keys of the sessions, such as patterns = ["session:*"].')
        yield "patterns", "", _("this setting is needed"), hint
    if not section.retention:
        hint = _('Name how long a session may be idle, such as retention = "30d".')
        yield "retention", "", _("this setting is needed"), hint


def _of_files(section: SessionsSection) -> Iterator[tuple[str, str, str, str]]:
    if section.patterns:
        yield "patterns", "", _("this belongs to a url"), _("Leave it out.")
    form = SESSION_FORMS.get(section.format)
    if form is None:
        hint = _("One of these is wanted: {choices}.").format(choices=", ".join(map(shown, SESSION_FORMS)))
        yield "format", "", _("this setting is needed"), hint
    elif FORMS[form].needs_lifetime and not section.retention:
        hint = _('Name how long a session lives after its last change, such as retention = "14d".')
        yield "retention", "", _("this setting is needed"), hint


def of_cache(section: CacheSection) -> Iterator[tuple[str, str, str, str]]:
    """Yield the same of a cache: keys can be told apart in Redis and Valkey only."""
    if section.path and section.url:
        yield (
            "path",
            shown(section.path),
            _("a cache is at an address or in a directory"),
            _("Leave out one of the two."),
        )
    if section.path and not section.format:
        hint = _("One of these is wanted: {choices}.").format(choices=", ".join(map(shown, CACHE_FORMS)))
        yield "format", "", _("this setting is needed"), hint
    if section.path or section.url.startswith("memcached"):
        for key in ("patterns", "idle", "only_without_ttl"):
            if getattr(section, key):
                message = _("this can be told of keys in Redis and Valkey alone")
                yield key, "", message, _("Leave it out.")
