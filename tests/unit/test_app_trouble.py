"""What is wrong with one place of an application ends no run that has nothing to do with it, and every run that has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dvornik.apps import discover
from dvornik.config import load
from tests.unit.small_site import DAY, SmallSite

if TYPE_CHECKING:
    from pathlib import Path

LOST_MEDIA = '[media.other]\nroot = "elsewhere"\nexact = ["nowhere:photo.file"]'
LOST_ROWS = '[sessions.s]\ndatabase = "nowhere"\ntable = "t"\ncolumn = "c"'
LOST_CACHE = "[caches.nowhere]\nowned = true"


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    made = SmallSite(tmp_path)
    made.file("tmp/old.bin", age=9 * DAY)
    made.file("logs/old.log.1", age=90 * DAY)
    return made


@pytest.mark.parametrize(("more", "step"), [(LOST_MEDIA, "media"), (LOST_ROWS, "sessions"), (LOST_CACHE, "cache")])
def test_only_a_run_that_needs_the_place_fails_by_it(site: SmallSite, more: str, step: str) -> None:
    site.configure(more=more)
    for other in {"temp", "logs", "media", "sessions", "database"} - {step}:
        ran = site.dvornik("run", other)
        assert (ran.code, "❌" in ran.out) == (0, False), other
    full = ("--aggressive", "--yes") if step == "cache" else ()
    assert site.dvornik("run", *full).code == 12
    assert site.dvornik("run", step).code == 12
    assert site.dvornik("run", step, "--dry-run").code == 12


def test_temporary_files_alone_are_healthy_where_only_media_is_misconfigured(site: SmallSite) -> None:
    site.configure(more=LOST_MEDIA)
    assert site.dvornik("run", "temp", "logs").code == 0
    assert not site.files("tmp")
    assert site.dvornik("health").code == 0
    site.dvornik("run")
    assert "temporary files" not in site.dvornik("health").out


def test_what_is_misconfigured_is_still_told_by_those_who_look_at_everything(site: SmallSite) -> None:
    site.configure(more=LOST_MEDIA)
    for words in (("doctor",), ("config", "check")):
        assert "no such database is configured" in site.dvornik(*words).out


@pytest.mark.parametrize("step", ["media", "sessions", "database"])
def test_a_database_without_a_usable_address_is_missed_by_who_reads_it(tmp_path: Path, step: str) -> None:
    env = {"DATABASE_URL": "nonsense", "HOME": str(tmp_path)}
    (trouble,) = discover(load(None, env, tmp_path), env).trouble
    assert trouble.spoils(step)
    assert not trouble.spoils("temp")


def test_a_django_that_does_not_load_spoils_what_only_it_could_tell(tmp_path: Path) -> None:
    (tmp_path / "manage.py").write_text('os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nowhere")')
    (tmp_path / "dvornik.toml").write_text('[temp]\npaths = ["tmp"]\n')
    (trouble,) = discover(load(None, {}, tmp_path), {}).trouble
    assert not trouble.spoils("temp")
    assert all(trouble.spoils(step) for step in ("logs", "media", "sessions", "database", "cache"))
