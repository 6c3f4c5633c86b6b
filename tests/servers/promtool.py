"""Prometheus' own verifier for the tests: the system's, else the one of Debian's package, unpacked into the cache."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_AS_WE_ARE = ("-q", "-o", "APT::Sandbox::User=root")


@pytest.fixture(scope="session")
def promtool() -> Path:
    """Path of the program; where it cannot be had a test fails in CI, and is skipped elsewhere."""
    found = shutil.which("promtool")
    if found:
        return Path(found)
    try:
        return _fetched(_cache())
    except (OSError, subprocess.CalledProcessError) as error:
        lacking = f"no promtool: install prometheus ({getattr(error, 'stderr', '') or error})"
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(lacking)
        pytest.skip(lacking)


def _cache() -> Path:
    """Return the repository's cache, or a private one where the repository is not ours to write to."""
    if os.access(ROOT, os.W_OK):
        return ROOT / ".cache" / "prometheus"
    return Path(tempfile.gettempdir()) / f"dvornik-prometheus-{os.geteuid()}"


def _fetched(cache: Path) -> Path:
    """Unpack the program, once: it needs nothing but the C library. One of several test workers does it."""
    cache.mkdir(parents=True, exist_ok=True)
    if cache.stat().st_uid != os.geteuid():
        raise PermissionError(cache)
    program = cache / "promtool"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            with tempfile.TemporaryDirectory(dir=cache) as directory:
                (_unpack(Path(directory)) / "usr/bin/promtool").rename(program)
    return program


def _unpack(directory: Path) -> Path:
    """Fetch by the system's apt, with its lists if it has them, else with lists of our own: that needs no root."""
    for place in ("lists", "archives"):
        (directory / place / "partial").mkdir(parents=True)
    places = {"State::lists": directory / "lists", "Cache": directory, "Cache::archives": directory / "archives"}
    own = [part for name, path in places.items() for part in ("-o", f"Dir::{name}={path}")]
    try:
        _run("apt-get", *_AS_WE_ARE, "download", "prometheus", cwd=directory)
    except subprocess.CalledProcessError:
        _run("apt-get", *_AS_WE_ARE, *own, "update", cwd=directory)
        _run("apt-get", *_AS_WE_ARE, *own, "download", "prometheus", cwd=directory)
    _run("dpkg", "-x", str(next(directory.glob("*.deb"))), "root", cwd=directory)
    return directory / "root"


def _run(*command: str, cwd: Path) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd)
