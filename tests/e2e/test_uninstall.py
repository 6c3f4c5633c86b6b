"""``dvornik uninstall``: what dvornik made goes, what it set aside is brought back or deleted, the rest stays."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dvornik import state_directory
from tests.e2e.keeper import tree
from tests.unit.small_site import DAY, SmallSite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.keeper import Ran

NOBODY = 65534
WORDS = ("uninstall", "--lang", "en")
DEAD = 77
DYING = """
import os
calls = {{name: getattr(os, name) for name in ("unlink", "rmdir", "rename", "link")}}
left = [{number}]
def counted(name):
    def call(*words, **more):
        left[0] -= 1
        if not left[0]:
            os._exit(77)
        return calls[name](*words, **more)
    return call
for name in calls:
    setattr(os, name, counted(name))
"""
"""Ends the process at the n-th change of a directory, as a kill would."""


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    """A site that has been cleaned: a file of its media waits in quarantine."""
    site = SmallSite(tmp_path)
    site.photos("a.jpg", "b.jpg")
    site.file("media/lost.jpg", age=3 * DAY)
    assert site.dvornik("run").code == 0
    assert not (tmp_path / "media/lost.jpg").exists()
    return site


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A crontab and a systemd that only keep what they are told, for nobody but this test."""
    (tmp_path / "bin").mkdir()
    kept, told = tmp_path / "bin" / "kept", tmp_path / "bin" / "told"
    (tmp_path / "bin" / "crontab").write_text(
        f'#!/bin/sh\ncase "$1" in\n-l) cat {kept} 2>/dev/null || {{ echo "no crontab for me" >&2; exit 1; }};;\n'
        f"-r) rm {kept};;\n-) cat > {kept};;\nesac\n"
    )
    (tmp_path / "bin" / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {told}\n')
    for name in ("crontab", "systemctl"):
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "bin"


def uninstall(site: SmallSite, *words: str) -> Ran:
    """Uninstall as a script does, which nobody answers."""
    return site.dvornik(*WORDS, *words, "--yes")


def outside_of_state(site: SmallSite) -> dict[str, tuple[int, ...]]:
    """Return what a dry run must leave; SQLite keeps files beside the record that it reads."""
    return {path: found for path, found in tree(site.path).items() if not path.startswith(str(site.state))}


def test_restoring_brings_everything_back_and_leaves_nothing_of_ours(site: SmallSite) -> None:
    ran = uninstall(site, "--restore")
    assert ran.code == 0, ran.err
    assert (site.path / "media/lost.jpg").exists()
    assert not site.state.exists()
    assert not list(site.path.rglob(".dvornik-quarantine"))
    assert f"Stays: {site.path / 'dvornik.toml'}" in ran.out
    assert f"{sys.executable} -m pip uninstall dvornik" in ran.out


def test_purging_deletes_what_waits_and_nothing_that_is_used(site: SmallSite) -> None:
    assert uninstall(site, "--purge").code == 0
    assert sorted(path.name for path in (site.path / "media").rglob("*")) == ["a.jpg", "b.jpg"]
    assert not site.state.exists()


def test_without_a_word_on_the_quarantine_nothing_is_touched(site: SmallSite) -> None:
    before = tree(site.path / "media")
    ran = uninstall(site)
    assert ran.code == 2
    assert "--restore" in ran.err
    assert tree(site.path / "media") == before
    assert uninstall(site, "--restore").code == 0


@pytest.mark.usefixtures("tools")
def test_a_dry_run_shows_it_all_and_changes_nothing(site: SmallSite) -> None:
    site.dvornik("schedule", "systemd", "--own", "--install")
    before = outside_of_state(site)
    ran = uninstall(site, "--dry-run", "--restore")
    assert ran.code == 0, ran.err
    assert "1 file" in ran.out
    assert "dvornik-daily.timer" in ran.out
    assert f"Would be removed: {site.state}" in ran.out
    assert outside_of_state(site) == before
    assert (site.state / "state.db").exists()


def test_schedules_of_any_name_go_and_those_of_others_stay(site: SmallSite, tools: Path) -> None:
    units = site.path / "config/systemd/user"
    for words in (("systemd", "--name", "night"), ("cron",)):
        assert site.dvornik("schedule", *words, "--own", "--install").code == 0
    (units / "other.timer").write_text("# dvornik schedule of /srv/other\n")
    kept = tools / "kept"
    kept.write_text("5 5 * * *  mine\n" + kept.read_text())
    assert uninstall(site, "--restore").code == 0
    assert [path.name for path in units.iterdir()] == ["other.timer"]
    assert kept.read_text() == "5 5 * * *  mine\n"
    assert "disable --now night-daily.timer" in (tools / "told").read_text()


def test_a_file_whose_name_is_taken_stays_in_quarantine_and_the_state_with_it(site: SmallSite) -> None:
    site.file("media/lost.jpg", body=b"newer")
    ran = uninstall(site, "--restore")
    assert ran.code == 3
    assert (site.path / "media/lost.jpg").read_text() == "newer"
    assert site.state.is_dir()
    (site.path / "media/lost.jpg").unlink()
    assert uninstall(site, "--restore").code == 0


def test_purging_asks_the_gates_before_anything_goes(site: SmallSite) -> None:
    site.sql("DELETE FROM photo")
    ran = uninstall(site, "--purge")
    assert ran.code == 10
    assert site.state.is_dir()
    assert list(site.path.rglob("lost.jpg"))


def test_what_dvornik_did_not_make_stays_in_the_state_directory(site: SmallSite) -> None:
    (site.state / "notes.txt").write_text("mine")
    ran = uninstall(site, "--restore")
    assert ran.code == 0
    assert [path.name for path in site.state.iterdir()] == ["notes.txt"]
    assert "notes.txt" in ran.out


def test_everything_that_a_run_leaves_in_the_state_is_known_as_ours(site: SmallSite) -> None:
    assert state_directory.remove(site.state) == []
    assert not site.state.exists()


@pytest.mark.parametrize("fate", ["--restore", "--purge"])
def test_where_nobody_can_be_asked_and_nobody_said_yes_nothing_goes(site: SmallSite, fate: str) -> None:
    before = tree(site.path / "media"), tree(site.path / ".dvornik-quarantine")
    ran = site.dvornik(*WORDS, fate)
    assert (ran.code, "--yes" in ran.err) == (2, True)
    assert (tree(site.path / "media"), tree(site.path / ".dvornik-quarantine")) == before
    assert (site.state / "state.db").exists()


@pytest.mark.parametrize("place", ["", "media", "media/kept"])
def test_what_others_put_into_the_quarantine_stays_and_is_named(site: SmallSite, place: str) -> None:
    file = site.path / ".dvornik-quarantine" / place / "mine.txt"
    file.write_text("mine")
    dry = uninstall(site, "--dry-run", "--restore")
    assert (f"Stays: {file}" in dry.out, "lost.jpg" in dry.out) == (True, False)
    ran = uninstall(site, "--restore")
    assert (ran.code, file.read_text()) == (0, "mine"), ran.out
    assert f"Stays: {file}" in ran.out


def test_what_others_put_beside_the_plans_keeps_none_of_ours(site: SmallSite) -> None:
    plans = site.state / "plans"
    plans.mkdir(exist_ok=True)
    (plans / "20260101T000000-abcd.jsonl").write_text("{}")
    (plans / "mine.txt").write_text("mine")
    ran = uninstall(site, "--restore")
    assert (ran.code, "plans/mine.txt" in ran.out) == (0, True)
    assert [str(path.relative_to(site.state)) for path in sorted(site.state.rglob("*"))] == ["plans", "plans/mine.txt"]


def test_placeholders_and_the_log_stay_where_they_lie_in_the_state(site: SmallSite) -> None:
    kept = {".gitignore", "maintenance.log"}
    for name in kept:
        (site.state / name).write_text("mine")
    assert uninstall(site, "--restore").code == 0
    assert {path.name for path in site.state.iterdir()} == kept


def test_a_second_time_there_is_nothing_to_do(site: SmallSite) -> None:
    assert uninstall(site, "--restore").code == 0
    before = tree(site.path)
    ran = uninstall(site)
    assert (ran.code, "Nothing of this installation is there." in ran.out) == (0, True)
    assert tree(site.path) == before


def test_nothing_goes_while_a_run_holds_the_lock(site: SmallSite) -> None:
    with site.engine("temp"):
        ran = uninstall(site, "--purge")
    assert ran.code == 11
    assert (site.state / "state.db").exists()
    assert list(site.path.rglob("lost.jpg"))


def test_a_place_that_is_not_there_keeps_the_state_that_knows_of_its_quarantine(site: SmallSite) -> None:
    (site.path / "media").rename(site.path / "unmounted")
    (site.path / ".dvornik-quarantine").rename(site.path / "unmounted" / "q")
    for words in (("--restore",), ("--purge",), ("--dry-run",)):
        assert uninstall(site, *words).code == 12
    assert (site.state / "state.db").exists()
    assert list((site.path / "unmounted/q").rglob("lost.jpg"))


def test_a_place_that_is_configured_no_more_keeps_the_state(site: SmallSite) -> None:
    file = site.path / "dvornik.toml"
    file.write_text(file.read_text().replace("[media.pub]", "[media.other]"))
    ran = uninstall(site, "--restore")
    assert (ran.code, "media/pub" in ran.err, f"rm -r {site.state}" in ran.err) == (12, True, True)
    assert (site.state / "state.db").exists()


def test_an_application_that_does_not_load_hides_its_media_so_nothing_goes(site: SmallSite) -> None:
    (site.path / "dvornik.toml").write_text('[app]\nkind = "django"\n')
    (site.path / "manage.py").write_text("import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'gone.settings'\n")
    ran = uninstall(site, "--restore")
    assert ran.code == 12, ran.out
    assert (site.state / "state.db").exists()


@pytest.mark.usefixtures("tools")
def test_schedules_that_run_another_configuration_stay(site: SmallSite) -> None:
    other = site.path / "other.toml"
    other.write_text((site.path / "dvornik.toml").read_text())
    for words in (("--config", str(other), "--name", "other"), ("--name", "mine")):
        assert site.dvornik("schedule", "systemd", "--own", "--install", *words).code == 0
    ran = uninstall(site, "--restore")
    names = {path.name.partition("-")[0] for path in (site.path / "config/systemd/user").iterdir()}
    assert (ran.code, names) == (0, {"other"})
    assert "it runs another configuration" in ran.out


def test_who_may_not_use_cron_can_uninstall(site: SmallSite, tools: Path) -> None:
    (tools / "crontab").write_text('#!/bin/sh\necho "You (me) are not allowed to use this program" >&2\nexit 1\n')
    ran = uninstall(site, "--restore")
    assert (ran.code, "not allowed to use this program" in ran.out) == (0, True)
    assert not site.state.exists()


def test_what_was_written_for_containers_is_named(site: SmallSite) -> None:
    (site.path / "docker-compose.override.yml").write_text("# Written by: dvornik init --docker\nservices: {}\n")
    assert f"Stays: {site.path / 'docker-compose.override.yml'}" in uninstall(site, "--dry-run", "--restore").out


@pytest.mark.usefixtures("tools")
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("fate", ["--restore", "--purge"])
def test_where_it_is_killed_the_next_attempt_goes_on(site: SmallSite, fate: str) -> None:
    for words in (("systemd", "--single"), ("cron",)):
        assert site.dvornik("schedule", *words, "--own", "--install").code == 0
    for attempt in range(60):
        process = site.started(*WORDS, fate, "--yes", before=DYING.format(number=2 + attempt % 3))
        process.communicate(timeout=100)
        if process.returncode != DEAD:
            break
        is_back = (site.path / "media/lost.jpg").exists()
        assert is_back or fate == "--purge" or list(site.path.rglob("lost.jpg")), f"lost at {attempt}"
    assert (attempt > 3, process.returncode) == (True, 0)
    assert (site.path / "media/lost.jpg").exists() == (fate == "--restore")
    assert not list((site.path / "config/systemd/user").iterdir())
    assert not site.state.exists()


@pytest.fixture
def nobodys() -> Iterator[SmallSite]:
    """A site of another user than root, where that user can reach it."""
    with tempfile.TemporaryDirectory(prefix="dvornik-") as directory:
        Path(directory).chmod(0o755)
        site = SmallSite(Path(directory, "app"))
        site.photos("a.jpg")
        site.file("media/lost.jpg", age=3 * DAY)
        assert site.dvornik("run").code == 0
        for each in [site.path, *site.path.rglob("*")]:
            os.chown(each, NOBODY, NOBODY)
        yield site


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can remove another user's installation")
def test_root_works_on_the_state_as_its_owner_or_not_at_all(nobodys: SmallSite) -> None:
    back, log = nobodys.path / "media/lost.jpg", nobodys.path / "own/maintenance.log"
    ran = uninstall(nobodys, "--restore")
    if all(parent.stat().st_mode & 0o001 for parent in Path(os.__file__).parents):
        assert (ran.code, back.stat().st_uid, nobodys.state.exists()) == (0, NOBODY, False), ran.err
        assert log.stat().st_uid == NOBODY
    else:  # a Python below /root
        assert (ran.code, "cannot read this Python" in ran.err) == (2, True)
        assert (nobodys.state / "state.db").stat().st_uid == NOBODY
        assert list(nobodys.path.rglob("lost.jpg"))
