"""kill -9 while the record is made: whatever that leaves, the next command reads it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dvornik.state import State
from tests.attack.grounds import COMMAND, Site, environment

if TYPE_CHECKING:
    from pathlib import Path

_FIRST = """
import sys
from dvornik.state import State
state = State(sys.argv[1])
state.lock()
state.begin("r1", "run", ["temp"])
state.finish("r1", "done", "", {})
state.close()
"""


@pytest.mark.parametrize("first", range(1, 5))
def test_a_record_killed_at_each_change_is_read_and_written_on(tmp_path: Path, shim: str, first: int) -> None:
    for number in range(first, 300, 4):
        directory = tmp_path / str(number)
        env = os.environ | {"LD_PRELOAD": shim, "SHIM": f"end:{number}", "PYTHONDONTWRITEBYTECODE": "1"}
        killed = subprocess.run([sys.executable, "-c", _FIRST, str(directory)], env=env, check=False).returncode
        state = State(str(directory))
        assert [run.id for run in state.runs()] in ([], ["r1"])
        assert state.last_survey("media/default") is None
        state.lock()
        state.begin("r2", "run", ["temp"])
        state.close()
        assert (state.degraded, state.runs()[0].id) == ("", "r2")
        assert not list(directory.glob(".state.db.*"))
        if not killed:
            break
    assert 30 < number < 299


@pytest.mark.parametrize("number", range(4, 84, 16))
def test_after_a_first_run_killed_anywhere_every_command_works(tmp_path: Path, shim: str, number: int) -> None:
    site = Site(tmp_path / "site")
    site.fill(1, 3)
    env = {**environment(), "LD_PRELOAD": shim, "SHIM": f"end:{number}"}
    killed = subprocess.run([*COMMAND, "run", "temp"], cwd=site.root, env=env, capture_output=True, check=False)
    assert killed.returncode == -9
    for words in (("history", "--json"), ("undo",), ("show",), ("run", "temp", "--dry-run"), ("run", "temp")):
        code, output = site.clean(*words)
        assert code in {0, 2} if words == ("show",) else code == 0, (words, output)
    assert site.files() == {}
    assert json.loads(site.clean("history", "--json")[1])
