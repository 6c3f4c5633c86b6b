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
    from collections.abc import Sequence

    from dvornik.cli.yard import Yard
    from dvornik.storages.directories import Directory


def give_up(yard: Yard) -> bool:
    """Give up, where the kernel can, the right to remove or move anything but what is under care and our own.

    Not where a backup command is configured: it may have to remove old backups, and would inherit the lack. Nor
    where a file system has no leases, or logs are to be cut: who has a file open is then read from /proc, which
    Landlock closes.
    """
    asks_proc = bool(yard.config.logs.truncate_over)
    if asks_proc or yard.config.backup.command:
        return False
    roots = [root for root in map(yard.root, yard.roots.values()) if root.is_there()]
    try:
        private = [directory for root in roots for directory in quarantine.made(root, yard.public)]
    except OSError:  # a full or a read-only disk: claiming will say so, or find its way without
        return False
    try:
        return all(map(grips.has_leases, private)) and _restrict(yard, [*(root.directory for root in roots), *private])
    finally:
        for directory in private:
            directory.__exit__()


def _restrict(yard: Yard, held: Sequence[Directory]) -> bool:
    sys.dont_write_bytecode = True  # the interpreter renames what it compiled, and may not any more
    files = [str(each.path.parent) for each in yard.databases.values() if isinstance(each, SingleFile)]
    own = [str(yard.state.directory), str(Path(yard.config.log.path or yard.state.directory).parent)]
    if yard.config.metrics.textfile:
        own.append(str(metrics.textfile(yard.config.metrics.textfile, yard.name).parent))
    own += [each.archive for each in (*yard.config.sessions.values(), *yard.config.rows.values()) if each.archive]
    # Where SQLite puts what a rewrite needs. Python's own answer would make and remove a file there to find out.
    scratch = [os.environ.get("TMPDIR") or "/tmp", "/var/tmp"]  # noqa: S108 - as above
    return landlock.restrict([*files, *own, *scratch], held=held)
