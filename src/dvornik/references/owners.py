"""Directories called by the key of a user or a tenant, in which files are named by themselves all the same.

A directory called by a row's own key is kept whole, since the application may make the paths in it of that key. Where
most directories below hold files that are named (``upload/<user>/ab/cd/<file>.jpg``), the user's key says nothing.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dvornik.references.names import Names

_LOOKED: Final = 64
"""Directories below that are looked at."""
_LEAST: Final = 8
"""So many of them tell something."""
_SHARE: Final = 0.75
_REMEMBERED: Final = 10_000


class Owners:
    """Asks the table of names, once everything was struck."""

    def __init__(self, names: Names) -> None:
        """Take the names of one storage."""
        self._names = names
        self._known: dict[str, bool] = {}

    def renew(self) -> None:
        """Forget what was concluded: more, or less, is named by now."""
        self._known.clear()

    def has_named(self, directory: str) -> bool:
        """Tell whether a file is named by itself in most of many directories below this one."""
        if directory not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[directory] = self._look(directory)
        return self._known[directory]

    def _look(self, directory: str) -> bool:
        below = list(islice(self._below(directory), _LOOKED))
        if len(below) < _LEAST or not self._names.companions.beside:
            return False
        listed = [(each, names) for each in below if (names := self._names.companions.beside(each))]
        named = sum(len(self._names.unused(each, names)) < len(names) for each, names in listed)
        return len(listed) >= _LEAST and named >= _SHARE * len(listed)

    def _below(self, directory: str) -> Iterator[str]:
        waiting = [directory]
        while waiting:
            place = waiting.pop()
            children = self._names.companions.children(place)
            waiting += [f"{place}/{child}" for child in children]
            if place != directory:
                yield place
