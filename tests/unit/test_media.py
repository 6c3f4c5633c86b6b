"""The collector of media on real directories and a real database: what nothing names goes, and nothing else."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from dvornik.application import DatabasePlace, ExactColumn
from dvornik.collectors.inventory import Inventory, Source
from dvornik.collectors.media import ORPHAN, PURGE, RETURN, Media
from dvornik.databases.sqlite import SQLite
from dvornik.errors import UnreachableError
from dvornik.model import Finding, Held, Reason, Survey
from dvornik.references.files import Files
from dvornik.storages.local import LocalStorage
from dvornik.storages.walk import BATCH
from tests.unit.small_site import SmallSite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from dvornik.contracts.database import Column, Snapshot

RUN = "20260101T000000Z-0001"


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    return SmallSite(tmp_path / "app")


def media(
    site: SmallSite,
    *places: str,
    database: SQLite | None = None,
    quarantine: float = 14 * 86400,
    texts: Sequence[str] = (),
    strict: bool = False,
) -> Media:
    """Return the collector; nothing here is judged by its family: test_families.py does that."""
    places = places or ("media",)
    for place in places:
        (site.path / place).mkdir(parents=True, exist_ok=True)
    roots = {place: str(site.path / place) for place in places}
    sources = {
        place: Source(
            LocalStorage(place, root, skip=[other for other in roots.values() if other != root]),
            root, "/media/", [ExactColumn("default", "photo", "file")], debris=["*"],
        )
        for place, root in roots.items()
    }  # fmt: skip
    if site.previous:
        site.previous.tidy()
    files = {"files": Files("/nowhere", texts, patterns=["*"], exclude=[], skip=[])} if texts else {}
    inventory = Inventory(sources, {"default": database or sqlite(site)}, texts=files, exclude={})
    site.previous = made = Media(inventory, quarantine=quarantine, strict=strict)
    return made


def sqlite(site: SmallSite) -> SQLite:
    return SQLite(DatabasePlace("default", f"sqlite:///{site.database}"))


class Busy(SQLite):
    """A database whose application does something at the moment when it is read."""

    def __init__(self, site: SmallSite, act: Callable[[], object]) -> None:
        """Let the application ``act``."""
        super().__init__(DatabasePlace("default", f"sqlite:///{site.database}"))
        self._act = act

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        self._act()
        with super().snapshot() as snapshot:
            yield snapshot


def findings(collector: Media, rule: str, *, thorough: bool = False) -> list[Finding]:
    seen = collector.scan(time.time_ns(), thorough=thorough)
    return [line for line in seen if isinstance(line, Finding) and line.rule == rule]


def found(collector: Media, rule: str = ORPHAN, *, thorough: bool = False) -> set[str]:
    listed = findings(collector, rule, thorough=thorough)
    return {f"{each.container}/{name}".strip("/") for each in listed for name in each.names}


def take(collector: Media, run: str = RUN) -> int:
    done = sum(collector.apply(each, run).done for each in findings(collector, ORPHAN))
    return done + sum(outcome.done for outcome in collector.look_again(run))


def held(collector: Media) -> dict[str, Reason]:
    lines = [line for line in collector.scan(time.time_ns(), thorough=False) if isinstance(line, Held)]
    return {f"{line.container}/{name}".strip("/"): line.reason for line in lines for name in line.names}


# -- what is found, what is kept


def test_only_what_nothing_names_is_found(site: SmallSite) -> None:
    site.photos("a/kept.jpg")
    site.file("media/a/lost.jpg")
    assert found(media(site)) == {"a/lost.jpg"}


@pytest.mark.parametrize(
    "body",
    [
        '<img src="/media/a/pic one.jpg">', "https://cdn.example/x/pic%20one.jpg?v=1",
        '{"src": "\\/media\\/a\\/pic one.jpg"}',
        "![](/media/a/PIC ONE.JPG)", "see (pic one.jpg).", "pic%2520one.jpg", "a\\pic one.jpg", "./a//pic one.jpg",
    ],
)  # fmt: skip
def test_a_file_that_any_text_names_is_kept(site: SmallSite, body: str) -> None:
    site.file("media/a/pic one.jpg")
    site.file("media/a/lost.jpg")
    site.sql("INSERT INTO article (body) VALUES (?)", [body])
    assert found(media(site)) == {"a/lost.jpg"}


def test_a_thumbnail_follows_its_original(site: SmallSite) -> None:
    site.photos("cat.jpg")
    for name in ("cat-150x150.jpg", "cat.jpg.100x100_q85.jpg", "gone-150x150.jpg"):
        site.file(f"media/{name}")
    assert found(media(site)) == {"gone-150x150.jpg"}


def test_the_original_of_a_thumbnail_that_a_text_names_is_kept(site: SmallSite) -> None:
    site.file("media/cat.jpg")
    site.file("media/cat-150x150.jpg")
    site.sql("INSERT INTO article (body) VALUES ('cat-150x150.jpg')")
    assert found(media(site)) == set()


@pytest.mark.parametrize("named", [True, False])
def test_mere_numbers_are_held_unless_rows_name_such_files(site: SmallSite, *, named: bool) -> None:
    for name in ("1.jpg", "2.jpg", "30", "lost.jpg"):
        site.file(f"media/{name}")
    if named:
        site.sql("INSERT INTO article (body) VALUES ('1.jpg')")
    source = media(site)._sources["media"]
    places = {"media": Source(source.storage, source.root, debris=["*"])}
    collector = Media(Inventory(places, {"default": sqlite(site)}, texts={}, exclude={}), quarantine=0)
    assert found(collector) == ({"2.jpg", "30", "lost.jpg"} if named else {"lost.jpg"})


def test_what_only_a_template_names_is_kept_and_the_place_it_is_named_at_is_told(site: SmallSite) -> None:
    site.file("media/logo.png")
    site.file("media/lost.jpg")
    site.file("texts/base.html", body=b"<html>\n<img src='/media/logo.png'>")
    collector = media(site, texts=[str(site.path / "texts")])
    assert found(collector) == {"lost.jpg"}
    evidence = collector.why([f"{site.path}/media/logo.png"], time.time_ns())[f"{site.path}/media/logo.png"]
    assert evidence
    assert evidence.referrers == [f"files/{site.path}/texts base.html:2"]
    assert sum(evidence.read.values()) == len(b"<html>\n<img src='/media/logo.png'>")


def test_an_orphan_does_not_come_back_for_its_namesake_that_a_row_names(site: SmallSite) -> None:
    site.file("media/avatars/1/pic.jpg")
    site.file("media/avatars/77/pic.jpg")
    site.photos("avatars/1/pic.jpg")
    assert take(media(site)) == 1
    assert site.files() == {"avatars/1/pic.jpg"}


def test_an_orphan_comes_back_when_its_namesake_is_named_and_not_there(site: SmallSite) -> None:
    site.file("media/avatars/77/pic.jpg")
    collector = media(site)
    for finding in findings(collector, ORPHAN):
        collector.apply(finding, RUN)
    site.sql("INSERT INTO photo (file) VALUES ('avatars/1/pic.jpg')")
    assert [outcome.done for outcome in collector.look_again(RUN)] == [-1]


def test_a_template_written_after_the_scan_brings_its_file_back(site: SmallSite) -> None:
    site.file("media/logo.png")
    site.file("texts/base.html", body=b"nothing yet")
    collector = media(site, texts=[str(site.path / "texts")])
    for finding in findings(collector, ORPHAN):
        collector.apply(finding, RUN)
    (site.path / "texts/base.html").write_text("logo.png")
    assert [outcome.done for outcome in collector.look_again(RUN)] == [-1]
    assert site.files() == {"logo.png"}


def test_of_a_strict_run_nothing_is_claimed_while_somebody_writes(
    site: SmallSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dvornik.databases.sqlite_file.PATIENCE", 0.1)
    site.file("media/late.jpg")
    collector = media(site, strict=True)
    (finding,) = findings(collector, ORPHAN)
    with closing(sqlite3.connect(site.database, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO photo (file) VALUES ('late.jpg')")
        with pytest.raises(UnreachableError):
            collector.apply(finding, RUN)
        assert site.files() == {"late.jpg"}
        writer.execute("ROLLBACK")
    assert collector.apply(finding, RUN).done == 1


def test_why_tells_by_which_original_a_thumbnail_is_kept_and_what_nearly_names_an_orphan(site: SmallSite) -> None:
    site.photos("cat.jpg")
    site.file("media/cat-150x150.jpg")
    site.file("media/story.jpg")
    site.sql("INSERT INTO article (body) VALUES ('see story.jpeg')")
    collector = media(site)
    thumbnail, lost = (
        collector.why([f"{site.path}/media/{name}"], 0)[f"{site.path}/media/{name}"]
        for name in ("cat-150x150.jpg", "story.jpg")
    )
    assert thumbnail
    assert (thumbnail.via, thumbnail.referrers) == ("cat.jpg", ["default/photo.file id=1"])
    assert lost
    assert (lost.verdict, lost.near) == (None, ["default/article.body id=1"])


def test_placeholders_and_what_guards_a_directory_are_kept(site: SmallSite) -> None:
    for name in (".gitkeep", "a/.htaccess", "b/index.html", "c/index.html", "c/web.config", "c/other.bin"):
        site.file(f"media/{name}")
    site.file("media/d/more.bin")
    site.file("media/d/index.html", body=b"<p>a page of some length</p>" * 1000)
    assert found(media(site)) == {"c/other.bin", "d/more.bin", "d/index.html"}


def test_excluded_files_are_neither_found_nor_counted(site: SmallSite) -> None:
    site.photos("kept.jpg")
    site.file("media/static/theme.css")
    collector = media(site)
    source = collector._sources["media"]
    places = {"media": Source(source.storage, source.root, exclude=["static/*"], debris=["*"])}
    collector = Media(Inventory(places, {"default": sqlite(site)}, texts={}, exclude={}), quarantine=0)
    lines = list(collector.scan(time.time_ns(), thorough=False))
    assert not [line for line in lines if isinstance(line, Finding)]
    assert [(line.items, line.matched) for line in lines if isinstance(line, Survey)] == [(1, 1)]


def test_symlinks_and_pipes_are_held_and_never_found(site: SmallSite) -> None:
    outside = site.file("outside/secret.bin")
    os.mkfifo(site.path / "media" / "pipe")
    (site.path / "media" / "link.bin").symlink_to(outside)
    (site.path / "media" / "dir").symlink_to(outside.parent)
    collector = media(site)
    assert found(collector) == set()
    assert held(collector) == {"pipe": Reason.SPECIAL, "link.bin": Reason.SYMLINK, "dir": Reason.SYMLINK}


def test_a_sibling_with_the_same_beginning_is_another_place(site: SmallSite) -> None:
    site.file("media/img/lost.jpg")
    site.file("media/img2/lost.jpg")
    assert found(media(site, "media/img")) == {"lost.jpg"}
    assert take(media(site, "media/img")) == 1
    assert site.files("media/img2") == {"lost.jpg"}


def test_of_nested_places_each_file_belongs_to_the_inner_one(site: SmallSite) -> None:
    site.photos("inner/kept.jpg")
    site.file("media/inner/lost.jpg")
    site.file("media/outer.jpg")
    lost = findings(media(site, "media", "media/inner"), ORPHAN)
    assert {(each.place, *each.names) for each in lost} == {("media", "outer.jpg"), ("media/inner", "lost.jpg")}


def test_the_quarantine_of_a_nested_place_is_no_debris_of_the_outer_one(site: SmallSite) -> None:
    site.file("media/deep/inner/lost.jpg")
    collector = media(site, "media", "media/deep/inner")
    assert take(collector) == 1
    assert found(media(site, "media", "media/deep/inner")) == set()


# -- races


def test_a_file_that_appears_while_references_are_read_is_kept(site: SmallSite) -> None:
    site.photos("old.jpg")
    site.file("media/lost.jpg")
    busy = Busy(site, lambda: site.file("media/new.jpg"))
    assert found(media(site, database=busy)) == {"lost.jpg"}
    assert (site.path / "media" / "new.jpg").exists()


def test_a_row_committed_before_reading_keeps_its_file(site: SmallSite) -> None:
    site.file("media/late.jpg")
    busy = Busy(site, lambda: site.sql("INSERT INTO photo (file) VALUES ('late.jpg')"))
    assert found(media(site, database=busy)) == set()


def test_a_file_whose_row_came_after_the_scan_is_back_at_the_second_look(site: SmallSite) -> None:
    late = site.file("media/a/late.jpg", body=b"needed")
    site.file("media/a/lost.jpg")
    collector = media(site)
    for finding in findings(collector, ORPHAN):
        collector.apply(finding, RUN)
    assert not late.exists()
    site.sql("INSERT INTO photo (file) VALUES ('a/late.jpg')")
    (outcome,) = collector.look_again(RUN)
    assert (outcome.rule, outcome.done, [miss.name for miss in outcome.missed]) == (ORPHAN, -1, ["late.jpg"])
    assert late.read_bytes() == b"needed"


def test_of_a_directory_larger_than_a_batch_every_named_file_is_back(site: SmallSite) -> None:
    names = [f"f{number}.bin" for number in range(BATCH + 200)]
    for name in names:
        site.file(f"media/{name}", body=b"")
    collector = media(site)
    for finding in findings(collector, ORPHAN):
        collector.apply(finding, RUN)
    needed = names[::50]
    site.sql("INSERT INTO photo (file) VALUES (?)", *([name] for name in needed))
    (outcome,) = collector.look_again(RUN)
    assert site.files() == set(needed)
    assert -outcome.done == len(outcome.missed) == len(needed)


def test_the_original_of_a_thumbnail_that_became_needed_is_back_too(site: SmallSite) -> None:
    for name in ("cat.jpg", "cat-150x150.jpg", "dog.jpg"):
        site.file(f"media/{name}")
    collector = media(site)
    for finding in findings(collector, ORPHAN):
        collector.apply(finding, RUN)
    site.sql("INSERT INTO article (body) VALUES ('cat-150x150.jpg')")
    list(collector.look_again(RUN))
    assert site.files() == {"cat.jpg", "cat-150x150.jpg"}


def test_everything_of_every_place_is_back_when_the_second_look_is_impossible(site: SmallSite) -> None:
    site.file("one/a.bin")
    site.file("two/deep/b.bin")
    collector = media(site, "one", "two")
    for finding in findings(collector, ORPHAN):
        collector.apply(finding, RUN)
    site.database.rename(site.path / "elsewhere.db")
    with pytest.raises(UnreachableError):
        list(collector.look_again(RUN))
    assert site.files("one") | site.files("two") == {"a.bin", "deep/b.bin"}


def test_the_second_look_of_a_run_that_took_nothing_reads_no_database(site: SmallSite) -> None:
    collector = media(site)
    site.database.unlink()
    assert list(collector.look_again(RUN)) == []


def test_a_file_replaced_after_the_scan_is_kept(site: SmallSite) -> None:
    path = site.file("media/a.bin", body=b"old")
    collector = media(site)
    (finding,) = findings(collector, ORPHAN)
    path.unlink()
    site.file("media/a.bin", body=b"new")
    outcome = collector.apply(finding, RUN)
    assert (outcome.done, path.read_bytes()) == (0, b"new")


# -- the quarantine


def test_what_is_set_aside_and_becomes_named_returns_at_the_next_run(site: SmallSite) -> None:
    site.file("media/a/x.bin", body=b"bytes")
    assert take(media(site)) == 1
    site.sql("INSERT INTO article (body) VALUES ('/media/a/x.bin')")
    collector = media(site)
    (finding,) = findings(collector, RETURN)
    assert collector.apply(finding, "another").done == 1
    assert (site.path / "media/a/x.bin").read_bytes() == b"bytes"


def test_the_quarantine_waits_its_time_and_is_then_purged(site: SmallSite) -> None:
    site.file("media/x.bin")
    assert take(media(site)) == 1
    assert found(media(site), PURGE) == set()
    assert found(media(site, quarantine=0), PURGE) == {"x.bin"}
    assert found(media(site), PURGE, thorough=True) == {"x.bin"}


def test_a_stay_counts_from_the_run_even_where_a_rename_leaves_times_alone(site: SmallSite) -> None:
    site.file("media/x.bin")
    assert take(media(site), "29990101T000000Z-0001") == 1
    assert found(media(site, quarantine=0), PURGE) == set()


def test_a_third_look_returns_what_became_named_since_the_purge_was_planned(site: SmallSite) -> None:
    site.file("media/x.bin", body=b"needed")
    site.file("media/y.bin")
    assert take(media(site)) == 2
    collector = media(site, quarantine=0)
    (finding,) = findings(collector, PURGE)
    site.sql("INSERT INTO photo (file) VALUES ('x.bin')")
    outcome = collector.apply(finding, "another")
    assert (outcome.rule, outcome.done, outcome.set_aside) == (PURGE, 1, 0)
    assert [(miss.name, miss.reason) for miss in outcome.missed] == [("x.bin", Reason.REFERENCED)]
    assert site.files() == {"x.bin"}


@pytest.mark.parametrize("needed", ["one", "two"])
def test_a_purge_looks_at_every_place_of_the_run(site: SmallSite, needed: str) -> None:
    site.file("one/a.bin")
    site.file("two/b.bin")
    assert take(media(site, "one", "two")) == 2
    name = {"one": "a.bin", "two": "b.bin"}[needed]
    site.sql("INSERT INTO photo (file) VALUES (?)", [name])
    outcomes = list(media(site, "one", "two").purge(RUN))
    assert site.files(needed) == {name}
    assert sorted(outcome.done for outcome in outcomes if outcome.rule == PURGE) == [0, 1]


def test_a_planned_purge_looks_at_every_place_of_the_run(site: SmallSite) -> None:
    site.file("one/a.bin")
    site.file("two/b.bin")
    assert take(media(site, "one", "two")) == 2
    collector = media(site, "one", "two", quarantine=0)
    planned = findings(collector, PURGE)
    site.sql("INSERT INTO photo (file) VALUES ('b.bin')")
    assert sum(collector.apply(finding, "another").done for finding in planned) == 1
    assert site.files("two") == {"b.bin"}


def test_a_purge_looks_anew_each_time(site: SmallSite) -> None:
    site.file("media/a.bin")
    assert take(media(site)) == 1
    collector = media(site, quarantine=0)
    (finding,) = findings(collector, PURGE)
    assert [outcome.done for outcome in collector.purge("no such run")] == []
    collector.apply(Finding(PURGE, "media", "elsewhere", ["n"], [0], detail=RUN), "first")
    site.sql("INSERT INTO photo (file) VALUES ('a.bin')")
    assert collector.apply(finding, "second").done == 0
    assert site.files() == {"a.bin"}


def test_a_purge_keeps_the_thumbnail_of_an_original_that_is_in_use_again(site: SmallSite) -> None:
    site.file("media/cat-150x150.jpg")
    assert take(media(site)) == 1
    site.photos("cat.jpg")
    list(media(site).purge(RUN))
    assert site.files() == {"cat.jpg", "cat-150x150.jpg"}


def test_without_its_database_nothing_is_purged(site: SmallSite) -> None:
    site.file("media/a.bin")
    assert take(media(site)) == 1
    site.database.rename(site.path / "elsewhere.db")
    with pytest.raises(UnreachableError):
        list(media(site).purge(RUN))
    assert media(site).set_aside()[RUN][0] == 1


def test_an_older_file_whose_name_is_taken_waits_in_quarantine_and_is_purged_in_its_time(site: SmallSite) -> None:
    site.file("media/x.bin", body=b"old")
    assert take(media(site)) == 1
    site.photos("x.bin")
    assert found(media(site), RETURN) == set()
    (outcome,) = media(site).undo(RUN)
    assert (outcome.done, [miss.reason for miss in outcome.missed]) == (0, [Reason.TAKEN])
    collector = media(site, quarantine=0)
    (finding,) = findings(collector, PURGE)
    assert collector.apply(finding, "another").done == 1
    assert (site.path / "media/x.bin").read_bytes() == b"media/x.bin"
    assert media(site).set_aside() == {}


def test_undo_brings_back_bytes_mode_and_times_and_a_directory_that_went(site: SmallSite) -> None:
    path = site.file("media/a/b/\udcff x.bin", body=b"\0bytes", age=99999)
    path.chmod(0o640)
    before = path.stat()
    assert take(media(site)) == 1
    path.parent.rmdir()
    path.parent.parent.rmdir()
    assert [outcome.done for outcome in media(site).undo(RUN)] == [1]
    after = path.stat()
    assert path.read_bytes() == b"\0bytes"
    assert (after.st_mode, after.st_mtime_ns, after.st_ino) == (before.st_mode, before.st_mtime_ns, before.st_ino)


def test_undo_goes_on_where_one_of_the_places_is_gone(site: SmallSite) -> None:
    site.file("one/a.bin")
    site.file("two/b.bin")
    assert take(media(site, "one", "two")) == 2
    collector = media(site, "one", "two")
    (site.path / "one").rename(site.path / "unmounted")
    with pytest.raises(UnreachableError):
        list(collector.undo(RUN))
    assert site.files("two") == {"b.bin"}


# -- the sources of truth


def test_one_database_of_two_out_of_reach_is_no_finding_at_all(site: SmallSite) -> None:
    site.file("media/lost.jpg")
    (site.path / "media").mkdir(exist_ok=True)
    root = str(site.path / "media")
    gone = SQLite(DatabasePlace("other", f"sqlite:///{site.path}/none.db"))
    sources = {"media": Source(LocalStorage("media", root), root, debris=["*"])}
    databases = {"default": sqlite(site), "other": gone}
    collector = Media(Inventory(sources, databases, texts={}, exclude={}), quarantine=0)
    with pytest.raises(UnreachableError):
        list(collector.scan(time.time_ns(), thorough=False))


def test_a_place_that_is_a_symlink_is_cleaned_where_it_leads(site: SmallSite) -> None:
    site.file("volume/lost.jpg")
    (site.path / "media").rmdir()
    (site.path / "media").symlink_to(site.path / "volume")
    assert take(media(site)) == 1
    assert (site.path / "media").is_symlink()
    assert site.files("volume") == set()


def test_why_says_who_names_a_file_and_why_another_one_stays(site: SmallSite) -> None:
    site.photos("cat.jpg")
    for name in ("cat-150x150.jpg", "lost.jpg", "dog.jpg", "dog-150x150.jpg"):
        site.file(f"media/{name}")
    site.sql("INSERT INTO article (body) VALUES ('dog-150x150.jpg')")
    collector = media(site)

    def why(name: str) -> Reason | None:
        path = str(site.path / "media" / name)
        evidence = collector.why([path], time.time_ns())[path]
        assert evidence
        return evidence.verdict

    verdicts = [why(name) for name in ("cat.jpg", "cat-150x150.jpg", "lost.jpg", "dog.jpg")]
    assert verdicts == [Reason.REFERENCED, Reason.DERIVATIVE, None, Reason.REFERENCED]
    assert collector.why([str(site.path / "tmp" / "x")], time.time_ns()) == {}


def test_a_quarantine_that_lies_where_nothing_looks_any_more_is_told(tmp_path: Path) -> None:
    site = SmallSite(tmp_path / "site")
    site.photos(*(f"{number}.jpg" for number in range(40)))
    (name, *_others) = site.orphans(2)
    assert site.dvornik("run", "media").code == 0
    site.path.chmod(0o1777)  # as a mount at the root does, this moves the quarantine into it
    for words in (("undo",), ("purge", "--all"), ("run", "media"), ("doctor",)):
        ran = site.dvornik(*words)
        assert f"An older quarantine of pub lies in {site.path}/.dvornik-quarantine/media" in ran.out + ran.err, words
    assert "quarantine" in (site.path / "own/maintenance.log").read_text()
    site.path.chmod(0o755)
    assert "older quarantine" not in site.dvornik("undo").err
    assert name in site.files()


def test_many_files_are_explained_by_one_search_and_each_as_if_it_were_alone(site: SmallSite) -> None:
    site.photos("cat.jpg", "clip.mp4")
    for name in ("cat-150x150.jpg", "lost.jpg", "dog.jpg", "dog-150x150.jpg", "clip.en.vtt", "story.jpg"):
        site.file(f"media/{name}")
    site.sql("INSERT INTO article (body) VALUES ('dog-150x150.jpg'), ('the story of a lost dog')")
    paths = [str(path) for path in sorted((site.path / "media").iterdir())]
    together = media(site).why(paths, 0)
    assert list(together) == paths
    assert together == {path: media(site).why([path], 0)[path] for path in paths}


def test_a_file_that_stays_with_another_says_with_which_and_who_names_that(site: SmallSite) -> None:
    site.photos("clip.mp4")
    site.file("media/clip.en.vtt", body=b"WEBVTT")
    said = site.dvornik("why", "media/clip.en.vtt", "--lang", "en").out
    assert "kept since it belongs to clip.mp4, which default/photo.file id=1 names" in said
    assert "looked in" not in said


class Watched(SQLite):
    """Counts how often the rows of a column are gone through."""

    passes = 0

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        with super().snapshot() as snapshot:
            rows = snapshot.rows

            def counted(column: Column) -> Iterator[tuple[str, str | bytes]]:
                self.passes += 1
                return rows(column)

            snapshot.rows = counted  # type: ignore[method-assign]
            yield snapshot


def test_the_database_is_read_as_often_for_many_files_as_for_one(site: SmallSite) -> None:
    site.photos(*(f"{number}/photo{number}.jpg" for number in range(30)))
    every = [str(path) for path in (site.path / "media").rglob("*.jpg")]

    def passes(paths: list[str]) -> int:
        database = Watched(DatabasePlace("default", f"sqlite:///{site.database}"))
        media(site, database=database).why(paths, 0)
        return database.passes

    assert 0 < passes(every[:1]) == passes(every)
