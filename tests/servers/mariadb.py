"""A real MariaDB for the tests: ``DVORNIK_TEST_MARIADB_URL``, else one of our own out of Debian's packages."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

from tests.servers.postgresql import NOBODY, _free_port, _quick_directory, _user

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 60.0
PACKAGE = "mariadb-server-core"
SETTINGS = [
    "--innodb-buffer-pool-size=24M",
    "--innodb-log-file-size=16M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=fsync",
    "--innodb-use-native-aio=OFF",
    "--skip-innodb-doublewrite",
    "--key-buffer-size=1M",
    "--aria-pagecache-buffer-size=1M",
    "--max-connections=60",
    "--bind-address=127.0.0.1",
    "--skip-log-bin",
    "--skip-name-resolve",
]


class Programs(NamedTuple):
    """Where a server lies: its program, what it reads, and libraries that the system may lack."""

    server: Path
    share: Path
    libraries: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """Variables to start it with."""
        return {"PATH": os.environ.get("PATH", ""), "LD_LIBRARY_PATH": self.libraries}

    @property
    def flags(self) -> list[str]:
        """What every start of it needs: no file of the system's is read."""
        places = [f"--basedir={self.share.parent.parent}", f"--lc-messages-dir={self.share}"]
        return ["--no-defaults", *places, f"--character-sets-dir={self.share / 'charsets'}", *SETTINGS]


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[str]:
    """URL of a server on which databases may be made; without one a test fails in CI, and is skipped elsewhere."""
    given = os.environ.get("DVORNIK_TEST_MARIADB_URL")
    if given:
        yield given
        return
    directory = tempfile.TemporaryDirectory(prefix="dvornik-maria-", dir=_quick_directory())
    with directory as home, running(Path(home)) as url:
        yield url


@pytest.fixture
def mariadb_url(mariadb_server: str) -> Iterator[str]:
    """URL of an empty database of this test alone."""
    name = f"dvornik_{uuid4().hex[:12]}"
    _administer(mariadb_server, f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    yield urlunsplit(urlsplit(mariadb_server)._replace(path=f"/{name}"))
    _administer(mariadb_server, f"DROP DATABASE {name}")


def _administer(url: str, *statements: str) -> None:
    import pymysql

    place = urlsplit(url)
    with pymysql.connect(
        host=place.hostname, port=place.port or 3306, user=place.username, password=place.password or ""
    ) as connection:
        for statement in statements:
            connection.cursor().execute(statement)


def _programs() -> Programs:
    """Find the system's server, or fetch Debian's once into the repository's cache."""
    server = shutil.which("mariadbd", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/libexec"]))
    share = next((path for path in map(Path, ("/usr/share/mysql", "/usr/share/mariadb")) if _is_share(path)), None)
    if server and share:
        return Programs(Path(server), share)
    try:
        return _fetched(_cache())
    except (OSError, subprocess.CalledProcessError, StopIteration) as error:
        said = getattr(error, "stderr", "") or str(error)
        lacking = f"no MariaDB: install mariadb-server or set DVORNIK_TEST_MARIADB_URL ({said})"
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(lacking)
        pytest.skip(lacking)


def _is_share(path: Path) -> bool:
    return next(path.glob("*system_tables.sql"), None) is not None


def _cache() -> Path:
    """Return the repository's cache, or a private one where the repository is not ours to write to."""
    if os.access(ROOT, os.W_OK):
        return ROOT / ".cache" / "mariadb"
    return Path(tempfile.gettempdir()) / f"dvornik-mariadb-{os.geteuid()}"


def _fetched(cache: Path) -> Programs:
    """Unpack the server and what this system lacks of its libraries; one of several test workers does it."""
    cache.mkdir(parents=True, exist_ok=True)
    if cache.stat().st_uid != os.geteuid():
        raise PermissionError(cache)
    tree = cache / "root"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not tree.exists():
            with tempfile.TemporaryDirectory(dir=cache) as directory:
                _unpack(Path(directory), cache / "apt")
                (Path(directory) / "root").rename(tree)
    libraries = os.pathsep.join(map(str, [*tree.glob("usr/lib/*-linux-gnu*"), *tree.glob("lib/*-linux-gnu*")]))
    share = next(path.parent for path in tree.glob("usr/share/m*/*system_tables.sql"))
    return Programs(tree / "usr" / "sbin" / "mariadbd", share, libraries)


def _unpack(directory: Path, state: Path) -> None:
    """Fetch by the system's apt, with its lists if it has them, else with lists of our own: that needs no root."""
    own = _private(state)
    try:
        names = _needed([])
        _run(["apt-get", *_AS_WE_ARE, "download", *names], directory)
    except subprocess.CalledProcessError:
        _run(["apt-get", *own, "update"], directory)
        _run(["apt-get", *own, "download", *_needed(own)], directory)
    for package in directory.glob("*.deb"):
        _run(["dpkg", "-x", package, directory / "root"], directory)


_AS_WE_ARE = ["-q", "-o", "APT::Sandbox::User=root"]


def _private(state: Path) -> list[str]:
    (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (state / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    places = {"Dir::State::lists": state / "lists", "Dir::Cache": state, "Dir::Cache::archives": state / "archives"}
    return [*_AS_WE_ARE, *(part for name, path in places.items() for part in ("-o", f"{name}={path}"))]


def _needed(options: list[str]) -> list[str]:
    """Ask apt what installing the server would bring, and leave out what has nothing but settings in it."""
    plan = _run(["apt-get", *options, "--simulate", "--no-install-recommends", "install", PACKAGE], ROOT)
    names = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    return [name for name in names if name == PACKAGE or name.startswith("lib")] or [PACKAGE]


def _run(command: list[str | Path], directory: Path) -> str:
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=directory, env=environment)
    return done.stdout


def _usable(programs: Programs, home: Path) -> Programs:
    """Return a server that its user can run: the one found, or a copy where that user may not look."""
    probe: list[str | Path] = [
        "/bin/sh",
        "-c",
        'test -x "$0" && test -r "$1"',
        programs.server,
        programs.share / "charsets",
    ]
    if not programs.libraries or subprocess.run(probe, check=False, user=_user()).returncode == 0:
        return programs
    tree = programs.server.parent.parent.parent
    shutil.copytree(tree, home / "root", symlinks=True)
    moved = [home / "root" / path.relative_to(tree) for path in (programs.server, programs.share)]
    return Programs(moved[0], moved[1], programs.libraries.replace(str(tree), str(home / "root")))


@contextmanager
def running(home: Path) -> Iterator[str]:
    """Run a server of our own in an empty directory; yield its URL."""
    data = home / "data"
    data.mkdir()
    if os.geteuid() == 0:
        os.chown(home, NOBODY, NOBODY)
        os.chown(data, NOBODY, NOBODY)
    programs = _usable(_programs(), home)
    password = uuid4().hex
    _bootstrap(programs, data, password)
    for _attempt in range(3):
        port = _free_port()
        process = _start(programs, home, port)
        url = f"mysql://root:{password}@127.0.0.1:{port}/"
        try:
            if _ready(process, url):
                yield url
                return
        finally:
            process.kill()  # what it would write back is thrown away with the directory
            process.wait()
    pytest.fail((home / "log").read_text())


def _bootstrap(programs: Programs, data: Path, password: str) -> None:
    """Make the system's tables as mariadb-install-db does, and let nobody in without the password."""
    scripts = [next(programs.share.glob(f"*{name}.sql")) for name in _SCRIPTS]
    first = "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;\n"
    secret = f"JSON_SET(Priv, '$.plugin', 'mysql_native_password', '$.authentication_string', PASSWORD('{password}'))"
    last = f"DELETE FROM global_priv WHERE Host <> '127.0.0.1';\nUPDATE global_priv SET Priv = {secret};\n"  # noqa: S608 - made up here
    done = subprocess.run(
        [programs.server, *programs.flags, "--bootstrap", f"--datadir={data}", "--log-warnings=0"],
        input=first + "".join(path.read_text() for path in scripts) + last,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=programs.environment,
        user=_user(),
        group=_user(),
    )
    assert done.returncode == 0, done.stderr


_SCRIPTS = ("_system_tables", "_performance_tables", "_system_tables_data")


def _start(programs: Programs, home: Path, port: int) -> subprocess.Popen[bytes]:
    places = [f"--datadir={home / 'data'}", f"--socket={home / 'data' / 'sock'}", f"--port={port}"]
    with (home / "log").open("wb") as log:
        return subprocess.Popen(
            [programs.server, *programs.flags, *places, f"--pid-file={home / 'data' / 'pid'}"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=programs.environment,
            user=_user(),
            group=_user(),
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - a killed test run must not leave a server behind
        )


def _die_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _ready(process: subprocess.Popen[bytes], url: str) -> bool:
    import pymysql

    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            _administer(url)
        except pymysql.OperationalError:
            time.sleep(0.02)
        else:
            return True
    return False
