"""``DATABASE_URL`` turned into Django's own form."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


def parse(url: str, directory: Path) -> dict[str, Any]:
    """Return an entry of ``DATABASES``; a relative SQLite path counts from ``directory``.

    Understands ``sqlite:///name``, ``sqlite:////absolute/name`` and ``postgresql://``, with or without SQLAlchemy's
    ``+driver``, ``host`` and ``port`` also as query parameters (a socket's directory cannot stand in the address).

    Raises:
        ValueError: for any other scheme; the message does not hold the address, which may hold a password.
    """
    parts = urlsplit(url)
    scheme = parts.scheme.partition("+")[0]
    if scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(directory / unquote(parts.path[1:])),
            "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
        }
    if scheme not in {"postgres", "postgresql"}:
        raise ValueError(f"DATABASE_URL: {scheme!r} is not supported, use sqlite or postgresql")
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", "") or unquote(parts.hostname or ""),
        "PORT": options.pop("port", "") or str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "OPTIONS": options,
    }
