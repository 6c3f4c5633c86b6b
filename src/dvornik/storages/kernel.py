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

from dvornik.model import Reason

if sys.platform != "win32":
    import fcntl
    import signal

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
    errno.EXDEV: Reason.MOUNT,
    errno.EBUSY: Reason.MOUNT,
    errno.ENOTEMPTY: Reason.NOT_EMPTY,
    errno.EEXIST: Reason.TAKEN,
}


def reason_of(error: OSError) -> Reason:
    """Tell why, in the house's words; whatever is not known is an I/O error."""
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
_DIRECTORY = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_HOW = _OpenHow(os.O_RDONLY | _DIRECTORY, 0, _RESOLVE)
_PATH_CHUNK = 4000
"""Bytes of a relative path given to the kernel at once: below PATH_MAX (4096) with its NUL."""


def open_beneath(descriptor: int, path: str) -> int:
    """Open the directory ``path`` below ``descriptor``: no symlink, no mount (bind mounts too), no way out.

    Where openat2 is missing, one level at a time with O_NOFOLLOW; mounts are then told by the device number alone.
    """
    current = os.dup(descriptor)
    try:
        for piece in _pieces(path):
            current, done = _open_piece(current, piece), current
            os.close(done)
    except OSError:
        os.close(current)
        raise
    return current


def _pieces(path: str) -> list[str]:
    if len(os.fsencode(path)) <= _PATH_CHUNK:
        return [path] if path else []
    pieces, piece, length = [], "", 0
    for part in path.split("/"):
        size = len(os.fsencode(part)) + 1
        if piece and length + size > _PATH_CHUNK:
            pieces.append(piece)
            piece, length = part, size
        else:
            piece, length = (f"{piece}/{part}" if piece else part), length + size
    return [*pieces, piece]


def _open_piece(descriptor: int, piece: str) -> int:
    if _calls.openat2:
        try:
            return _calls.call(_calls.openat2, descriptor, os.fsencode(piece), ctypes.byref(_HOW), ctypes.sizeof(_HOW))
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
            _calls.openat2 = 0
    return _open_levels(descriptor, piece)


def _open_levels(descriptor: int, piece: str) -> int:
    current = os.dup(descriptor)
    device = os.fstat(descriptor).st_dev
    try:
        for part in piece.split("/"):
            current, done = os.open(part, os.O_RDONLY | _DIRECTORY, dir_fd=current), current
            os.close(done)
            _must_be_on(device, current)
    except OSError:
        os.close(current)
        raise
    return current


def _must_be_on(device: int, descriptor: int) -> None:
    if os.fstat(descriptor).st_dev != device:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


def claim(name: str, source: int, private: int) -> None:
    """Rename ``name`` into the directory ``private``, which is ours alone, relative to open directories."""
    if not _rename_without_replacing(name, source, name, private):
        os.rename(name, name, src_dir_fd=source, dst_dir_fd=private)


def give_back(name: str, private: int, target: int) -> None:
    """Rename ``name`` out of ``private``; ``FileExistsError`` where the name is taken meanwhile.

    Without renameat2 a hard link does the same (it never replaces); the old name then goes from the private side,
    where nobody else can have put another file.
    """
    if not _rename_without_replacing(name, private, name, target):
        os.link(name, name, src_dir_fd=private, dst_dir_fd=target, follow_symlinks=False)
        os.unlink(name, dir_fd=private)


def _rename_without_replacing(name: str, source: int, new_name: str, target: int) -> bool:
    if not _calls.renameat2:
        return False
    try:
        _calls.call(_calls.renameat2, source, os.fsencode(name), target, os.fsencode(new_name), _RENAME_NOREPLACE)
    except OSError as error:
        # EINVAL: this file system has no such flag. EPERM: a container's filter, or an immutable file, which the
        # plain call then refuses as well.
        if error.errno in {errno.ENOSYS, errno.EINVAL, errno.EPERM}:
            return False
        raise
    return True


class Use:
    """Tells whether anyone has a file open, mapped or locked.

    A write lease (``fcntl(2)``, F_SETLEASE) is granted only when no other descriptor to the file exists, so it
    answers without a race. It needs the file's owner or CAP_LEASE and a file system that has leases; else the
    descriptors of all visible processes are compared by device and inode.
    """

    def __init__(self) -> None:
        """Start without a list of open files: it is made only when a lease cannot answer."""
        self._open: set[tuple[int, int]] | None = None

    def forget(self) -> None:
        """Let the next question read the processes' descriptors anew."""
        self._open = None

    def is_open(self, descriptor: int) -> bool:
        """Tell whether somebody besides our own ``descriptor`` has the file."""
        if sys.platform == "linux":
            try:
                # The signal of a broken lease would end the process (SIGIO); SIGURG is ignored by default.
                fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
                fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
                fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
            except OSError as error:
                if error.errno == errno.EAGAIN:
                    return True
            else:
                return False
        return self._is_listed(os.fstat(descriptor))

    def is_listed(self, state: os.stat_result) -> bool:
        """Tell by the processes' descriptors alone, for a file that we may not open."""
        return self._is_listed(state)

    def _is_listed(self, state: os.stat_result) -> bool:
        if self._open is None:
            self._open = set(_descriptors())
        return (state.st_dev, state.st_ino) in self._open


def _descriptors() -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    own = str(os.getpid())
    if not os.path.isdir("/proc/self/fd"):
        return found
    for process in os.listdir("/proc"):
        if not process.isdigit() or process == own:
            continue
        with contextlib.suppress(OSError):
            for entry in os.scandir(f"/proc/{process}/fd"):
                with contextlib.suppress(OSError):
                    state = entry.stat()
                    found.append((state.st_dev, state.st_ino))
    return found


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
    """Tell which guards the kernel gave so far: asked by the diagnosis."""
    return {"descriptors": HAS_DESCRIPTORS, "openat2": bool(_calls.openat2), "renameat2": bool(_calls.renameat2)}
