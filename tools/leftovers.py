"""Ends what a killed run of the container tests left behind, so that its directory can be used, or removed, again.

    python3 tools/leftovers.py .cache/docker

Only programs of an engine that were started with this directory, the containers whose records lie in it, and mounts
below it: another engine of the machine's is not touched. Needs nothing but Python.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROGRAMS = frozenset({"dockerd", "containerd", "containerd-shim", "docker-proxy", "runc"})
_PATIENCE = 30.0
"""Seconds in which dockerd stops its containers when it is asked to."""


def clear(home: Path) -> None:
    """End the engine of ``home``, kill what is left of its containers, and unmount what is mounted below."""
    home = home.resolve()
    if not home.is_dir() or sys.platform != "linux":
        return
    _end(_engine(home, "dockerd"), signal.SIGTERM)
    _end([*_engine(home), *_contained(home)], signal.SIGKILL)
    for place in _mounts(home):
        if not _unmount(place):
            _unmount("--lazy", place)


def _engine(home: Path, *names: str) -> list[int]:
    """Return the numbers of the engine's programs that were told of ``home``."""
    found = []
    for number in _processes():
        words = _read(number, "cmdline").split("\0")
        is_told = any(f"{home}/" in word for word in words)
        if is_told and _read(number, "comm").strip() in (names or _PROGRAMS):
            found.append(number)
    return found


def _contained(home: Path) -> list[int]:
    """Return the numbers of processes in containers whose records lie in ``home``."""
    records = home / "data" / "containers"
    containers = [path.name for path in records.iterdir()] if records.is_dir() else []
    groups = {number: _read(number, "cgroup") for number in _processes()} if containers else {}
    return [number for number, group in groups.items() if any(each in group for each in containers)]


def _end(numbers: list[int], how: signal.Signals) -> None:
    for number in numbers:
        try:
            os.kill(number, how)
        except ProcessLookupError:
            continue
    until = time.monotonic() + _PATIENCE
    while any(_read(number, "cmdline") for number in numbers) and time.monotonic() < until:
        time.sleep(0.1)


def _mounts(home: Path) -> list[str]:
    """Return what is mounted below ``home``, the innermost first."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    places = [line.split()[4].replace("\\040", " ") for line in lines]
    return sorted((place for place in places if place.startswith(f"{home}/")), key=len, reverse=True)


def _unmount(*words: str) -> bool:
    return subprocess.run(["umount", *words], check=False, capture_output=True).returncode == 0  # noqa: S607 - whichever the system has


def _processes() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdecimal())  # noqa: PTH208 - names, not paths


def _read(number: int, name: str) -> str:
    try:
        return Path(f"/proc/{number}/{name}").read_text(encoding="utf-8", errors="replace")
    except OSError:  # it ended meanwhile, or is another user's
        return ""


if __name__ == "__main__":
    clear(Path(sys.argv[1]))
