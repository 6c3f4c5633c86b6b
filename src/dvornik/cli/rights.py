"""Owns what this process may still remove once a run begins: what is under care, and what is our own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dvornik import metrics
from dvornik.collectors.database import SingleFile
from dvornik.storages import grips, landlock, quarantine

if TYPE_CHECKING:
    from dvornik.cli.yard import Yard


def give_up(yard: Yard) -> bool:
    """Give up, where the kernel can, the right to remove or move anything but what is under care and our own.

    Not where a backup command is configured: it may have to remove old backups, and would inherit the lack. Nor
    where a file system has no leases, or logs are to be cut: who has a file open is then read from /proc, which
    Landlock closes.
    """
    roots = [os.path.realpath(root) for root in yard.roots.values() if os.path.isdir(root)]  # noqa: PTH112 - it answers where we may not look
    asks_proc = bool(yard.config.logs.truncate_over)
    if asks_proc or yard.config.backup.command:
        return False
    try:
        private = [quarantine.made(root, yard.public) for root in roots]
    except FileNotFoundError:  # a root that was moved away this moment: nothing of it will be found in its place
        return False
    if not all(map(grips.has_leases, private)):
        return False
    sys.dont_write_bytecode = True  # the interpreter renames what it compiled, and may not any more
    files = [str(each.path.parent) for each in yard.databases.values() if isinstance(each, SingleFile)]
    own = [str(yard.state.directory), str(Path(yard.config.log.path or yard.state.directory).parent)]
    if yard.config.metrics.textfile:
        own.append(str(metrics.textfile(yard.config.metrics.textfile, yard.name).parent))
    own += [each.archive for each in (*yard.config.sessions.values(), *yard.config.rows.values()) if each.archive]
    # Where SQLite puts what a rewrite needs. Python's own answer would make and remove a file there to find out.
    scratch = [os.environ.get("TMPDIR") or "/tmp", "/var/tmp"]  # noqa: S108 - as above
    return landlock.restrict([*roots, *private, *files, *own, *scratch])
