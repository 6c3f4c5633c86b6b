"""Programs out of Debian's packages, for tests that verify by them: the installed one, else unpacked into a cache."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "debian"
_AS_WE_ARE = ("-q", "-o", "APT::Sandbox::User=root")
_NOT_OURS = ("libc6", "libgcc-s1", "libc-bin")
"""What the running program must share with the machine."""
_UNUSED = ("libllvm", "libz3", "libperl", "libpam-modules")
"""What is large, and loaded only for what no test does."""


class Program(NamedTuple):
    """A program and where the rest of its packages lies; ``root`` is ``/`` for an installed one."""

    path: str
    root: Path

    @property
    def env(self) -> dict[str, str]:
        """The environment in which it finds its libraries."""
        if self.root == Path("/"):
            return dict(os.environ)
        places = [str(found.parent) for found in self.root.rglob("*.so*")]
        return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(sorted(set(places)))}


def program(name: str, *packages: str) -> Program:
    """Return the program ``name``, out of ``packages`` where it is not installed.

    Where it cannot be had the test is skipped, except under ``CI=true``: there it fails.
    """
    found = shutil.which(name) if not os.environ.get("DVORNIK_TEST_UNPACK") else None
    if found:
        return Program(found, Path("/"))
    root = unpacked(*packages)
    path = next(
        root.joinpath(place, name) for place in ("usr/bin", "bin", "usr/sbin") if root.joinpath(place, name).exists()
    )
    return Program(str(path), root)


def unpacked(*packages: str) -> Path:
    """Return the directory in which the packages lie, one for all of them; without it the test is skipped or fails."""
    try:
        return _unpacked(packages)
    except (OSError, subprocess.SubprocessError) as error:
        message = f"no {packages[0]}: {getattr(error, 'stderr', '') or error}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


def _unpacked(packages: tuple[str, ...]) -> Path:
    """Return the directory into which ``packages`` and their libraries are unpacked, filled by the first that asks."""
    CACHE.mkdir(parents=True, exist_ok=True)
    root = CACHE / "_".join(packages)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            unpacking = root.with_suffix(".new")
            shutil.rmtree(unpacking, ignore_errors=True)
            _fetch(packages, unpacking)
            unpacking.rename(root)
    return root


def _fetch(packages: tuple[str, ...], root: Path) -> None:
    archives = root / "archives"
    archives.mkdir(parents=True)
    try:
        _run(["apt-get", *_AS_WE_ARE, "download", *_needed([], packages)], archives)
    except subprocess.CalledProcessError:  # a machine that has never asked for the lists: ours, then
        own = _own_lists(root.parent / "apt")
        _run(["apt-get", *_AS_WE_ARE, *own, "update"], archives)
        _run(["apt-get", *_AS_WE_ARE, *own, "download", *_needed(own, packages)], archives)
    for archive in archives.glob("*.deb"):
        _run(["dpkg", "-x", str(archive), str(root)], archives)
    shutil.rmtree(archives)


def _own_lists(state: Path) -> list[str]:
    for name in ("lists", "archives"):
        (state / name / "partial").mkdir(parents=True, exist_ok=True)
    places = {"Dir::State::lists": state / "lists", "Dir::Cache": state, "Dir::Cache::archives": state / "archives"}
    return [part for name, path in places.items() for part in ("-o", f"{name}={path}")]


def _needed(options: list[str], packages: tuple[str, ...]) -> list[str]:
    """Return the packages and the libraries that apt would install with them on a machine that has nothing."""
    nothing = ["-o", "Dir::State::status=/dev/null", "-o", "Dir::State::extended_states=/dev/null"]
    plan = _run(
        ["apt-get", *_AS_WE_ARE, *options, *nothing, "--simulate", "--no-install-recommends", "install", *packages],
        CACHE,
    )
    names = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    return [name for name in names if name in packages or _is_library(name)]


def _is_library(name: str) -> bool:
    return name.startswith("lib") and name not in _NOT_OURS and not name.startswith(_UNUSED)


def _run(command: list[str], directory: Path) -> str:
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=directory, env=environment)
    return done.stdout
