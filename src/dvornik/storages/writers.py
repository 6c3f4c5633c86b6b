"""Owns the question who writes to a log at this moment, and whether it does so in append mode.

A program that opened its log in append mode (``O_APPEND``) writes at the end, wherever that is by then. One that did
not goes on at the offset that it remembers: after a cut its next line would come after a block of NULs.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from dvornik.model import Reason

if sys.platform != "win32":
    import fcntl
    import signal

if TYPE_CHECKING:
    from collections.abc import Iterator

_ACCESS: Final = 3
"""O_ACCMODE: which bits say whether a file is open for reading, writing or both."""
_SELF: Final = "/proc/self"
_APPEND: Final = os.O_APPEND


class Writers(NamedTuple):
    """What the visible processes do with one file."""

    read: bool = False
    """Whether one of them has it open at all."""
    written: bool = False
    """Whether one of them writes to it."""
    appends: bool = True
    """Whether all that write to it append."""
    hidden: bool = False
    """Whether processes are closed to us."""

    def objection(self, *, used: bool | None) -> Reason | None:
        """Say why the file cannot be cut; ``used``: whether somebody has it open, ``None`` where nobody can tell.

        A use that no visible process explains forbids it. One that appends is an explanation: with another beside it
        that did not, the log would be overwritten with every line.
        """
        if not self.appends:
            return Reason.NO_APPEND
        explained = self.written or (self.read and not self.hidden)
        unseen = self.hidden and not self.written if used is None else used and not explained
        return Reason.OPEN if unseen else None


def look(state: os.stat_result, own: int = -1) -> Writers:
    """Ask every visible process; ``own`` is a descriptor of this one that does not count."""
    modes: list[int] = []
    mapped = hidden = False
    for process in _processes():
        try:
            modes += _modes(process, state, own if process == _SELF else -1)
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            continue
        except OSError:
            hidden = True
        with suppress(OSError):  # as above, or only its mappings are closed to us
            mapped = mapped or _is_mapped_for_writing(process, state)
    writing = [mode for mode in modes if mode & _ACCESS != os.O_RDONLY]
    appends = not mapped and all(mode & _APPEND for mode in writing)
    return Writers(bool(modes), bool(writing), appends, hidden)


@contextmanager
def held_off(descriptor: int) -> Iterator[Reason | None]:
    """Hold off, for the block, whoever would lock or open the file; yield what forbids to cut it.

    ``descriptor`` is open for writing. A program that had the file before is not held off: it must be known to append.
    """
    if not _lock(descriptor):
        yield Reason.OPEN
        return
    used = _is_used(descriptor)
    try:
        yield look(os.fstat(descriptor), descriptor).objection(used=used)
    finally:
        _let_go(descriptor, leased=used is False)


def _lock(descriptor: int) -> bool:
    """Take the lock that a program may hold on its log; where there are no locks nobody holds one."""
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
    return True


def _is_used(descriptor: int) -> bool | None:
    """Tell whether somebody else has the file open; where nobody has, a lease keeps it so. ``None``: cannot be told."""
    if sys.platform == "linux":
        try:
            # As in grips: the signal of a broken lease would end the process.
            fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except OSError as error:
            return True if error.errno == errno.EAGAIN else None
        return False
    return None


def _let_go(descriptor: int, *, leased: bool) -> None:
    if sys.platform == "linux" and leased:
        with suppress(OSError):  # broken by the kernel meanwhile, since we took too long
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    if sys.platform != "win32":
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def _processes() -> Iterator[str]:
    with suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit():
                yield _SELF if int(name) == os.getpid() else f"/proc/{name}"


def _modes(process: str, wanted: os.stat_result, own: int) -> Iterator[int]:
    """Yield the flags with which a process has the file open (``flags`` in proc(5), octal)."""
    with os.scandir(f"{process}/fd") as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if entry.name != str(own) and os.path.samestat(entry.stat(), wanted):
                    with open(f"{process}/fdinfo/{entry.name}", "rb") as lines:
                        yield from (int(line.split()[1], 8) for line in lines if line.startswith(b"flags:"))


def _is_mapped_for_writing(process: str, wanted: os.stat_result) -> bool:
    """Tell whether a shared, writable mapping of the file exists: it may write anywhere."""
    if sys.platform == "win32":
        return False
    device = f"{os.major(wanted.st_dev):02x}:{os.minor(wanted.st_dev):02x}".encode()
    with open(f"{process}/maps", "rb") as lines:
        for line in lines:
            _addresses, permissions, _offset, where, inode, *_path = line.split(maxsplit=5)
            if (
                permissions[1:2] == b"w"
                and permissions[3:4] == b"s"
                and where == device
                and int(inode) == wanted.st_ino
            ):
                return True
    return False
