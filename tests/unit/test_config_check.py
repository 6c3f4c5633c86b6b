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


# --connect


def tried(site: SmallSite, code: int) -> dict[str, dict[str, str]]:
    """Return what was tried, by place."""
    ran = site.dvornik("config", "check", "--connect", "--json", "--lang", "en")
    assert ran.code == code, ran.out + ran.err
    return {each["place"]: each for each in ran.document["tried"]}


def test_connect_tries_every_place_and_says_what_works(site: SmallSite) -> None:
    found = tried(site, 0)
    assert {place.partition(".")[0] for place in found} == {"databases", "media"}
    assert all(each["figures"] and "message" not in each for each in found.values())
    lines = site.dvornik("config", "check", "--connect", "--lang", "en").out.splitlines()
    assert sum(line.startswith("🔌 ") for line in lines) == len(found)
    assert "tried" not in site.dvornik("config", "check", "--json").document


def test_a_place_that_does_not_work_is_told_with_its_remedy_and_the_others_are_tried(site: SmallSite) -> None:
    site.configure(more='[cache]\nurl = "redis://:geheim@127.0.0.1:1/0"')
    found = tried(site, 12)
    (cache,) = (each for place, each in found.items() if place.startswith("caches."))
    assert "nothing listens" in cache["message"]
    assert len(found) == 3
    said = site.dvornik("config", "check", "--connect", "--lang", "en").out
    assert "Start the server" in said
    assert "1 place cannot be used" in said
    assert "geheim" not in said


def test_a_media_directory_that_is_not_there_does_not_work(site: SmallSite) -> None:
    (site.path / "media").rename(site.path / "elsewhere")
    (media,) = (each for place, each in tried(site, 12).items() if place.startswith("media."))
    assert "No such file or directory" in media["message"]
    assert "Mount it" in media["hint"]


def test_a_table_whose_rows_are_hidden_from_us_does_not_work(site: SmallSite, postgresql_url: str) -> None:
    import psycopg

    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE open (a text); CREATE TABLE closed (a text); CREATE TABLE hidden (a text)")
        connection.execute("CREATE ROLE keeper_of_some LOGIN; GRANT SELECT ON open, hidden TO keeper_of_some")
        connection.execute("ALTER TABLE hidden ENABLE ROW LEVEL SECURITY")
        try:
            url = postgresql_url.replace("postgres@", "keeper_of_some@")
            site.configure(more=f'[databases.more]\nurl = "{url}"')
            assert "every row of closed, hidden" in tried(site, 12)["databases.more"]["message"]
            site.configure(more=f'[databases.more]\nurl = "{url}"\nexclude = ["closed.*", "hidden.*"]')
            assert tried(site, 0)["databases.more"]["figures"]
        finally:
            connection.execute("DROP OWNED BY keeper_of_some; DROP ROLE keeper_of_some")
