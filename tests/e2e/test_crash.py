"""kill -9 at any moment of a run: nothing is lost, and the next run completes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from tests.e2e.keeper import SCRIPT, Keeper, planned
from tests.site.site import BACKEND


def _killed(keeper: Keeper, seconds: float) -> int:
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT)], cwd=BACKEND, env=keeper.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode


@pytest.mark.parametrize("share", [0.35, 0.5, 0.6, 0.7, 0.8, 0.9])
def test_a_killed_run_loses_nothing_and_the_next_completes(keeper: Keeper, share: float) -> None:
    listed = planned(keeper.cleanup("--dry-run", "--json").document)
    before = keeper.site.files()
    start = time.monotonic()
    keeper.cleanup("--dry-run")
    _killed(keeper, share * (time.monotonic() - start) * 1.2)
    needed = set(before) - listed
    assert needed <= set(keeper.site.files())
    ran = keeper.cleanup()
    assert ran.code == 0, ran.out + ran.err
    assert set(before) - set(keeper.site.files()) == listed
    for run in keeper.dvornik("doctor", "--json").document["set_aside"]:
        assert keeper.dvornik("undo", run).code == 0
    back = {name: body for name, body in keeper.site.files().items() if name.startswith("media/")}
    assert back == {name: body for name, body in before.items() if name.startswith("media/")}
    left = [path for path in (keeper.site.path / ".dvornik-quarantine").rglob("*") if path.is_file()]
    assert left == []
