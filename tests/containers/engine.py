"""A container engine for the tests: the one that answers here, else Debian's Docker, started and ended by them."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from tests.containers import images
from tests.servers import debootstrap
from tools import leftovers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOME = debootstrap.ROOT / ".cache" / "docker"
_SYSTEM = "unix:///var/run/docker.sock"
_START = 60
"""Seconds in which dockerd must answer."""
_TOOLS = {"docker": "docker.io", "dockerd": "docker.io", "docker-compose": "docker-compose"}


class NoEngineError(Exception):
    """There is none, and none can be had."""


class Engine(NamedTuple):
    """An engine that answers at ``host``; ``own``: one that is ours alone."""

    host: str
    own: bool

    @property
    def env(self) -> dict[str, str]:
        """The environment for docker and compose; the older builder needs nothing from elsewhere."""
        builder = {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"} if self.own else {}
        return {**os.environ, "DOCKER_HOST": self.host, "PYTHONWARNINGS": "ignore", **builder}

    def docker(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``docker``; raise ``CalledProcessError`` with what it said, unless told not to."""
        return run(["docker", *words], self.env, check=check)


def run(
    command: list[str], env: dict[str, str], *, check: bool = True, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command of the engine's, for twenty minutes at most."""
    done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, encoding="utf-8", check=False, timeout=1200)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)} exited {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


@contextmanager
def found() -> Iterator[Engine]:
    """Yield an engine with the images that the compose file names; raise ``NoEngineError``."""
    for host in filter(None, (os.environ.get("DOCKER_HOST"), _SYSTEM)):
        if _answers(host):
            yield Engine(host, own=False)
            return
    if os.geteuid() != 0:
        raise NoEngineError("no container engine answers (DOCKER_HOST, the system's socket); as root one is started")
    lacking = debootstrap.needs({**_TOOLS, "debootstrap": "debootstrap"})
    if lacking:
        raise NoEngineError(f"no container engine: {lacking}")
    with _started() as engine:
        images.provide(engine)
        yield engine


@contextmanager
def _started() -> Iterator[Engine]:
    """Run dockerd with directories of its own, without a bridge or rules of the firewall; leave nothing of it behind.

    It goes on at Ctrl-C, until the containers are down, and stops by itself where the tests are killed.
    """
    HOME.mkdir(parents=True, exist_ok=True)
    leftovers.clear(HOME)
    places = {"data-root": "data", "exec-root": "exec", "pidfile": "pid"}
    words = [f"--{flag}={HOME / name}" for flag, name in places.items()]
    nothing = ["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--bridge=none"]
    engine = Engine(f"unix://{HOME / 'sock'}", own=True)
    with (HOME / "log").open("w") as log:
        daemon = subprocess.Popen(
            ["dockerd", *words, *nothing, "--host", engine.host],
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_stop_with_parent,  # noqa: PLW1509 - a killed test run must not leave a daemon behind
        )
    try:
        until = time.monotonic() + _START
        while not _answers(engine.host):
            if daemon.poll() is not None or time.monotonic() > until:
                raise NoEngineError(f"dockerd does not start:\n{(HOME / 'log').read_text()[-2000:]}")
            time.sleep(0.5)
        yield engine
    finally:
        daemon.terminate()
        try:
            daemon.wait(_START)
        finally:
            leftovers.clear(HOME)


def _stop_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def _answers(host: str) -> bool:
    try:
        done = subprocess.run(
            ["docker", "version"], env={**os.environ, "DOCKER_HOST": host}, capture_output=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
