"""Answers, without changing anything, whether a run of this user could use the state, and whether one is using it.

The health check imports this before anything else: hence nothing but what the interpreter has loaded by then.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing alone costs a third of the health check's budget
if TYPE_CHECKING:
    from typing import Final

OWNER, MODE, FILE = "owner", "mode", "file"
MISSING, DENIED, READ_ONLY, FULL = "missing", "denied", "read-only", "full"
NEWER = "newer"
VERSION: Final = 1
"""Of the record: raised with each change that this dvornik must not meet unawares. Older ones are brought forward."""
_ROOM: Final = 1 << 16
"""Bytes without which no run can be recorded: a row, and a new record of health."""
_FILES: Final = ("state.db", "health.json")


def objection(directory: str) -> str:
    """Say, as a code, why a run of this user could not use the state in ``directory``; empty: nothing is in its way."""
    try:
        return _of_directory(directory) or _of_record(directory) or _of_disk(directory)
    except FileNotFoundError:
        return FILE if os.path.lexists(directory) else _of_parent(directory)
    except NotADirectoryError:
        return MISSING
    except OSError:
        return DENIED


def _of_directory(directory: str) -> str:
    state, link = os.stat(directory), os.lstat(directory)  # noqa: PTH116 - pathlib is too dear here
    if state.st_mode & 0o170000 != 0o040000:  # noqa: PLR2004 - S_ISDIR, whose module is too dear here
        return FILE
    if sys.platform == "win32":
        return ""
    user = os.geteuid()
    if state.st_uid != user or link.st_uid not in {0, user}:  # a link, too, must be ours, or the administrator's
        return OWNER
    return MODE if state.st_mode & 0o077 and not _can_be_private(directory) else ""


def _can_be_private(directory: str) -> bool:
    """Tell whether the next run closes the directory to others by itself; asked only where it is open to them."""
    from pathlib import Path  # noqa: PLC0415 - dear, and hardly ever needed

    from dvornik import state_directory  # noqa: PLC0415 - as above

    return state_directory.objection(Path(directory)) == state_directory.OPEN


def _of_record(directory: str) -> str:
    """Read the version from the head of SQLite's file, where ``PRAGMA user_version`` puts it."""
    try:
        with open(os.path.join(directory, _FILES[0]), "rb") as file:  # noqa: PTH118, PTH123 - pathlib is too dear here
            head = file.read(64)
    except OSError:
        return ""
    return NEWER if int.from_bytes(head[60:64], "big") > VERSION else ""


def _of_disk(directory: str) -> str:
    if sys.platform == "win32":
        return ""
    disk = os.statvfs(directory)
    if disk.f_flag & os.ST_RDONLY:
        return READ_ONLY
    files = [os.path.join(directory, name) for name in _FILES]  # noqa: PTH118 - pathlib is too dear here
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK) or not all(map(_is_usable, files)):
        return DENIED
    return FULL if _is_full(disk) else ""


def _is_full(disk: os.statvfs_result) -> bool:
    if sys.platform == "win32":
        return False
    blocks = disk.f_bavail if os.geteuid() else disk.f_bfree
    return blocks * disk.f_frsize < _ROOM or bool(disk.f_files and not disk.f_ffree)


def _is_usable(path: str) -> bool:
    return os.access(path, os.R_OK | os.W_OK) or not os.path.lexists(path)


def _of_parent(directory: str) -> str:
    """Judge a state that is yet to be made: by the nearest directory that is there."""
    parent = os.path.dirname(os.path.abspath(directory))  # noqa: PTH100, PTH120 - pathlib is too dear here
    while not os.path.lexists(parent):
        parent = os.path.dirname(parent)  # noqa: PTH120 - as above
    if not os.access(parent, os.W_OK | os.X_OK):
        return MISSING
    return FULL if sys.platform != "win32" and _is_full(os.statvfs(parent)) else ""


def is_locked(directory: str) -> bool:
    """Tell whether a run holds the lock of the state, whoever it belongs to; where that cannot be asked, none does.

    The lock is shared for a moment to find out: whoever takes it asks more than once.
    """
    if sys.platform == "win32":
        return False
    import fcntl  # noqa: PLC0415 - not on every system

    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
