"""A small application of a test's own, with an old temporary file, and its operator."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.e2e.keeper import Ran

if TYPE_CHECKING:
    from pathlib import Path

OLD = 1_600_000_000
_OURS = ("DVORNIK_", "DATABASE_URL", "REDIS_URL", "CACHE_URL", "MEDIA_", "DJANGO_", "SECRET_KEY", "LANG", "LC_", "TZ")


class App:
    """An application in ``path`` that dvornik is told of by a file."""

    def __init__(self, path: Path, settings: str = "") -> None:
        """Make it; ``settings`` are further lines of its ``dvornik.toml``."""
        self.path = path
        self.old = path / "scratch" / "old.bin"
        self.old.parent.mkdir(parents=True)
        self.age()
        (path / "dvornik.toml").write_text(f'[temp]\npaths = ["scratch"]\nage_by = "mtime"\n{settings}')
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        self.env = {**kept, "LANG": "C.UTF-8"}

    def age(self) -> None:
        """Put an old file there."""
        self.old.write_bytes(b"x" * 5000)
        os.utime(self.old, (OLD, OLD))

    def command(self, *words: str) -> list[str]:
        """Return the words that run ``dvornik``."""
        return [sys.executable, "-m", "dvornik", *words]

    def dvornik(self, *words: str, **env: str) -> Ran:
        """Run ``dvornik`` in the application's directory."""
        done = subprocess.run(
            self.command(*words), cwd=self.path, env={**self.env, **env}, capture_output=True, check=False, timeout=100
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
