"""Whether this user may take anything away: that hangs on the directories, not on the files in them."""

from __future__ import annotations

import os
import stat
import sys
from typing import Final

import msgspec

_MOST: Final = 3


class Rights(msgspec.Struct, frozen=True):
    """What was learnt of a place's directories: how many, and in how many nothing can be renamed or removed."""

    directories: int = 0
    closed: int = 0
    """Those that this user may not write to."""
    sticky: int = 0
    """Those in which only a file's owner may remove it, as in /tmp, and which are somebody else's."""
    examples: tuple[str, ...] = ()
    """The first few of both kinds."""
    owners: tuple[int, ...] = ()
    """User ids that directories belong to."""


def look(before: Rights, path: str) -> Rights:
    """Add what the directory ``path`` tells; one that cannot be looked at tells nothing."""
    try:
        state = os.stat(path)  # noqa: PTH116 - names may hold any bytes
        is_closed = not os.access(path, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)
    except OSError:
        return before
    is_sticky = bool(state.st_mode & stat.S_ISVTX) and _user() not in {0, state.st_uid}
    examples = before.examples
    if (is_closed or is_sticky) and len(examples) < _MOST:
        examples = (*examples, path)
    owners = before.owners if state.st_uid in before.owners else (*before.owners, state.st_uid)
    return Rights(
        before.directories + 1, before.closed + is_closed, before.sticky + is_sticky, examples, owners[: _MOST + 1]
    )


def is_read_only(path: str) -> bool:
    """Tell whether nobody may write there, whatever the rights say; no where that cannot be asked."""
    if sys.platform == "win32":
        return False
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def user(number: int | None = None) -> str:
    """Return the name of a user id (by default of whoever runs this), the number itself where it has none."""
    number = _user() if number is None else number
    if sys.platform == "win32":
        return str(number)
    import pwd  # noqa: PLC0415 - not on every system

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0
