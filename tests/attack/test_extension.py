"""The inner loops in C under crashes, swaps and failing calls, by a shim between the process and the kernel."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dvornik.storages import directories
from dvornik.storages.local import LocalStorage

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not directories.inner, reason="no compiler built the extension")

_CLEAN = """\
import json, sys
from dvornik.contracts.storage import Batch
from dvornik.model import Finding
from dvornik.storages.local import LocalStorage

storage = LocalStorage("tmp", sys.argv[1])
missed = {}
seen = [step for step in storage.walk(with_times=True) if isinstance(step, Batch)]
for batch in seen:
    missed |= {miss.name: miss.reason for miss in batch.others}
    if batch.names:
        columns = (batch.names, batch.sizes, batch.times, batch.versions)
        finding = Finding("temp/old", "tmp", batch.container, *columns)
        outcome = storage.discard(finding, "r1", keep=sys.argv[2] == "keep")
        missed |= {miss.name: miss.reason for miss in outcome.missed}
storage.tidy()
print(json.dumps(missed))
"""


def _clean(root: Path, shim: str, words: str, *, keep: bool = False) -> dict[str, str] | None:
    """Clean in a process with the shim between; return what was missed, ``None`` where it was killed."""
    command = [sys.executable, "-c", _CLEAN, str(root), "keep" if keep else "delete"]
    before = os.environ.get("LD_PRELOAD")  # a sanitizer's library, which has to come first
    env = os.environ | {"LD_PRELOAD": f"{before}:{shim}" if before else shim, "SHIM": words}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=env)
    assert done.returncode in {0, -9}, done.stderr
    missed: dict[str, str] | None = json.loads(done.stdout) if done.returncode == 0 else None
    return missed


def _tree(root: Path) -> Path:
    (root / "a/b").mkdir(parents=True)
    for name in ("needed", "x", "a/y", "a/b/z"):
        (root / name).write_text(name)
    (root.parent / "fresh").write_text("needed changed")
    return root


def _files(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("keep", [False, True])
def test_a_run_killed_at_each_change_loses_nothing(tmp_path: Path, shim: str, *, keep: bool) -> None:
    for number in range(1, 100):
        root = _tree(tmp_path / str(number) / "tmp")
        words = f"kill:{number} swap:needed:{root.parent / 'fresh'}"
        if _clean(root, shim, words, keep=keep) is not None:
            break
        storage = LocalStorage("tmp", str(root))
        list(storage.recover())
        if keep:
            list(storage.restore("r1"))
        storage.tidy()
        files = _files(root)
        assert files["needed"] in {"needed", "needed changed"}
        assert all(files.get(name, name) == name and (name in files or not keep) for name in ("x", "a/y", "a/b/z"))
    assert number > 10


def test_a_file_replaced_at_its_claim_comes_back(tmp_path: Path, shim: str) -> None:
    root = _tree(tmp_path / "tmp")
    assert _clean(root, shim, f"swap:needed:{tmp_path / 'fresh'}") == {"needed": "changed"}
    assert _files(root) == {"needed": "needed changed"}


@pytest.mark.parametrize("call", ["unlinkat", "renameat2"])
def test_an_input_output_error_is_told_and_the_rest_is_done(tmp_path: Path, shim: str, call: str) -> None:
    root = _tree(tmp_path / "tmp")
    assert _clean(root, shim, f"fail:{call}:{errno.EIO}:needed fail:renameat:{errno.EIO}:needed") == {
        "needed": "io-error"
    }
    assert _files(root) == {"needed": "needed"}


def test_a_directory_that_cannot_be_read_to_its_end_is_told(tmp_path: Path, shim: str) -> None:
    root = _tree(tmp_path / "tmp")
    assert _clean(root, shim, f"fail:getdents64:{errno.EIO}:") == {"": "io-error"}
    assert len(_files(root)) == 4


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.EPERM, errno.EINVAL])
def test_without_renameat2_the_plain_call_claims(tmp_path: Path, shim: str, code: int) -> None:
    root = _tree(tmp_path / "tmp")
    assert _clean(root, shim, f"fail:renameat2:{code}:") == {}
    assert _files(root) == {}


def test_what_is_open_young_or_no_plain_file_is_left_to_the_reference(tmp_path: Path, shim: str) -> None:
    root = _tree(tmp_path / "tmp")
    os.symlink("x", root / "link")
    with (root / "needed").open():
        assert _clean(root, shim, "") == {"link": "symlink", "needed": "open"}
    assert _files(root) == {"needed": "needed"}
