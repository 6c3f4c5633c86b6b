"""Whole Debian systems as directories, made by debootstrap with this machine's own mirror, and kept in the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.mysql import _keyring, _site

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "trees"
_PIP = ("/etc/pip.conf", "/etc/xdg/pip", "/root/.config/pip", "/root/.pip")
_APT = ("/etc/apt/apt.conf", "/etc/apt/apt.conf.d")
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def needs(programs: dict[str, str]) -> str:
    """Install by apt-get, as root and saying so, packages whose programs are missing; return what stands in the way."""
    missing = sorted({package for name, package in programs.items() if not shutil.which(name)})
    if not missing:
        return ""
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return f"missing: {', '.join(missing)} (Debian, as root: {' '.join(command)})"
    say(f"installing, as root: {' '.join(command)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["apt-get", "--quiet", "update"], command):
        done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""


def archive(suite: str, packages: Sequence[str]) -> Path:
    """Return a system of ``suite`` with ``packages`` as a tar file, made once; raise ``CalledProcessError``."""
    digest = hashlib.sha256(f"{suite} {' '.join(sorted(packages))}".encode()).hexdigest()[:10]
    path = CACHE / f"{suite}-{digest}.tar"
    if not path.exists():
        say(f"debootstrap {suite}: {' '.join(packages)} (once: it is kept in {CACHE.relative_to(ROOT)})")
        CACHE.mkdir(parents=True, exist_ok=True)
        tree = CACHE / f"{suite}-{digest}.new"
        shutil.rmtree(tree, ignore_errors=True)
        try:
            _make(suite, packages, tree)
            _run("tar", "-C", str(tree), "-cf", f"{path}.new", ".")
            Path(f"{path}.new").rename(path)
        finally:
            shutil.rmtree(tree, ignore_errors=True)
    return path


def _make(suite: str, packages: Sequence[str], tree: Path) -> None:
    include = f"--include={','.join(packages)}"
    _run("debootstrap", "--variant=minbase", f"--keyring={_keyring()}", include, suite, str(tree), _site())
    for path in map(Path, (*_PIP, *_APT)):
        if path.is_dir():
            shutil.copytree(path, tree / path.relative_to("/"), dirs_exist_ok=True)
        elif path.exists():
            shutil.copy2(path, tree / path.relative_to("/"))
    if Path(_CERTIFICATES).exists():
        (tree / _CERTIFICATES[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_CERTIFICATES, tree / _CERTIFICATES[1:])
    shutil.rmtree(tree / "var/cache/apt/archives", ignore_errors=True)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr or done.stdout[-2000:])


def say(text: str) -> None:
    """Tell whoever waits what takes so long, past pytest's capture."""
    print(f"\n{text}", file=sys.__stderr__, flush=True)
