"""``dvornik config check``: what was found where, and what makes a right configuration less than it seems."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.unit.small_site import SmallSite

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    return SmallSite(tmp_path / "site")


def warned(site: SmallSite, code: int = 0) -> dict[str, str]:
    """Return the warnings: key to message."""
    ran = site.dvornik("config", "check", "--json", "--lang", "en")
    assert ran.code == code, ran.out + ran.err
    return {each["key"]: each["message"] for each in ran.document["warnings"]}


def test_a_right_configuration_has_no_warning_and_says_where_it_lies(site: SmallSite) -> None:
    assert warned(site) == {}
    ran = site.dvornik("config", "check", "--lang", "en")
    assert str(site.path / "dvornik.toml") in ran.out
    assert "the nearest dvornik.toml" in ran.out
    assert ran.out.splitlines()[-1] == "✅ The configuration is right"


def test_config_alone_checks_too(site: SmallSite) -> None:
    assert site.dvornik("config").out == site.dvornik("config", "check").out


def test_every_mistake_is_told_at_once_with_its_key_value_and_remedy(site: SmallSite) -> None:
    site.configure(policy='max_shar = 0.5\nquarantine = "a while"')
    ran = site.dvornik("config", "check", "--lang", "en")
    assert ran.code == 2
    for part in ("dvornik.toml", "2 settings", "policy.max_shar", "Did you mean max_share?", '"a while"', "30d"):
        assert part in ran.err


def test_a_directory_that_is_not_there_is_warned_of(site: SmallSite) -> None:
    (site.path / "logs").rmdir()
    assert warned(site) == {"logs.paths (logs)": "no such directory"}


def test_a_place_inside_another_is_warned_of(site: SmallSite) -> None:
    (site.path / "tmp/inner").mkdir()
    site.configure(more='[media.inner]\nroot = "tmp/inner"')
    assert warned(site) == {"media.inner.root": "it lies inside temp.paths (tmp)"}


def test_a_column_that_is_not_there_is_warned_of(site: SmallSite) -> None:
    site.configure(more='[sessions.old]\ntable = "sesion"\ncolumn = "expires"')
    assert warned(site) == {"sessions.old": "no such column"}


def test_a_backup_that_was_never_made_is_warned_of(site: SmallSite) -> None:
    site.configure(more='[backup]\nfile = "dumps/*.sql"')
    assert warned(site) == {"backup.file": "no file is there"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_password_that_everybody_may_read_is_warned_of_and_not_shown(site: SmallSite) -> None:
    site.configure(more='[cache]\nurl = "redis://:geheim@127.0.0.1:1/0"')
    assert list(warned(site)) == [str(site.path / "dvornik.toml")]
    assert "geheim" not in site.dvornik("config", "check").out
    (site.path / "dvornik.toml").chmod(0o600)
    assert warned(site) == {}


def test_a_variable_in_place_of_the_password_is_no_secret(site: SmallSite) -> None:
    site.configure(more='[cache]\nurl = "redis://:${DVORNIK_TEST_SECRET}@127.0.0.1:1/0"')
    os.environ["DVORNIK_TEST_SECRET"] = "geheim"
    try:
        assert warned(site) == {}
    finally:
        del os.environ["DVORNIK_TEST_SECRET"]


def test_the_doctor_passes_the_warnings_on(site: SmallSite) -> None:
    (site.path / "logs").rmdir()
    ran = site.dvornik("doctor", "--json", "--lang", "en")
    assert ran.code == 1
    assert any("no such directory" in each["problem"] for each in ran.document["problems"])
