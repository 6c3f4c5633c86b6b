"""A record of past cleanups that cannot be read proves nothing: the health check says so until the next cleanup."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e.keeper import Ran
from tests.unit.small_site import SmallSite

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    made = SmallSite(tmp_path)
    assert made.dvornik("run").code == 0
    return made


def check(site: SmallSite) -> Ran:
    """Ask as Docker does: ``cleanup.py --health-check``."""
    call = "from dvornik.cli.entry import cleanup; cleanup('scripts/maintenance/cleanup.py')"
    command = [sys.executable, "-c", call, "--health-check", "--lang", "en"]
    done = subprocess.run(command, cwd=site.path, capture_output=True, check=False, timeout=100)
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_a_new_installation_is_well_and_so_is_one_that_has_been_cleaned(tmp_path: Path) -> None:
    made = SmallSite(tmp_path)
    assert (check(made).code, made.state.exists()) == (0, False)
    made.state.mkdir(mode=0o700)
    assert check(made).code == 0
    made.dvornik("run")
    assert (check(made).code, check(made).out) == (0, "✅ Healthy\n")


def without(key: str) -> Callable[[str], str]:
    return lambda text: json.dumps({name: value for name, value in json.loads(text).items() if name != key})


def other(**values: object) -> Callable[[str], str]:
    return lambda text: json.dumps(json.loads(text) | values)


@pytest.mark.parametrize(
    "wreck",
    [
        lambda _: "", lambda _: "\0" * 4096, lambda text: text[: len(text) // 2], lambda _: "[]", lambda _: "{}",
        lambda text: text.replace('"version": 1', '"version": 7'), without("max_age"),
        other(temp=None), other(last_run=5), other(last_success="yesterday"), other(steps=[1]),
        other(max_age=None), other(last_success=float("nan")), other(last_success=1e30), other(sources=[{}]),
        other(environ=3), other(config=7),
    ],
)  # fmt: skip
def test_a_damaged_record_is_unhealthy_until_the_next_cleanup(site: SmallSite, wreck: Callable[[str], str]) -> None:
    path = site.state / "health.json"
    path.write_text(wreck(path.read_text()))
    ran = check(site)
    assert (ran.code, "Traceback" in ran.err) == (1, False)
    assert "health.json" in ran.out or "No successful cleanup" in ran.out
    assert site.dvornik("health").code == 1
    assert site.dvornik("run", "temp").code == 0
    assert check(site).code == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("name", ["health.json", "."])
def test_a_record_that_may_not_be_read_is_unhealthy(site: SmallSite, name: str) -> None:
    (site.state / name).chmod(0)
    ran = check(site)
    (site.state / name).chmod(0o700)
    assert (ran.code, "Permission denied" in ran.out) == (1, True)


def test_a_record_that_is_no_file_is_unhealthy(site: SmallSite) -> None:
    (site.state / "health.json").unlink()
    (site.state / "health.json").mkdir()
    ran = check(site)
    assert (ran.code, "Is a directory" in ran.out) == (1, True)


def test_an_undo_does_not_make_a_damaged_record_well(site: SmallSite) -> None:
    site.orphans(3)
    site.dvornik("run")
    (site.state / "health.json").write_text("{")
    assert site.dvornik("undo").code == 0
    assert check(site).code == 1
    assert [alert["code"] for alert in json.loads(site.dvornik("health", "--json").out)] == ["record-unreadable"]


def test_metrics_and_doctor_tell_it_too(site: SmallSite) -> None:
    path = site.state / "health.json"
    path.write_text(without("since")(path.read_text()))
    (alert,) = [line for line in site.dvornik("metrics").out.splitlines() if '="record-unreadable"' in line]
    assert alert.endswith(" 1.0")
    assert "record of past cleanups" in site.dvornik("doctor").out
