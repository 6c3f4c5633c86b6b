"""The collector of logs on real directories: old ones go, and neither those in use nor dvornik's own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from dvornik.collectors.logs import OVER_CAP, Logs
from dvornik.config import LogsSection
from dvornik.model import Finding, Held, Reason
from dvornik.quantities import Size
from dvornik.storages.local_logs import LocalLogs
from tests.unit.small_site import DAY, SmallSite

if TYPE_CHECKING:
    from pathlib import Path

    from dvornik.model import Seen


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    return SmallSite(tmp_path / "app")


def logs(site: SmallSite, **settings: object) -> Logs:
    section = LogsSection(**{"age_by": "mtime", **settings})  # type: ignore[arg-type]
    return Logs({"logs": LocalLogs("logs", str(site.path / "logs"))}, section)


def scan(collector: Logs) -> list[Seen]:
    return list(collector.scan(time.time_ns(), thorough=False))


def clean(collector: Logs) -> int:
    done = sum(collector.apply(line, "run").done for line in scan(collector) if isinstance(line, Finding))
    collector.tidy()
    return done


def test_only_logs_past_their_time_go(site: SmallSite) -> None:
    for name in ("app.log", "app.log.1", "app.log-20250101.gz", "sub/worker.err"):
        site.file(f"logs/{name}", age=31 * DAY)
    site.file("logs/young.log", age=29 * DAY)
    site.file("logs/notes.txt", age=99 * DAY)
    assert clean(logs(site)) == 4
    assert site.files("logs") == {"young.log", "notes.txt"}


@pytest.mark.parametrize("name", ["app.log.pos", "app.log.offset", "app.log.lock", "app.log.db", "app.log.sqlite3-wal"])
def test_what_others_keep_beside_a_log_is_none(site: SmallSite, name: str) -> None:
    site.file(f"logs/{name}", age=99 * DAY, body=b"0" * 100_000)
    kept = scan(logs(site, truncate_over=Size("8 kB"), compress="gzip"))
    assert [line.reason for line in kept if isinstance(line, Held)] == [Reason.EXCLUDED]
    assert not [line for line in kept if isinstance(line, Finding)]


@pytest.mark.parametrize("name", ["maintenance.log", "maintenance.log.2025-01-01", "sub/maintenance.log"])
def test_the_maintenance_log_is_never_prey(site: SmallSite, name: str) -> None:
    site.file(f"logs/{name}", age=999 * DAY)
    lines = scan(logs(site, patterns=["*"]))
    assert [line.reason for line in lines if isinstance(line, Held)] == [Reason.EXCLUDED]
    assert clean(logs(site, patterns=["*"])) == 0


def test_a_log_that_its_writer_still_has_open_is_kept(site: SmallSite) -> None:
    path = site.file("logs/app.log", age=99 * DAY)
    site.file("logs/old.log", age=99 * DAY)
    with path.open("ab") as writer:
        collector = logs(site)
        (finding,) = [line for line in scan(collector) if isinstance(line, Finding)]
        outcome = collector.apply(finding, "run")
        assert [(miss.name, miss.reason) for miss in outcome.missed] == [("app.log", Reason.OPEN)]
        writer.write(b"a line")
    assert path.read_bytes().endswith(b"a line")
    assert site.files("logs") == {"app.log"}


def test_rotated_logs_of_the_usual_names_go_and_what_lies_beside_them_stays(site: SmallSite) -> None:
    rotated = ("nohup.out.1", "catalina.out-20240101", "worker.err.1.gz", "access_log.1", "ERROR_LOG-20240101.GZ")
    others = {"README", "app-audit.json", "logrotate.conf", "app.log.pos", "site.db", "site.db.1"}
    for name in (*rotated, *others):
        site.file(f"logs/{name}", age=90 * DAY)
    assert site.dvornik("run", "logs").code == 0
    assert site.files("logs") == others


# the limit of a directory


def over_cap(site: SmallSite, limit: str, **settings: object) -> list[str]:
    lines = scan(logs(site, max_total=Size(limit), **settings))
    return [name for line in lines if isinstance(line, Finding) and line.rule == OVER_CAP for name in line.names]


def generations(site: SmallSite, *ages: float) -> None:
    """Leave a live log and rotated ones of 100 kB each, as old as asked for."""
    site.file("logs/app.log", age=99, body=b"x" * 102_400)
    for number, age in enumerate(ages, 1):
        site.file(f"logs/{'sub/' * (number % 2)}app.log.{number}", age=age, body=b"x" * 102_400)


def test_the_oldest_rotated_logs_go_until_the_directory_keeps_its_limit(site: SmallSite) -> None:
    generations(site, DAY, 2 * DAY, 3 * DAY, 4 * DAY)
    assert over_cap(site, "1 MB") == []
    assert sorted(over_cap(site, "350 kB")) == ["app.log.3", "app.log.4"]
    assert clean(logs(site, max_total=Size("350 kB"))) == 2
    assert site.files("logs") == {"app.log", "sub/app.log.1", "app.log.2"}


def test_the_limit_takes_neither_the_log_itself_nor_what_is_not_an_hour_old(site: SmallSite) -> None:
    generations(site, 1800, 7200)
    assert over_cap(site, "1 kB") == ["app.log.2"]


def test_the_limit_counts_no_file_that_is_not_a_log(site: SmallSite) -> None:
    generations(site, DAY)
    site.file("logs/big.bin", age=DAY, body=b"x" * 1_000_000)
    assert over_cap(site, "250 kB") == []


def test_old_logs_go_before_the_limit_is_judged(site: SmallSite) -> None:
    generations(site, DAY, 40 * DAY)
    assert over_cap(site, "250 kB") == []


def test_what_is_to_be_packed_is_packed_before_the_limit_is_judged(site: SmallSite) -> None:
    generations(site, DAY * 2, DAY * 3)
    assert over_cap(site, "1 kB", compress="gzip") == []
    assert clean(logs(site, max_total=Size("1 kB"), compress="gzip")) == 2
    assert clean(logs(site, max_total=Size("1 kB"), compress="gzip")) == 2
    assert site.files("logs") == {"app.log"}


def test_a_rotated_log_over_the_limit_that_is_open_is_kept(site: SmallSite) -> None:
    generations(site, DAY, 2 * DAY)
    with (site.path / "logs/app.log.2").open("rb"):
        assert clean(logs(site, max_total=Size("250 kB"))) == 0
    assert len(site.files("logs")) == 3


def test_nothing_is_told_of_twice(site: SmallSite) -> None:
    generations(site, DAY * 2, DAY * 3, DAY * 40)
    lines = scan(logs(site, max_total=Size("250 kB"), compress="gzip", truncate_over=Size("1 kB")))
    told = [name for line in lines if isinstance(line, Finding | Held) for name in line.names]
    assert sorted(told) == ["app.log", "app.log.1", "app.log.2", "app.log.3"]


# dvornik's own log


@pytest.mark.parametrize("own", ["logs/dvornik.log", "link/dvornik.log", "logs/../logs/dvornik.log"])
def test_dvorniks_own_log_and_its_rotations_are_never_prey_whatever_their_name(site: SmallSite, own: str) -> None:
    (site.path / "link").symlink_to(site.path / "logs")
    names = {"dvornik.log", "dvornik.log.2025-01-01", "dvornik.log.2025-01-02.gz", "dvornik.log-20250101T000000Z"}
    for name in names:
        site.file(f"logs/{name}", age=999 * DAY, body=b"x" * 100_000)
        site.file(f"logs/sub/{name}", age=999 * DAY)
    everything = LogsSection(
        age_by="mtime", compress="gzip", truncate_over=Size("1 kB"), max_total=Size("1 kB"), patterns=["*"]
    )
    collector = Logs({"logs": LocalLogs("logs", str(site.path / "logs"))}, everything, own=str(site.path / own))
    clean(collector)
    assert site.files("logs") == names


def test_dvorniks_own_log_is_not_cut_while_it_is_young(site: SmallSite) -> None:
    settings = (site.path / "dvornik.toml").read_text()
    settings = settings.replace("own/maintenance.log", "logs/own.log").replace(
        'paths = ["logs"]', 'paths = ["logs"]\ntruncate_over = "1 kB"'
    )
    (site.path / "dvornik.toml").write_text(settings)
    site.file("logs/own.log", body=b"a line\n" * 10_000)
    lines = [line for line in site.planned("logs") if isinstance(line, Finding | Held)]
    assert [(line.rule, line.count) for line in lines] == [("logs/old", 1)]
    assert isinstance(lines[0], Held)
    assert lines[0].reason is Reason.EXCLUDED


def test_why_tells_what_holds_a_log(site: SmallSite) -> None:
    path = site.file("logs/app.log")
    evidence = logs(site).why([str(path)], time.time_ns())[str(path)]
    assert evidence
    assert (evidence.collector, evidence.verdict) == ("logs", Reason.YOUNG)
