"""Owns the grip on a file while it is taken away: its inode cannot be used again, and nobody else opens it unseen.

A write lease (``fcntl(2)``, F_SETLEASE) is granted only when no other descriptor to the file exists and is broken by
whoever opens it later, so it answers without a race. It needs the file's owner or CAP_LEASE and a file system that has
leases; else the descriptors and mappings of all visible processes are compared by device and inode, and a file whose
owner has processes that we may not look into is taken to be open.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
from typing import TYPE_CHECKING

from dvornik.model import Reason
from dvornik.storages import directories, links
from dvornik.storages.kernel import reason_of
from dvornik.storages.walk import OWN, version

if sys.platform != "win32":
    import fcntl
    import signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dvornik.storages.directories import Directory


class Grip:
    """One file, held by its descriptor and, where that can be, a lease."""

    __slots__ = ("_descriptor", "is_leased", "state")

    def __init__(self, descriptor: int, state: os.stat_result, *, is_leased: bool = False) -> None:
        """Own ``descriptor``, or -1 for a file that cannot be held; ``state`` is the file's."""
        self._descriptor = descriptor
        self.state = state
        self.is_leased = is_leased
        """Whether the lease was granted: nobody else had the file then."""

    def lease(self) -> Reason | None:
        """Take the lease; ``OPEN`` where somebody has the file. That there are no leases here is no reason."""
        if sys.platform == "linux" and self._descriptor >= 0:
            try:
                # The signal of a broken lease would end the process (SIGIO); SIGURG is ignored by default.
                fcntl.fcntl(self._descriptor, fcntl.F_SETSIG, signal.SIGURG)
                fcntl.fcntl(self._descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            except OSError as error:
                return Reason.OPEN if error.errno == errno.EAGAIN else None
            self.is_leased = True
        return None

    def objection(self, onlookers: Onlookers) -> Reason | None:
        """Say why the file is not to be taken: somebody has it; where leases do not tell, as far as can be seen."""
        objection = self.lease()
        return objection if objection or self.is_leased else onlookers.objection(self.state)

    def is_unopened(self) -> bool:
        """Tell whether nobody tried to open the file since the lease was granted."""
        return sys.platform == "linux" and fcntl.fcntl(self._descriptor, fcntl.F_GETLEASE) == fcntl.F_WRLCK

    def is_still(self, seen: str) -> bool:
        """Tell whether the file held was not written since it was ``seen``; claiming it changed its ctime."""
        return version(self.state).rpartition(":")[0] == seen.rpartition(":")[0]

    def now(self) -> os.stat_result | None:
        """Return the file's state as it is by now; ``None`` of a file that cannot be held."""
        return os.fstat(self._descriptor) if self._descriptor >= 0 else None

    def is_on(self, state: os.stat_result) -> bool:
        """Tell whether ``state`` is of the file held, unwritten since: no other gets its inode while it is held."""
        held = self.state
        return (
            state.st_ino == held.st_ino
            and state.st_dev == held.st_dev
            and state.st_size == held.st_size
            and state.st_mtime_ns == held.st_mtime_ns
            and stat.S_ISREG(state.st_mode)
        )

    def release(self) -> None:
        """Let go: the lease ends with the descriptor."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def grip(directory: Directory, name: str, seen: str) -> Grip | None:
    """Hold ``name`` if it is the regular file in the version ``seen``; nothing else is opened.

    One that we may not read is held by a descriptor that reads nothing, where the system has such.
    """
    state = directory.state(name)
    if not stat.S_ISREG(state.st_mode):
        return None
    descriptor = _open(directory, name)
    held = Grip(descriptor, os.fstat(descriptor) if descriptor >= 0 else state)
    if links.is_as_seen(held.state, seen):
        return held
    held.release()
    return None


def used(path: str) -> Reason | None:
    """Say whether somebody has the file at ``path`` at this moment, as a run would ask. Changes nothing."""
    try:
        with directories.root(os.path.realpath(os.path.dirname(path))) as directory:
            name = os.path.basename(path)
            held = grip(directory, name, version(directory.state(name)))
            if held is None:
                return Reason.CHANGED
            try:
                return held.objection(Onlookers())
            finally:
                held.release()
    except OSError as error:
        return reason_of(error)


def _open(directory: Directory, name: str) -> int:
    if sys.platform == "win32":  # whatever is open there cannot be renamed, not even by us
        return -1
    try:
        return directory.open_file(name)
    except PermissionError:
        return directory.pin(name)


def has_leases(directory: Directory) -> bool:
    """Tell whether the file system of ``directory`` has leases: asked of an empty file, made and removed there.

    Where it has none, only other processes' descriptors tell who uses a file, and those are closed to a process that
    Landlock restricts.
    """
    name = f"{OWN}{secrets.token_hex(8)}"
    if not isinstance(directory, directories.Descriptor):
        return False
    try:
        descriptor = os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600, dir_fd=directory.fileno())
    except OSError:
        return False
    probe = Grip(descriptor, os.fstat(descriptor))
    try:
        return probe.lease() is None and probe.is_leased
    finally:
        probe.release()
        directory.unlink(name)


class Onlookers:
    """Which files the visible processes have open or mapped: for where leases do not answer."""

    def __init__(self) -> None:
        """Look at nothing before the first question."""
        self._files: set[tuple[int, int]] | None = None
        self._hidden: set[int] = set()

    def forget(self) -> None:
        """Let the next question look anew."""
        self._files = None

    def objection(self, state: os.stat_result) -> Reason | None:
        """Say ``OPEN`` of a file that somebody has, ``DENIED`` of one whose owner's processes are closed to us."""
        if self._files is None:
            self._hidden = set()
            self._files = set(self._look())
        if (state.st_dev, state.st_ino) in self._files:
            return Reason.OPEN
        return Reason.DENIED if state.st_uid in self._hidden else None

    def _look(self) -> Iterator[tuple[int, int]]:
        if not os.path.isdir("/proc/self/fd"):
            return
        for process in os.listdir("/proc"):
            if process.isdigit() and int(process) != os.getpid():
                with contextlib.suppress(OSError):  # it ended meanwhile, or only its mappings are closed to us
                    yield from self._look_at(f"/proc/{process}")
                    yield from _mapped(f"/proc/{process}/maps")

    def _look_at(self, process: str) -> Iterator[tuple[int, int]]:
        try:
            yield from _opened(f"{process}/fd")
        except PermissionError:
            self._hidden.add(os.stat(process).st_uid)


def _opened(path: str) -> Iterator[tuple[int, int]]:
    with os.scandir(path) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile; that we may not look is for the caller
                state = entry.stat()
                yield state.st_dev, state.st_ino


def _mapped(path: str) -> Iterator[tuple[int, int]]:
    with open(path, "rb") as lines:
        for line in lines:
            _addresses, _permissions, _offset, device, inode, *_path = line.split(maxsplit=5)
            major, _, minor = device.partition(b":")
            if inode != b"0":
                yield _number(int(major, 16), int(minor, 16)), int(inode)


def _number(major: int, minor: int) -> int:
    if sys.platform == "win32":
        return 0
    return os.makedev(major, minor)
