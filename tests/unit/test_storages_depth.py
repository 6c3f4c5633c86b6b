"""Trees deeper than a path can say."""

from __future__ import annotations

import os
import shutil
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from dvornik.contracts.storage import Batch, Left
from dvornik.model import Finding
from dvornik.storages import kernel
from dvornik.storages.local import LocalStorage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "tmp").mkdir()
    yield tmp_path / "tmp"
    shutil.rmtree(tmp_path, ignore_errors=True)  # pytest's own way out is recursive


def dig(root: Path, name: str, depth: int, *, every: int) -> None:
    """Make a chain of directories with a file at the bottom and one every so many levels."""
    current = os.open(root, os.O_RDONLY)
    for level in range(1, depth + 1):
        os.mkdir(name, dir_fd=current)
        below = os.open(name, os.O_RDONLY, dir_fd=current)
        os.close(current)
        current = below
        if level % every == 0 or level == depth:
            os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=current))
    os.close(current)


def clean(root: Path) -> tuple[int, int]:
    """Take all files, then all directories; return how many of each."""
    storage = LocalStorage("tmp", str(root))
    steps = list(storage.walk(with_times=True))
    files = directories = 0
    for step in steps:
        if isinstance(step, Batch) and step.names:
            columns = (step.names, step.sizes, step.times, step.versions)
            files += storage.discard(Finding("temp/old", "tmp", step.container, *columns), "r1", keep=False).done
        elif isinstance(step, Left) and step.container:
            parent, _, name = step.container.rpartition("/")
            columns = ([name], [0], [step.time], [step.version])
            directories += storage.prune(Finding("temp/empty-directory", "tmp", parent, *columns)).done
    storage.tidy()
    return files, directories


@pytest.mark.slow
def test_five_thousand_levels_are_cleaned(root: Path) -> None:
    dig(root, "d", 5000, every=500)
    assert clean(root) == (10, 5000)
    assert [path.name for path in root.parent.iterdir()] == ["tmp"]


def test_paths_beyond_path_max_are_cleaned_and_restored(root: Path) -> None:
    dig(root, "n" * 250, 40, every=40)
    storage = LocalStorage("tmp", str(root))
    (batch,) = [step for step in storage.walk(with_times=True) if isinstance(step, Batch) and step.names]
    columns = (batch.names, batch.sizes, batch.times, batch.versions)
    assert storage.discard(Finding("media/orphan", "tmp", batch.container, *columns), "r1", keep=True).done == 1
    assert [outcome.done for outcome in storage.restore("r1")] == [1]
    storage.tidy()
    assert clean(root) == (1, 40)


def test_without_openat2_the_same_levels_are_cleaned(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel._calls, "openat2", 0)
    dig(root, "d", 300, every=100)
    assert clean(root) == (3, 300)


def test_a_deep_walk_needs_little_memory(root: Path) -> None:
    dig(root, "n" * 200, 500, every=500)
    tracemalloc.start()
    count = sum(1 for _ in LocalStorage("tmp", str(root)).walk(with_times=False))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 1002
    assert peak < 3_000_000
    clean(root)
