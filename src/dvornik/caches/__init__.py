"""Caches of the application: which mechanics serve which address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from dvornik import extras
from dvornik.contracts.cache import Cache
from dvornik.errors import ConfigurationError, UnreachableError
from dvornik.languages import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from dvornik.application import CachePlace
    from dvornik.model import Reason

    Connect = Callable[[CachePlace], "WeighedCache"]


_SCHEMES = (
    "redis://",
    "rediss://",
    "unix://",
    *(f"{tls}+{kind}://" for tls in ("redis", "rediss") for kind in ("sentinel", "cluster")),
)


def memcached_server(text: str) -> str:
    """Return one server of memcached, as settings write it, in one form: ``host:port``, or the path of a socket."""
    text = text.strip().removeprefix("unix:")
    if text.startswith("/"):
        return "/" + text.lstrip("/")
    return text if re.search(r":\d+$", text) else f"{text}:11211"


class WeighedCache(Cache, Protocol):
    """A cache whose memory can be read at once, without looking at its keys."""

    def memory(self) -> int:
        """Return the bytes that the whole server's data takes."""


class CacheError(UnreachableError):
    """A cache did not answer, or would not; ``reason`` says which, as a code."""

    def __init__(self, message: str, reason: Reason, *, context: str = "", hint: str = "") -> None:
        """Take the operator's sentences and the code; none may hold a secret."""
        super().__init__(message, context=context, hint=hint)
        self.reason = reason


def connect(place: CachePlace) -> WeighedCache:
    """Return the cache at ``place``; nothing is sent yet.

    Raises:
        ConfigurationError: the address is unusable, or its driver is not installed.
    """
    if place.url.startswith(("memcached://", "memcached+unix://")):
        from dvornik.caches.memcached import MemcachedCache  # noqa: PLC0415 - as Redis: of the many, few have one

        return MemcachedCache(place)
    if not place.url.startswith(_SCHEMES):
        raise ConfigurationError(
            _("The address of the cache is not understood."),
            context=place.name,
            hint=_("Write redis://, rediss://, unix://, redis+sentinel://, redis+cluster:// or memcached://."),
        )
    try:
        from dvornik.caches.redis import RedisCache  # noqa: PLC0415 - the driver takes 120 ms and may be missing
    except ModuleNotFoundError as error:
        if error.name != "redis":
            raise
        raise ConfigurationError(
            _("The Redis driver is not installed."), context=place.name, hint=extras.command("redis")
        ) from error
    return RedisCache(place)
