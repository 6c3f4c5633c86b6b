"""Open directories: names, states and renames relative to one directory that cannot be swapped underneath.

Two kinds of the same shape. ``Descriptor`` holds the directory itself, so that a rename or a symlink elsewhere on the
path cannot lead it astray. ``Path`` is for systems without directory descriptors (Windows): it works by path and
checks that the path still leads to the same directory.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Protocol, Self

from dvornik.storages import kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

PRIVATE = 0o700


class Directory(Protocol):
    """One open directory, at ``container`` below a root."""

    container: str

    def __enter__(self) -> Self:
        """Stay open for the block."""

    def __exit__(self, *exception: object) -> None:
        """Close."""

    def entries(self) -> Iterator[os.DirEntry[str]]:
        """List the directory, in no order."""

    def state(self, name: str) -> os.stat_result:
        """Return the state of ``name`` itself, never of what it links to."""

    def own_state(self) -> os.stat_result:
        """Return the state of the directory."""

    def open_file(self, name: str) -> int:
        """Open a file for reading without following a link and without waiting."""

    def child(self, path: str) -> Directory:
        """Open a directory below this one; no symlink and no mount on the way."""

    def make(self, name: str, mode: int) -> None:
        """Make a directory; one that exists is fine."""

    def claim(self, name: str, private: Directory) -> None:
        """Rename into a directory that is ours alone."""

    def give_back(self, name: str, target: Directory) -> None:
        """Rename from here, a directory of ours, to ``target``; never replaces."""

    def unlink(self, name: str) -> None:
        """Remove a file."""

    def remove(self, name: str) -> None:
        """Remove a directory that is empty."""

    def is_below(self, root: Directory) -> bool:
        """Tell whether the directory is still where it was opened: ``container`` below ``root``."""


class Descriptor:
    """A directory held by its descriptor."""

    def __init__(self, descriptor: int, container: str = "") -> None:
        """Own ``descriptor`` from now on."""
        self.container = container
        self._fd = descriptor

    @classmethod
    def root(cls, path: str) -> Self:
        """Open the top of a tree by its path, which may not end in a symlink."""
        return cls(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        os.close(self._fd)

    def fileno(self) -> int:
        """Return the descriptor: a lock is taken on it."""
        return self._fd

    def entries(self) -> Iterator[os.DirEntry[str]]:
        with os.scandir(self._fd) as entries:
            yield from entries

    def state(self, name: str) -> os.stat_result:
        return os.stat(name, dir_fd=self._fd, follow_symlinks=False)

    def own_state(self) -> os.stat_result:
        return os.fstat(self._fd)

    def open_file(self, name: str) -> int:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._fd)

    def child(self, path: str) -> Descriptor:
        return Descriptor(kernel.open_beneath(self._fd, path), f"{self.container}/{path}".strip("/"))

    def make(self, name: str, mode: int) -> None:
        try:
            os.mkdir(name, mode, dir_fd=self._fd)
        except FileExistsError:
            return

    def claim(self, name: str, private: Directory) -> None:
        assert isinstance(private, Descriptor)  # noqa: S101 - for the type checker: one kind a tree
        kernel.claim(name, self._fd, private._fd)

    def give_back(self, name: str, target: Directory) -> None:
        assert isinstance(target, Descriptor)  # noqa: S101 - as above
        kernel.give_back(name, self._fd, target._fd)

    def unlink(self, name: str) -> None:
        os.unlink(name, dir_fd=self._fd)

    def remove(self, name: str) -> None:
        os.rmdir(name, dir_fd=self._fd)

    def is_below(self, root: Directory) -> bool:
        """Climb as many levels as the container has and see whether that is the root.

        Whatever was moved out has other parents, so no path needs to be compared.
        """
        current = os.dup(self._fd)
        try:
            for _ in range(self.container.count("/") + 1 if self.container else 0):
                current, done = os.open("..", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=current), current
                os.close(done)
            return os.path.samestat(os.fstat(current), root.own_state())
        except OSError:
            return False
        finally:
            os.close(current)


class Path:
    """A directory known by its path, and by what the path led to when it was opened."""

    def __init__(self, path: str, container: str = "") -> None:
        """Take the directory at ``path``; a symlink is refused."""
        self.container = container
        self._path = path
        state = os.stat(path, follow_symlinks=False)
        if not os.path.isdir(path) or os.path.islink(path):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        self._state = state

    @classmethod
    def root(cls, path: str) -> Self:
        """Open the top of a tree."""
        return cls(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing is held."""

    def _at(self, name: str) -> str:
        return os.path.join(self._path, name)

    def entries(self) -> Iterator[os.DirEntry[str]]:
        with os.scandir(self._path) as entries:
            yield from entries

    def state(self, name: str) -> os.stat_result:
        return os.stat(self._at(name), follow_symlinks=False)

    def own_state(self) -> os.stat_result:
        return self._state

    def open_file(self, name: str) -> int:
        return os.open(self._at(name), os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))

    def child(self, path: str) -> Path:
        current = self
        for part in path.split("/") if path else ():
            below = Path(current._at(part), f"{current.container}/{part}".strip("/"))
            if below.own_state().st_dev != self._state.st_dev or os.path.ismount(below._path):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            current = below
        return current

    def make(self, name: str, mode: int) -> None:
        try:
            os.mkdir(self._at(name), mode)
        except FileExistsError:
            return

    def claim(self, name: str, private: Directory) -> None:
        assert isinstance(private, Path)  # noqa: S101 - for the type checker: one kind a tree
        os.rename(self._at(name), private._at(name))

    def give_back(self, name: str, target: Directory) -> None:
        assert isinstance(target, Path)  # noqa: S101 - as above
        if os.name == "nt":
            os.rename(self._at(name), target._at(name))
            return
        os.link(self._at(name), target._at(name), follow_symlinks=False)
        os.unlink(self._at(name))

    def unlink(self, name: str) -> None:
        os.unlink(self._at(name))

    def remove(self, name: str) -> None:
        os.rmdir(self._at(name))

    def is_below(self, root: Directory) -> bool:
        assert isinstance(root, Path)  # noqa: S101 - as above
        try:
            there = os.stat(os.path.join(root._path, self.container) if self.container else root._path)
        except OSError:
            return False
        return os.path.samestat(there, self._state)


def root(path: str) -> Directory:
    """Open the top of a tree, by descriptor where the system can (``DVORNIK_NO_DESCRIPTORS`` turns that off)."""
    if kernel.HAS_DESCRIPTORS and not os.environ.get("DVORNIK_NO_DESCRIPTORS"):
        return Descriptor.root(path)
    return Path.root(path)
