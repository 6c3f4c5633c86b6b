"""Owns the way to a directory: resolved and judged once, then opened from ``/`` piece by piece, following nothing.

A link, or a directory, of one user must not lead to what is another's, unless that one user is root or runs us: whoever
owns a directory may put anything in the place of what is in it. systemd-tmpfiles keeps the same rule. Who owns ``/``
counts as root. A mount may lie in any directory, since it takes root to make one.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import sys
from typing import Final, NamedTuple

from dvornik.languages import _
from dvornik.storages.kernel import mounts

if sys.platform != "win32":
    import pwd

PASS: Final = (
    getattr(os, "O_PATH", os.O_RDONLY)
    | getattr(os, "O_DIRECTORY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
"""Flags for a directory on the way: it need not be readable."""
_LINK: Final = {errno.ENOTDIR, errno.ELOOP}
"""What opening a link with these flags answers."""
_MOST_LINKS: Final = 40
"""The kernel's own bound."""
_ALL_USERS: Final = 2**32 - 1
_HAS_WAYS: Final = sys.platform != "win32" and {os.open, os.stat, os.readlink} <= os.supports_dir_fd


class Stop(NamedTuple):
    """A directory or link on a way."""

    path: str
    owner: int
    is_link: bool = False


class UnsafeStepError(PermissionError):
    """Somebody could lead us to what is another's."""

    def __init__(self, outer: Stop, inner: Stop) -> None:
        """Say from where to where the step leads."""
        super().__init__(errno.EACCES, os.strerror(errno.EACCES))
        self._outer = outer
        self._inner = inner

    @property
    def message(self) -> str:
        """What is wrong, for people."""
        outer, inner = self._outer, self._inner
        return _("{outer} belongs to {user} and leads to {inner}, which belongs to {other}").format(
            outer=outer.path, user=_name(outer.owner), inner=inner.path, other=_name(inner.owner)
        )

    @property
    def hint(self) -> str:
        """What can be done about it."""
        outer, inner = self._outer, self._inner
        if outer.is_link:
            return _("Name the directory itself in place of the link, or make {user} the owner of both.").format(
                user=_name(outer.owner)
            )
        return _("Make {user} the owner of both, or run dvornik as {other}.").format(
            user=_name(outer.owner), other=_name(inner.owner)
        )


def resolved(path: str) -> str:
    """Return where an absolute path leads, without links; what is not there is taken as it is written.

    Raises ``UnsafeStepError`` where somebody could let it lead to what is another's.
    """
    return _Resolution(path).end() if _HAS_WAYS else os.path.realpath(path)


def opened(path: str, flags: int) -> tuple[int, int]:
    """Open the directory at a path that was ``resolved``, with ``flags``, and the one around it.

    Return the descriptors of the one around and of the directory. Raises ``OSError`` where a link is on the way by now,
    ``UnsafeStepError`` where it leads to what is another's.
    """
    names = _names(path)
    around = os.open("/", PASS)
    try:
        last = _top(around)
        for depth, name in enumerate(names[:-1], start=1):
            below = os.open(name, PASS, dir_fd=around)
            os.close(around)
            around = below
            last = _stepped(last, _stop("/" + "/".join(names[:depth]), around))
        current = os.open(names[-1] if names else ".", flags, dir_fd=around)
    except OSError:
        os.close(around)
        raise
    try:
        _stepped(last, _stop(path, current))
    except OSError:
        os.close(around)
        os.close(current)
        raise
    return around, current


class _Resolution:
    """One path on its way to its end."""

    def __init__(self, path: str) -> None:
        self._todo = _names(path)[::-1]
        self._way: list[str] = []
        self._links: list[tuple[int, Stop]] = []
        """Those that were followed and have not ended, each with how many names are left to go once it has."""
        self._followed = 0
        self._fd = os.open("/", PASS)
        self._last = _top(self._fd)

    def end(self) -> str:
        try:
            while self._todo and self._step(self._todo[-1]):
                pass
        finally:
            os.close(self._fd)
        for name in reversed(self._todo):
            self._go(name)
        return self._here()

    def _here(self, *more: str) -> str:
        return "/" + "/".join((*self._way, *more))

    def _go(self, name: str) -> None:
        if name != "..":
            self._way.append(name)
        elif self._way:
            self._way.pop()

    def _step(self, name: str) -> bool:
        """Go one step; ``False`` where it leads nowhere."""
        try:
            below = os.open(name, PASS, dir_fd=self._fd)
        except OSError as error:
            return error.errno in _LINK and self._follow(name)
        os.close(self._fd)
        self._fd = below
        self._todo.pop()
        self._go(name)
        stop = _stop(self._here(), below)
        if name != "..":
            _stepped(self._last, stop)
        self._arrive(stop)
        return True

    def _follow(self, name: str) -> bool:
        """Take a link's target for the next names."""
        try:
            owner = os.stat(name, dir_fd=self._fd, follow_symlinks=False).st_uid
            target = os.readlink(name, dir_fd=self._fd)
        except OSError:
            return False
        self._followed += 1
        if self._followed > _MOST_LINKS:
            return False
        self._todo.pop()
        link = _stepped(self._last, Stop(self._here(name), owner, is_link=True))
        for _left, other in self._ending():
            _stepped(other, link)
        self._links.append((len(self._todo), link))
        self._todo += _names(target)[::-1]
        if target.startswith("/"):
            os.close(self._fd)
            self._fd = os.open("/", PASS)
            self._way.clear()
            self._last = _top(self._fd)
        return True

    def _ending(self) -> list[tuple[int, Stop]]:
        return [each for each in self._links if len(self._todo) <= each[0]]

    def _arrive(self, stop: Stop) -> None:
        """Take a directory for where the links lead that end with it."""
        ending = self._ending()
        for _left, link in ending:
            _stepped(link, stop)
        self._links = self._links[: len(self._links) - len(ending)]
        self._last = stop


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in {"", "."}]


def _top(descriptor: int) -> Stop:
    return _stop("/", descriptor)


def _stop(path: str, descriptor: int) -> Stop:
    return Stop(path, os.fstat(descriptor).st_uid)


def _stepped(outer: Stop, inner: Stop) -> Stop:
    """Return where a step leads; raise ``UnsafeStepError`` where somebody else could have had it lead there."""
    is_safe = outer.owner == inner.owner or _is_trusted(outer)
    if not is_safe and not outer.is_link and not inner.is_link:
        # What an ordinary user has in another's directory, that other cannot replace by more of his elsewhere.
        is_own = inner.owner == _own_user() != 0
        is_safe = is_own or inner.path in mounts()
    if not is_safe:
        raise UnsafeStepError(outer, inner)
    return inner


def _is_trusted(outer: Stop) -> bool:
    """Tell whether a directory or link is root's or our own; in a user namespace root has no number."""
    is_nobody_here = not outer.is_link and outer.owner == _unmapped_user()
    return is_nobody_here or outer.owner in {0, _own_user(), os.stat("/").st_uid}


def _own_user() -> int:
    if sys.platform == "win32":
        return 0
    return os.geteuid()


def _name(user: int) -> str:
    if sys.platform != "win32":
        with contextlib.suppress(KeyError):
            return pwd.getpwuid(user).pw_name
    return str(user)


@functools.cache
def _unmapped_user() -> int:
    """Return as whose the files of all users appear that this user namespace does not know; -1 where it knows all."""
    try:
        with open("/proc/self/uid_map", "rb") as lines:
            ranges = [(int(first), int(count)) for first, _outside, count in map(bytes.split, lines)]
        with open("/proc/sys/kernel/overflowuid", "rb") as line:
            overflow = int(line.read())
    except (OSError, ValueError):
        return -1
    knows_all = sum(count for _first, count in ranges) >= _ALL_USERS
    is_somebody = any(first <= overflow < first + count for first, count in ranges)
    return -1 if knows_all or is_somebody else overflow
