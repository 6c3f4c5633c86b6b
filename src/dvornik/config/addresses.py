"""Addresses of databases and caches: brought to one form, freed of passwords, filled from the environment."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_DIALECTS = {
    **dict.fromkeys(("sqlite", "sqlite3", "spatialite"), "sqlite"),
    **dict.fromkeys(("postgresql", "postgres", "postgis", "pgsql", "psql"), "postgresql"),
    **dict.fromkeys(("mysql", "mysql2", "mysqlgis"), "mysql"),
    "mariadb": "mariadb",
}
_CACHES = re.compile(r"(?:redis|valkey)s?(?:\+sentinel|\+cluster)?|unix|memcached(?:\+unix)?", re.IGNORECASE)
_GLOB = re.compile(r"([\\*?\[\]])")
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
SECRET_KEY = re.compile(r"pass|secret|token|key$|pwd", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^/\s]\S*@")
# Up to the last @: a password that was not encoded may hold any sign, and hiding too much is the smaller harm.


def without_password(url: str) -> str:
    """Return ``url`` as it may be shown: no password, not even in a query parameter or in a malformed address."""
    shown = _USERINFO.sub(lambda match: match[0].partition(":")[0].rstrip("@") + "@", url)
    head, mark, query = shown.partition("?")
    kept = [pair for pair in query.split("&") if pair and not SECRET_KEY.search(pair.partition("=")[0])]
    return head + (mark if kept else "") + "&".join(kept)


def variables(text: str) -> list[str]:
    """Return the names of the variables that addresses in ``text`` are filled in from."""
    return list(dict.fromkeys(_VARIABLE.findall(text)))


def interpolate(url: str, env: Mapping[str, str]) -> str:
    """Replace each ``${NAME}`` by the environment's value; raise ``KeyError`` with the name of an absent one.

    A password that could not stand in an address as it is (``p@ss/word``) is percent-encoded.
    """

    def value(match: re.Match[str]) -> str:
        text = env.get(match[1], "")
        if not text:
            raise KeyError(match[1])
        is_password = url[: match.start()].endswith(":") and url[match.end() :].startswith("@")
        return quote(text, safe="") if is_password and re.search(r"[\s@/:?#\[\]]", text) else text

    return _VARIABLE.sub(value, url)


def database(url: str, base: Path) -> str:
    """Return ``url`` with its scheme in SQLAlchemy's words, no driver, and a SQLite path made absolute from ``base``.

    Raises:
        ValueError: the scheme is none of a database that dvornik reads; the text holds no secret.
    """
    scheme, mark, rest = url.partition("://")
    dialect = _DIALECTS.get(scheme.partition("+")[0].lower(), "")
    if not mark or not dialect:
        raise ValueError(scheme if mark else "")
    if dialect != "sqlite":
        return f"{dialect}://{rest}"
    return _sqlite_readings(rest.removeprefix("/"), base)[0]


def databases(url: str, base: Path) -> list[str]:
    """Return what ``database`` does, and for SQLite every file that is there and may be meant.

    Some programs undo percent-encoding in the path of a file, others take it as it is written.
    """
    first = database(url, base)
    return _sqlite_readings(url.partition("://")[2].removeprefix("/"), base) if first.startswith("sqlite:") else [first]


def _sqlite_readings(rest: str, base: Path) -> list[str]:
    """Return the files that are there, the decoded ones first; else what the address means by the book."""
    path, mark, query = rest.partition("?")
    if path in {"", ":memory:"} or path.startswith("file:"):
        raise ValueError(path)
    ways = dict.fromkeys(((_unquoted(path), mark + query), (path, mark + query), (_unquoted(rest), ""), (rest, "")))
    there = [(file, more) for file, more in ways if (base / file).is_file()]
    return list(dict.fromkeys(sqlite(str(base / file)) + more for file, more in there or list(ways)[:1]))


def sqlite(path: str) -> str:
    """Return the address of the SQLite file at the absolute ``path``."""
    return "sqlite:///" + quote(os.path.normpath(path), safe=" +/:\\", errors="surrogateescape")


def sqlite_path(url: str) -> str | None:
    """Return the file of a SQLite address made by ``database``; ``None`` for a server."""
    return _unquoted(url.removeprefix("sqlite:///").partition("?")[0]) if url.startswith("sqlite:///") else None


def _unquoted(path: str) -> str:
    return unquote(path, errors="surrogateescape")


def cache(url: str) -> str:
    """Return ``url`` with the scheme that Redis' own libraries know, or memcached's; ``ValueError`` for any other."""
    scheme, mark, rest = url.partition("://")
    if not mark or not _CACHES.fullmatch(scheme):
        raise ValueError(scheme if mark else "")
    return f"{scheme.lower().replace('valkey', 'redis')}://{rest}"


def glob(text: str) -> str:
    """Return the pattern of a cache's keys that means ``text`` and nothing else."""
    return _GLOB.sub(r"\\\1", text)


def with_credentials(url: str, user: str, password: str) -> str:
    """Return ``url`` with a user and password that are configured apart from it; those inside win."""
    parts = urlsplit(url)
    if not password or parts.password:
        return url
    host = parts.netloc.rpartition("@")[2]
    name = quote(user or parts.username or "", safe="")
    return urlunsplit(parts._replace(netloc=f"{name}:{quote(password, safe='')}@{host}"))


def server(dialect: str, parts: Mapping[str, str], options: Mapping[str, str]) -> str:
    """Return the address of a database server from Django's ``USER``, ``PASSWORD``, ``HOST``, ``PORT``, ``NAME``."""
    user, password = (quote(parts.get(key, ""), safe="") for key in ("USER", "PASSWORD"))
    userinfo = f"{user}:{password}@" if password else f"{user}@" if user else ""
    host, query = parts.get("HOST", ""), dict(options)
    if host.startswith("/"):
        query["host" if dialect == "postgresql" else "unix_socket"], host = host, ""
    port = f":{parts['PORT']}" if parts.get("PORT") and host else ""
    if parts.get("PORT") and not host and "host" in query:
        query["port"] = parts["PORT"]
    netloc = userinfo + (f"[{host}]" if ":" in host else host) + port
    tail = f"?{urlencode(query, quote_via=quote)}" if query else ""
    return f"{dialect}://{netloc}/{quote(parts.get('NAME', ''), safe='')}{tail}"


def redacted(text: str, secrets: Mapping[str, str]) -> str:
    """Return ``text`` of a foreign error without the passwords of addresses and without the values of ``secrets``.

    Of ``secrets`` (an environment) only the variables whose names sound like a secret, or that hold an address with a
    password, are looked at.
    """
    for secret in secret_values(secrets):
        text = text.replace(secret, "***")
    return _USERINFO.sub("***@", text)


def secret_values(environ: Mapping[str, str]) -> list[str]:
    """Return the values (and the passwords of addresses) in ``environ`` that ``redacted`` takes out of a text."""
    found = [
        secret
        for name, value in environ.items()
        for secret in ([value] if SECRET_KEY.search(name) else passwords(value))
    ]
    return [secret for secret in found if len(secret) >= SHORTEST_SECRET]


SHORTEST_SECRET = 4
"""Letters: a shorter password would blot out half of every text, and is known to every attacker anyway."""


def passwords(url: str) -> list[str]:
    """Return what is secret in an address, user info and query, as it stands there and as it is meant."""
    if "://" not in url:
        return []
    userinfo = url.partition("://")[2].rpartition("@")[0]
    found = [userinfo.partition(":")[2], *(v for k, v in parse_qsl(url.partition("?")[2]) if SECRET_KEY.search(k))]
    spelt = [*found, *(unquote(secret) for secret in found)]
    return [secret for secret in spelt if len(secret) >= SHORTEST_SECRET]


def masked(url: str, variable: str) -> str:
    """Return ``url`` with ``${variable}`` in place of its password, for a file; secrets in the query are left out."""
    bare = without_password(url)
    return _USERINFO.sub(lambda match: f"{match[0][:-1]}:${{{variable}}}@", bare) if _password(url) else bare


def _password(url: str) -> bool:
    match = _USERINFO.search(url)
    return match is not None and ":" in match[0]
