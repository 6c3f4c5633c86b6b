"""Runs the two commands on a reference site as its operator would."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path  # noqa: TC003 - a default value
from typing import TYPE_CHECKING, Any

import msgspec

from tests.site.site import BACKEND, Site

if TYPE_CHECKING:
    from collections.abc import Mapping

SCRIPT = BACKEND / "scripts" / "maintenance" / "cleanup.py"


class Ran(msgspec.Struct, frozen=True):
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Standard output, line by line."""
        return self.out.splitlines()

    @property
    def document(self) -> dict[str, Any]:
        """Standard output as JSON."""
        found: dict[str, Any] = json.loads(self.out)
        return found


class Keeper:
    """The operator of one site; state and log lie with the site, so that tests run side by side."""

    def __init__(self, site: Site, **env: str) -> None:
        """Look after ``site``; ``env`` are further variables."""
        self.site = site
        self.state = site.path / ".dvornik"
        self.log = site.logs / "maintenance.log"
        self.env = {
            **site.env,
            "DVORNIK_APP_STATE": str(self.state),
            "DVORNIK_LOG_PATH": str(self.log),
            "LANG": "C.UTF-8",
            **env,
        }

    def cleanup(self, *flags: str, env: Mapping[str, str] | None = None) -> Ran:
        """Run ``python scripts/maintenance/cleanup.py`` in the backend."""
        return self._run([sys.executable, str(SCRIPT), *flags], env or {})

    def dvornik(self, *words: str, env: Mapping[str, str] | None = None, cwd: Path = BACKEND) -> Ran:
        """Run ``dvornik`` in the backend, or elsewhere."""
        call = "from dvornik.cli.entry import dvornik; dvornik()"
        return self._run([sys.executable, "-c", call, *words], env or {}, cwd)

    def _run(self, command: list[str], env: Mapping[str, str], cwd: Path = BACKEND) -> Ran:
        done = subprocess.run(command, cwd=cwd, env={**self.env, **env}, capture_output=True, check=False, timeout=100)
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def planned(document: dict[str, Any]) -> set[str]:
    """Return the paths below the site's directory that a dry run's document lists."""
    roots = {"temp/old": "tmp", "temp/empty-directory": "tmp", "logs/old": "logs", "media/orphan": "media"}
    return {
        "/".join(filter(None, (roots[finding["rule"]], finding["container"], name)))
        for finding in document["findings"]
        if finding["rule"] in roots
        for name in finding["names"]
    }


def tree(root: Path) -> dict[str, tuple[int, ...]]:
    """Return what a dry run must leave as it is: every inode with its times, directories too; access times aside."""
    found: dict[str, tuple[int, ...]] = {}
    for path in [root, *root.rglob("*")]:
        state = path.lstat()
        found[str(path)] = (
            state.st_ino,
            state.st_mode,
            state.st_nlink,
            state.st_size,
            state.st_mtime_ns,
            state.st_ctime_ns,
        )
    return found
