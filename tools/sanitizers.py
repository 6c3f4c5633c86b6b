"""Runs the tests of the extensions, then the fuzzer, with both built under the sanitizers of addresses and behaviour.

    python -m tools.sanitizers [SECONDS of the fuzzer]

A copy of the package with the instrumented extensions is made in ``.cache/sanitized``; nothing else is touched. The
interpreter is not instrumented: gcc's runtime is loaded before it, Python takes its memory from ``malloc``, so that the
sanitizer sees every object, and what the interpreter itself leaves behind at its end is not looked for. Any report
fails, also that of a process whose output a test swallows.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tools import bootstrap

ROOT = bootstrap.ROOT
PLACE = ROOT / ".cache/sanitized"
FLAGS = (
    *("-std=c11", "-O1", "-g", "-Wall", "-shared", "-fPIC", "-fvisibility=hidden", "-fno-omit-frame-pointer"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
)
TESTS = (
    "tests/unit/test_references_inner.py",
    "tests/unit/test_references_coded.py",
    "tests/unit/test_references_kinds.py",
    "tests/unit/test_families.py",
    "tests/unit/test_storages_depth.py",
    "tests/contract/test_storages.py",
    "tests/attack/test_extension.py",
)


def build(compiler: str) -> bool:
    """Copy the package and build both extensions into the copy; tell whether that worked."""
    shutil.rmtree(PLACE, ignore_errors=True)
    shutil.copytree(ROOT / "src", PLACE / "src", ignore=shutil.ignore_patterns("*.so", "*.egg-info", "__pycache__"))
    for package in ("references", "storages"):
        sources = sorted(Path(PLACE, "src/dvornik", package).glob("*.c"))
        built = sources[0].with_name("_inner.abi3.so")
        include = ("-I", sysconfig.get_path("include"))
        if not _run([compiler, *FLAGS, *include, "-o", built, *sources], dict(os.environ)):
            return False
    return True


def environment(compiler: str) -> dict[str, str]:
    """Return what makes a Python of this environment, and those it starts, use the copy under the sanitizers."""
    ask = [compiler, "-print-file-name=libasan.so"]
    runtime = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
    if not Path(runtime).is_absolute():
        sys.exit(
            "The address sanitizer's library is missing (Debian: it comes with gcc, in libgcc-12-dev and libasan8)."
        )
    common = f"halt_on_error=1:exitcode=99:log_path={PLACE / 'report'}"
    return {
        **os.environ,
        "ASAN_OPTIONS": f"{common}:detect_leaks=0:allocator_may_return_null=1",
        "LD_PRELOAD": str(Path(runtime).resolve()),
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": str(PLACE / "src"),
        "UBSAN_OPTIONS": f"{common}:print_stacktrace=1",
    }


def _run(command: list[str | Path], env: dict[str, str]) -> bool:
    print("$ " + " ".join(str(part) for part in command), flush=True)
    return subprocess.run(command, check=False, cwd=ROOT, env=env).returncode == 0


def main(seconds: str) -> int:
    """Build, test, fuzz; return 0 only where each of these passed and no sanitizer reported anything."""
    compiler = os.environ.get("CC", "gcc")
    if not shutil.which(compiler):
        sys.exit(f"{compiler} is missing (Debian: apt-get install gcc libc6-dev)")
    if not build(compiler):
        return 1
    env = environment(compiler)
    pytest: list[str | Path] = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", "not slow", "--timeout=600"]
    own = (f"--basetemp={PLACE / 'tests'}", "-p", "no:cacheprovider", "--hypothesis-profile=ci")
    passed = _run([*pytest, *own, *TESTS], env)
    passed &= _run([sys.executable, "-m", "tests.fuzz.extensions", seconds], env)
    reports = sorted(PLACE.glob("report.*"))
    for report in reports:
        print(report.read_text(errors="replace"))
    if passed and not reports:
        print("Both sanitizers are content.")
    return int(not passed or bool(reports))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if sys.argv[1:] else "60"))
