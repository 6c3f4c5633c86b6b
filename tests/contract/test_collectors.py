"""What every collector promises. A new one is taken up from the steps of a run."""

from __future__ import annotations

import re
import sys
import time
from typing import TYPE_CHECKING

import pytest

from dvornik.cli.yard import STEPS, Yard
from dvornik.contracts.collector import Recovers, Reversible, SecondLook
from dvornik.errors import UnreachableError
from dvornik.model import Finding, Held, Survey, Trouble
from dvornik.reports import words
from tests.unit.small_site import DAY, SmallSite, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dvornik.contracts.collector import Collector
    from dvornik.model import Seen

RUN = "20260101T000000Z-0001"
_SESSIONS = '[sessions.web]\ntable = "session"\ncolumn = "expires"'


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    """Return a site that has something for everyone."""
    site = SmallSite(tmp_path / "app")
    site.photos("kept.jpg")
    for name in ("media/lost.jpg", "tmp/old.bin", "tmp/d/\udcff.bin", "logs/old.log"):
        site.file(name, age=99 * DAY)
    site.sql("CREATE TABLE session (id TEXT PRIMARY KEY, expires INTEGER)")
    site.sql("INSERT INTO session VALUES (?, ?)", ("a", time.time() // 1 - DAY), ("b", time.time() // 1 + DAY))
    site.configure(more=_SESSIONS)
    return site


@pytest.fixture(params=STEPS)
def collector(site: SmallSite, request: pytest.FixtureRequest) -> Iterator[Collector]:
    yard = Yard.open(None, str(site.path), {})
    yield yard.collectors([request.param])[request.param]
    yard.close()


def scan(collector: Collector, *, thorough: bool = True) -> list[Seen]:
    return list(collector.scan(time.time_ns(), thorough=thorough))


def findings(collector: Collector) -> list[Finding]:
    return [line for line in scan(collector) if isinstance(line, Finding)]


def test_it_is_known_by_the_name_of_its_step_and_its_rules_begin_with_it(collector: Collector) -> None:
    assert collector.name in STEPS
    assert collector.rules
    for name, rule in collector.rules.items():
        assert name == rule.id == f"{collector.name}/{name.partition('/')[2]}"


def test_its_module_says_what_it_finds_why_that_may_go_what_holds_it_back_and_how_to_undo(collector: Collector) -> None:
    page = sys.modules[type(collector).__module__].__doc__ or ""
    for part in ("finds", "may go", "(held|holds it) back", "undo"):
        assert re.search(rf"\*\*[^*]*{part}[^*]*\*\*", page, re.IGNORECASE)


def test_every_rule_has_words_for_what_was_done_and_for_what_would_be(collector: Collector) -> None:
    for rule in collector.rules:
        assert words.did(rule, 2)
        assert words.would(rule, 2)


def test_a_scan_changes_nothing_and_a_second_one_says_the_same(site: SmallSite, collector: Collector) -> None:
    before, rows = tree(site.path), site.database.read_bytes()
    first = [line for line in scan(collector) if isinstance(line, Finding | Held)]
    again = [line for line in scan(collector) if isinstance(line, Finding | Held)]
    assert (tree(site.path), site.database.read_bytes()) == (before, rows)
    assert len(first) == len(again)


def test_findings_name_its_own_rules_and_have_columns_of_equal_length(collector: Collector) -> None:
    for finding in findings(collector):
        assert finding.rule in collector.rules
        assert finding.count > 0
        for column in (finding.sizes, finding.times, finding.versions):
            assert len(column) in {len(finding.names), 0}


def test_what_is_held_is_counted_and_named_by_sample(collector: Collector) -> None:
    for line in scan(collector):
        if isinstance(line, Held):
            assert line.rule in collector.rules
            assert line.count >= len(line.names)


def test_every_place_is_surveyed_once_under_the_name_of_the_collector(collector: Collector) -> None:
    surveys = [line for line in scan(collector) if isinstance(line, Survey)]
    assert len({survey.place for survey in surveys}) == len(surveys)
    assert {survey.kind for survey in surveys} <= {collector.name}


def test_its_places_have_one_identity_as_long_as_nothing_changes(collector: Collector) -> None:
    assert collector.fingerprints() == collector.fingerprints()
    assert all(collector.fingerprints().values())


def test_outcomes_speak_of_their_finding_and_applying_twice_is_harmless(site: SmallSite, collector: Collector) -> None:
    seen = findings(collector)
    for finding in seen:
        outcome = collector.apply(finding, RUN)
        assert (outcome.rule, outcome.place, outcome.container) == (finding.rule, finding.place, finding.container)
        assert outcome.done + len(outcome.missed) >= min(1, finding.count)
    before = {below: site.files(below) for below in ("media", "tmp", "logs")}
    assert sum(collector.apply(finding, RUN).freed for finding in seen) == 0 or collector.name == "database"
    assert {below: site.files(below) for below in ("media", "tmp", "logs")} == before


def test_each_takes_its_own_debris_and_nothing_else(site: SmallSite, collector: Collector) -> None:
    for finding in findings(collector):
        collector.apply(finding, RUN)
    kept = {below: len(site.files(below)) for below in ("media", "tmp", "logs")}
    own = {"temp": {"tmp": 0}, "logs": {"logs": 0}, "media": {"media": 1}}.get(collector.name, {})
    assert kept == {"media": 2, "tmp": 2, "logs": 1} | own
    with_rows = len(scan(Yard.open(None, str(site.path), {}).collectors(["sessions"])["sessions"]))
    assert with_rows == (1 if collector.name == "sessions" else 2)


def test_its_further_abilities_are_harmless_where_there_is_nothing_to_do(site: SmallSite, collector: Collector) -> None:
    before = tree(site.path)
    if isinstance(collector, Recovers):
        assert list(collector.recover()) == []
        collector.tidy()
    if isinstance(collector, SecondLook):
        assert list(collector.look_again(RUN)) == []
    if isinstance(collector, Reversible):
        assert collector.set_aside() == {}
        assert [*collector.undo(RUN), *collector.purge(RUN)] == []
    assert tree(site.path) == before


def test_it_says_so_where_its_place_is_not_there(site: SmallSite, collector: Collector) -> None:
    for name in ("tmp", "logs", "media", "site.db"):
        (site.path / name).rename(site.path / f"{name}.gone")
    if collector.name == "cache":
        return
    try:
        lines = scan(collector)
    except UnreachableError:
        return
    assert [line for line in lines if isinstance(line, Trouble)]
    assert not [line for line in lines if isinstance(line, Finding)]
