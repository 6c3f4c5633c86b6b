"""The virtual environments of the applications: made once from `requirements/apps/`, used until their pins change."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]


def python_of(application: str) -> Path:
    """Return the Python of the application's own environment, which is made first where it is missing or outdated.

    Waits while another test process makes it.
    """
    pins = ROOT / "requirements" / "apps" / f"{application}.txt"
    home = _home() / application
    wanted = hashlib.sha256(f"{home}\n{sys.version}\n".encode() + pins.read_bytes()).hexdigest()
    stamp = home / ".installed"
    if not _says(stamp, wanted):
        with _alone(home.with_suffix(".lock")):
            if not _says(stamp, wanted):
                _make(home, pins)
                stamp.write_text(wanted)
    return home / "bin" / "python"


def _home() -> Path:
    own = ROOT / ".cache" / "apps"
    with suppress(OSError):
        own.mkdir(parents=True, exist_ok=True)
    if os.access(own, os.W_OK):
        return own
    elsewhere = Path(tempfile.gettempdir()) / f"dvornik-apps-{os.getuid()}"  # another user's tree
    elsewhere.mkdir(mode=0o700, exist_ok=True)
    assert elsewhere.stat().st_uid == os.getuid()
    return elsewhere


def _says(stamp: Path, wanted: str) -> bool:
    return stamp.exists() and stamp.read_text() == wanted


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(home: Path, pins: Path) -> None:
    """Make it without a pip of its own, and leave compiling to the first import: both take longer than the download."""
    shutil.rmtree(home, ignore_errors=True)
    _run("-m", "venv", "--without-pip", home)
    install = ("install", "--quiet", "--no-deps", "--no-compile", "--disable-pip-version-check", "--require-hashes")
    _run("-m", "pip", "--python", home / "bin" / "python", *install, "-r", pins)


def _run(*words: str | Path) -> None:
    done = subprocess.run([sys.executable, *words], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"the application's environment could not be made: {' '.join(map(str, words))}\n{done.stderr}")
