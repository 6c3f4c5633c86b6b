"""Owns what this process may still remove once a run begins: what is under care, and what is our own."""

from __future__ import annotations

import os
import sys
import tempfile
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
    roots = [os.path.realpath(root) for root in yard.roots.values() if Path(root).is_dir()]
    asks_proc = bool(yard.config.logs.truncate_over)
    if asks_proc or yard.config.backup.command or not all(grips.has_leases(quarantine.made(root)) for root in roots):
        return False
    sys.dont_write_bytecode = True  # the interpreter renames what it compiled, and may not any more
    files = [str(each.path.parent) for each in yard.databases.values() if isinstance(each, SingleFile)]
    own = [str(yard.state.directory), str(Path(yard.config.log.path or yard.state.directory).parent)]
    if yard.config.metrics.textfile:
        own.append(str(metrics.textfile(yard.config.metrics.textfile, yard.name).parent))
    own += [each.archive for each in (*yard.config.sessions.values(), *yard.config.rows.values()) if each.archive]
    scratch = [tempfile.gettempdir(), "/var/tmp"]  # noqa: S108 - where SQLite puts what a rewrite needs
    return landlock.restrict([*roots, *map(quarantine.made, roots), *files, *own, *scratch])
