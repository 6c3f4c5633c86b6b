"""Owns the root of one tree in this process: its path as it was judged, opened once, for all that works below it."""

from __future__ import annotations

import os
import stat
import threading
from typing import TYPE_CHECKING, Final, Self

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

    def has_private_beside(self) -> bool:
        """Tell whether what is ours alone may lie beside the root: on the same mount, where not everybody makes names.

        Somebody else's would be in the way there.
        """
        parent, around = os.path.dirname(self.path), self.around
        state = around.own_state()
        return (
            self.path not in mounts()
            and parent != os.path.dirname(parent)
            and around.takes_names()
            and state.st_dev == self.directory.own_state().st_dev
            and not (os.name != "nt" and state.st_mode & stat.S_IWOTH)
        )

    def close(self) -> None:
        """Let go of what was opened."""
        with self._opening:
            for directory in self._both or ():
                directory.__exit__()
            self._both = None
