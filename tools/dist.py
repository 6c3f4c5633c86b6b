"""Builds the sdist and the wheel into ``dist/``, and tries them as built: in empty environments, the source away.

    python -m tools.dist

Three installations are tried: the wheel, a wheel made from the sdist, and one made from it without a compiler, which
has to do the same by Python alone. The interpreter that runs this must have setuptools (``make dist`` sees to it).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools import bootstrap

ROOT = bootstrap.ROOT
DIST = ROOT / "dist"
_PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")
_OLD = 1_000_000_000
"""A time in seconds since the epoch that is old for every rule."""
_CONFIGURATION = """\
[app]
kind = "declared"
[temp]
paths = ["tmp"]
age_by = "mtime"
"""
_INNER = "import dvornik.references._inner, dvornik.storages._inner"


def build(into: Path) -> tuple[Path, Path]:
    """Build the sdist, and the wheel from a copy of the source; return both paths."""
    with tempfile.TemporaryDirectory(prefix="dvornik-dist-") as directory:
        source = Path(directory, "source")
        # A copy: what an editable installation left beside the source must not get into either.
        ignored = shutil.ignore_patterns("*.egg-info", "*.so", "__pycache__", "build")
        shutil.copytree(ROOT / "src", source / "src", ignore=ignored)
        for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
            shutil.copy2(ROOT / name, source)
        into.mkdir(exist_ok=True)
        call = f"import sys; from setuptools import build_meta; build_meta.build_sdist({str(into)!r})"
        _run(sys.executable, "-c", call, directory=source)
        sdist = max(into.glob("dvornik-*.tar.gz"), key=lambda path: path.stat().st_mtime_ns)
        return sdist, wheel(source, into)


def wheel(source: Path, into: Path, **env: str) -> Path:
    """Build a wheel from a directory or an sdist; return its path."""
    before = set(into.glob("*.whl")) if into.exists() else set()
    for old in before:
        old.unlink()
    _run(
        *(sys.executable, *_PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(into), str(source)),
        directory=into.parent,
        env=env,
    )
    return next(into.glob("dvornik-*.whl"))


def attempt(built: Path, home: Path, *, compiled: bool) -> None:
    """Install a wheel into an empty environment, and use it from a directory that knows nothing of the source."""
    environment = home / "env"
    if not bootstrap.make(environment):
        sys.exit(bootstrap.NO_ENVIRONMENT)
    python = str(bootstrap.interpreter(environment))
    _run(python, *_PIP, "install", "--require-hashes", "-r", str(ROOT / "requirements/runtime.txt"), directory=home)
    _run(python, *_PIP, "install", "--no-deps", "--no-index", str(built), directory=home)
    has_inner = subprocess.run([python, "-P", "-c", _INNER], check=False, capture_output=True, cwd=home).returncode == 0
    if has_inner != compiled:
        sys.exit(f"{built.name}: the loops in C are {'there' if has_inner else 'missing'}")
    _use(Path(python).with_name("dvornik"), home / "app")


def _use(dvornik: Path, app: Path) -> None:
    """Clean a small application, in Russian, and bring forth what comes out of files of the package."""
    (app / "tmp").mkdir(parents=True)
    (app / "dvornik.toml").write_text(_CONFIGURATION)
    for name, when in (("old.part", _OLD), ("new.part", None)):
        (app / "tmp" / name).write_bytes(b"x" * 4096)
        if when:
            os.utime(app / "tmp" / name, (when, when))
    spoken = _said(dvornik, app, "run", "--lang", "ru", "--dry-run")
    _must("Будет удалён 1 временный файл" in spoken, spoken)
    _said(dvornik, app, "run")
    _must([path.name for path in (app / "tmp").iterdir()] == ["new.part"], "the run took the wrong file, or none")
    _said(dvornik, app, "report", "-o", "report.html")
    _must("<style" in (app / "report.html").read_text(encoding="utf-8"), "the report has no style")
    _said(dvornik, app, "schema", "config")
    _said(dvornik, app, "health")
    _said(dvornik, app, "schedule", "cron", "--own")


def _said(dvornik: Path, app: Path, *words: str) -> str:
    done = subprocess.run([dvornik, *words], cwd=app, capture_output=True, encoding="utf-8", check=False)
    _must(done.returncode == 0, f"dvornik {' '.join(words)} exited {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _must(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - what must hold comes first
    if not holds:
        sys.exit(otherwise)


def _run(*command: str, directory: Path, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=directory, env={**os.environ, **(env or {})}, capture_output=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")
        sys.exit(f"{' '.join(command)} exited {done.returncode}:\n{said}")


def main() -> None:
    """Build, try, and say what there is."""
    shutil.rmtree(DIST, ignore_errors=True)
    sdist, built = build(DIST)
    with tempfile.TemporaryDirectory(prefix="dvornik-tried-") as directory:
        homes = {name: Path(directory, name) for name in ("wheel", "sdist", "pure")}
        for home in homes.values():
            home.mkdir()
        attempt(built, homes["wheel"], compiled=sys.platform == "linux")
        attempt(wheel(sdist, homes["sdist"] / "built"), homes["sdist"], compiled=sys.platform == "linux")
        attempt(wheel(sdist, homes["pure"] / "built", CC="false"), homes["pure"], compiled=False)
    for path in (sdist, built):
        print(f"{path.relative_to(ROOT)}  {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
