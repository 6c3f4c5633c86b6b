"""The collector of temporary files on real directories: groups of pieces, directories, and what is held."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from dvornik.collectors.temp import EMPTY, OLD, Temp
from dvornik.config import TempSection
from dvornik.model import Finding, Held, Reason, Survey, Trouble
from dvornik.quantities import Duration
from dvornik.storages.local import LocalStorage
from dvornik.storages.walk import BATCH
from tests.unit.small_site import DAY, SmallSite, tree

if TYPE_CHECKING:
    from pathlib import Path

    from dvornik.model import Seen


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    return SmallSite(tmp_path / "app")


def temp(site: SmallSite, **settings: object) -> Temp:
    section = TempSection(**{"age_by": "mtime", **settings})  # type: ignore[arg-type]
    return Temp({"tmp": LocalStorage("tmp", str(site.path / "tmp"))}, section)


def scan(collector: Temp) -> list[Seen]:
    return list(collector.scan(time.time_ns(), thorough=False))


def found(lines: list[Seen], rule: str = OLD) -> set[str]:
    listed = [line for line in lines if isinstance(line, Finding) and line.rule == rule]
    return {f"{each.container}/{name}".strip("/") for each in listed for name in each.names}


def held(lines: list[Seen]) -> dict[str, Reason]:
    kept = [line for line in lines if isinstance(line, Held)]
    return {f"{each.container}/{name}".strip("/"): each.reason for each in kept for name in each.names}


def directory(site: SmallSite, name: str, age: float) -> Path:
    path = site.path / "tmp" / name
    path.mkdir(parents=True, exist_ok=True)
    os.utime(path, (time.time() - age,) * 2)
    return path


def clean(collector: Temp) -> None:
    for line in scan(collector):
        if isinstance(line, Finding):
            collector.apply(line, "run")
    collector.tidy()


def test_old_files_are_found_and_young_ones_held(site: SmallSite) -> None:
    site.file("tmp/a/old.bin", age=2 * DAY)
    site.file("tmp/a/young.bin", age=DAY / 2)
    lines = scan(temp(site))
    assert found(lines) == {"a/old.bin"}
    assert held(lines) == {"a/young.bin": Reason.YOUNG}


def test_a_copy_that_kept_its_time_is_young_by_default(site: SmallSite) -> None:
    site.file("tmp/copied.bin", age=99 * DAY)
    assert held(scan(temp(site, age_by="newest"))) == {"copied.bin": Reason.YOUNG}


def test_a_time_in_the_future_is_held_and_told(site: SmallSite) -> None:
    site.file("tmp/future.bin", age=-DAY)
    assert held(scan(temp(site))) == {"future.bin": Reason.FUTURE}
    assert held(scan(temp(site, older_than=Duration("0")))) == {"future.bin": Reason.FUTURE}


def test_names_that_are_excluded_or_stand_for_a_directory_are_held(site: SmallSite) -> None:
    for name in ("keep.me", "sub/x.bin", "a/.gitkeep", "b/index.html"):
        site.file(f"tmp/{name}", age=9 * DAY)
    lines = scan(temp(site, exclude=["keep.*", "sub/*"]))
    assert found(lines) == set()
    placeholder, excluded = Reason.PLACEHOLDER, Reason.EXCLUDED
    assert held(lines) == {
        "keep.me": excluded,
        "sub/x.bin": excluded,
        "a/.gitkeep": placeholder,
        "b/index.html": placeholder,
    }


@pytest.mark.parametrize("names", [["film.part0001", "film.part0077"], ["1", "2"], ["up.mp4.3", "up.mp4.12"]])
def test_old_pieces_of_an_upload_that_goes_on_are_kept(site: SmallSite, names: list[str]) -> None:
    site.file(f"tmp/u/{names[0]}", age=9 * DAY)
    site.file(f"tmp/u/{names[1]}")
    lines = scan(temp(site))
    assert found(lines) == set()
    assert held(lines)[f"u/{names[0]}"] is Reason.GROUP


def test_pieces_of_an_upload_that_ended_go_together_and_other_groups_do_not_matter(site: SmallSite) -> None:
    for name in ("u/film.part1", "u/film.part2", "u/plain.bin"):
        site.file(f"tmp/{name}", age=9 * DAY)
    site.file("tmp/u/song.part1")
    site.file("tmp/v/film.part3")
    assert found(scan(temp(site))) == {"u/film.part1", "u/film.part2", "u/plain.bin"}


def test_a_group_is_kept_across_the_batches_of_a_large_directory(site: SmallSite) -> None:
    names = [f"film.part{number:05}" for number in range(BATCH + 50)]
    for name in names:
        site.file(f"tmp/u/{name}", age=9 * DAY, body=b"")
    as_listed = list((site.path / "tmp" / "u").iterdir())
    for fresh in (as_listed[0], as_listed[-1]):
        os.utime(fresh)
        assert found(scan(temp(site))) == set()
        os.utime(fresh, (time.time() - 9 * DAY,) * 2)
    assert len(found(scan(temp(site)))) == len(names)


def test_a_directory_larger_than_a_batch_is_cleaned_to_the_last_file(site: SmallSite) -> None:
    for number in range(BATCH + 50):
        site.file(f"tmp/big/f{number:05}.bin", age=9 * DAY, body=b"")
    directory(site, "big", 9 * DAY)
    clean(temp(site))
    assert not (site.path / "tmp" / "big").exists()


def test_old_directories_go_with_all_that_was_in_them_from_the_bottom_up(site: SmallSite) -> None:
    site.file("tmp/a/b/c/old.bin", age=9 * DAY)
    site.file("tmp/d/.gitkeep", age=9 * DAY)
    for name in ("a/b/c", "a/b", "a/empty", "a", "d/e", "d"):
        directory(site, name, 9 * DAY)
    assert found(scan(temp(site)), EMPTY) == {"a/b/c", "a/b", "a/empty", "a", "d/e"}
    clean(temp(site))
    assert {path.name for path in (site.path / "tmp").rglob("*")} == {"d", ".gitkeep"}
    assert (site.path / "tmp").is_dir()


@pytest.mark.parametrize("inside", ["young.bin", "link", "young/"])
def test_a_directory_that_keeps_anything_stays(site: SmallSite, inside: str) -> None:
    site.file("tmp/a/old.bin", age=9 * DAY)
    if inside == "link":
        (site.path / "tmp/a/link").symlink_to("nowhere")
    elif inside == "young/":
        directory(site, "a/young", 0)
    else:
        site.file(f"tmp/a/{inside}")
    directory(site, "a", 9 * DAY)
    lines = scan(temp(site))
    assert (found(lines), found(lines, EMPTY)) == ({"a/old.bin"}, set())


def test_a_young_empty_directory_stays_and_none_goes_where_that_is_turned_off(site: SmallSite) -> None:
    directory(site, "young", 0)
    directory(site, "old", 9 * DAY)
    assert found(scan(temp(site)), EMPTY) == {"old"}
    assert found(scan(temp(site, prune_directories=False)), EMPTY) == set()


def test_a_directory_that_was_filled_after_the_scan_stays_with_its_file(site: SmallSite) -> None:
    directory(site, "old", 9 * DAY)
    collector = temp(site)
    lines = [line for line in scan(collector) if isinstance(line, Finding)]
    path = site.file("tmp/old/new.bin")
    (outcome,) = [collector.apply(line, "run") for line in lines]
    assert (outcome.done, len(outcome.missed)) == (0, 1)
    assert path.exists()


def test_a_file_written_after_the_scan_is_left_alone(site: SmallSite) -> None:
    path = site.file("tmp/old.bin", age=9 * DAY)
    collector = temp(site)
    lines = [line for line in scan(collector) if isinstance(line, Finding)]
    path.write_bytes(b"again in use")
    outcomes = [collector.apply(line, "run") for line in lines]
    assert [(outcome.done, outcome.missed[0].reason) for outcome in outcomes] == [(0, Reason.CHANGED)]
    assert path.read_bytes() == b"again in use"


def test_a_scan_changes_nothing_and_names_exactly_what_then_goes(site: SmallSite) -> None:
    for name in ("a.bin", "s/b.bin", "s/c.part1", "s/d.bin"):
        site.file(f"tmp/{name}", age=9 * DAY)
    site.file("tmp/s/c.part2")
    before, names = tree(site.path / "tmp"), site.files("tmp")
    listed = found(scan(temp(site)))
    assert tree(site.path / "tmp") == before
    clean(temp(site))
    assert names - site.files("tmp") == listed == {"a.bin", "s/b.bin", "s/d.bin"}


def test_a_place_that_is_gone_stops_neither_the_others_nor_what_a_killed_run_left_there(site: SmallSite) -> None:
    site.file("tmp/old.bin", age=9 * DAY)
    storages = {name: LocalStorage(name, str(site.path / name)) for name in ("none", "tmp")}
    collector = Temp(storages, TempSection(age_by="mtime"))
    lines = scan(collector)
    assert found(lines) == {"old.bin"}
    assert [line.place for line in lines if isinstance(line, Survey)] == ["tmp"]
    assert len([line for line in lines if isinstance(line, Trouble)]) == 1
    assert list(collector.fingerprints()) == ["tmp"]
    assert list(collector.recover()) == []


def test_why_tells_what_holds_a_file(site: SmallSite) -> None:
    young, old = site.file("tmp/young.bin"), site.file("tmp/old.bin", age=9 * DAY)
    collector = temp(site)
    verdicts = [collector.why([str(path)], time.time_ns())[str(path)] for path in (young, old)]
    assert [verdict.verdict for verdict in verdicts if verdict] == [Reason.YOUNG, None]
    assert collector.why([str(site.path / "elsewhere")], time.time_ns()) == {}


def unit(site: SmallSite, age: float = 2 * DAY, inner: float = 2 * DAY) -> None:
    """Make what mkdtemp left: a file below and one above, and their directories."""
    site.file("tmp/tmpab12_xyz/job.lock", age=age)
    site.file("tmp/tmpab12_xyz/unpacked/data.csv", age=2 * DAY)
    directory(site, "tmpab12_xyz/unpacked", inner)
    directory(site, "tmpab12_xyz", 2 * DAY)


def test_a_directory_of_mkdtemp_goes_as_a_whole(site: SmallSite) -> None:
    unit(site)
    lines = scan(temp(site))
    assert found(lines) == {"tmpab12_xyz/job.lock", "tmpab12_xyz/unpacked/data.csv"}
    clean(temp(site))
    assert list((site.path / "tmp").iterdir()) == []


@pytest.mark.parametrize(("age", "inner"), [(60, 2 * DAY), (2 * DAY, 60)])
def test_while_anything_in_a_directory_of_mkdtemp_is_fresh_all_of_it_stays(
    site: SmallSite, age: float, inner: float
) -> None:
    unit(site, age, inner)
    lines = scan(temp(site))
    assert (found(lines), found(lines, EMPTY)) == (set(), set())
    assert held(lines)["tmpab12_xyz/unpacked/data.csv"] is Reason.GROUP


def test_a_link_left_in_a_directory_of_mkdtemp_does_not_keep_its_files(site: SmallSite) -> None:
    unit(site)
    (site.path / "tmp/tmpab12_xyz/link").symlink_to("job.lock")
    directory(site, "tmpab12_xyz", 2 * DAY)
    assert "tmpab12_xyz/unpacked/data.csv" in found(scan(temp(site)))


def test_what_came_along_with_a_moved_directory_is_as_new_as_the_move(tmp_path: Path) -> None:
    root = tmp_path / "tmp"
    (tmp_path / "import/deep").mkdir(parents=True)
    (tmp_path / "import/deep/row.csv").write_text("needed")
    root.mkdir()
    (root / "debris").write_text("old")
    time.sleep(0.02)  # the clock of the file system goes in ticks
    moment = time.time_ns()
    time.sleep(0.02)
    (tmp_path / "import").rename(root / "import")
    collector = Temp({"tmp": LocalStorage("tmp", str(root))}, TempSection(older_than=Duration("1h")))
    lines = list(collector.scan(moment + 3600 * 10**9, thorough=False))
    assert found(lines) == {"debris"}
    assert held(lines)["import/deep/row.csv"] is Reason.YOUNG


def test_a_directory_that_is_excluded_stays_with_all_that_is_in_it(site: SmallSite) -> None:
    site.file("tmp/keep/deep/a", age=3 * DAY)
    site.file("tmp/dir/keep/b", age=3 * DAY)
    site.file("tmp/dir/c", age=3 * DAY)
    directory(site, "empty/keep", 3 * DAY)
    lines = scan(temp(site, exclude=["keep"]))
    assert found(lines) == {"dir/c"}
    assert not found(lines, EMPTY)


def test_files_of_process_numbers_stay(site: SmallSite) -> None:
    site.file("tmp/pids/server.pid", age=3 * DAY)
    site.file("tmp/.X0-lock", age=3 * DAY)
    site.file("tmp/other", age=3 * DAY)
    assert found(scan(temp(site))) == {"other"}


def test_the_description_of_an_upload_stays_while_the_upload_grows(site: SmallSite) -> None:
    site.file("tmp/u1", age=60)
    site.file("tmp/u1.info", age=3 * DAY)
    site.file("tmp/u2", age=3 * DAY)
    site.file("tmp/u2.info", age=3 * DAY)
    site.file("tmp/alone.info", age=3 * DAY)
    lines = scan(temp(site))
    assert found(lines) == {"u2", "u2.info", "alone.info"}
    assert held(lines)["u1.info"] is Reason.GROUP


def test_the_directories_of_a_running_installer_go_as_a_whole(site: SmallSite) -> None:
    site.file("tmp/pip-install-a1b2c3d4/setup.py", age=3 * DAY)
    site.file("tmp/pip-install-a1b2c3d4/new.o", age=60)
    site.file("tmp/npm-17-ab/old.js", age=3 * DAY)
    directory(site, "npm-17-ab", 3 * DAY)
    assert found(scan(temp(site))) == {"npm-17-ab/old.js"}


def test_empty_directories_of_the_system_stay(site: SmallSite) -> None:
    directory(site, "systemd-private-01-nginx.service-Ab/tmp", 3 * DAY)
    directory(site, ".X11-unix", 3 * DAY)
    assert not found(scan(temp(site)), EMPTY)


@pytest.mark.skipif(not os.path.exists("/proc/locks"), reason="locks are not told here")  # noqa: PTH110
@pytest.mark.parametrize("kind", ["LOCK_EX", "LOCK_SH"])
def test_a_directory_that_somebody_has_locked_is_left_alone(site: SmallSite, kind: str) -> None:
    for name in ("locked/old", "locked/deep/old", "free/old", "tmpa1b2c3d4/in/old", "tmpa1b2c3d4/old"):
        site.file(f"tmp/{name}", age=3 * DAY)
    lock = f"for path in sys.argv[1:]: fcntl.flock(os.open(path, os.O_RDONLY), fcntl.{kind})"
    code = f"import fcntl, os, sys\n{lock}\nprint(flush=True)\nsys.stdin.read()"
    paths = [str(site.path / "tmp" / name) for name in ("locked", "tmpa1b2c3d4/in")]
    with subprocess.Popen([sys.executable, "-c", code, *paths], stdin=-1, stdout=-1) as holder:
        assert holder.stdout
        holder.stdout.readline()
        result = site.run("temp")
        holder.communicate(b"")
    assert site.files("tmp") == {"locked/old", "locked/deep/old", "tmpa1b2c3d4/in/old", "tmpa1b2c3d4/old"}
    assert result.held["temp/old", Reason.OPEN] == 2


def test_only_what_is_dated_well_after_the_run_is_called_a_time_to_come(site: SmallSite) -> None:
    for age in (0, -60, -2 * DAY):
        site.file(f"tmp/{age}", age=age)
    held = {line.reason: set(line.names) for line in scan(temp(site)) if isinstance(line, Held)}
    assert held == {Reason.YOUNG: {"0", "-60"}, Reason.FUTURE: {str(-2 * DAY)}}
