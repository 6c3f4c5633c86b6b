"""The collector of logs on real directories: old ones go, and neither those in use nor dvornik's own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from dvornik.collectors.logs import Logs
from dvornik.config import LogsSection
from dvornik.model import Finding, Held, Reason
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


def test_why_tells_what_holds_a_log(site: SmallSite) -> None:
    path = site.file("logs/app.log")
    evidence = logs(site).why(str(path), time.time_ns())
    assert evidence
    assert (evidence.collector, evidence.verdict) == ("logs", Reason.YOUNG)
