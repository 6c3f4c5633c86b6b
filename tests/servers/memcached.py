"""A real memcached for the tests: the system's, else Debian's, unpacked into the repository's cache."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.servers.debian import program
from tests.servers.valkey import PATIENCE, _die_with_parent, _free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def memcached() -> Iterator[str]:
    """``host:port`` of a server of this test's own."""
    with running() as server:
        yield server


@contextmanager
def running(*more: str, socket_path: Path | None = None) -> Iterator[str]:
    """Run one, with ``more`` on its command line; yield ``host:port``, or the path of its socket."""
    found = program("memcached", "memcached")
    as_root = ["-u", "root"] if os.geteuid() == 0 else []
    for _attempt in range(3):
        port = _free_port()
        place = ["-s", str(socket_path)] if socket_path else ["-l", "127.0.0.1", "-p", str(port), "-U", "0"]
        command = [found.path, *as_root, *place, "-m", "64", "-t", "1", *more]
        with subprocess.Popen(
            command,
            env=found.env,
            stdin=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - a killed test run must not leave a server behind
        ) as process:
            try:
                server = str(socket_path or f"127.0.0.1:{port}")
                if _ready(process, server):
                    yield server
                    return
            finally:
                process.kill()
    pytest.fail("memcached does not start")


def ask(server: str, command: bytes) -> bytes:
    """Return the answer to a command."""
    unix = server.startswith("/")
    host, _colon, port = server.rpartition(":")
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(server if unix else (host, int(port)))
        connection.sendall(command + b"\r\n")
        return connection.recv(65536)


def fill(server: str, count: int, size: int = 1000) -> None:
    """Store so many values."""
    for number in range(count):
        assert ask(server, b"set key%d 0 0 %d\r\n%b" % (number, size, b"x" * size)) == b"STORED\r\n"


def _ready(process: subprocess.Popen[bytes], server: str) -> bool:
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            if ask(server, b"version"):
                return True
        except OSError:
            time.sleep(0.02)
    return False
