"""A real MySQL for the tests: ``DVORNIK_TEST_MYSQL_URL``, else one of our own, the system's or Debian unstable's.

No stable release of Debian has MySQL. What is unpacked from unstable runs by the loader and the libraries that come
with it: the machine's own are older. Unstable may lack it for a day, so these tests run by ``make test-mysql``.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

from tests.servers import debian
from tests.servers.mariadb import ROOT, _administer, _die_with_parent, _ready
from tests.servers.postgresql import NOBODY, _free_port, _quick_directory, _user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest.mark.structures import ParameterSet

PACKAGE = "mysql-server-core"
SUITE = "unstable"
_UNUSED = ("libperl", "libudev", "libgdbm", "libdb5", "libc-gconv", "libtirpc-common")
"""What comes along for scripts that no test runs."""
_ALSO = "zlib1g"
SETTINGS = [
    "--innodb-buffer-pool-size=24M",
    "--innodb-redo-log-capacity=16M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=fsync",
    "--innodb-use-native-aio=OFF",
    "--skip-innodb-doublewrite",
    "--key-buffer-size=1M",
    "--max-connections=60",
    "--bind-address=127.0.0.1",
    "--skip-log-bin",
    "--skip-name-resolve",
    "--performance-schema=OFF",
    "--mysqlx=OFF",
    "--secure-file-priv=",
]


class Programs(NamedTuple):
    """How the server is started, and where what it reads lies."""

    command: list[str | Path]
    share: Path

    @property
    def start(self) -> list[str | Path]:
        """What every start begins with: no file of the system's is read."""
        places = [f"--basedir={self.share.parent.parent}", f"--lc-messages-dir={self.share}"]
        return [*self.command, "--no-defaults", *places, f"--character-sets-dir={self.share / 'charsets'}", *SETTINGS]


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[str]:
    """URL of a server on which databases may be made; without one a test fails in CI, and is skipped elsewhere."""
    given = os.environ.get("DVORNIK_TEST_MYSQL_URL")
    if given:
        yield given
        return
    directory = tempfile.TemporaryDirectory(prefix="dvornik-mysql-", dir=_quick_directory())
    with directory as home, running(Path(home)) as url:
        yield url


@pytest.fixture
def mysql_url(mysql_server: str) -> Iterator[str]:
    """URL of an empty database of this test alone."""
    name = f"dvornik_{uuid4().hex[:12]}"
    _administer(mysql_server, f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    yield urlunsplit(urlsplit(mysql_server)._replace(path=f"/{name}"))
    _administer(mysql_server, f"DROP DATABASE {name}")


def on_mysql(fixture: str) -> ParameterSet:
    """Return a parameter that names a fixture on this server: tests with it run when they are asked for."""
    return pytest.param(fixture, marks=pytest.mark.mysql)


def _programs() -> Programs:
    """Find the system's server, or fetch Debian's once into the repository's cache."""
    server = shutil.which("mysqld", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/libexec"]))
    if server and "MariaDB" not in _run([server, "--version"], Path("/")):
        return Programs([server], Path("/usr/share/mysql"))
    try:
        return _unpacked(_fetched(_cache()))
    except (OSError, subprocess.CalledProcessError, LookupError) as error:
        said = getattr(error, "stderr", "") or str(error)
        lacking = f"no MySQL: install it or set DVORNIK_TEST_MYSQL_URL ({said})"
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(lacking)
        pytest.skip(lacking)


def _unpacked(tree: Path) -> Programs:
    """Return the server in a tree of packages, started by that tree's own loader."""
    libraries = next(tree.glob("usr/lib/*-linux-gnu*"))
    loader = next(libraries.glob("ld-linux-*.so.*"))
    return Programs([loader, "--library-path", libraries, tree / "usr/sbin/mysqld"], tree / "usr/share/mysql")


def _cache() -> Path:
    """Return the repository's cache, or a private one where the repository is not ours to write to."""
    if (debian.CACHE / PACKAGE).exists() or os.access(ROOT, os.W_OK):
        return debian.CACHE
    return Path(tempfile.gettempdir()) / f"dvornik-mysql-{os.geteuid()}"


def _fetched(cache: Path) -> Path:
    """Unpack the server and all of its libraries; one of several test workers does it."""
    tree = cache / PACKAGE
    if tree.exists():
        return tree
    cache.mkdir(parents=True, exist_ok=True)
    if cache.stat().st_uid != os.geteuid():
        raise PermissionError(cache)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not tree.exists():
            with tempfile.TemporaryDirectory(dir=cache) as directory:
                _unpack(Path(directory), cache / f"apt-{SUITE}")
                (Path(directory) / "root").rename(tree)
    return tree


def _unpack(directory: Path, state: Path) -> None:
    """Fetch by the system's apt, which checks Debian's signature, with lists of our own: that needs no root."""
    sources = directory / "sources.list"
    sources.write_text(f"deb [signed-by={_keyring()}] {_site()} {SUITE} main\n")
    only = ["-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=/dev/null"]
    options = [*debian._AS_WE_ARE, *debian._own_lists(state), *only]
    _run(["apt-get", *options, "update"], directory)
    nothing = ["-o", "Dir::State::status=/dev/null", "-o", "Dir::State::extended_states=/dev/null"]
    plan = _run(["apt-get", *options, *nothing, "--simulate", "--no-install-recommends", "install", PACKAGE], directory)
    names = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    _run(["apt-get", *options, "download", *filter(_is_needed, names)], directory)
    for package in directory.glob("*.deb"):
        _run(["dpkg", "-x", package, directory / "root"], directory)


def _is_needed(name: str) -> bool:
    return name in {PACKAGE, _ALSO} or (name.startswith("lib") and not name.startswith(_UNUSED))


def _site() -> str:
    """Return where this machine's Debian comes from."""
    told = _run(["apt-get", "indextargets", "--format", "$(ORIGIN) $(SITE)", "Created-By: Packages"], Path("/"))
    sites = [site for origin, _space, site in (line.partition(" ") for line in told.splitlines()) if origin == "Debian"]
    if not sites:
        raise LookupError("this is not Debian")
    return next((site for site in sites if not site.endswith("-security")), sites[0])


def _keyring() -> Path:
    return Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def _run(command: list[str | Path], directory: Path) -> str:
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=directory, env=environment)
    return done.stdout


@contextmanager
def running(home: Path) -> Iterator[str]:
    """Run a server of our own in an empty directory; yield its URL."""
    if os.geteuid() == 0:
        os.chown(home, NOBODY, NOBODY)
    start = _usable(_programs(), home).start
    secret = uuid4().hex
    first = home / "first.sql"
    first.write_text(_FIRST.format(secret=secret))
    places = [f"--datadir={home / 'data'}", f"--socket={home / 'sock'}", f"--pid-file={home / 'pid'}"]
    _as_server([*start, "--initialize-insecure", f"--init-file={first}", *places], home).wait()
    for _attempt in range(3):
        port = _free_port()
        process = _as_server([*start, *places, f"--port={port}"], home)
        url = f"mysql://root:{secret}@127.0.0.1:{port}/"
        try:
            if _ready(process, url):
                yield url
                return
        finally:
            process.kill()  # what it would write back is thrown away with the directory
            process.wait()
    pytest.fail((home / "log").read_text())


_FIRST = """\
CREATE USER root@'127.0.0.1' IDENTIFIED BY '{secret}';
GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;
DROP USER root@localhost;
"""
"""Let nobody in without the password."""


def _usable(programs: Programs, home: Path) -> Programs:
    """Return a server that its user can run: the one found, or a copy where that user may not look."""
    if len(programs.command) == 1 or subprocess.run(_probe(programs), check=False, user=_user()).returncode == 0:
        return programs
    unused = shutil.ignore_patterns("bin", "doc", "man")
    shutil.copytree(programs.share.parents[2], home / "root", symlinks=True, ignore=unused)
    return _unpacked(home / "root")


def _probe(programs: Programs) -> list[str | Path]:
    return ["/bin/sh", "-c", 'test -x "$0" && test -r "$1"', programs.command[-1], programs.share / "charsets"]


def _as_server(command: list[str | Path], home: Path) -> subprocess.Popen[bytes]:
    with (home / "log").open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={"PATH": os.environ.get("PATH", "")},
            user=_user(),
            group=_user(),
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - a killed test run must not leave a server behind
        )
