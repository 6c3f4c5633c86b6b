"""Open directories: names, states and renames relative to one directory that cannot be swapped underneath.

Two kinds of the same shape. ``Descriptor`` holds the directory itself, so that a rename or a symlink elsewhere on the
path cannot lead it astray. ``Path`` is for systems without directory descriptors (Windows): it works by path and
checks before each change that the path still leads to the same directory.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, Self

from dvornik.storages import kernel, ways

try:
    from dvornik.storages import _inner
except ImportError:
    inner = None
else:
    inner = None if os.environ.get("DVORNIK_NO_EXTENSION") else _inner
    """The inner loops in C, where they were built; ``DVORNIK_NO_EXTENSION`` turns them off."""

if TYPE_CHECKING:
    from collections.abc import Iterator

PRIVATE = 0o700
_UP = 1000
"""Levels climbed in one call: ``../`` a thousand times stays below PATH_MAX."""


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
        """Return the state of the directory as it is now."""

    def open_file(self, name: str) -> int:
        """Open a file for reading without following a link and without waiting."""

    def pin(self, name: str) -> int:
        """Hold a file by a descriptor that needs no permission and reads nothing; -1 where there is no such thing."""

    def child(self, path: str) -> Directory:
        """Open a directory below this one; no symlink and no mount on the way."""

    def make(self, name: str, mode: int) -> bool:
        """Make a directory; ``False`` if it was there, which is fine."""

    def adopt(self, name: str) -> None:
        """Give a directory that we just made the owner and the mode of this one, as far as we may."""

    def claim(self, name: str, private: Directory, new_name: str) -> None:
        """Rename into a directory where nobody else makes names."""

    def give_back(self, name: str, target: Directory, new_name: str) -> None:
        """Rename from here to ``target``; never replaces."""

    def unlink(self, name: str) -> None:
        """Remove a file."""

    def remove(self, name: str) -> None:
        """Remove a directory that is empty."""

    def system(self) -> int:
        """Return the number of the file system, which a reboot does not change; 0 where there is none."""

    def takes_names(self) -> bool:
        """Tell whether we may make names here."""

    def is_below(self, top: os.stat_result) -> bool:
        """Tell whether the directory is still as many levels below the ``top`` of the tree as it was opened."""


class Descriptor:
    """A directory held by its descriptor."""

    def __init__(self, descriptor: int, container: str = "") -> None:
        """Own ``descriptor`` from now on."""
        self.container = container
        self._fd = descriptor

    @classmethod
    def top(cls, path: str) -> tuple[Self, Self]:
        """Open the directory around the top of a tree, and the top, by its path, which no symlink may be part of."""
        try:
            around, current = ways.opened(path, kernel.UNSEEN)
        except PermissionError:
            around, current = ways.opened(path, kernel.DIRECTORY)
        return cls(around), cls(current)

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
        return os.open(name, os.O_RDONLY | kernel.OPEN_FILE, dir_fd=self._fd)

    def pin(self, name: str) -> int:
        return os.open(name, kernel.PIN | getattr(os, "O_CLOEXEC", 0), dir_fd=self._fd) if kernel.PIN else -1

    def child(self, path: str) -> Descriptor:
        _must_stay_below(path)
        return Descriptor(kernel.open_beneath(self._fd, path), f"{self.container}/{path}".strip("/"))

    def make(self, name: str, mode: int) -> bool:
        try:
            os.mkdir(name, mode, dir_fd=self._fd)
        except FileExistsError:
            return False
        return True

    def adopt(self, name: str) -> None:
        own = self.own_state()
        with self.child(name) as made, suppress(OSError):
            if sys.platform != "win32":
                os.chown(made._fd, own.st_uid, own.st_gid)
            os.chmod(made._fd, own.st_mode & 0o7777)

    def claim(self, name: str, private: Directory, new_name: str) -> None:
        assert isinstance(private, Descriptor)  # noqa: S101 - for the type checker: one kind a tree
        # The plain call, three times as fast as renameat2 by way of ctypes: nobody else makes that name there.
        try:
            os.rename(name, new_name, src_dir_fd=self._fd, dst_dir_fd=private._fd)
        except OSError as error:
            raise self._told(error, name) from None

    def _told(self, error: OSError, name: str) -> OSError:
        """Tell what is a mount from what is busy otherwise."""
        is_mount = error.errno == errno.EBUSY and kernel.is_mount(self._fd, name)
        return kernel.MountError(errno.EBUSY) if is_mount else error

    def give_back(self, name: str, target: Directory, new_name: str) -> None:
        assert isinstance(target, Descriptor)  # noqa: S101 - as above
        kernel.give_back(name, self._fd, target._fd, new_name)

    def unlink(self, name: str) -> None:
        os.unlink(name, dir_fd=self._fd)

    def remove(self, name: str) -> None:
        try:
            os.rmdir(name, dir_fd=self._fd)
        except OSError as error:
            raise self._told(error, name) from None

    def system(self) -> int:
        if sys.platform == "win32":
            return 0
        return os.statvfs(self._fd).f_fsid

    def takes_names(self) -> bool:
        return os.access(".", os.W_OK | os.X_OK, dir_fd=self._fd)

    def is_below(self, top: os.stat_result) -> bool:
        """Climb as many levels as the container has and see whether that is the top.

        Whatever was moved out has other parents, so no path needs to be compared.
        """
        levels = _levels(self.container)
        current = self._fd
        try:
            while levels > _UP:
                levels -= _UP
                current, done = os.open(_way_up(_UP), kernel.CLIMB, dir_fd=current), current
                self._close_other(done)
            return os.path.samestat(os.stat(_way_up(levels), dir_fd=current), top)
        except OSError as error:
            if kernel.is_exhausted(error):
                raise
            return False
        finally:
            self._close_other(current)

    def _close_other(self, descriptor: int) -> None:
        if descriptor != self._fd:
            os.close(descriptor)


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
    def top(cls, path: str) -> tuple[Self, Self]:
        """Open the directory around the top of a tree, and the top."""
        return cls(os.path.dirname(path)), cls(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing is held."""

    def _at(self, name: str) -> str:
        return os.path.join(self._path, name)

    def _at_still(self, name: str) -> str:
        """Return the path of ``name``, for a change: not where the directory is another by now."""
        if not os.path.samestat(os.stat(self._path, follow_symlinks=False), self._state):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        return self._at(name)

    def entries(self) -> Iterator[os.DirEntry[str]]:
        with os.scandir(self._path) as entries:
            yield from entries

    def state(self, name: str) -> os.stat_result:
        return os.stat(self._at(name), follow_symlinks=False)

    def own_state(self) -> os.stat_result:
        state = os.stat(self._path, follow_symlinks=False)
        return state if os.path.samestat(state, self._state) else self._state

    def open_file(self, name: str) -> int:
        return os.open(self._at(name), os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))

    def pin(self, name: str) -> int:  # noqa: ARG002 - the path is all there is
        return -1

    def child(self, path: str) -> Path:
        _must_stay_below(path)
        current = self
        for part in path.split("/") if path else ():
            below = Path(current._at(part), f"{current.container}/{part}".strip("/"))
            if below._state.st_dev != self._state.st_dev or os.path.ismount(below._path):
                raise kernel.MountError
            current = below
        return current if current is not self else Path(self._path, self.container)

    def make(self, name: str, mode: int) -> bool:
        try:
            os.mkdir(self._at_still(name), mode)
        except FileExistsError:
            return False
        return True

    def adopt(self, name: str) -> None:
        with suppress(OSError):
            os.chmod(self._at_still(name), self._state.st_mode & 0o7777)

    def claim(self, name: str, private: Directory, new_name: str) -> None:
        assert isinstance(private, Path)  # noqa: S101 - for the type checker: one kind a tree
        if os.path.lexists(private._at(new_name)):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        os.rename(self._at_still(name), private._at(new_name))

    def give_back(self, name: str, target: Directory, new_name: str) -> None:
        assert isinstance(target, Path)  # noqa: S101 - as above
        if os.name == "nt":
            os.rename(self._at_still(name), target._at_still(new_name))
            return
        os.link(self._at_still(name), target._at_still(new_name), follow_symlinks=False)
        os.unlink(self._at(name))

    def unlink(self, name: str) -> None:
        os.unlink(self._at_still(name))

    def remove(self, name: str) -> None:
        os.rmdir(self._at_still(name))

    def system(self) -> int:
        if sys.platform == "win32":
            return 0
        return os.statvfs(self._path).f_fsid

    def takes_names(self) -> bool:
        return os.access(self._path, os.W_OK | os.X_OK)

    def is_below(self, top: os.stat_result) -> bool:
        try:
            above = os.stat(self._at(_way_up(_levels(self.container))))
            there = os.stat(self._path, follow_symlinks=False)
        except OSError:
            return False
        return os.path.samestat(there, self._state) and os.path.samestat(above, top)


def _levels(container: str) -> int:
    return container.count("/") + 1 if container else 0


def _way_up(levels: int) -> str:
    return "../" * levels + "."


def _must_stay_below(path: str) -> None:
    """Refuse a way up: a plan comes from a file."""
    within = f"/{path}/"
    if path and ("//" in within or "/./" in within or "/../" in within):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


def top(path: str) -> tuple[Directory, Directory]:
    """Open the directory around the top of a tree, and the top: its path was resolved, and is not resolved again.

    By descriptor where the system can (``DVORNIK_NO_DESCRIPTORS`` turns that off).
    """
    if kernel.HAS_DESCRIPTORS and not os.environ.get("DVORNIK_NO_DESCRIPTORS"):
        return Descriptor.top(path)
    return Path.top(path)


def holder(path: str) -> Directory:
    """Open a directory that only names are looked up and made in: it need not be readable."""
    if kernel.HAS_DESCRIPTORS and not os.environ.get("DVORNIK_NO_DESCRIPTORS"):
        around, current = ways.opened(path, ways.PASS)
        os.close(around)
        return Descriptor(current)
    return Path(path)


def root(path: str) -> Directory:
    """Open the top of a tree alone."""
    around, current = top(path)
    around.__exit__()
    return current


def made(top: Directory, path: str, mode: int, *, adopted: bool = False) -> Directory:
    """Open ``path`` below ``top``, making what is missing of it; ``adopted`` from the directory around it."""
    missing: list[str] = []
    while True:
        try:
            current = top.child(path)
            break
        except FileNotFoundError:
            path, _slash, name = path.rpartition("/")
            if not name:
                raise
            missing.append(name)
    for name in reversed(missing):
        with current:
            if current.make(name, mode) and adopted:
                current.adopt(name)
            current = current.child(name)
    return current
