"""Cron mails whatever is said: --quiet says nothing when all is well, and what is wrong when not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.e2e.schedule_app import App

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.keeper import Keeper
    from tests.servers.web import Web


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path / "app")


@pytest.mark.parametrize("words", [("run",), ("run", "--dry-run"), ("run", "temp", "--aggressive"), ("health",)])
def test_nothing_is_said_when_all_is_well(app: App, words: tuple[str, ...]) -> None:
    ran = app.dvornik(*words, "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_it_did_what_it_says_nothing_of(app: App) -> None:
    app.dvornik("run", "-q")
    assert not app.old.exists()
    assert "done" in app.dvornik("history").out


def test_the_contracts_script_is_as_quiet(keeper: Keeper) -> None:
    ran = keeper.cleanup("--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert keeper.cleanup("--quiet", "--health-check").out == ""


def test_what_is_wrong_is_said_on_standard_error(app: App) -> None:
    ran = app.dvornik("run", "--quiet", DATABASE_URL="sqlite:////no/such/database")
    assert (ran.code, ran.out) == (12, "")
    assert "/no/such/database" in ran.err
    assert ran.err.splitlines()[-1] == "❌ Part of the cleanup was not possible"
    assert not app.old.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is denied to root")
def test_files_that_stayed_are_named(app: App) -> None:
    app.old.parent.chmod(0o555)
    ran = app.dvornik("run", "temp", "--quiet")
    app.old.parent.chmod(0o755)
    assert (ran.code, ran.out, "old.bin" in ran.err) == (3, "", True)


def test_a_wrong_setting_is_said_too(app: App) -> None:
    ran = app.dvornik("run", "--quiet", DVORNIK_TEMP_OLDER_THAN="soon")
    assert (ran.code, ran.out, "DVORNIK_TEMP_OLDER_THAN" in ran.err) == (2, "", True)


def test_an_alert_is_said_and_a_message_is_not(app: App, web: Web) -> None:
    assert app.dvornik("health", "-q", DVORNIK_HEALTH_TEMP="1 B").out.startswith("⚠️")
    ran = app.dvornik("notify", "-q", DVORNIK_NOTIFY_URLS=f"json://{web.host}/", no_proxy="127.0.0.1")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_a_document_for_nobody_is_refused(app: App) -> None:
    for words in (("run",), ("health",), ("notify",)):
        assert app.dvornik(*words, "--quiet", "--json").code == 2
