"""Rows that are kept before they go: their files, undo and purge; and what a section of rows may say."""

from __future__ import annotations

import gzip
import os
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from dvornik.application import DatabasePlace
from dvornik.cli.yard import Yard
from dvornik.collectors.sessions import Sessions
from dvornik.config import load
from dvornik.contracts.database import ExpiryRule
from dvornik.databases import archives, connect
from dvornik.errors import ConfigurationError, UnreachableError
from dvornik.model import Finding, Held, Miss, Reason
from tests.unit.small_site import DAY, SmallSite

if TYPE_CHECKING:
    from pathlib import Path

RUN = "20260101T000000Z-0001"
OLD = int(time.time()) - 400 * 86_400


class Jobs:
    """A table of ten finished jobs, and the collector that keeps them in ``archive``."""

    def __init__(self, directory: Path) -> None:
        self.path, self.archive = directory / "site.db", directory / "archive"
        self.sql("CREATE TABLE job (id INTEGER PRIMARY KEY, data BLOB, ended INTEGER)")
        for number in range(10):
            self.sql("INSERT INTO job VALUES (?, ?, ?)", number, b"\0" * number, OLD)
        self.before = self.sql("SELECT * FROM job")
        self.rule = ExpiryRule("jobs", "main", "job", "ended", rule="sessions/row", archive=str(self.archive))
        place = DatabasePlace("main", f"sqlite:///{self.path}")
        self.collector = Sessions({"main": connect(place)}, [self.rule])

    def sql(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            return connection.execute(query, values).fetchall()

    def clean(self, run: str = RUN) -> int:
        found = [seen for seen in self.collector.scan(time.time_ns(), thorough=False) if isinstance(seen, Finding)]
        return sum(self.collector.apply(finding, run).done for finding in found)


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path)


def test_rows_that_went_come_back_by_undo_as_they_were(jobs: Jobs) -> None:
    assert (jobs.clean(), jobs.sql("SELECT * FROM job")) == (10, [])
    assert jobs.collector.set_aside()[RUN][0] == 10
    (outcome,) = jobs.collector.undo(RUN)
    assert (outcome.rule, outcome.done, outcome.missed) == ("sessions/return", 10, ())
    assert jobs.sql("SELECT * FROM job") == jobs.before
    assert jobs.collector.set_aside() == {}


def test_a_file_is_for_its_owner_alone_and_names_its_run(jobs: Jobs) -> None:
    jobs.clean()
    (path,) = jobs.archive.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(jobs.archive.stat().st_mode) == 0o700
    assert path.name == f"{RUN}.main.jobs.jsonl.gz"
    assert len(gzip.decompress(path.read_bytes()).splitlines()) == 11


def test_an_archive_several_directories_down_is_made_for_its_owner_alone(jobs: Jobs) -> None:
    rule = structs.replace(jobs.rule, archive=str(jobs.archive / "a" / "b"))
    archives.Archive(rule, RUN, "")([{"id": 1}])
    ((path, header),) = archives.kept(rule.archive)
    assert (path.parent.name, stat.S_IMODE(path.parent.stat().st_mode), header.run) == ("b", 0o700, RUN)


def test_what_a_newer_row_stands_in_the_place_of_stays_kept(jobs: Jobs) -> None:
    jobs.clean()
    jobs.sql("INSERT INTO job VALUES (3, 'new', 2000000000)")
    (outcome,) = jobs.collector.undo(RUN)
    assert (outcome.done, outcome.missed) == (9, (Miss("job", Reason.TAKEN, "1", is_stuck=True),))
    assert jobs.sql("SELECT data FROM job WHERE id = 3") == [("new",)]
    assert RUN in jobs.collector.set_aside()


def test_purge_lets_go_of_one_run_and_not_of_another(jobs: Jobs) -> None:
    jobs.clean()
    jobs.sql("INSERT INTO job VALUES (77, '', ?)", OLD)
    jobs.clean("20260102T000000Z-0002")
    (outcome,) = jobs.collector.purge(RUN)
    assert (outcome.rule, outcome.done) == ("sessions/purge", 10)
    assert outcome.freed > 0
    assert list(jobs.collector.set_aside()) == ["20260102T000000Z-0002"]


def test_a_file_that_a_crash_tore_gives_back_what_is_whole(jobs: Jobs) -> None:
    archive = archives.Archive(jobs.rule, RUN, jobs.collector.fingerprints()["main"])
    archive([{"id": 100, "data": None, "ended": OLD}])
    whole = archive.path.read_bytes()
    archive([{"id": number, "data": os.urandom(99).hex(), "ended": OLD} for number in range(101, 200)])
    archive.path.write_bytes(archive.path.read_bytes()[: len(whole) + 50])
    list(jobs.collector.undo(RUN))
    assert jobs.sql("SELECT * FROM job WHERE id >= 100") == [(100, None, OLD)]


def test_rows_are_not_put_into_another_database(jobs: Jobs) -> None:
    jobs.clean()
    jobs.path.rename(jobs.path.with_suffix(".old"))
    jobs.sql("CREATE TABLE job (id INTEGER PRIMARY KEY, data BLOB, ended INTEGER)")
    with pytest.raises(UnreachableError):
        list(jobs.collector.undo(RUN))
    assert jobs.sql("SELECT * FROM job") == []


def test_a_file_that_cannot_grow_keeps_what_was_whole_and_nothing_torn(jobs: Jobs) -> None:
    """As on a disk that fills: the limit stands for it, in a process of its own."""
    code = f"""
import resource
from dvornik.contracts.database import ExpiryRule
from dvornik.databases import archives, trouble
archive = archives.Archive(ExpiryRule("jobs", "main", "job", "ended", archive={str(jobs.archive)!r}), {RUN!r}, "")
archive([{{"id": 1}}])
resource.setrlimit(resource.RLIMIT_FSIZE, (archive.path.stat().st_size + 10,) * 2)
try:
    archive([{{"id": 2}}])
except trouble.StuckError as error:
    print(error.reason)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    ((path, _header),) = archives.kept(str(jobs.archive))
    assert (said, list(archives.batches(path))) == ("no-space\n", [[{"id": 1}]])
    assert len(gzip.decompress(path.read_bytes()).splitlines()) == 2


def test_where_the_archive_cannot_be_written_every_row_stays(jobs: Jobs) -> None:
    jobs.archive.write_text("a file where the directory should be")
    (finding,) = [seen for seen in jobs.collector.scan(time.time_ns(), thorough=False) if isinstance(seen, Finding)]
    outcome = jobs.collector.apply(finding, RUN)
    assert (outcome.done, [miss.reason for miss in outcome.missed]) == (0, [Reason.IO_ERROR])
    assert jobs.sql("SELECT * FROM job") == jobs.before


def test_a_table_without_a_key_is_held_with_the_reason(jobs: Jobs) -> None:
    jobs.sql("CREATE TABLE copy AS SELECT * FROM job")
    rule = structs.replace(jobs.rule, table="copy")
    collector = Sessions(jobs.collector._databases, [rule])
    seen = list(collector.scan(time.time_ns(), thorough=False))
    assert [(each.reason, each.count) for each in seen if isinstance(each, Held)] == [(Reason.NO_KEY, 10)]
    assert not [each for each in seen if isinstance(each, Finding)]


# the configuration


def site(tmp_path: Path, more: str) -> SmallSite:
    made = SmallSite(tmp_path / "app")
    made.sql("CREATE TABLE job (id INTEGER PRIMARY KEY, status TEXT, ended INTEGER)")
    for status in ("done", "failed", "running"):
        made.sql("INSERT INTO job (status, ended) VALUES (?, ?)", (status, int(time.time() - 40 * DAY)))
    made.configure(more=more)
    return made


def test_a_section_of_rows_says_which_go_by_comparisons(tmp_path: Path) -> None:
    section = '[rows.jobs]\ntable = "job"\ncolumn = "ended"\nretention = "30d"\n'
    made = site(tmp_path, section + 'where = [{column = "status", op = "in", value = ["done", "failed"]}]')
    yard = Yard.open(None, str(made.path), {})
    collector = yard.collectors(["sessions"])["sessions"]
    (finding,) = [seen for seen in collector.scan(time.time_ns(), thorough=False) if isinstance(seen, Finding)]
    assert (finding.rule, finding.container, finding.count) == ("sessions/row", "job", 2)
    assert collector.apply(finding, RUN).done == 2
    yard.close()


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ('column = "ended"', "rows.x.table"),
        ('table = "job"', "rows.x.column"),
        ('preset = "celery-result"', "celery-results"),
        ('preset = "celery-results"', "rows.x.retention"),
        ('preset = "admin-log"\ntable = "job"\nretention = "1y"', "rows.x.table"),
        ('table = "job"\ncolumn = "ended"\nwhere = [{column = "a", op = "in", value = "b"}]', "rows.x.where"),
        ('table = "job"\ncolumn = "ended"\nwhere = [{column = "a", op = "=", value = ["b"]}]', "rows.x.where"),
        ('table = "job"\ncolumn = "ended"\nwhere = [{column = "a", op = "in", value = []}]', "rows.x.where"),
        ('table = "job"\ncolumn = "ended"\nwhere = [{column = "a", op = "null", value = 1}]', "rows.x.where"),
        ('table = "job"\ncolumn = "ended"\nwhere = [{column = "a", op = "<"}]', "rows.x.where"),
        ('table = "job"\ncolumn = "ended"\nwhere = [{column = "a", op = "like", value = "b"}]', "rows.x.where"),
        ('table = "job"\ncolumn = "ended"\nwhere = ["status = 1"]', "rows.x.where"),
        ('table = "job"\ncolumn = "ended"\narchive = "kept"\ncascade = true', "rows.x.cascade"),
        ('table = "job"\ncolumn = "ended"\nunit = "h"', "rows.x.unit"),
    ],
)
def test_what_a_section_of_rows_cannot_mean_is_an_error_that_names_it(tmp_path: Path, section: str, said: str) -> None:
    (tmp_path / "dvornik.toml").write_text(f"[rows.x]\n{section}\n")
    with pytest.raises(ConfigurationError) as caught:
        load(None, {}, tmp_path)
    assert said in f"{caught.value.message} {caught.value.context} {caught.value.hint}"
