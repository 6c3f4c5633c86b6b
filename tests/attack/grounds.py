"""Where attacks take place: a small site of its own, the command that cleans it, and attackers that run beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COMMAND = [sys.executable, "-c", "from dvornik.cli.entry import dvornik; dvornik()"]
HOURS = 3600
SETTINGS = """
[app]
kind = "declared"
[temp]
paths = ["tmp"]
older_than = "1h"
age_by = "mtime"
"""


class Site:
    """A directory with a ``dvornik.toml`` that has its ``tmp`` cleaned of what is older than an hour."""

    def __init__(self, root: Path) -> None:
        """Make it at ``root``."""
        self.root = root
        self.tmp = root / "tmp"
        self.tmp.mkdir(parents=True)
        (root / "dvornik.toml").write_text(SETTINGS)

    def fill(self, directories: int, files: int, *, where: Path | None = None) -> None:
        """Make ``directories`` with ``files`` old files each."""
        for number in range(directories):
            directory = (where or self.tmp) / f"d{number}"
            directory.mkdir(parents=True)
            for each in range(files):
                old(directory / f"f{each}")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command."""
        return subprocess.Popen(
            [*COMMAND, *(arguments or ("run", "temp"))],
            cwd=self.root,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
        )

    def clean(self, *arguments: str) -> tuple[int, str]:
        """Run the command to its end; return exit code and output."""
        process = self.start(*arguments)
        output, _none = process.communicate(timeout=100)
        return process.returncode, output

    @property
    def log(self) -> str:
        return (self.root / "logs/maintenance.log").read_text()

    def files(self, where: Path | None = None) -> dict[str, str]:
        """Return the contents of every file below ``tmp``, by path."""
        top = where or self.tmp
        return {str(path.relative_to(top)): path.read_text() for path in top.rglob("*") if path.is_file()}

    def set_aside(self) -> list[str]:
        """Return the contents of what waits in quarantine."""
        return [path.read_text() for path in (self.root / ".dvornik-quarantine").rglob("*") if path.is_file()]


def environment() -> Mapping[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8", "DVORNIK_LANG": "en", "PYTHONDONTWRITEBYTECODE": "1"}


def old(path: Path) -> None:
    """Make a file two hours old that says its name."""
    then = time.time() - 2 * HOURS
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    os.write(descriptor, b"old " + os.fsencode(path.name))
    os.utime(descriptor, (then, then))
    os.close(descriptor)


@contextmanager
def attacker(code: str, *arguments: str | Path, user: int | None = None) -> Iterator[Path]:
    """Run Python ``code`` beside the test until the block ends; it may write what it did, as JSON, to ``report``.

    The code finds ``arguments``, ``report`` and ``going()``, which turns false when it is to stop. It may be another
    ``user``'s, where the test is root's.
    """
    report = Path(str(arguments[0])).parent / f"report-{time.monotonic_ns()}.json"
    stop = report.with_suffix(".stop")
    values = json.dumps([str(argument) for argument in arguments])
    whole = (
        f"import ctypes, itertools, json, os, pathlib, sys, time\narguments = json.loads({values!r})\n"
        f"report = pathlib.Path({str(report)!r})\n"
        f"def going(): return not os.path.exists({str(stop)!r})\n"
        f"{f'os.setgroups([]); os.setgid({user}); os.setuid({user})' if user else ''}\n"
        "print('ready', flush=True)\n" + code
    )
    process = subprocess.Popen([sys.executable, "-c", whole], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield report
        stop.touch()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


def in_namespace(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str] | None:
    """Run a shell script that may mount; ``None`` where this system does not let us."""
    unshare = ["unshare", "--mount", *(() if os.geteuid() == 0 else ("--user", "--map-root-user"))]
    try:
        allowed = subprocess.run(
            [*unshare, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
        ).returncode
    except FileNotFoundError:
        return None
    if allowed:
        return None
    command = [*unshare, "bash", "-eu", "-c", script, "bash", *map(str, arguments)]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=60)
