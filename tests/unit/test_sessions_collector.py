"""The collector of expired sessions, on a real SQLite file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from dvornik.application import DatabasePlace
from dvornik.collectors.sessions import Sessions
from dvornik.contracts.database import ExpiryRule
from dvornik.databases import connect
from dvornik.model import Finding, Held, Miss, Reason, Survey, Trouble

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_750_000_000_123_456_789
RULE = ExpiryRule("web", "main", "django_session", "expire_date")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "site.db"


def fill(path: Path, *ages: float) -> None:
    """Make sessions that expired so many seconds before now."""
    moment = datetime.fromtimestamp(NOW // 10**9, UTC).replace(tzinfo=None)
    rows = [(f"key{number}", "", str(moment - timedelta(seconds=age))) for number, age in enumerate(ages)]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE django_session (session_key PRIMARY KEY, session_data, expire_date datetime)")
        connection.executemany("INSERT INTO django_session VALUES (?, ?, ?)", rows)


def execute(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(query).fetchall()


def collector(path: Path, *rules: ExpiryRule) -> Sessions:
    return Sessions({"main": connect(DatabasePlace("main", f"sqlite:///{path}"))}, rules or (RULE,))


def test_expired_rows_are_one_finding_with_the_moment_it_was_judged_by(path: Path) -> None:
    fill(path, 5, 60, -60)
    survey, finding = collector(path).scan(NOW, thorough=False)
    assert isinstance(survey, Survey)
    assert finding == Finding("sessions/expired", "main", "django_session", amount=2, detail="1750000000.123456 web")


def test_applying_takes_what_was_found_and_a_second_scan_finds_nothing(path: Path) -> None:
    fill(path, 5, 60, -60)
    sessions = collector(path)
    (finding,) = [seen for seen in sessions.scan(NOW, thorough=False) if isinstance(seen, Finding)]
    outcome = sessions.apply(finding, "run")
    assert (outcome.rule, outcome.place, outcome.container) == (finding.rule, finding.place, finding.container)
    assert (outcome.done, outcome.missed) == (2, ())
    assert [type(seen) for seen in sessions.scan(NOW, thorough=False)] == [Survey]


def test_what_expires_after_the_scan_is_left_for_the_next(path: Path) -> None:
    fill(path, 5, -60)
    sessions = collector(path)
    (finding,) = [seen for seen in sessions.scan(NOW, thorough=False) if isinstance(seen, Finding)]
    assert sessions.apply(finding, "a run an hour later").done == 1
    assert execute(path, "SELECT session_key FROM django_session") == [("key1",)]


def test_retention_keeps_rows_for_longer(path: Path) -> None:
    fill(path, 5, 7_200)
    rule = ExpiryRule("web", "main", "django_session", "expire_date", retention=3_600)
    (finding,) = [seen for seen in collector(path, rule).scan(NOW, thorough=False) if isinstance(seen, Finding)]
    assert finding.count == 1


def test_rows_that_others_refer_to_are_held_with_the_table_that_does(path: Path) -> None:
    fill(path, 5, 6, 7)
    execute(path, "CREATE TABLE basket (session REFERENCES django_session (session_key))")
    execute(path, "INSERT INTO basket VALUES ('key1')")
    sessions = collector(path)
    _survey, finding, held = sessions.scan(NOW, thorough=False)
    assert held == Held("sessions/expired", "main", "django_session", Reason.REFERENCED, 1, detail="basket")
    assert isinstance(finding, Finding)
    outcome = sessions.apply(finding, "run")
    assert (finding.count, outcome.done, outcome.missed) == (2, 2, ())


def test_a_table_that_does_not_exist_holds_nothing(path: Path) -> None:
    execute(path, "CREATE TABLE other (a)")
    assert list(collector(path).scan(NOW, thorough=False)) == []


def test_an_unreachable_database_is_trouble_and_the_next_goes_on(path: Path, tmp_path: Path) -> None:
    fill(path, 5)
    sessions = collector(path, ExpiryRule("old", "gone", "django_session", "expire_date"), RULE)
    databases = {"gone": connect(DatabasePlace("gone", f"sqlite:///{tmp_path}/no.db"))}
    both = Sessions({**databases, "main": connect(DatabasePlace("main", f"sqlite:///{path}"))}, sessions._expiry)
    trouble, _survey, finding = both.scan(NOW, thorough=False)
    assert isinstance(trouble, Trouble)
    assert trouble.place == "gone"
    assert finding.place == "main"


def test_a_column_that_does_not_hold_times_is_trouble(path: Path) -> None:
    fill(path, 5)
    execute(path, "UPDATE django_session SET expire_date = 'soon'")
    (trouble,) = collector(path).scan(NOW, thorough=False)
    assert isinstance(trouble, Trouble)
    assert "django_session.expire_date" in trouble.context


def test_a_plan_for_a_rule_that_is_configured_no_longer_is_not_applied(path: Path) -> None:
    fill(path, 5)
    finding = Finding("sessions/expired", "main", "django_session", amount=1, detail="1750000000.0 gone")
    outcome = collector(path).apply(finding, "run")
    assert (outcome.done, outcome.missed) == (0, (Miss("django_session", Reason.CHANGED),))


def test_a_locked_file_is_an_outcome_not_an_exception(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dvornik.databases.sqlite_file.PATIENCE", 0.05)
    fill(path, 5)
    sessions = collector(path)
    (finding,) = [seen for seen in sessions.scan(NOW, thorough=False) if isinstance(seen, Finding)]
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        outcome = sessions.apply(finding, "run")
    assert outcome.missed == (Miss("django_session", Reason.BUSY, "SQLITE_BUSY"),)


NOTE = "CREATE TRIGGER noting AFTER DELETE ON django_session BEGIN UPDATE django_session SET session_data = 'x'; END"


def test_rows_whose_deletion_runs_a_trigger_stay_until_that_is_meant(path: Path) -> None:
    fill(path, 5, -60)
    execute(path, NOTE)
    held = [seen for seen in collector(path).scan(NOW, thorough=False) if isinstance(seen, Held)]
    assert [(each.reason, each.count, each.detail) for each in held] == [(Reason.TRIGGER, 1, "noting")]
    meant = collector(path, msgspec.structs.replace(RULE, triggers=True))
    (finding,) = [seen for seen in meant.scan(NOW, thorough=False) if isinstance(seen, Finding)]
    assert meant.apply(finding, "run").done == 1
    assert execute(path, "SELECT session_data FROM django_session") == [("x",)]


def test_a_trigger_of_a_table_that_the_rule_cascades_to_holds_the_rows_too(path: Path) -> None:
    fill(path, 5, -60)
    execute(path, "CREATE TABLE basket (session REFERENCES django_session ON DELETE CASCADE)")
    execute(
        path, "CREATE TRIGGER noting AFTER DELETE ON basket BEGIN UPDATE django_session SET session_data = 'x'; END"
    )
    own = collector(path)
    assert [seen.amount for seen in own.scan(NOW, thorough=False) if isinstance(seen, Finding)] == [1]
    cascading = collector(path, msgspec.structs.replace(RULE, cascade=True))
    held = [seen for seen in cascading.scan(NOW, thorough=False) if isinstance(seen, Held)]
    assert [(each.reason, each.count, each.detail) for each in held] == [(Reason.TRIGGER, 1, "basket.noting")]


def test_a_trigger_made_after_the_scan_keeps_the_rows(path: Path) -> None:
    fill(path, 5)
    sessions = collector(path)
    (finding,) = [seen for seen in sessions.scan(NOW, thorough=False) if isinstance(seen, Finding)]
    execute(path, NOTE)
    outcome = sessions.apply(finding, "run")
    assert (outcome.done, outcome.missed) == (0, (Miss("django_session", Reason.TRIGGER, "noting"),))
