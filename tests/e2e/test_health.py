"""The four alerts of the contract, each of which flips the health check."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.keeper import Keeper


@pytest.fixture
def healthy(keeper: Keeper) -> Keeper:
    assert keeper.cleanup().code == 0
    assert keeper.cleanup("--health-check").code == 0
    return keeper


def test_a_new_installation_is_not_sick_on_its_first_day(keeper: Keeper) -> None:
    ran = keeper.cleanup("--health-check")
    assert (ran.code, len(ran.lines)) == (0, 1)
    assert not keeper.state.exists()


def test_no_cleanup_for_more_than_seven_days_is_an_alert(healthy: Keeper) -> None:
    path = healthy.state / "health.json"
    record = json.loads(path.read_text())
    record["last_success"] = time.time() - 7 * 86400 - 60
    path.write_text(json.dumps(record))
    ran = healthy.cleanup("--health-check")
    assert ran.code == 1
    assert "7 дней" in ran.out
    assert healthy.cleanup("--temp-only").code == 0
    assert healthy.cleanup("--health-check").code == 0


@pytest.mark.parametrize(("place", "size"), [("temp", 1_000_000_000), ("logs", 500_000_000)])
def test_too_much_in_a_directory_is_an_alert(healthy: Keeper, place: str, size: int) -> None:
    big = getattr(healthy.site, place) / "big.log"
    with big.open("wb") as file:  # room on the disk, not only a length
        os.posix_fallocate(file.fileno(), 0, size + 1)
    ran = healthy.cleanup("--health-check")
    assert (ran.code, len(ran.lines)) == (1, 1)
    big.unlink()
    assert healthy.cleanup("--health-check").code == 0


def test_a_last_cleanup_that_ended_with_an_error_is_an_alert(healthy: Keeper) -> None:
    healthy.site.media.rename(healthy.site.path / "elsewhere")
    assert healthy.cleanup().code == 12
    assert healthy.cleanup("--health-check").code == 1
    (healthy.site.path / "elsewhere").rename(healthy.site.media)
    assert healthy.cleanup().code == 0
    assert healthy.cleanup("--health-check").code == 0


def test_a_run_that_could_not_even_begin_is_an_alert(healthy: Keeper) -> None:
    broken = {"DJANGO_SETTINGS_MODULE": "no.such.settings"}
    assert healthy.cleanup(env=broken).code == 12
    assert healthy.cleanup("--health-check").code == 1


def test_a_dry_run_is_no_cleanup(healthy: Keeper) -> None:
    before = (healthy.state / "health.json").read_bytes()
    healthy.cleanup("--dry-run")
    assert (healthy.state / "health.json").read_bytes() == before
