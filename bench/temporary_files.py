"""Measures removing and listing temporary files, whole processes in alternating pairs, against find(1).

``python bench/temporary_files.py DIRECTORY [--pairs 5] [--directories 2000] [--files 200]`` makes the same tree anew
below DIRECTORY for each process, half of its files old, then times ``cleanup.py --temp-only`` (with every guard on)
against ``find -type f -mtime +N -delete``, and a dry run, and the bare listing with its times, against ``find -printf``
on the tree as it is. Wall-clock seconds, from start to end; the tree is on the disk (sync) before each.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

CLEANUP = Path(__file__).parent.parent / "backend/scripts/maintenance/cleanup.py"
DAY = 86_400
CONFIGURATION = """\
[app]
kind = "declared"
[temp]
paths = ["tmp"]
older_than = "2d"
age_by = "mtime"
[log]
path = ""
"""
LISTING = """\
from dvornik.storages.local import LocalStorage
for step in LocalStorage("temp", "tmp").walk(with_times=True):
    pass
"""


def fill(root: Path, directories: int, files: int) -> None:
    """Make the tree: every second file is ten days old."""
    then = time.time() - 10 * DAY
    for number in range(directories):
        path = root / f"dir{number:05d}"
        path.mkdir(parents=True)
        top = os.open(path, os.O_RDONLY)
        for index in range(files):
            name = f"upload-{secrets.token_hex(6)}.tmp"  # numbers would make them pieces of one upload
            file = os.open(name, os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=top)
            os.write(file, b"left behind\n")
            if index % 2:
                os.utime(file, (then, then))
            os.close(file)
        os.close(top)
    os.sync()


def seconds(command: list[str], directory: Path) -> float:
    """Return how long one process takes; it must succeed."""
    start = time.perf_counter()
    subprocess.run(command, cwd=directory, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def peak(command: list[str], directory: Path) -> float:
    """Return the most memory that one process takes, in MB."""
    process = subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL)
    _pid, _status, used = os.wait4(process.pid, 0)
    return used.ru_maxrss / 1000


def compare(name: str, ours: list[float], theirs: list[float]) -> None:
    """Print the medians and the median of the pairs' ratios."""
    ratio = statistics.median(mine / peer for mine, peer in zip(ours, theirs, strict=True))
    print(f"{name}: {statistics.median(ours):.2f} s against {statistics.median(theirs):.2f} s, ratio {ratio:.2f}")


def columns(pairs: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Turn pairs into ours and theirs."""
    return [ours for ours, _theirs in pairs], [theirs for _ours, theirs in pairs]


def main() -> None:
    """Measure both, and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--directories", type=int, default=2000)
    parser.add_argument("--files", type=int, default=200)
    options = parser.parse_args()
    base = options.directory / "dvornik-bench"
    base.mkdir()
    (base / "dvornik.toml").write_text(CONFIGURATION)
    clean = [sys.executable, str(CLEANUP), "--config", "dvornik.toml", "--temp-only"]
    old = ["find", "tmp", "-type", "f", "-mtime", "+2"]
    dry: list[tuple[float, float]] = []
    listing: list[tuple[float, float]] = []
    removal: list[tuple[float, float]] = []
    try:
        for pair in range(options.pairs):
            taken = {}
            for command in (clean, [*old, "-delete"]) if pair % 2 else ([*old, "-delete"], clean):
                shutil.rmtree(base / "tmp", ignore_errors=True)
                fill(base / "tmp", options.directories, options.files)
                if command is clean:
                    theirs = seconds(["find", "tmp", "-printf", "%T@ %s %p\\n"], base)
                    dry.append((seconds([*clean, "--dry-run"], base), theirs))
                    listing.append((seconds([sys.executable, "-c", LISTING], base), theirs))
                taken[command is clean] = seconds(command, base)
            removal.append((taken[True], taken[False]))
        print(f"peak memory of a dry run: {peak([*clean, '--dry-run'], base):.0f} MB")
    finally:
        shutil.rmtree(base)
    count = options.directories * options.files
    compare(f"--temp-only, {count // 2} of {count} files old, against find -delete", *columns(removal))
    compare(f"--dry-run of {count} files, against find -printf", *columns(dry))
    compare(f"listing {count} files, against find -printf", *columns(listing))


if __name__ == "__main__":
    main()
