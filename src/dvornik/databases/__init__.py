"""The application's databases: which system an address belongs to, and what goes wrong with each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvornik import extras
from dvornik.errors import ConfigurationError
from dvornik.languages import _

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dvornik.application import DatabasePlace
    from dvornik.contracts.database import Database


def connect(place: DatabasePlace) -> Database:
    """Return the database at ``place.url``, chosen by its scheme; nothing is opened yet.

    Raises ``ConfigurationError`` for an unknown scheme, an unusable address, or a driver that is not installed.
    """
    scheme = place.url.partition(":")[0].partition("+")[0].lower()
    make = SYSTEMS.get(scheme)
    if make is None:
        raise ConfigurationError(
            _("this kind of database is not supported"),
            context=f"databases.{place.name}.url: {scheme if '://' in place.url else '?'}://",
            hint=_("Use an address that begins with sqlite:///, postgresql://, mysql:// or mariadb://."),
        )
    return make(place)


def _sqlite(place: DatabasePlace) -> Database:
    from dvornik.databases.sqlite import SQLite  # noqa: PLC0415 - loaded only where such a database is configured

    return SQLite(place)


def _postgresql(place: DatabasePlace) -> Database:
    try:
        from dvornik.databases.postgresql import PostgreSQL  # noqa: PLC0415 - the driver is an extra, and slow to load
    except ImportError as error:
        raise ConfigurationError(
            _("the driver of this database is not installed"),
            context=f"databases.{place.name}.url: postgresql://",
            hint=extras.command("postgresql"),
        ) from error
    return PostgreSQL(place)


def _mysql(place: DatabasePlace) -> Database:
    try:
        from dvornik.databases.mysql import MySQL  # noqa: PLC0415 - as PostgreSQL
    except ImportError as error:
        raise ConfigurationError(
            _("the driver of this database is not installed"),
            context=f"databases.{place.name}.url: mysql://",
            hint=extras.command("mysql"),
        ) from error
    return MySQL(place)


SYSTEMS: Mapping[str, Callable[[DatabasePlace], Database]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "postgres": _postgresql,
    "mysql": _mysql,
    "mariadb": _mysql,
}
