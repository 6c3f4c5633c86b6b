"""What the doctor says: of guards in words, of places once, of a quarantine that a full disk lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from dvornik import diagnosis, languages
from dvornik.application import Found
from dvornik.diagnosis import Disk
from dvornik.reports import checkup, words
from dvornik.reports.checkup import Checkup, Preview

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = 1_800_000_000.0
GB = 10**9


@pytest.fixture(params=["en", "ru"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    before = languages.current()
    languages.use(request.param)
    yield request.param
    languages.use(before)


def seen(**changes: object) -> Checkup:
    """Return a look at an installation in which nothing is wrong."""
    well = Checkup(
        configuration="/srv/app/dvornik.toml", how="file", user="app", found=[], trouble=[],
        disks=[Disk("/srv/app", 100 * GB, 50 * GB, 0, 0)], places=[], large=[], growth=[], databases={}, caches={},
        set_aside={}, purged_from={}, quarantines=[], last_success=NOW - 3600, guards={}, restricted=None,
        state="/srv/app/.dvornik", state_objection="", preview=Preview(), now=NOW,
    )  # fmt: skip
    return msgspec.structs.replace(well, **changes)


def said(look: Checkup) -> list[str]:
    return list(checkup.lines(look, list(checkup.problems(look))))


def test_every_guard_has_words(language: str) -> None:
    shown = said(seen(guards=diagnosis.guards()))
    assert {name for name in diagnosis.guards() if words.guard(name) == name} == set()
    told = " ".join(line for line in shown if line.startswith("🛡️"))
    assert {"en": "open directories", "ru": "открытых каталогов"}[language] in told


def test_a_place_is_told_once_with_why_it_is_under_care(language: str) -> None:
    found = [Found("logs", "/srv/app/logs", "folder"), Found("logs", "/srv/app/logs", "configuration")]
    (line,) = [line for line in said(seen(found=found)) if line.startswith("🔎")]
    assert {"en": "from the configuration", "ru": "из конфигурации"}[language] in line


@pytest.mark.parametrize(
    ("waiting", "free", "is_told"), [(0, 1, False), (1, 50, False), (20, 50, True), (1, 5, True), (0, 5, False)]
)
def test_a_quarantine_is_told_of_where_it_fills_the_disk(waiting: int, free: int, is_told: bool) -> None:
    look = seen(
        disks=[Disk("/srv/app", 100 * GB, free * GB, 0, 0)],
        set_aside={"a": (5, waiting * GB)} if waiting else {}, purged_from={"a": NOW},
    )  # fmt: skip
    assert any("dvornik purge --all" in problem.remedy for problem in checkup.problems(look)) is is_told


def test_what_cannot_be_reached_is_told_with_the_remedy_that_a_run_would_tell() -> None:
    look = seen(
        databases={"default": "it refuses"}, database_hints={"default": "Correct the password"},
        caches={"redis": "it is away"}, cache_hints={"redis": "Start it"},
    )  # fmt: skip
    assert [(each.problem, each.remedy) for each in checkup.problems(look)] == [
        ("default: it refuses", "Correct the password"), ("redis: it is away", "Start it"),
    ]  # fmt: skip
