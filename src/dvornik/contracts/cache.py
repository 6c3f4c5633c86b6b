"""What a cache promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping  # noqa: TC003 - msgspec reads the annotations
from typing import Protocol

import msgspec


class CacheUsage(msgspec.Struct, frozen=True):
    """What a cache holds: ``keys`` and ``size`` (bytes) of the whole server, ``matching`` of our own that may go."""

    keys: int
    size: int
    matching: int
    kept: Mapping[str, int] = {}
    """Our own that may not go, by code: ``recent``, ``expiring``, ``lfu`` (the server does not count idle time)."""
    lasting: Mapping[str, int] = {}
    """Sessions that never expire by themselves, by the beginning of their names; of the first ten thousand seen."""


class Cache(Protocol):
    """One cache: how to measure it and to drop what is its own."""

    place: str

    def fingerprint(self) -> str:
        """Return what tells this server and database from another."""

    def usage(self) -> CacheUsage:
        """Measure without changing anything."""

    def protected(self) -> Mapping[str, int]:
        """Count what is recognised as not a cache entry (sessions, queues, locks), by kind."""

    def unlink(self) -> Iterator[int]:
        """Drop the cache's own keys, a bounded batch at a time; yield the number gone after each."""
