"""Which places a collector works on, by their identity: a plan is good only for the same ones."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from dvornik.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Identified(Protocol):
    """Anything that can say which one it is."""

    def fingerprint(self) -> str:
        """Return what tells it from another at the same address."""


def reachable(places: Mapping[str, Identified]) -> dict[str, str]:
    """Return the identity of each place that is there; one that is not says so in its own scan."""
    found: dict[str, str] = {}
    for name, place in places.items():
        with suppress(UnreachableError):
            found[name] = place.fingerprint()
    return found
