"""A real PostgreSQL 15, with pgstattuple and pg_repack, for the tests: Debian's packages, unpacked only."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.servers import debian, postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = ("postgresql-15", "postgresql-client-15", "postgresql-15-repack")


class Programs(NamedTuple):
    """Where the programs lie, and the environment in which they find their libraries."""

    path: Path
    env: dict[str, str]


@pytest.fixture(scope="session")
def postgresql_15_programs() -> Iterator[Programs]:
    """The programs of the packages, in a place that the server's user may look into."""
    root = debian.unpacked(*PACKAGES)
    programs = root / "usr/lib/postgresql/15/bin"
    probe = subprocess.run(["/bin/sh", "-c", 'test -x "$0"', programs / "initdb"], check=False, user=postgresql._user())
    if probe.returncode == 0:
        yield Programs(programs, debian.Program("initdb", root).env)
        return
    with tempfile.TemporaryDirectory(prefix="dvornik-pg15-", dir=postgresql._quick_directory()) as directory:
        Path(directory).chmod(0o755)
        copied = Path(directory) / "root"
        shutil.copytree(root, copied, symlinks=True)
        yield Programs(copied / programs.relative_to(root), debian.Program("initdb", copied).env)


@pytest.fixture(scope="session")
def postgresql_15_server(postgresql_15_programs: Programs) -> Iterator[str]:
    """URL of a server on which databases may be made."""
    with tempfile.TemporaryDirectory(prefix="dvornik-pg15-", dir=postgresql._quick_directory()) as directory:
        home = Path(directory)
        if postgresql._user() is not None:
            os.chown(home, postgresql.NOBODY, postgresql.NOBODY)
        with postgresql._running(postgresql_15_programs.path, home, postgresql_15_programs.env) as url:
            yield url


@pytest.fixture
def postgresql_15_url(postgresql_15_server: str) -> Iterator[str]:
    """URL of an empty database of this test alone."""
    with postgresql.empty_database(postgresql_15_server) as url:
        yield url


@pytest.fixture(params=["postgresql_url", "postgresql_15_url"], ids=["18", "15"])
def each_postgresql_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty database on the newest and on the oldest server that the documentation names."""
    url: str = request.getfixturevalue(request.param)
    return url
