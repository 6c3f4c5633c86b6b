"""What the project promises about itself: nothing of a machine in its files, pins in step, a whole wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import dvornik
from tools import bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SETS = ("runtime", "site", "dev")
REGISTRY = re.compile(r"pypi[.](org|io)|python[h]osted|npm[j]s[.]|--(extra-)?index-url[ =]\w+:")
"""Spelt so that this file does not hold what it looks for."""


def files() -> Iterator[Path]:
    """Every file that git tracks; without a usable git, every file outside what tools make."""
    listing = ("git", "ls-files", "--cached", "-z")
    git = subprocess.run(listing, cwd=ROOT, check=False, capture_output=True) if shutil.which("git") else None
    if git and git.returncode == 0:
        yield from (
            ROOT / os.fsdecode(name)
            for name in git.stdout.split(b"\0")
            if name and (ROOT / os.fsdecode(name)).is_file()
        )
        return
    made = {".git", "build", "dist", "__pycache__", "media", "logs", "tmp"}
    for directory, below, names in os.walk(ROOT):
        hidden = {name for name in below if (name.startswith(".") and name != ".ci") or name.endswith(".egg-info")}
        below[:] = [name for name in below if name not in made | hidden]
        yield from (Path(directory, name) for name in names if not name.startswith("db.sqlite3"))


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def declared(name: str) -> list[Requirement]:
    """Return what pyproject.toml asks for directly in one set of requirements."""
    project, groups = pyproject()["project"], pyproject()["dependency-groups"]
    lines = list(project["dependencies"])
    if name != "runtime":
        lines += [line for extra in project["optional-dependencies"].values() for line in extra]
    wanted = {"runtime": (), "site": ("build", "site"), "dev": ("build", "site", "lint", "test")}[name]
    return [Requirement(line) for line in [*lines, *(line for group in wanted for line in groups[group])]]


def pinned(name: str) -> dict[str, str]:
    """Return the versions that one set of requirements pins."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return {
        canonicalize_name(package): pin
        for package, pin in re.findall(r"^([\w.-]+)(?:\[.*\])?==([^\s;]+)", text, re.MULTILINE)
    }


def test_no_file_names_a_package_registry() -> None:
    named = {str(file): REGISTRY.search(file.read_bytes().decode(errors="replace")) for file in files()}
    assert {file for file, registry in named.items() if registry} == set()


def test_no_file_holds_a_path_of_this_machine() -> None:
    ours = [str(path).encode() for path in (ROOT, Path.home()) if len(path.parts) > 2]
    assert [file for file in files() for path in ours if path in file.read_bytes()] == []


def test_the_installed_version_is_the_one_in_the_source() -> None:
    assert version("dvornik") == dvornik.__version__


@pytest.mark.parametrize("name", SETS)
def test_every_direct_dependency_is_pinned_within_its_bounds(name: str) -> None:
    pins = pinned(name)
    loose = [
        str(wanted)
        for wanted in declared(name)
        if not wanted.specifier.contains(pins.get(canonicalize_name(wanted.name), "0"))
    ]
    assert loose == []


@pytest.mark.parametrize("name", SETS)
def test_every_pin_has_a_hash_and_no_file_an_option(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    assert re.search(r"^\s*-(?!-hash=sha256:)|://", text, re.MULTILINE) is None
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE | re.IGNORECASE)[1:]
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


def test_the_larger_sets_pin_what_the_smaller_ones_pin() -> None:
    assert pinned("runtime").items() <= pinned("site").items() <= pinned("dev").items()


def test_the_installed_packages_are_the_pinned_ones() -> None:
    here = {name: version(name) for name in ("click", "django", "msgspec", "redis")}
    assert here.items() <= pinned("site").items()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy: setuptools leaves its traces in the tree."""
    tree = tmp_path_factory.mktemp("tree")
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, tree)
    shutil.copytree(ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    subprocess.run([*pip, "--wheel-dir", tree / "dist", tree], check=True)
    return next((tree / "dist").glob("*.whl"))


def test_the_wheel_is_typed_and_holds_every_module_and_translation(wheel: Path) -> None:
    kept = {".py", ".mo", ".typed"}
    source = {
        file.relative_to(ROOT / "src").as_posix() for file in (ROOT / "src/dvornik").rglob("*") if file.suffix in kept
    }
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert source | {"dvornik/py.typed"} <= inside


def test_the_wheel_holds_nothing_but_the_package(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"dvornik", f"dvornik-{dvornik.__version__}.dist-info"}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with an environment that was installed from its requirements."""
    for source in ("requirements/site.txt", *bootstrap.BUILT_FROM):
        (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / source).write_text("click==8\n")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    python = bootstrap.interpreter(tmp_path / "venv")
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    bootstrap.stamp("site", tmp_path / "venv").write_text(bootstrap.fingerprint("site", tmp_path / "venv"))
    return tmp_path


def test_an_environment_in_step_with_its_requirements_is_left_alone(tree: Path) -> None:
    assert bootstrap.main("site", tree / "venv") is None
    assert bootstrap.up_to_date("site", tree / "venv")


@pytest.mark.parametrize("source", ["requirements/site.txt", *bootstrap.BUILT_FROM])
def test_a_change_of_requirements_is_noticed(tree: Path, source: str) -> None:
    (tree / source).write_text("# another\n")
    assert not bootstrap.up_to_date("site", tree / "venv")


def test_an_environment_that_was_moved_is_made_again(tree: Path) -> None:
    (tree / "venv").rename(tree / "moved")
    assert not bootstrap.up_to_date("site", tree / "moved")
    assert not bootstrap.works(tree / "moved")


def test_a_directory_that_is_no_environment_is_left_alone(tree: Path) -> None:
    (tree / "letters").mkdir()
    (tree / "letters/dear.txt").write_text("all my life")
    assert "left alone" in (bootstrap.main("site", tree / "letters") or "")
    assert (tree / "letters/dear.txt").read_text() == "all my life"


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
def test_make_finds_python_in_an_empty_environment() -> None:
    where = "--eval=where: ; @$(PYTHON) -c 'import sys; print(sys.executable)'"
    done = subprocess.run(["make", "-s", where, "where"], cwd=ROOT, env={}, check=False, capture_output=True, text=True)
    assert (done.returncode, Path(done.stdout.strip()).is_file()) == (0, True), done.stderr
