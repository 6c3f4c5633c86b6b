"""Runs the fast tests on several versions of Python, each in an environment of its own below ``.cache/pythons``.

    python -m tools.pythons 3.11 3.14

A version that this machine has is taken as it is; another is fetched by uv, which is installed into ``.cache/uv`` from
the package index and downloads builds of CPython. Debian 12 has 3.11 alone. Every version is tried before the end; one
that cannot be had, or whose tests fail, fails the whole.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tools import bootstrap

ROOT = bootstrap.ROOT
PLACE = ROOT / ".cache/pythons"
UV = ROOT / ".cache/uv"
_VERSION = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
LACKING = """\
Python {version} cannot be had here: none is installed (with venv), and uv could not fetch one:
    {why}
Install it (where Debian has it: apt-get install python{version}-venv), or name others: PYTHONS='…'"""


def installed(version: str) -> str | None:
    """Return a Python of this version that is on the machine, and can make environments."""
    for candidate in (sys.executable, shutil.which(f"python{version}"), shutil.which("python3")):
        if not candidate:
            continue
        done = subprocess.run([candidate, "-c", _VERSION], check=False, capture_output=True, text=True)
        if done.stdout.strip() == version:
            return candidate
    return None


def fetched(version: str) -> str:
    """Return a Python that uv fetches, once; raise ``CalledProcessError``."""
    uv = UV / "bin/uv"
    if not uv.exists():
        _quietly(sys.executable, "-m", "venv", str(UV))
        _quietly(str(UV / "bin/pip"), "install", "--quiet", "--disable-pip-version-check", "uv")
    env = {"UV_PYTHON_INSTALL_DIR": str(PLACE), "UV_PYTHON_PREFERENCE": "only-managed"}
    _quietly(str(uv), "python", "install", "--no-bin", version, env=env)
    return _quietly(str(uv), "python", "find", version, env=env).strip()


def _quietly(*command: str, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | (env or {}))
    return done.stdout


def passes(version: str) -> bool:
    """Run the fast tests on one version."""
    try:
        python = installed(version) or fetched(version)
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        print(LACKING.format(version=version, why="\n    ".join(said[-3:])), flush=True)
        return False
    print(f"Python {version}: {python}", flush=True)
    return bootstrap.run("make", "--no-print-directory", f"PYTHON={python}", f"VENV={PLACE / f'env-{version}'}", "unit")


def main(versions: list[str]) -> int:
    """Try every version; return the exit code."""
    failed = [version for version in versions if not passes(version)]
    print(f"Failed: {', '.join(failed)}" if failed else f"Passed: {', '.join(versions)}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
