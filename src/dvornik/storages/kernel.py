"""The few system calls that Python does not offer, each with its fallback, and errno told as a reason.

``openat2(2)`` and ``renameat2(2)`` go through ``syscall(2)``; seccomp profiles of container engines answer EPERM or
ENOSYS for calls that they do not know, so both are treated as "not there", once and for the process.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import sys
from typing import TYPE_CHECKING

from dvornik.model import Reason

if sys.platform != "win32":
    import resource

if TYPE_CHECKING:
    from collections.abc import Iterator

_AT_FDCWD = -100
_RENAME_NOREPLACE = 1
_RESOLVE = 0x01 | 0x02 | 0x04 | 0x08  # NO_XDEV | NO_MAGICLINKS | NO_SYMLINKS | BENEATH, from linux/openat2.h
_NUMBERS = {"x86_64": (316, 437), "aarch64": (276, 437)}
"""System-call numbers of renameat2 and openat2, from the kernel's tables; other machines use the fallbacks."""
_ABSENT = {errno.ENOSYS, errno.EPERM}

HAS_DESCRIPTORS = sys.platform != "win32" and os.open in os.supports_dir_fd and os.scandir in os.supports_fd

_REASONS = {
    errno.EACCES: Reason.DENIED,
    errno.EPERM: Reason.IMMUTABLE,
    errno.EROFS: Reason.READ_ONLY,
    errno.ENOSPC: Reason.NO_SPACE,
    errno.EDQUOT: Reason.NO_SPACE,
    errno.ENOENT: Reason.GONE,
    errno.ENOTDIR: Reason.CHANGED,
    errno.ELOOP: Reason.SYMLINK,
    errno.EXDEV: Reason.UNSUPPORTED,
    errno.EBUSY: Reason.BUSY,
    errno.ENOTEMPTY: Reason.NOT_EMPTY,
    errno.EEXIST: Reason.TAKEN,
}


class MountError(OSError):
    """A mount, and nothing else, is in the way."""

    def __init__(self, code: int = errno.EXDEV) -> None:
        """Take what the system called it."""
        super().__init__(code, os.strerror(code))


def reason_of(error: OSError) -> Reason:
    """Tell why, in the house's words; whatever is not known is an I/O error.

    EPERM is what root is told of immutable files only, and everybody else of the files of others in a sticky directory.
    """
    if isinstance(error, MountError):
        return Reason.MOUNT
    if error.errno == errno.EPERM and hasattr(os, "geteuid") and os.geteuid():
        return Reason.DENIED
    return _REASONS.get(error.errno or 0, Reason.IO_ERROR)


def code_of(error: OSError) -> str:
    """Return the errno's name, such as ``EACCES``."""
    return errno.errorcode.get(error.errno or 0, str(error.errno))


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class _Calls:
    """What this kernel turned out to have."""

    def __init__(self) -> None:
        numbers = _NUMBERS.get(platform.machine()) if sys.platform == "linux" else None
        self.renameat2, self.openat2 = numbers or (0, 0)
        self._libc = ctypes.CDLL(None, use_errno=True) if numbers else None

    def call(self, number: int, *arguments: object) -> int:
        """Make the call; raise ``OSError`` with its errno."""
        assert self._libc is not None  # noqa: S101 - for the type checker: a number implies the library
        result = int(self._libc.syscall(number, *arguments))
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return result


_calls = _Calls()
OPEN_FILE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
"""Flags for reading a file that may turn out to be a link or a pipe."""
PIN = getattr(os, "O_PATH", 0) and os.O_RDONLY | getattr(os, "O_PATH", 0) | getattr(os, "O_NOFOLLOW", 0)
"""Flags for holding a name's inode without opening the file; 0 where the system has no such thing."""
CLIMB = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
"""Flags for opening a parent directory."""
DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
"""Flags for reading a directory, never by way of a link."""
UNSEEN = DIRECTORY | getattr(os, "O_NOATIME", 0)
"""Reading a directory leaves its time of access alone: only its owner and root may ask for that."""
_PLENTY = 512
"""Descriptors with which nobody has to count them."""
_OTHERS = 28
"""Descriptors that a run holds besides the files that it takes away: its state, its log, directories."""
_PATH_CHUNK = 4000
"""Bytes of a relative path given to the kernel at once: below PATH_MAX (4096) with its NUL."""


def open_beneath(descriptor: int, path: str) -> int:
    """Open the directory ``path`` below ``descriptor``: no symlink, no mount (bind mounts too), no way out.

    Where openat2 is missing, one level at a time with O_NOFOLLOW; mounts are then told by the device number alone.
    """
    current = descriptor
    for piece in _pieces(os.fsencode(path) or b"."):
        around = current
        try:
            current = _open_piece(around, piece)
        finally:
            if around != descriptor:
                os.close(around)
    return current


def _pieces(path: bytes) -> Iterator[bytes]:
    """Cut a path at slashes such that each piece is short enough for the kernel."""
    while len(path) > _PATH_CHUNK:
        piece, path = path[:_PATH_CHUNK].rpartition(b"/")[0], path[path.rindex(b"/", 0, _PATH_CHUNK) + 1 :]
        yield piece
    yield path


def _open_piece(descriptor: int, piece: bytes) -> int:
    try:
        return _open_by(UNSEEN, descriptor, piece)
    except PermissionError:
        return _open_by(DIRECTORY, descriptor, piece)


def _open_by(flags: int, descriptor: int, piece: bytes) -> int:
    if _calls.openat2:
        how = _OpenHow(flags, 0, _RESOLVE)
        try:
            return _calls.call(_calls.openat2, descriptor, piece, ctypes.byref(how), ctypes.sizeof(how))
        except OSError as error:
            # O_NOATIME answers EPERM of its own accord in a directory of somebody else.
            if error.errno == errno.EXDEV:
                raise MountError from error
            if error.errno not in _ABSENT or (error.errno == errno.EPERM and flags != DIRECTORY):
                raise
            _calls.openat2 = 0
    return _open_levels(flags, descriptor, piece)


def _open_levels(flags: int, descriptor: int, piece: bytes) -> int:
    current = os.dup(descriptor)
    device = os.fstat(descriptor).st_dev
    try:
        for part in piece.split(b"/"):
            current, done = os.open(part, flags, dir_fd=current), current
            os.close(done)
            _must_be_on(device, current)
    except OSError:
        os.close(current)
        raise
    return current


def _must_be_on(device: int, descriptor: int) -> None:
    if os.fstat(descriptor).st_dev != device:
        raise MountError


def is_mount(directory: int, name: str) -> bool:
    """Tell whether something is mounted at ``name``, a file's bind mount too, where the system tells."""
    try:
        descriptor = os.open(name, PIN | getattr(os, "O_CLOEXEC", 0), dir_fd=directory)
    except OSError:
        return False
    try:
        return _mount_of(descriptor) != _mount_of(directory)
    finally:
        os.close(descriptor)


def _mount_of(descriptor: int) -> bytes:
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", "rb") as lines:
            return next((line for line in lines if line.startswith(b"mnt_id:")), b"")
    except OSError:
        return b""


def give_back(name: str, private: int, target: int, new_name: str) -> None:
    """Rename ``name`` out of ``private``; ``FileExistsError`` where ``new_name`` is taken meanwhile.

    Without renameat2 a hard link does the same (it never replaces); the old name then goes from the private side,
    where nobody else can have put another file. Where links are not to be had either (FAT; the files of others), the
    new name is first taken by an empty file of ours, which the rename then replaces.
    """
    if _rename_without_replacing(name, private, new_name, target):
        return
    try:
        os.link(name, new_name, src_dir_fd=private, dst_dir_fd=target, follow_symlinks=False)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0)
        os.close(os.open(new_name, flags, 0o600, dir_fd=target))
        os.rename(name, new_name, src_dir_fd=private, dst_dir_fd=target)
    else:
        os.unlink(name, dir_fd=private)


def _rename_without_replacing(name: str, source: int, new_name: str, target: int) -> bool:
    if not _calls.renameat2:
        return False
    try:
        _calls.call(_calls.renameat2, source, os.fsencode(name), target, os.fsencode(new_name), _RENAME_NOREPLACE)
    except OSError as error:
        # EINVAL: this file system has no such flag. EPERM: a container's filter, or an immutable file, which the
        # plain call then refuses as well.
        if error.errno == errno.ENOSYS:
            _calls.renameat2 = 0
        if error.errno in {errno.ENOSYS, errno.EINVAL, errno.EPERM}:
            return False
        raise
    return True


def room_for_files() -> int | None:
    """Return how many files each of two threads may hold open at once where that is few; ``None`` where it is not."""
    if sys.platform != "win32":
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if limit != resource.RLIM_INFINITY and limit < _PLENTY:
            return max(1, (limit - _OTHERS) // 2)
    return None


def is_exhausted(error: OSError) -> bool:
    """Tell whether an error says nothing about a file: there are no descriptors, or there is no memory, to look."""
    return error.errno in {errno.EMFILE, errno.ENFILE, errno.ENOMEM}


def locked() -> frozenset[int]:
    """Return the inodes that other processes hold a BSD lock on (``/proc/locks``); empty where it is not told."""
    try:
        with open("/proc/locks", "rb") as lines:
            held = [line.split() for line in lines]
    except OSError:
        return frozenset()
    own = b"%d" % os.getpid()
    return frozenset(int(each[5].rpartition(b":")[2]) for each in held if each[1] == b"FLOCK" and each[4] != own)


def mounts() -> set[str]:
    """Return the mount points of this process; empty where the system does not tell."""
    try:
        with open("/proc/self/mountinfo", "rb") as lines:
            return {os.fsdecode(_unescape(line.split(b" ")[4])) for line in lines}
    except OSError:
        return set()


def _unescape(path: bytes) -> bytes:
    r"""Undo the octal escapes of proc(5): ``\040`` is a blank."""
    for escape, plain in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        path = path.replace(escape, plain)
    return path


def guards() -> dict[str, bool]:
    """Tell which guards the kernel gives, for the diagnosis; each has a fallback. Changes nothing."""
    return {
        "descriptors": HAS_DESCRIPTORS,
        "openat2": HAS_DESCRIPTORS and _has_openat2(),
        "renameat2": HAS_DESCRIPTORS and _has_renameat2(),
    }


def _has_openat2() -> bool:
    """Find out by opening the working directory."""
    with contextlib.suppress(OSError):
        os.close(_open_by(DIRECTORY, _AT_FDCWD, b"."))
    return bool(_calls.openat2)


def _has_renameat2() -> bool:
    """Find out by renaming nothing to nothing, which fails where the call is there."""
    try:
        return _rename_without_replacing("", _AT_FDCWD, "", _AT_FDCWD)
    except FileNotFoundError:
        return True
