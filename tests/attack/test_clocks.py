"""Clocks that jump: where ours is ahead of the file system's, young files look old, and nothing may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.small_site import DAY, SmallSite

if TYPE_CHECKING:
    from pathlib import Path

AHEAD = """
import time
real = time.time_ns
time.time_ns = lambda: real() + {days} * 86400 * 10**9
"""


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    site = SmallSite(tmp_path / "app")
    for name in ("tmp/a/young", "logs/young.log"):
        site.file(name)
    site.file("tmp/a/old", age=9 * DAY)
    return site


def run(site: SmallSite, days: int) -> tuple[int, str]:
    process = site.started("run", "temp", "logs", before=AHEAD.format(days=days))
    out, err = process.communicate(timeout=100)
    return process.returncode, (out + err).decode()


def test_nothing_goes_while_the_clock_is_ahead_of_the_file_system_s(site: SmallSite) -> None:
    code, said = run(site, 40)
    assert code == 12, said
    assert "clock of this file system is behind" in said
    assert site.files("tmp") | site.files("logs") == {"a/young", "a/old", "young.log"}
    assert site.dvornik("run", "temp").code == 0
    assert site.files("tmp") == {"a/young"}


def test_a_clock_that_is_behind_keeps_what_is_young_by_it(site: SmallSite) -> None:
    assert run(site, -30)[0] == 0
    assert site.files("tmp") == {"a/young", "a/old"}
