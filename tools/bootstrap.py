"""Makes the virtual environment and keeps it in step with `requirements/`; needs nothing but Python 3.11.

    python3 tools/bootstrap.py site [.venv]

installs `requirements/site.txt`, by its hashes, and dvornik itself (editable). What was installed is remembered in the
environment, so that a call with nothing to do returns at once. pip is used as it is configured here.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
CONTAINED = {"dev": ("dev", "site"), "site": ("site",)}
"""What installing one set of requirements provides: the tests check that it is so."""
BUILT_FROM = (
    "pyproject.toml",
    "setup.py",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "src").rglob("*.[ch]")),
)
"""What the installed command is made of, besides the requirements and the Python that is used where it lies."""
NO_ENVIRONMENT = """\
This Python cannot make virtual environments. On Debian and Ubuntu, as root:

    apt-get install python3-venv

then start again."""


def run(*command: str | Path, quiet: bool = False, directory: Path = ROOT) -> bool:
    """Show a command, run it, and tell whether it succeeded. A quiet one shows itself only when it works."""
    line = "$ " + " ".join(str(part) for part in command)
    if not quiet:
        print(line, flush=True)
    worked = subprocess.run(command, check=False, cwd=directory, capture_output=quiet).returncode == 0
    if quiet and worked:
        print(line, flush=True)
    return worked


def interpreter(environment: Path) -> Path:
    """Return where the environment's Python is, or will be."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def fingerprint(requirements: str, environment: Path) -> str:
    """Return what an up-to-date environment is judged by: it changes when the tree or the environment moved, too."""
    digest = hashlib.sha256(f"{environment}\n{sys.version_info[:3]}\n".encode())
    for source in (f"requirements/{requirements}.txt", *BUILT_FROM):
        digest.update((ROOT / source).read_bytes())
    return digest.hexdigest()


def stamp(requirements: str, environment: Path) -> Path:
    """Return the file that remembers what was installed."""
    return environment / f".installed-{requirements}"


def up_to_date(requirements: str, environment: Path) -> bool:
    """Tell whether nothing is to be done."""
    remembered = stamp(requirements, environment)
    return (
        interpreter(environment).exists()
        and remembered.exists()
        and remembered.read_text() == fingerprint(requirements, environment)
    )


def works(environment: Path) -> bool:
    """Tell whether the environment was made here, and has a Python of the right age that has pip."""
    python = interpreter(environment)
    activate = python.with_name("activate")
    if not (python.exists() and activate.exists() and str(environment) in activate.read_text()):
        return False  # one that was moved has commands that point at the place it was moved from
    check = f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"
    return subprocess.run([python, "-c", check], check=False, capture_output=True).returncode == 0


def is_ours(environment: Path) -> bool:
    """Tell whether making the environment afresh would delete nothing but an environment."""
    return not environment.exists() or (environment / "pyvenv.cfg").exists() or not any(environment.iterdir())


def make(environment: Path) -> bool:
    """Make the environment by whatever this machine has; `False` when it has nothing."""
    if run(sys.executable, "-m", "venv", "--clear", environment, quiet=True):
        return True
    if run(sys.executable, "-m", "virtualenv", "--clear", environment, quiet=True):
        return True
    # Debian keeps ensurepip in python3-venv; python3-pip alone can still fill an environment from outside.
    return run(sys.executable, "-m", "venv", "--clear", "--without-pip", environment, quiet=True) and run(
        sys.executable, "-m", "pip", "--python", interpreter(environment), "install", "--quiet", "pip", quiet=True
    )


def make_with_fetched_pip(environment: Path) -> bool:
    """Make the environment with pip out of Debian's package, unpacked into the cache: the system is left as it is."""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        return False
    print("No pip here: Debian's package of it is unpacked into .cache; the system stays as it is.", flush=True)
    wheel = fetch_pip(ROOT / ".cache" / "pip")
    if wheel is None or not run(sys.executable, "-m", "venv", "--clear", "--without-pip", environment, quiet=True):
        return False
    return run(interpreter(environment), wheel / "pip", "install", "--quiet", "pip")


def fetch_pip(place: Path) -> Path | None:
    """Return pip's own wheel out of the package that python3-venv would bring; ``None`` where it cannot be had."""
    (place / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    apt = ("apt-get", "-qq", "-o", "APT::Sandbox::User=root")
    own = ("-o", f"Dir::State::lists={place / 'lists'}", "-o", f"Dir::Cache={place}")
    fetch = ("download", "python3-pip-whl")
    if not (
        run(*apt, *fetch, quiet=True, directory=place)
        or (run(*apt, *own, "update", directory=place) and run(*apt, *own, *fetch, directory=place))
    ):
        return None
    unpacked = place / "unpacked"
    for package in place.glob("*.deb"):
        if not run("dpkg", "-x", package, unpacked, quiet=True):
            return None
    return next(unpacked.rglob("pip-*.whl"), None)


def fill(requirements: str, environment: Path) -> bool:
    """Install the pinned requirements and dvornik itself, which needs no build environment of its own."""
    pip = (interpreter(environment), "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check")
    return (
        run(*pip, "--require-hashes", "-r", f"requirements/{requirements}.txt")
        and run(*pip, "--no-build-isolation", "-e", ".")
        and run(interpreter(environment), "-m", "compileall", "-q", "src", quiet=True)
    )


def main(requirements: str, environment: Path) -> str | None:
    """Bring the environment up to date; return what stands in the way, if anything."""
    if sys.version_info < OLDEST:
        return "dvornik needs Python 3.11 or newer: name one with `make PYTHON=…`"
    if up_to_date(requirements, environment):
        return None
    started = time.monotonic()
    if not works(environment):
        if not is_ours(environment):
            return f"{environment} is no virtual environment, and not empty: it is left alone"
        if not make(environment) and not make_with_fetched_pip(environment):
            return NO_ENVIRONMENT
    for old in CONTAINED:
        stamp(old, environment).unlink(missing_ok=True)
    if not fill(requirements, environment):
        return "pip could not install the requirements: see above. Start again once that is mended."
    for provided in CONTAINED[requirements]:
        stamp(provided, environment).write_text(fingerprint(provided, environment))
    print(f"{environment} is ready ({time.monotonic() - started:.0f} s)", flush=True)
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2] if len(sys.argv) > 2 else ROOT / ".venv").absolute()))  # noqa: PLR2004 - set, environment
