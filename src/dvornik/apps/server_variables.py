"""Databases that the environment tells part by part: host, name, user and password, each in a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dvornik.config import addresses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Protocol

    class Variables(Protocol):
        """The application's variables; one that is not set is empty."""

        def __contains__(self, name: str) -> bool: ...  # noqa: D105 - a mapping's own
        def __getitem__(self, name: str) -> str: ...  # noqa: D105 - as above


_IMAGES: Final = {
    "postgresql": ("POSTGRES", ("HOST", "SERVER"), ("DB", "DATABASE")),
    "mysql": ("MYSQL", ("HOST",), ("DATABASE", "DB")),
    "mariadb": ("MARIADB", ("HOST",), ("DATABASE", "DB")),
}
"""Dialect to the prefix of its variables, and what they call host and name. Without a host they may be the server's."""
_KINDS: Final = ("DB_CONNECTION", "DB_CLIENT", "DB_ENGINE", "DB_TYPE", "DB_DIALECT", "DB_DRIVER")
"""Which database it is: in Laravel, Directus, Django's templates, n8n, Sequelize and others."""
_HOSTS: Final = ("DB_HOST", "DB_HOSTNAME", "DB_SERVER")
_NAMES: Final = ("DB_DATABASE", "DB_NAME")
_FILES: Final = ("DB_FILENAME", "DB_FILE", "DB_PATH", *_NAMES)
_USERS: Final = ("DB_USERNAME", "DB_USER")
_PASSWORDS: Final = ("DB_PASSWORD", "DB_PASS", "DB_PASSWD")
_PORTS: Final = {"5432": "postgresql", "3306": "mysql"}
_DIALECTS: Final = {
    **dict.fromkeys(
        ("postgresql", "postgres", "pgsql", "pg", "postgresdb", "psycopg", "psycopg2", "postgis"), "postgresql"
    ),
    **dict.fromkeys(("mysql", "mysql2", "mysqldb"), "mysql"),
    **dict.fromkeys(("mariadb"), "mariadb"),
    **dict.fromkeys(("sqlite", "sqlite3", "better-sqlite3", "spatialite"), "sqlite"),
}
SECRET: Final = (
    *(f"{prefix}_{part}" for prefix, hosts, names in _IMAGES.values()
      for part in (*hosts, *names, "PORT", "USER", "PASSWORD")),
    *_KINDS, *_HOSTS, *_FILES, *_USERS, *_PASSWORDS, "DB_PORT",
)  # fmt: skip
"""What belongs into no file that others may read."""


def servers(variables: Variables, base: Path) -> Iterator[tuple[str, str]]:
    """Yield the address of each database that is told part by part, after the name of a variable.

    An address is empty where a database is told of that cannot be made out.
    """
    for dialect, (prefix, hosts, names) in _IMAGES.items():
        host, name = (_first(variables, [f"{prefix}_{each}" for each in many]) for many in (hosts, names))
        if host and name:
            parts = {each: variables[f"{prefix}_{each}"] for each in ("USER", "PASSWORD", "PORT")}
            yield name, addresses.server(dialect, parts | {"HOST": variables[host], "NAME": variables[name]}, {})
    yield from _general(variables, base)


def _general(variables: Variables, base: Path) -> Iterator[tuple[str, str]]:
    kind, host, name = (_first(variables, many) for many in (_KINDS, _HOSTS, _NAMES))
    said = variables[kind].lower().rpartition(".")[2].partition("+")[0] if kind else ""
    dialect = _DIALECTS.get(said, "")
    if dialect == "sqlite":
        file = _first(variables, _FILES)
        if file:
            yield file, addresses.sqlite(str(base / variables[file]))
    elif host and name:
        dialect = dialect if kind else _PORTS.get(variables["DB_PORT"], "")
        user, password = (_first(variables, many) for many in (_USERS, _PASSWORDS))
        parts = {"HOST": variables[host], "NAME": variables[name], "PORT": variables["DB_PORT"]}
        parts |= {key: variables[each] if each else "" for key, each in (("USER", user), ("PASSWORD", password))}
        yield (name, addresses.server(dialect, parts, {})) if dialect else (kind or name, "")


def _first(variables: Variables, names: Sequence[str]) -> str:
    return next((name for name in names if name in variables), "")
