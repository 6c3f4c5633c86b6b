"""What must be true before anything irreversible: a fresh backup, and the maintenance window.

Temporary files and logs are not asked about: they go by age, hold nothing that a backup would bring back, and a full
disk must not wait for the night.
"""

from __future__ import annotations

import glob
import stat
import subprocess
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from dvornik.model import Gate, Refusal

if TYPE_CHECKING:
    from dvornik.config import BackupSection, WindowSection


def refusals(backup: BackupSection, window: WindowSection, now: float) -> list[Refusal]:
    """Say why an irreversible step may not happen at ``now`` (seconds since the epoch). Runs the backup command."""
    closed = _outside(window, now)
    if closed:
        return [closed]
    missing = _no_backup(backup, now)
    return [missing] if missing else []


def is_open(window: WindowSection, now: float) -> bool:
    """Tell whether the window is open; one without a start always is. It may cross midnight."""
    if not window.start or not window.end:
        return True
    zone = ZoneInfo(window.timezone) if window.timezone else None
    clock = datetime.fromtimestamp(now, zone).strftime("%H:%M")
    if window.start <= window.end:
        return window.start <= clock < window.end
    return clock >= window.start or clock < window.end


def _outside(window: WindowSection, now: float) -> Refusal | None:
    if is_open(window, now):
        return None
    return Refusal("", Gate.WINDOW, {"start": window.start, "end": window.end})


def _no_backup(backup: BackupSection, now: float) -> Refusal | None:
    if backup.command:
        code = _run(backup)
        if code:
            return Refusal("", Gate.BACKUP, {"command": backup.command[0], "code": code})
    if backup.file:
        age = _newest_age(backup.file, now)
        if age is None or abs(age) > backup.max_age:
            facts: dict[str, int | float | str] = {"file": backup.file, "max_age": float(backup.max_age)}
            if age is not None:
                facts["age"] = age
            return Refusal("", Gate.BACKUP, facts)
    return None


def _run(backup: BackupSection) -> int | str:
    """Return the exit status, or a word for a command that never had one."""
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command, without a shell
            backup.command, timeout=float(backup.timeout), check=False, stdin=subprocess.DEVNULL, stdout=2
        )
    except subprocess.TimeoutExpired:
        return "timeout"
    except OSError as error:
        return type(error).__name__
    return done.returncode


def _newest_age(pattern: str, now: float) -> float | None:
    """Return the age in seconds of the newest file that has anything in it; an empty backup is none.

    Nor is a directory: its time tells of any change in it, and a look at a file would be mistaken for a dump.
    """
    times = []
    for path in glob.glob(pattern, recursive=True):  # noqa: PTH207 - an absolute pattern of the operator's
        with suppress(OSError):  # rotated away meanwhile, or not ours to look at: no proof
            state = Path(path).stat()
            if state.st_size and stat.S_ISREG(state.st_mode):
                times.append(state.st_mtime)
    return now - max(times) if times else None
