"""A small application without a framework: a database, media, temporary files and logs, told by a dvornik.toml."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from typing import IO, TYPE_CHECKING

from dvornik import plans
from dvornik.cli.yard import DEFAULT, Yard
from dvornik.state import new_run, scratch_plan
from tests.e2e.keeper import Ran

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from dvornik.contracts.collector import Recovers
    from dvornik.engine import Engine
    from dvornik.plans import Line
    from dvornik.result import Result

DAY = 86400.0
_CONFIGURATION = """
[app]
kind = "declared"
state = "{state}"
[log]
path = "own/maintenance.log"
[policy]
media_grace = "0"
allow_short_grace = true
{policy}
[temp]
paths = ["tmp"]
age_by = "mtime"
[logs]
paths = ["logs"]
age_by = "mtime"
[databases.default]
url = "sqlite:///site.db"
[media.pub]
root = "media"
url = "/media/"
exact = ["photo.file"]
debris = ["*"]
{more}
"""


class SmallSite:
    """One such application, and its operator."""

    def __init__(self, path: Path) -> None:
        """Make it at ``path``."""
        self.path = path
        self.database = path / "site.db"
        self.state = path / ".dvornik"
        self.previous: Recovers | None = None
        """A collector whose run is over once the next one is made: it holds a lock till then."""
        for name in ("tmp", "logs", "media", "own"):
            (path / name).mkdir(parents=True)
        self.sql("CREATE TABLE photo (id INTEGER PRIMARY KEY, file TEXT)")
        self.sql("CREATE TABLE article (id INTEGER PRIMARY KEY, body TEXT)")
        self.configure()

    def configure(self, policy: str = "", more: str = "", state: str = ".dvornik") -> None:
        """Write the configuration, with lines of ``[policy]`` and sections of the test's own."""
        (self.path / "dvornik.toml").write_text(_CONFIGURATION.format(policy=policy, more=more, state=state))

    def sql(self, statement: str, *rows: Sequence[object]) -> None:
        """Change the database as the application would."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.executemany(statement, rows) if rows else connection.execute(statement)

    def photos(self, *names: str) -> None:
        """Upload files that rows name."""
        for name in names:
            self.file(f"media/{name}")
        self.sql("INSERT INTO photo (file) VALUES (?)", *([name] for name in names))

    def file(self, name: str, *, age: float = 0, body: bytes | None = None) -> Path:
        """Write a file that was modified ``age`` seconds ago."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode("utf-8", "surrogateescape") if body is None else body)
        os.utime(path, (time.time() - age,) * 2)
        return path

    def orphans(self, count: int) -> list[str]:
        """Leave files that nothing names; return their names below the media root."""
        names = [f"lost/orphan{number}.bin" for number in range(count)]
        for name in names:
            self.file(f"media/{name}")
        return names

    def files(self, below: str = "media") -> set[str]:
        """Return the files below a directory."""
        root = self.path / below
        return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}

    # the operator

    def dvornik(self, *words: str) -> Ran:
        """Run ``dvornik`` in a process of its own."""
        process = self.started(*words)
        out, err = process.communicate(timeout=100)
        return Ran(process.returncode, out.decode(), err.decode())

    def started(self, *words: str, before: str = "") -> subprocess.Popen[bytes]:
        """Start ``dvornik``, after some Python of the test's own."""
        call = f"{before}\nfrom dvornik.cli.entry import dvornik; dvornik()"
        env = {**os.environ, "LANG": "C.UTF-8"}
        command = [sys.executable, "-c", call, *words]
        return subprocess.Popen(command, cwd=self.path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    @contextmanager
    def engine(self, *steps: str) -> Iterator[Engine]:
        """Open the site in this process and lock its state."""
        yard = Yard.open(None, str(self.path), {})
        try:
            yard.state.lock()
            yield yard.engine(steps or DEFAULT)
        finally:
            yard.close()

    def run(self, *steps: str, thorough: bool = False) -> Result:
        """Clean in this process."""
        with self.engine(*steps) as engine, scratch_plan() as plan:
            engine.recover()
            engine.plan(new_run(), plan, thorough=thorough)
            return applied(engine, plan)

    def planned(self, *steps: str) -> list[Line]:
        """Plan in this process; change nothing."""
        yard = Yard.open(None, str(self.path), {})
        try:
            with scratch_plan() as plan:
                yard.engine(steps or DEFAULT).plan(new_run(), plan)
                return list(plans.read(plan))
        finally:
            yard.close()


def applied(engine: Engine, plan: IO[bytes]) -> Result:
    """Apply a plan and tell nobody of its steps."""

    def on_step(name: str, result: Result) -> None:
        """Say nothing."""

    return engine.apply(plan, on_step=on_step)


def tree(path: Path) -> dict[str, tuple[int, int, int]]:
    """Return what must not change when nothing may: inodes, sizes and times of everything below ``path``."""
    states = {str(each): each.lstat() for each in [path, *path.rglob("*")]}
    return {name: (state.st_ino, state.st_size, state.st_mtime_ns) for name, state in states.items()}
