"""Lets root work as the user to whom an installation belongs: what that user may not touch, root shall not for it."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def as_owner(path: Path) -> Iterator[None]:
    """Be the owner of ``path`` for a while, where root runs this; for anyone else nothing changes."""
    if sys.platform == "win32" or os.geteuid() != 0:
        yield
        return
    found = path.stat()
    groups, group = os.getgroups(), os.getegid()
    try:
        os.setgroups(_groups(found.st_uid, found.st_gid))
        os.setegid(found.st_gid)
        os.seteuid(found.st_uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def _groups(user: int, group: int) -> list[int]:
    if sys.platform == "win32":
        return []
    import pwd  # noqa: PLC0415 - not on every system

    try:
        return os.getgrouplist(pwd.getpwuid(user).pw_name, group)
    except KeyError:  # a number without a name, as in containers
        return [group]
