"""root in an application of somebody else's: what that makes of the state is said, with the way back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.unit.small_site import SmallSite

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root is somebody else too"
)
USER = 64321


def given(top: Path, user: int) -> None:
    for path in (top, *top.rglob("*")):
        os.lchown(path, user, user)


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    """A site of another user that nobody has cleaned yet."""
    made = SmallSite(tmp_path / "app")
    shutil.rmtree(made.path / ".dvornik", ignore_errors=True)
    given(made.path, USER)
    return made


def test_the_first_run_of_root_in_somebody_elses_application_says_what_that_means(site: SmallSite) -> None:
    first, second = site.dvornik("run"), site.dvornik("run")
    assert (first.code, second.code) == (0, 0), first.err
    assert f"root cleans the application of {USER}" in first.out
    assert "dvornik uninstall" in first.out
    assert "root cleans" not in second.out
    assert "root cleans" in site.dvornik("doctor").out


def test_a_state_of_the_applications_user_is_left_to_that_user(site: SmallSite) -> None:
    (site.path / ".dvornik").mkdir(0o700)
    given(site.path, USER)
    ran = site.dvornik("run")
    assert ran.code == 1
    assert f"Run dvornik as its owner, {USER}." in ran.err


def test_nothing_is_said_in_an_application_of_roots_own(site: SmallSite) -> None:
    given(site.path, 0)
    assert "root cleans" not in site.dvornik("run").out


def test_no_configuration_is_written_where_nothing_is_under_care(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "dvornik", "init"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert not (tmp_path / "dvornik.toml").exists()
    assert subprocess.run([*words, "--full"], cwd=tmp_path, capture_output=True, check=False).returncode == 0
