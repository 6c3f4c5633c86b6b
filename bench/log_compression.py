"""Measures what packing a log costs and saves: dvornik's formats and levels beside gzip and zstd on the command line.

``python bench/log_compression.py [rounds] [megabytes]``. Each round packs the same log with every one of them in turn;
the figures are medians of the rounds. dvornik flushes its copy, reads it back and compares digests; its peers do not.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dvornik.storages import copies, directories
from dvornik.storages.packing import Packing

if TYPE_CHECKING:
    from collections.abc import Callable

LEVELS = {"gzip": (1, 3, 6, 9), "zstd": (1, 3, 6, 9, 12)}
PEERS = {"gzip -6": ["gzip", "-6", "-c"], "zstd -3": ["zstd", "-3", "-q", "-c", "--single-thread"]}
PATHS = ("/", "/articles/{}/", "/media/photos/{}.jpg", "/api/v1/users/{}", "/static/site.css", "/search?q={}")
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
)


def write_log(path: Path, size: int) -> None:
    """Write an access log as a web server does, of about ``size`` bytes; the same each time."""
    chance, moment, written = random.Random(3), 1_767_225_600.0, 0  # noqa: S311 - nothing is secret here
    with path.open("w", encoding="ascii") as log:
        while written < size:
            moment += chance.expovariate(40)
            address = ".".join(str(chance.randrange(256)) for _part in range(4))
            stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(moment))
            target = chance.choice(PATHS).format(chance.randrange(50_000))
            status, length = chance.choices((200, 304, 404, 500), (90, 6, 3, 1))[0], chance.randrange(100_000)
            agent = chance.choice(AGENTS)
            line = f'{address} - - [{stamp}] "GET {target} HTTP/1.1" {status} {length} "-" "{agent}"'
            written += log.write(f"{line} {chance.random():.3f}\n")


def pack(log: Path, packing: Packing) -> int:
    """Pack as dvornik does, with flush, reading back and comparison; return the bytes of the copy."""
    with directories.root(str(log.parent)) as directory, log.open("rb") as source:
        copies.pack(source.fileno(), log.stat().st_size, directory, "packed", packing)
    return (log.parent / "packed").stat().st_size


def run(log: Path, command: list[str]) -> int:
    """Pack with a program; return the bytes of the copy."""
    with (log.parent / "packed").open("wb") as sink:
        subprocess.run([*command, str(log)], stdout=sink, check=True)
        os.fsync(sink.fileno())
    return (log.parent / "packed").stat().st_size


def contenders(log: Path) -> dict[str, Callable[[], int]]:
    """Return what is measured, by name."""
    ours = {
        f"dvornik, {algorithm} {level}": partial(pack, log, Packing(algorithm, level))
        for algorithm, levels in LEVELS.items()
        for level in levels
    }
    theirs = {name: partial(run, log, command) for name, command in PEERS.items() if shutil.which(command[0])}
    return ours | theirs


def processor() -> float:
    """Return the seconds of processor time that this process and its children took so far."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    """Print a table."""
    asked = [int(word) for word in sys.argv[1:]]
    rounds, megabytes = [*asked, *(5, 64)[len(asked) :]]
    with tempfile.TemporaryDirectory(dir=".") as place:
        log = Path(place) / "access.log"
        write_log(log, megabytes * 1_000_000)
        wall: dict[str, list[float]] = {}
        busy: dict[str, list[float]] = {}
        sizes: dict[str, int] = {}
        for _round in range(rounds):
            for name, act in contenders(log).items():
                start, before = time.perf_counter(), processor()
                sizes[name] = act()
                wall.setdefault(name, []).append(time.perf_counter() - start)
                busy.setdefault(name, []).append(processor() - before)
        print("| packed by | ratio | MB a second | MB a second of processor time |\n|---|---|---|---|")
        for name, size in sizes.items():
            whole = log.stat().st_size
            speeds = [whole / 1e6 / statistics.median(measured[name]) for measured in (wall, busy)]
            print(f"| {name} | {whole / size:.1f} | {speeds[0]:.0f} | {speeds[1]:.0f} |")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{rounds} rounds, {log.stat().st_size / 1e6:.0f} MB, peak memory of this process {peak:.0f} MiB")


if __name__ == "__main__":
    main()
