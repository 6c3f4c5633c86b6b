"""The application under care: its places and what refers to them."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - msgspec reads the annotations

import msgspec

from dvornik.contracts.database import ExpiryRule  # noqa: TC001 - msgspec reads the annotations
from dvornik.model import Trouble  # noqa: TC001 - msgspec reads the annotations


class TempPlace(msgspec.Struct, frozen=True):
    """A directory of temporary files."""

    name: str
    root: str


class LogPlace(msgspec.Struct, frozen=True):
    """A directory of logs."""

    name: str
    root: str


class ExactColumn(msgspec.Struct, frozen=True):
    """A column whose value is a path below a storage's root."""

    database: str
    table: str
    column: str


class MediaPlace(msgspec.Struct, frozen=True):
    """A directory of media and the exact columns that name files in it."""

    name: str
    root: str
    url: str = ""
    exact: Sequence[ExactColumn] = ()
    defaults: Sequence[str] = ()
    """Values that no row need hold: defaults of file fields."""
    named: Sequence[str] = ()
    """Texts in which the application itself names files: its settings, the defaults of its other fields."""


class DatabasePlace(msgspec.Struct, frozen=True):
    """A database of the application, by its URL (SQLAlchemy's form)."""

    name: str
    url: str

    def __repr__(self) -> str:
        """Name it without its address: that may hold a password."""
        return f"DatabasePlace({self.name!r})"


class CachePlace(msgspec.Struct, frozen=True):
    """A cache and the glob patterns of the keys that are its own; ``owned`` means that the whole database is."""

    name: str
    url: str
    patterns: Sequence[str] = ()
    owned: bool = False
    idle: int = 0
    """Only entries that nobody has asked for in this many seconds; 0: all."""
    only_without_ttl: bool = False
    """Only entries that never expire by themselves."""
    of_sessions: bool = False
    """The patterns are of sessions: nothing but those goes, where it never expires by itself and has been idle."""

    def __repr__(self) -> str:
        """Name it without its address: that may hold a password."""
        return f"CachePlace({self.name!r})"


class EntryPlace(msgspec.Struct, frozen=True):
    """A directory of files each of which is good until a time of its own: sessions, or entries of a cache."""

    name: str
    root: str
    form: str
    """How they are written: ``django-session``, ``php-session``, ``cachelib`` or ``django-cache``."""
    lifetime: int = 0
    """Seconds from a file's last change to its end, where it does not say that itself."""
    prefix: str = ""
    """What their names begin with."""
    owned: bool = False
    """Everything so called may go when asked thoroughly."""
    has_sessions: bool = False
    """Of a cache: the application keeps its sessions in it, so that it is never owned."""


class Found(msgspec.Struct, frozen=True):
    """Where a place was learnt from, for the operator: ``how`` is a code such as ``django`` or ``environment``."""

    what: str
    where: str
    how: str


class App(msgspec.Struct, frozen=True):
    """The application under care: its places and what refers to them."""

    root: str
    kind: str
    temp: Sequence[TempPlace] = ()
    logs: Sequence[LogPlace] = ()
    media: Sequence[MediaPlace] = ()
    databases: Sequence[DatabasePlace] = ()
    caches: Sequence[CachePlace] = ()
    expiry: Sequence[ExpiryRule] = ()
    session_files: Sequence[EntryPlace] = ()
    session_stores: Sequence[CachePlace] = ()
    """Servers on which sessions without an end are to be ended by idle time."""
    cache_files: Sequence[EntryPlace] = ()
    static: Sequence[str] = ()
    """Directories of static files, which a web server serves."""
    texts: Sequence[str] = ()
    """Files and directories whose texts may name media."""
    cache_tables: Sequence[ExpiryRule] = ()
    """Tables of the database that hold nothing but a cache, which may go as a whole when asked thoroughly."""
    session_servers: Sequence[str] = ()
    """Servers of memcached (``host:port`` or a path) that hold the sessions, which a flush would end."""
    found: Sequence[Found] = ()
    trouble: Sequence[Trouble] = ()

    @property
    def has_cache(self) -> bool:
        """Whether there is a cache of any kind, be it one that cannot be used as it is told."""
        spoilt = any("cache" in trouble.steps for trouble in self.trouble)
        return bool(self.caches or self.cache_files or self.cache_tables or spoilt)
