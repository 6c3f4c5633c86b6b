"""Owns the root of one tree in this process: its path as it was judged, opened once, for all that works below it."""

from __future__ import annotations

import itertools
import os
import stat
import threading
from typing import TYPE_CHECKING, Final, Self

from dvornik import served
from dvornik.storages import directories, ways
from dvornik.storages.kernel import mounts

if TYPE_CHECKING:
    from dvornik.storages.directories import Directory


class Root:
    """One directory; nothing is opened before it is asked for."""

    def __init__(self, path: str) -> None:
        """Take an absolute path that was resolved and judged: no link on it is followed any more."""
        self.path: Final = path
        self._opening = threading.Lock()
        self._both: tuple[Directory, Directory] | None = None
        self._above: dict[str, Directory] = {}

    @classmethod
    def at(cls, path: str) -> Self:
        """Resolve a path now; where that is not safe, opening it fails."""
        path = os.path.abspath(path)
        try:
            return cls(ways.resolved(path))
        except OSError:
            return cls(path)

    def _opened(self) -> tuple[Directory, Directory]:
        with self._opening:
            if self._both is None:
                self._both = directories.top(self.path)
            return self._both

    @property
    def around(self) -> Directory:
        """The directory that the root lay in when it was opened. Raises ``OSError`` where it cannot be opened."""
        return self._opened()[0]

    @property
    def directory(self) -> Directory:
        """The root itself. Raises ``OSError`` where it cannot be opened."""
        return self._opened()[1]

    def is_there(self) -> bool:
        """Tell whether it can be opened."""
        try:
            return bool(self._opened())
        except OSError:
            return False

    def is_missing(self) -> bool:
        """Tell whether there is nothing at the path: not that it is closed to us, or fails."""
        try:
            return not self._opened()
        except FileNotFoundError:
            return True
        except OSError:
            return False

    def is_in_place(self, state: os.stat_result) -> bool:
        """Tell whether the path still leads to the root, whose ``state`` is given. Raises ``OSError``."""
        return os.path.samestat(os.stat(self.path, follow_symlinks=False), state)

    def at_or_above(self, path: str) -> Directory:
        """Return the root, or a directory that it lies below, by its path. Raises ``OSError``."""
        if path == self.path:
            return self.directory
        if path == os.path.dirname(self.path):
            return self.around
        with self._opening:
            if path not in self._above:
                self._above[path] = directories.holder(path)
            return self._above[path]

    def may_move_to(self, parent: str) -> bool:
        """Tell whether files may be moved to what is ours alone in ``parent``, a directory that the root lies below.

        They may on the same mount, where not everybody makes names: somebody else's would be in the way there. Raises
        ``OSError`` where the root cannot be opened.
        """
        device = self.directory.own_state().st_dev
        between = itertools.takewhile(lambda path: path != parent, served.upwards(self.path))
        if parent == os.path.dirname(parent) or not mounts().isdisjoint(between):
            return False
        try:
            above = self.at_or_above(parent)
            state = above.own_state()
        except OSError:
            return False
        is_shared = os.name != "nt" and state.st_mode & stat.S_IWOTH
        return above.takes_names() and state.st_dev == device and not is_shared

    def close(self) -> None:
        """Let go of what was opened."""
        with self._opening:
            for directory in (*(self._both or ()), *self._above.values()):
                directory.__exit__()
            self._both = None
            self._above.clear()
