"""What stands between a process and the kernel in these tests."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Build the shim: where the extension could be built, so can this."""
    if not shutil.which("cc"):
        pytest.skip("no compiler is here")
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    source = os.path.join(os.path.dirname(__file__), "shim.c")
    command = ["cc", "-std=gnu11", "-shared", "-fPIC", "-o", str(library), source, "-ldl"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return str(library)
