"""Lets root work as the user to whom an installation belongs: what that user may not touch, root shall not for it."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OURS = ("HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR")


class Owner(msgspec.Struct, frozen=True):
    """A user that root works for, told once: whoever owns a directory can put another in its place meanwhile."""

    user: int
    group: int
    name: str = ""
    """Empty for a number without a name, as in containers."""
    home: str = "/nonexistent"

    @property
    def known_as(self) -> str:
        """Return what to call the user."""
        return self.name or str(self.user)


def other_owner(path: Path) -> Owner | None:
    """Return to whom ``path`` belongs, where root runs this and it is somebody else."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return None
    import pwd

    found = path.stat()
    if not found.st_uid:
        return None
    try:
        account = pwd.getpwuid(found.st_uid)
    except KeyError:
        return Owner(found.st_uid, found.st_gid)
    return Owner(found.st_uid, found.st_gid, account.pw_name, account.pw_dir)


def shut_out(base: Path, state: Path) -> Owner | None:
    """Return whose application lies at ``base`` where the state in it is root's; a volume shuts nobody out."""
    owner = other_owner(base)
    if owner is None or not state.is_dir() or other_owner(state):
        return None
    return owner if state.is_relative_to(base) and state.stat().st_dev == base.stat().st_dev else None


@contextmanager
def as_owner(owner: Owner | None) -> Iterator[None]:
    """Be that user for a while; ``None``: nothing changes.

    Programs started meanwhile are that user's for good: root is kept only as what this process may go back to, and
    that does not pass to another program.
    """
    if sys.platform != "linux" or owner is None:
        yield
        return
    groups, group = os.getgroups(), os.getegid()
    kept = {variable: os.environ.get(variable) for variable in _OURS}
    try:
        os.setgroups(os.getgrouplist(owner.name, owner.group) if owner.name else [owner.group])
        os.setresgid(owner.group, owner.group, group)
        os.setresuid(owner.user, owner.user, 0)
        _let({**dict.fromkeys(_OURS), "HOME": owner.home})
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(group, group, group)
        os.setgroups(groups)
        _let(kept)


def _let(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
