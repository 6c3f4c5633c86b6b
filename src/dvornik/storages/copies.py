"""Owns verified copies of logs: made out of sight, complete and on the disk before anybody sees them.

A copy is written into the private directory of the place, gets the owner, mode, times and extended attributes of its
log, is flushed, and is then read back and compared by digest. Only after that it gets a name beside the log.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Final, NamedTuple, Protocol

from dvornik.contracts.storage import Batch
from dvornik.model import Reason
from dvornik.storages.directories import Descriptor
from dvornik.storages.walk import size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dvornik.model import Finding, Outcome
    from dvornik.storages.directories import Directory
    from dvornik.storages.packing import Packing
    from dvornik.storages.quarantine import Quarantine

MADE: Final = "made"
"""Where copies lie until they are complete: what a killed run left there is of no use to anybody."""
_CHUNK: Final = 1 << 18
_PRIVATE: Final = 0o600
_CLOSED: Final = ("security.", "trusted.", "system.nfs4")
"""Attributes that the system gives by itself, and that only some may set."""
_PLAIN: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


class Discard(Protocol):
    """Takes files away by the ordinary way: claimed, verified, and only as they were seen."""

    def __call__(self, finding: Finding, run: str, *, keep: bool) -> Outcome:
        """Return what became of them."""


class Content(NamedTuple):
    """What a file holds: how much, and its digest."""

    size: int
    digest: bytes


class Ground(NamedTuple):
    """Where copies are made, and what is needed there of a storage."""

    place: str
    root: Directory
    quarantine: Quarantine
    is_in_place: Callable[[Directory], bool]
    """Tells whether a directory still is below the root."""
    discard: Discard


class NotOursError(PermissionError):
    """A copy cannot get the owner of its log: another owner's application could not read it any more."""


def opened(directory: Directory, name: str, flags: int) -> int:
    """Open a file to write in it; a link is not followed, and nobody is waited for."""
    flags |= _PLAIN | getattr(os, "O_BINARY", 0)
    if isinstance(directory, Descriptor):
        return os.open(name, flags, _PRIVATE, dir_fd=directory.fileno())
    return os.open(directory._at_still(name), flags, _PRIVATE)  # type: ignore[attr-defined] # the other kind


def pack(source: int, length: int, private: Directory, name: str, packing: Packing) -> tuple[Content, int]:
    """Copy the first ``length`` bytes of ``source`` as ``name``; return what it holds and its bytes on the disk.

    The copy is whole and on the disk, or there is none. Fewer bytes than asked for were all that there was.
    """
    with suppress(FileNotFoundError):
        private.unlink(name)
    descriptor = opened(private, name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        with open(descriptor, "r+b", closefd=False) as sink:
            content = _written(source, length, sink, packing)
            sink.flush()
            _dress(descriptor, source)
            os.fsync(descriptor)
            _forget(descriptor)
            sink.seek(0)
            _must_hold(sink, packing, content)
        return content, size(os.fstat(descriptor))
    except BaseException:
        with suppress(OSError):
            private.unlink(name)
        raise
    finally:
        os.close(descriptor)


def _must_hold(sink: IO[bytes], packing: Packing, content: Content) -> None:
    if unpacked(sink, packing) != content:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def _written(source: int, length: int, sink: IO[bytes], packing: Packing) -> Content:
    digest, done = hashlib.blake2b(digest_size=32), 0
    with packing.writer(sink) as packed, open(source, "rb", buffering=0, closefd=False) as log:
        log.seek(0)
        while done < length and (piece := log.read(min(_CHUNK, length - done))):
            digest.update(piece)
            packed.write(piece)
            done += len(piece)
    return Content(done, digest.digest())


def unpacked(source: IO[bytes], packing: Packing, length: int = -1) -> Content | None:
    """Return what a packed file holds (the first ``length`` bytes of it); ``None`` where it cannot be unpacked."""
    digest, done = hashlib.blake2b(digest_size=32), 0
    try:
        with packing.reader(source) as plain:
            while piece := plain.read(_CHUNK if length < 0 else min(_CHUNK, length - done)):
                digest.update(piece)
                done += len(piece)
    except packing.broken():
        return None
    return Content(done, digest.digest())


def holds(directory: Directory, name: str, packing: Packing, content: Content) -> bool:
    """Tell whether a file that is there already holds just that, and see to it that it is on the disk."""
    descriptor = directory.open_file(name)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return False
        with open(descriptor, "rb", buffering=0, closefd=False) as source:
            same = unpacked(source, packing) == content
        if same and sys.platform != "win32":  # which flushes only what was opened for writing
            os.fsync(descriptor)
        return same
    finally:
        os.close(descriptor)


def settle(directory: Directory) -> None:
    """Put the names of a directory on the disk, where the system has a way."""
    if isinstance(directory, Descriptor):
        with suppress(OSError):
            os.fsync(directory.fileno())


def _dress(descriptor: int, source: int) -> None:
    """Give a copy what its log has; ``NotOursError`` where it would get another owner."""
    state, own = os.fstat(source), os.fstat(descriptor)
    if sys.platform != "win32":
        if (state.st_uid, state.st_gid) != (own.st_uid, own.st_gid):
            try:
                os.fchown(descriptor, state.st_uid, state.st_gid)
            except PermissionError as error:
                raise NotOursError(*error.args) from error
        os.fchmod(descriptor, stat.S_IMODE(state.st_mode))
    if sys.platform == "linux":
        for name in _attributes(source):
            os.setxattr(descriptor, name, os.getxattr(source, name))
    if os.utime in os.supports_fd:
        os.utime(descriptor, ns=(state.st_atime_ns, state.st_mtime_ns))


def _attributes(descriptor: int) -> Iterable[str]:
    if sys.platform != "linux":
        return ()
    try:
        return [name for name in os.listxattr(descriptor) if not name.startswith(_CLOSED)]
    except OSError:  # a file system without any
        return ()


def _forget(descriptor: int) -> None:
    """Let the system drop what it remembers of a flushed file: reading it back then asks the disk."""
    if sys.platform == "linux":
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def objection_to_room(descriptor: int, needed: int) -> Reason | None:
    """Ask for as much free space as the copy takes at worst: the application's next line must not find a full disk."""
    if sys.platform == "win32":
        return None
    system = os.fstatvfs(descriptor)
    return Reason.NO_HEADROOM if system.f_bavail * system.f_frsize < needed else None


def discard_unfinished(quarantine: Quarantine) -> None:
    """Remove the copies that a killed run did not finish: their logs are where they were."""
    for run in quarantine.runs(MADE):
        for container, names in left(quarantine, run, MADE):
            with suppress(OSError), quarantine.open_run(MADE, run) as top, top.child(container) as private:
                for name in names:
                    private.unlink(name)
        quarantine.sweep(MADE, run)
    quarantine.shrink(MADE, "", "")


def left(quarantine: Quarantine, run: str, kind: str) -> Iterator[tuple[str, list[str]]]:
    """List what a run left of one kind: directories, each with its names."""
    for step in quarantine.contents(kind, run):
        if isinstance(step, Batch) and step.names:
            yield step.container, list(step.names)
