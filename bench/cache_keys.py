"""Drops half of the keys of a Valkey: dvornik against ``redis-cli --scan --pattern | xargs redis-cli unlink``.

Usage: ``python bench/cache_keys.py [ROUNDS [KEYS]]`` (3 and 1,000,000). Each round fills the server anew for both, in
turn. A client of its own process asks for a key over and over meanwhile: its 99th percentile is the application's wait.
The server is the tests' own; redis-cli is the system's, else Debian's package, unpacked below ``.cache``.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import redis  # noqa: E402 - what follows is found by the line above

from dvornik.application import CachePlace  # noqa: E402
from dvornik.caches import connect  # noqa: E402
from tests.servers.valkey import running  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

_NOBODY = "nobody, for 3 s"
"""What the client waits on this machine when nothing is cleaned at all."""
_PACKAGES = ("redis-tools", "libjemalloc2", "liblzf1")


def main(rounds: int, keys: int) -> None:
    """Print a line a round, and the medians."""
    program, env = _client_program()
    figures: dict[str, list[tuple[float, float, float]]] = {
        _NOBODY: [],
        "redis-cli": [],
        "dvornik": [],
        "dvornik, with its plan": [],
    }
    with running() as server:
        ways: dict[str, Callable[[], object]] = {
            _NOBODY: lambda: time.sleep(3),
            "redis-cli": lambda: _peer(program, env, server.url),
            "dvornik": lambda: sum(connect(_place(server.url)).unlink()),
            "dvornik, with its plan": lambda: (connect(_place(server.url)).usage(), _unlinked(server.url)),
        }
        for number in range(rounds):
            for name, act in ways.items():
                left = keys if name == _NOBODY else keys // 2
                figures[name].append(_measured(server.url, keys, left, act))
                seconds, p99, longest = figures[name][-1]
                print(f"{number + 1} {name}: {seconds:.2f} s, p99 {p99:.2f} ms, longest {longest:.1f} ms", flush=True)
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in figures.items()
    }
    for name, (seconds, p99, longest) in medians.items():
        ratio = medians["redis-cli"][0] / seconds
        print(f"| {name} | {seconds:.2f} | {ratio:.1f} | {p99:.2f} | {longest:.1f} |")


def _place(url: str) -> CachePlace:
    return CachePlace("bench", url, [":1:*"])


def _unlinked(url: str) -> int:
    return sum(connect(_place(url)).unlink())


def _measured(url: str, keys: int, left: int, act: Callable[[], object]) -> tuple[float, float, float]:
    """Return seconds, and the milliseconds that a client waited: 99th percentile and longest."""
    with redis.Redis.from_url(url) as client:
        _fill(client, keys)
        ours, theirs = multiprocessing.Pipe()
        asking = multiprocessing.Process(target=_ask, args=(url, theirs), daemon=True)
        asking.start()
        ours.recv()
        started = time.perf_counter()
        act()
        seconds = time.perf_counter() - started
        ours.send("enough")
        waits = sorted(ours.recv())
        asking.join()
        if client.dbsize() != left:
            raise SystemExit(f"{client.dbsize()} keys are left")
    return seconds, waits[len(waits) * 99 // 100] * 1000, waits[-1] * 1000


def _fill(client: redis.Redis, keys: int) -> None:
    client.flushdb()
    for start in range(0, keys, 10_000):
        numbers = range(start, min(keys, start + 10_000), 2)
        page = {f":1:views.decorators.cache.cache_page.{number}": "x" * 100 for number in numbers}
        client.mset(page | {f"other:{number}": "x" * 100 for number in numbers})


def _ask(url: str, pipe: Any) -> None:  # noqa: ANN401 - a Connection, whose class differs by system
    """Ask for a key a thousand times a second, as an application does."""
    waits: list[float] = []
    with redis.Redis.from_url(url) as client:
        client.get("other:0")
        pipe.send("ready")
        while not pipe.poll():
            started = time.perf_counter()
            client.get("other:0")
            waits.append(time.perf_counter() - started)
            time.sleep(0.001)
    pipe.send(waits)


def _peer(program: str, env: dict[str, str], url: str) -> None:
    scan = [program, "-u", url, "--scan", "--pattern", ":1:*"]
    with subprocess.Popen(scan, stdout=subprocess.PIPE, env=env) as names:
        command = ["xargs", program, "-u", url, "unlink"]
        subprocess.run(command, stdin=names.stdout, stdout=subprocess.DEVNULL, check=True, env=env)


def _client_program() -> tuple[str, dict[str, str]]:
    """Return the program and the environment that it needs."""
    found = shutil.which("valkey-cli") or shutil.which("redis-cli")
    if found:
        return found, dict(os.environ)
    cache = ROOT / ".cache" / "redis-tools"
    if not (cache / "usr/bin/redis-cli").exists():
        cache.mkdir(parents=True, exist_ok=True)
        apt = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *_PACKAGES]
        subprocess.run(apt, cwd=cache, check=True)
        for package in cache.glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(package), str(cache)], check=True)  # noqa: S607 - the system's
    libraries = next(cache.glob("usr/lib/*/liblzf.so.1")).parent
    return str(cache / "usr/bin/redis-cli"), {**os.environ, "LD_LIBRARY_PATH": str(libraries)}


if __name__ == "__main__":
    main(*(int(text) for text in (*sys.argv[1:], *("3", "1000000")[len(sys.argv) - 1 :])))
