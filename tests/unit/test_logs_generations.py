"""What a log's name tells: which is the log itself, which was moved aside, which is packed."""

from __future__ import annotations

import pytest

from dvornik.collectors.generations import LogNames, is_generation, is_packed
from dvornik.config import LogsSection
from dvornik.model import Reason

PATTERNS = ["*.log", "*.log.*", "*.out"]


@pytest.mark.parametrize(
    "name",
    [
        "app.log.1", "app.log.12.gz", "syslog.3", "app.log.old", "app.log-20260131", "app-2026-01-31.log",
        "app.2026_01_31.log.zst", "app.log.2026-01-31_23", "access.log-1767225600", "app.log-20260131T235959Z",
        "2026-01-31.log", "app.log-3",
    ],
)  # fmt: skip
def test_rotation_is_known_by_its_number_or_its_day(name: str) -> None:
    assert is_generation(name)


@pytest.mark.parametrize(
    "name", ["app.log", "worker-3.log", "worker.3.log", "app-v2.log", "port-8080.log", "id-20269931.log", "app.log.gz"]
)
def test_a_name_without_either_is_the_log_itself(name: str) -> None:
    assert not is_generation(name)


@pytest.mark.parametrize("name", ["a.gz", "a.ZST", "a.xz", "a.bz2", "a.lz4", "a.zip", "a.log.1.gz"])
def test_what_is_packed_is_known_by_its_ending(name: str) -> None:
    assert is_packed(name)


@pytest.mark.parametrize("name", ["job.out-20260131T235959Z", "job-20260131.out.gz", "job.out-20260131T235959Z.zst"])
def test_what_was_made_of_a_log_is_a_log(name: str) -> None:
    assert LogNames(PATTERNS, [], None).objection("", name) is None


@pytest.mark.parametrize("name", ["results.out.gz", "notes-20260131.txt", "notes.txt-20260131T235959Z", "job.bin.1"])
def test_what_was_made_of_something_else_is_none(name: str) -> None:
    assert LogNames(PATTERNS, [], None).objection("", name) is Reason.EXCLUDED


@pytest.mark.parametrize("name", ["audit.log", "audit.log-20260131T235959Z", "audit.log-20260131T235959Z.gz"])
def test_what_is_shielded_is_shielded_in_every_form(name: str) -> None:
    names = LogNames(["*"], ["audit.log"], None)
    assert names.objection("", name) is Reason.EXCLUDED
    assert names.objection("sub", name) is Reason.EXCLUDED
    assert names.objection("", "other.log") is None


ROTATED = [
    "access_log.1", "error_log-20240101", "access_log-20240101.gz", "catalina.out-20240101", "nohup.out.1",
    "x.err.1.gz",
    "localhost_access_log.2024-01-01.txt", "syslog.1", "syslog.7.gz", "mail.log.2.bz2", "app.2024-01-01.log",
    "app-2024-01-01T00-00-00.000.log.gz", "app.log.2024-W05", "app.log.2024-01", "log.20240101", "u_ex240101.log",
    "gc.log.0.current", "APP.LOG.1", "Error.Log", "CATALINA.OUT-2024-01-01", "app.log_20240101", "app.log.1.old",
    "worker.out.20240101-101112", "x.err-1704067200", "app.trace.bak", "app.log20240101", "maillog-20240107.xz",
]  # fmt: skip


@pytest.mark.parametrize("name", ROTATED)
def test_a_log_s_name_with_what_rotation_appends_is_a_log_by_default(name: str) -> None:
    settings = LogsSection()
    assert LogNames(settings.patterns, settings.exclude, None).objection("", name) is None


@pytest.mark.parametrize(
    "name",
    [
        "README", "README.1", "app-audit.json", "logrotate.conf", "app.log.conf", "app.log.YML", "app.log.pos",
        "app.log.pos.1", "site.db", "site.db.1", "app.log.db-20240101", "notes-20240101.txt", "dump.2024-01-01.sql.gz",
        "mysql-bin.000001", "catalog.1", "results.out.gz", "APP.LOG.POS", "geo.sqlite3.1", "backup-20240101.tar.gz",
    ],
)  # fmt: skip
def test_what_is_no_log_is_none_however_it_was_rotated(name: str) -> None:
    settings = LogsSection()
    assert LogNames(settings.patterns, settings.exclude, None).objection("", name) is Reason.EXCLUDED


def test_what_a_virtual_machine_is_writing_is_no_generation_that_is_over() -> None:
    assert not is_generation("gc.log.0.current")
    assert is_generation("app.log.2024-W05")
