"""Decides whether the state directory may be used, and makes a directory of our own private where nobody loses by it.

The state must be its user's alone: a run trusts what the last one wrote there. Volumes and bind mounts come with mode
0755, though. One that is ours, and holds only what we write, is made private; any other is refused with the command
that puts it right, since closing a directory that others use would break what they do.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import stat
import sys
from typing import TYPE_CHECKING, Final

from dvornik import served
from dvornik.errors import DvornikError
from dvornik.languages import _, of_system

if sys.platform != "win32":
    import pwd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FILE: Final = "file"
OWNER: Final = "owner"
MODE: Final = "mode"
OPEN: Final = "open"
"""It is open to others, and the next run makes it private."""
_PLANS: Final = "plans"
MADE: Final = frozenset({"state.db", _PLANS, "health.json", "told.json", "reported.json", "schedule.json", "reserve"})
"""What dvornik makes there, besides what SQLite puts beside its file and what waits to be renamed."""
_LOG: Final = "maintenance.log"
"""With its rotations: it lies there where a web server would serve it elsewhere."""
_PLACEHOLDERS: Final = frozenset({".gitkeep", ".gitignore", ".htaccess"})
_OTHERS: Final = 0o077
_PRIVATE: Final = 0o700


def objection(directory: Path) -> str:
    """Return as a code what keeps this user from using the directory as it is; empty: nothing, or it is not there."""
    try:
        found, link = directory.stat(), directory.lstat()
    except OSError:
        return ""
    if not stat.S_ISDIR(found.st_mode):
        return FILE
    if sys.platform != "win32":
        if found.st_uid != os.geteuid() or link.st_uid not in {0, os.geteuid()}:  # a link may be the administrator's
            return OWNER
        if stat.S_IMODE(found.st_mode) & _OTHERS:
            return OPEN if _can_be_private(directory) else MODE
    return ""


def error(directory: Path, code: str) -> DvornikError:
    """Return what to tell the operator of an objection: the command that puts it right is in the hint."""
    if code == FILE or sys.platform == "win32":
        return DvornikError(_("The state is not a directory."), context=str(directory))
    path = shlex.quote(str(directory))
    if code == MODE:
        hint = _(
            "If nothing else belongs there: chmod 700 {path}. Otherwise choose a directory for it alone: [app] state."
        )
        return DvornikError(
            _("The state directory is open to other users, and holds more than dvornik's state."),
            context=str(directory),
            hint=hint.format(path=path),
        )
    command = f"chown {os.geteuid()} {path} && chmod 700 {path}"
    if not os.geteuid():
        hint = _("Run dvornik as its owner, {user}. To let root keep it from now on: {command}")
        return DvornikError(
            _("The state directory belongs to another user."),
            context=str(directory),
            hint=hint.format(user=_name(directory), command=command),
        )
    hint = _("As root: {command}").format(command=command)
    if os.access(directory, os.W_OK | os.X_OK):
        deeper = _("Or put the state one level deeper: DVORNIK_APP_STATE={path}")
        hint = f"{hint}. {deeper.format(path=shlex.quote(str(directory / 'state')))}"
    return DvornikError(_("The state directory belongs to another user."), context=str(directory), hint=hint)


def _name(directory: Path) -> str:
    user = directory.stat().st_uid
    if sys.platform != "win32":
        with contextlib.suppress(KeyError):  # a number without a name, as in containers
            return pwd.getpwuid(user).pw_name
    return str(user)


def make_private(directory: Path) -> None:
    """Take from a directory whose objection is ``OPEN`` what others may do there; raise where that fails.

    Everything is judged again through one open directory, so that nobody can put another in its place meanwhile.
    """
    if sys.platform == "win32":
        return
    try:
        with _opened(directory) as descriptor:
            if os.fstat(descriptor).st_uid != os.geteuid() or not _holds_only_ours(descriptor):
                raise error(directory, MODE)
            os.fchmod(descriptor, _PRIVATE)
            if stat.S_IMODE(os.fstat(descriptor).st_mode) & _OTHERS:
                raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
    except OSError as refusal:
        if refusal.errno == errno.EROFS:  # nothing can be written there by anyone: the record is left off as well
            return
        raise DvornikError(
            _("The state directory cannot be made private: {error}").format(error=of_system(refusal)),
            context=str(directory),
            hint=_("Its file system keeps no modes: put the state on another one, [app] state."),
        ) from refusal


def remove(directory: Path) -> list[str]:
    """Remove what dvornik keeps there, then the directory; return the names of what stays: the log, and others' files.

    Raises ``OSError``. A directory that cannot go, such as a mount point, is left empty.
    """
    with _opened(directory) as descriptor:
        left = _emptied(descriptor, _is_kept)
        if left == [served.HTACCESS] and served.is_denial(descriptor):
            os.unlink(served.HTACCESS, dir_fd=descriptor)
            left = []
    if not left:
        with contextlib.suppress(OSError):
            directory.rmdir()
    return left


def _is_kept(name: str) -> bool:
    """Tell whether a name is one of the state's own: nobody reads them but dvornik."""
    return _is_made(name) and name not in _PLACEHOLDERS and not name.startswith(_LOG)


def _emptied(descriptor: int, is_kept: Callable[[str], bool]) -> list[str]:
    """Remove the files of ours that ``is_kept`` knows by name, and the plans; return the names of what stays."""
    with os.scandir(descriptor) as entries:
        ours = [entry for entry in entries if is_kept(entry.name)]
    stay: list[str] = []
    for entry in ours:
        if entry.name == _PLANS and entry.is_dir(follow_symlinks=False):
            with _opened(_PLANS, descriptor) as plans:
                stay += [f"{_PLANS}/{name}" for name in _emptied(plans, _is_plan)]
            if not stay:
                os.rmdir(_PLANS, dir_fd=descriptor)
        elif _is_ours(entry, descriptor):
            os.unlink(entry.name, dir_fd=descriptor)
    return sorted([*(name for name in _names(descriptor) if name != _PLANS or not stay), *stay])


def _is_plan(name: str) -> bool:
    return name.endswith(".jsonl")


def _names(descriptor: int) -> list[str]:
    with os.scandir(descriptor) as entries:
        return sorted(entry.name for entry in entries)


def _can_be_private(directory: Path) -> bool:
    try:
        with _opened(directory) as descriptor:
            return _holds_only_ours(descriptor)
    except OSError:
        return False


def _holds_only_ours(descriptor: int) -> bool:
    """Tell whether everything in an open directory is what we make, and belongs to this user."""
    with os.scandir(descriptor) as entries:
        return all(_is_made(entry.name) and _is_ours(entry, descriptor) for entry in entries)


def _is_ours(entry: os.DirEntry[str], parent: int) -> bool:
    found = entry.stat(follow_symlinks=False)
    if sys.platform == "win32" or found.st_uid != os.geteuid():
        return False
    if not stat.S_ISDIR(found.st_mode):
        return stat.S_ISREG(found.st_mode) and found.st_nlink == 1
    if entry.name != _PLANS:
        return False
    with _opened(entry.name, parent) as plans, os.scandir(plans) as entries:
        return all(_is_plan(each.name) and _is_ours(each, plans) for each in entries)


def _is_made(name: str) -> bool:
    base = name.removesuffix("-wal").removesuffix("-shm").removesuffix("-journal")
    waiting = name.startswith(".") and any(name.startswith(f".{made}.") for made in MADE)
    return base in MADE or waiting or name in _PLACEHOLDERS or name.startswith(_LOG)


@contextlib.contextmanager
def _opened(path: Path | str, parent: int | None = None) -> Iterator[int]:
    flags = os.O_RDONLY
    if sys.platform != "win32":
        flags |= os.O_DIRECTORY | os.O_CLOEXEC
    descriptor = os.open(path, flags, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
