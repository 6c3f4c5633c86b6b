"""The project itself, brought up by its own compose file, and spoken to as its operator would."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.containers.engine import run
from tests.servers import debian, debootstrap
from tests.servers.mysql import _keyring, _site

if TYPE_CHECKING:
    from pathlib import Path

    from tests.containers.engine import Engine

ROOT = debootstrap.ROOT
SCRIPT = ("python", "scripts/maintenance/cleanup.py")
BACKEND = "/app/backend"
PATIENCE = 90
"""Seconds for a container to become what it is to be."""
QUICK = """\
services:
  app:
    build:
      context: .
      network: host
    healthcheck:
      interval: 2s
"""
"""What is laid over the compose file: a check each two seconds, and builds that reach this machine's indexes."""


class Project(NamedTuple):
    """A project of compose, of one generation."""

    engine: Engine
    compose: tuple[str, ...]
    name: str
    files: tuple[Path, ...]
    env: dict[str, str]
    directory: Path = ROOT

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run compose with this project's files."""
        files = [part for file in self.files for part in ("-f", str(file))]
        return run(
            [*self.compose, "-p", self.name, *files, *words],
            {**self.engine.env, **self.env},
            check=check,
            cwd=self.directory,
        )

    def exec(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the service ``app``, without a terminal."""
        return self.run("exec", "-T", "app", *words, check=check)

    def cleanup(self, *flags: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the contract's command."""
        return self.exec(*SCRIPT, *flags, check=check)

    def inspect(self, service: str = "app") -> dict[str, Any]:
        """Return what the engine knows of a service's container."""
        number = self.run("ps", "-q", service).stdout.strip()
        found: list[dict[str, Any]] = json.loads(self.engine.docker("inspect", number).stdout)
        return found[0]

    def becomes(self, health: str) -> str:
        """Wait until the healthcheck of ``app`` says ``health``; return what it says in the end."""
        until = time.monotonic() + PATIENCE
        while (status := self.inspect()["State"]["Health"]["Status"]) != health and time.monotonic() < until:
            time.sleep(1)
        return str(status)

    def up(self) -> None:
        """Build and start everything; wait until the site has its tables."""
        self.run("up", "--build", "--detach")
        until = time.monotonic() + PATIENCE
        while self.exec("python", "manage.py", "migrate", "--check", check=False).returncode:
            if time.monotonic() > until:
                raise AssertionError(self.run("logs").stdout)
            time.sleep(1)

    def down(self) -> None:
        """Remove containers, network and volumes of this project alone."""
        self.run("down", "--volumes", "--remove-orphans", check=False)


def generations(engine: Engine) -> dict[str, tuple[str, ...]]:
    """Return how each generation of compose is called that this machine has, or Debian has for it."""
    found: dict[str, tuple[str, ...]] = {}
    for words in (("docker-compose",), ("docker", "compose")):
        version = _version(words, engine)
        if version:
            found.setdefault(version, words)
    if "2" not in found and engine.own:
        found["2"] = (str(_newer()),)
    return found


def _version(words: tuple[str, ...], engine: Engine) -> str:
    try:
        done = subprocess.run(
            [*words, "version", "--short"], env=engine.env, capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    said = done.stdout.strip().removeprefix("v")
    return ("1" if said.startswith("1") else "2") if done.returncode == 0 and said else ""


def _newer() -> Path:
    """Unpack compose of Debian 13: one program that needs nothing but the C library of Debian 12."""
    kept = debian.CACHE / "compose-2" / "docker-compose"
    if not kept.exists():
        work = kept.parent
        work.mkdir(parents=True, exist_ok=True)
        sources = work / "sources.list"
        sources.write_text(f"deb [signed-by={_keyring()}] {_site()} trixie main\n")
        only = ["-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=/dev/null"]
        options = [*debian._AS_WE_ARE, *debian._own_lists(work / "apt"), *only]
        for words in (["update"], ["download", "docker-compose"]):
            subprocess.run(["apt-get", *options, *words], cwd=work, check=True, capture_output=True)
        subprocess.run(["dpkg", "-x", str(next(work.glob("*.deb"))), str(work / "tree")], check=True)
        shutil.copy2(work / "tree/usr/libexec/docker/cli-plugins/docker-compose", kept)
        shutil.rmtree(work / "tree")
    return kept


def free_port() -> str:
    """Return a port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def environment() -> dict[str, str]:
    """Return the variables that the compose file asks for; none of this machine's may lead the site elsewhere."""
    kept = ("DVORNIK_CONFIG", "DVORNIK_LANG", "POSTGRES_PASSWORD", "SECRET_KEY")
    return {"PORT": free_port(), **{name: "" for name in kept if name in os.environ}}
