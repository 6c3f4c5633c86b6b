"""A real browser without a window: the system's, else the one of Debian's packages, unpacked into the cache."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.servers.debian import program

if TYPE_CHECKING:
    from pathlib import Path

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_PACKAGES = ("chromium-headless-shell", "chromium-common")
"""Some 110 MB with its libraries, fetched once; the whole browser would be more."""


class Browser:
    """Loads pages, lets their scripts run, and tells what became of them."""

    def __init__(self, path: str, env: dict[str, str], home: Path) -> None:
        """Take the program; ``home`` is its own."""
        self._path, self._env, self._home = path, env, home

    def dom(self, page: Path, width: int = 1280) -> str:
        """Return the document, in a window of that many pixels, after everything in it that runs has run."""
        return self._run("--dump-dom", "--virtual-time-budget=2000", f"--window-size={width},900", page.as_uri())

    def print(self, page: Path, target: Path) -> bytes:
        """Return the page as PDF."""
        self._run("--no-pdf-header-footer", f"--print-to-pdf={target}", page.as_uri())
        return target.read_bytes()

    def _run(self, *words: str) -> str:
        # The pages are our own: its sandbox wants what containers do not give.
        fixed = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
        done = subprocess.run(
            [self._path, *fixed, f"--user-data-dir={self._home}", *words],
            env=self._env,
            capture_output=True,
            check=True,
            timeout=110,
        )
        return done.stdout.decode()


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    """Give a browser; where none can be had a test fails in CI, and is skipped elsewhere."""
    home = tmp_path / "browser"
    home.mkdir()
    env = {**os.environ, "HOME": str(home)}
    own = bool(os.environ.get("DVORNIK_TEST_UNPACK"))
    found = None if own else next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found:
        return Browser(found, env, home)
    unpacked = program(_PACKAGES[0], *_PACKAGES)
    libraries = {"LD_LIBRARY_PATH": unpacked.env.get("LD_LIBRARY_PATH", "")}
    return Browser(str(unpacked.root / "usr/lib/chromium" / _PACKAGES[0]), {**env, **libraries}, home)
