"""The configuration is found, read whole, and told apart from mistakes before anything is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dvornik.config import Loaded, load
from dvornik.errors import ConfigurationError
from dvornik.quantities import Duration

if TYPE_CHECKING:
    from pathlib import Path

    from _pytest.mark import ParameterSet


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A project's directory."""
    root = tmp_path / "site"
    root.mkdir()
    (root / ".git").mkdir()
    return root


def loaded(site: Path, text: str, **env: str) -> Loaded:
    (site / "dvornik.toml").write_text(text, "utf-8")
    return load(None, env, site)


def refused(site: Path, text: str, **env: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        loaded(site, text, **env)
    error = caught.value
    return f"{error.message}\n{error.context}\n{error.hint}"


def test_without_a_file_the_defaults_hold_and_paths_count_from_the_project(site: Path) -> None:
    (site / "inner").mkdir()
    result = load(None, {}, site / "inner")
    assert (result.source, result.base, result.notes) == (None, site, ("defaults",))
    assert result.config.app.state == str(site / ".dvornik")


def test_the_nearest_file_is_found_up_to_the_projects_root(site: Path) -> None:
    (site / "dvornik.toml").write_text('[temp]\nolder_than = "48h"\n')
    (site / "inner").mkdir()
    result = load(None, {}, site / "inner")
    assert result.source == site / "dvornik.toml"
    assert result.config.temp.older_than == Duration("48h")


def test_a_file_above_the_projects_root_is_not_looked_for(site: Path) -> None:
    (site.parent / "dvornik.toml").write_text('[temp]\nolder_than = "48h"\n')
    assert load(None, {}, site).source is None


def test_of_files_in_a_directory_that_anyone_may_write_to_only_our_own_is_trusted(site: Path) -> None:
    (site / "dvornik.toml").write_text('[temp]\nolder_than = "48h"\n')
    (site / "dvornik.toml").chmod(0o644)
    (site / "inner").mkdir(exist_ok=True)
    site.chmod(0o1777)
    assert load(None, {}, site).config.temp.older_than == Duration("48h")
    assert load(None, {}, site / "inner").source is None


def test_a_file_that_anyone_may_have_put_here_is_an_error_and_no_silence(site: Path) -> None:
    (site / "dvornik.toml").write_text('[temp]\nolder_than = "48h"\n')
    (site / "dvornik.toml").chmod(0o666)
    site.chmod(0o1777)
    with pytest.raises(ConfigurationError, match="Anyone may have put"):
        load(None, {}, site)
    assert load(site / "dvornik.toml", {}, site).source


def test_pyproject_serves_where_there_is_no_file_of_our_own(site: Path) -> None:
    (site / "pyproject.toml").write_text('[tool.dvornik.temp]\nolder_than = "2d"\n')
    result = load(None, {}, site)
    assert result.notes == ("pyproject",)
    assert result.config.temp.older_than == Duration("2d")


def test_a_named_file_wins_and_relative_paths_count_from_it(site: Path) -> None:
    (site / "conf").mkdir()
    (site / "conf/d.toml").write_text('[logs]\npaths = ["l"]\n')
    for result in (load(site / "conf/d.toml", {}, site), load(None, {"DVORNIK_CONFIG": "conf/d.toml"}, site)):
        assert result.config.logs.paths == [str(site / "conf/l")]


def test_a_named_file_that_is_not_there_is_an_error(site: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(site / "none.toml", {}, site)


def test_the_environment_wins_over_the_file(site: Path) -> None:
    env = {"DVORNIK_TEMP_OLDER_THAN": "48h", "DVORNIK_CACHE_OWNED": "true", "DVORNIK_APP_STATE": "2024-01-01"}
    result = loaded(site, '[temp]\nolder_than = "1h"\n', **env)
    assert result.config.temp.older_than == Duration("48h")
    assert result.config.cache.owned
    assert result.config.app.state == str(site / "2024-01-01")
    assert set(result.notes) == {"file", *env}


def test_named_tables_and_lists_can_come_from_the_environment(site: Path) -> None:
    env = {
        "DVORNIK_DATABASES_MY_DB_URL": "sqlite:///x.db",
        "DVORNIK_LOGS_PATHS": "l",
        "DVORNIK_TEMP_PATHS": '["a", "b"]',
    }
    config = loaded(site, "", **env).config
    assert config.databases["my_db"].url == f"sqlite:///{site}/x.db"
    assert (config.logs.paths, config.temp.paths) == ([str(site / "l")], [str(site / "a"), str(site / "b")])


@pytest.mark.parametrize(
    "name",
    ["CONFIG_", "LANG", "TEST_X", "SITE_DATA", "NO_COLOR", "SERVICE_HOST", "PORT_80_TCP", "VERSION", "TEMP",
     "METRICS_PORT", "METRICS_SERVICE_HOST", "METRICS_PORT_9091_TCP_ADDR", "METRICS_SERVICE_PORT_HTTP"],
)  # fmt: skip
def test_variables_that_are_no_settings_are_left_alone(site: Path, name: str) -> None:
    loaded(site, "", **{f"DVORNIK_{name}": "1", "DVORNIK_CACHE_URL": ""})


@pytest.mark.parametrize("name", ["DVORNIK_TEMP_OLDR_THAN", "DVORNIK_TMEP_OLDER_THAN"])
def test_a_misspelt_variable_is_an_error_that_names_the_right_one(site: Path, name: str) -> None:
    told = refused(site, "", **{name: "1h"})
    assert name in told
    assert "Did you mean DVORNIK_TEMP_OLDER_THAN?" in told


def test_all_mistakes_are_told_at_once(site: Path) -> None:
    told = refused(site, '[temp]\nolder_than = "7"\noldr = 1\n[log]\nkeep = 0\n[helth]\n[media.x]\nurl = "/x/"\n')
    for key in ('temp.older_than = "7"', "temp.oldr", "log.keep = 0", "helth", "Did you mean health?", "media.x.root"):
        assert key in told
    assert str(site / "dvornik.toml") in told


def test_a_project_one_directory_below_is_not_cleaned_without_its_own_settings(site: Path) -> None:
    backend = site / "backend"
    backend.mkdir()
    (backend / "manage.py").write_text("")
    (backend / "dvornik.toml").write_text('[media.m]\nroot = "media"\nexclude = ["avatars/*"]\n')
    found = load(None, {}, site)
    assert (found.source, found.base, found.notes) == (backend / "dvornik.toml", backend, ("below",))
    (site / "dvornik.toml").write_text("")
    assert load(None, {}, site).base == site


def test_of_two_projects_below_neither_is_taken(site: Path) -> None:
    for name in ("one", "other"):
        (site / name).mkdir()
        (site / name / "manage.py").write_text("")
        (site / name / "dvornik.toml").write_text("[temp]\npaths = []\n")
    assert load(None, {}, site).source is None


def test_an_address_is_filled_in_from_the_file_of_variables_and_the_process_wins(site: Path) -> None:
    text = '[databases.default]\nurl = "postgresql://app:${PASSWORD}@${HOST}/app"\n'
    (site / ".env").write_text("PASSWORD='p@ss'\nHOST=db\n")
    found = loaded(site, text, HOST="replica", PASSWORD="")
    assert found.config.databases["default"].url == "postgresql://app:p%40ss@replica/app"
    (site / ".env").unlink()
    assert "or in .env" in refused(site, text, HOST="replica")


def test_half_a_window_is_no_second_mistake_where_the_other_half_cannot_be_read(site: Path) -> None:
    assert "Set both" not in refused(site, '[window]\nstart = "25:00"\nend = "05:00"\n')


CASES: list[ParameterSet] = [
    pytest.param(text, *told, id=text.replace("\n", " "))
    for text, *told in [
        ('[temp]\nolder_then = "1h"', "temp.older_then", "Did you mean older_than?"),
        ('[temp]\nunits = ["tmp*"]', "temp.units", "found by themselves"),
        ('older_than = "1h"', "older_than", "Did you mean [temp] older_than?"),
        ('[temp]\nolder_than = "-1h"', 'temp.older_than = "-1h"', "with its unit"),
        ("[temp]\nolder_than = 7", "temp.older_than = 7", "with its unit"),
        ('[health]\ntemp = "1 GiB extra"', 'health.temp = "1 GiB extra"', "500 MB"),
        ('[app]\nkind = "flask"', 'app.kind = "flask"', '"django"'),
        ("temp = 5", "temp = 5", "a table is wanted"),
        ('[media]\nroot = "m"', 'media.root = "m"', "[media.NAME] / root = …"),
        ('[window]\nstart = "25:00"\nend = "05:00"', 'window.start = "25:00"', "HH:MM"),
        ('[notify]\nurls = ["operator@example.org"]', "notify.urls", "mailto://"),
        ("[policy]\nmax_share = 20", "policy.max_share = 20", "from 0 to 1"),
        ('[policy]\nmedia_grace = "10m"', "policy.media_grace", "allow_short_grace"),
        ('[temp]\npaths = ["/"]', 'temp.paths = "/"', "of the system"),
        ('[temp]\npaths = ["/var/log/../tmp"]', "temp.paths", "of the system"),
        ('[logs]\npaths = ["/etc/app"]', "logs.paths", "of the system"),
        ('[logs]\npaths = ["/home/someone"]', "logs.paths", "of a user"),
        ('[media.m]\nroot = ""', "media.m.root", "A text is wanted"),
        ('[temp]\npaths = [" "]', "temp.paths", "is empty"),
        ('[temp]\npaths = ["~/tmp"]', "temp.paths", "each user"),
        ('[temp]\npaths = ["a\\u0000b"]', "temp.paths", "NUL"),
        ('[temp]\npaths = ["../other"]', "temp.paths", "allow_outside"),
        ('[temp]\npaths = ["."]', "temp.paths", "the application itself"),
        ('[temp]\npaths = [".."]', "temp.paths", "the application itself"),
        ('[temp]\npaths = ["t"]\n[app]\nstate = "t/s"', "temp.paths", "own state"),
        ('[app]\nstate = "/"', "app.state", "of the system"),
        ('[temp]\npaths = ["a"]\n[logs]\npaths = ["./a/"]', "logs.paths", "the same directory as temp.paths"),
        ('[temp]\npaths = ["d"]\n[databases.x]\nurl = "sqlite:///d/x.db"', "temp.paths", "a database file"),
        ('[databases.x]\nurl = "oracle://u:secret@h/n"', "databases.x.url", "no address of a database"),
        ('[databases.x]\nurl = "postgresql://u:${NOT_SET}@h/n"', "databases.x.url", "NOT_SET is not set"),
        ('[cache]\nurl = "http://u:secret@h"', "cache.url", "redis://"),
        ('[window]\nstart = "02:00"', "window", "Set both"),
        ('[window]\nstart = "2"\nend = "03:00"', 'window.start = "2"', "A text"),
        ('[window]\ntimezone = "Mars/Base"', "window.timezone", "Europe/Moscow"),
        ('[media.m]\nroot = "m"\nexact = ["photo"]', "media.m.exact", "table.column"),
        ('[media.m]\nroot = "s3://bucket/x"', "media.m.root", "an address"),
        ("[temp", "dvornik.toml", "not valid TOML"),
    ]
]


@pytest.mark.parametrize(("text", "key", "remedy"), CASES)
def test_a_mistake_names_file_key_and_remedy(site: Path, text: str, key: str, remedy: str) -> None:
    told = refused(site, text)
    assert str(site / "dvornik.toml") in told
    assert key in told
    assert remedy in told
    assert "secret" not in told


@pytest.mark.parametrize(
    ("text", "place", "said", "line"),
    [
        ("[temp]\nolder_than = 24h\n", "line 2, column 16", "one setting a line", "older_than = 24h"),
        ("[temp]\nolder_than = yes\n", "line 2, column 14", "no value", "older_than = yes"),
        ('[app]\nname = "site\n\n', "line 2, column 13", "quotation mark", 'name = "site'),
        ("[app]\nname = 'a'\nname = 'b'\n", "line 3, column 11", "twice", "name = 'b'"),
        ('[temp]\npaths = ["a"\n\n', "line 2, column 13", "a list is not closed", 'paths = ["a"'),
        ("[temp\n", "line 1, column 6", "] is missing", "[temp"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(site: Path, text: str, place: str, said: str, line: str) -> None:
    told = refused(site, text)
    assert f"{place}: " in told
    assert said in told
    assert f"dvornik.toml:{place.split()[1].rstrip(',')}: {line}\n" in told


@pytest.mark.parametrize("line", ['url = "mysql://u:secret@h/n', "password = secret", '["mailto://u:secret@h'])
def test_a_broken_line_with_a_secret_is_not_shown_whole(site: Path, line: str) -> None:
    told = refused(site, f"[databases.default]\n{line}\n")
    assert "line 2" in told
    assert "secret" not in told


def test_a_home_directory_is_never_a_place(site: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    told = refused(site, f'[app]\nallow_outside = true\n[temp]\npaths = ["{home}"]\n', HOME=str(home))
    assert "of a user" in told


def test_a_symlink_is_judged_by_where_it_leads(site: Path) -> None:
    (site / "tmp").symlink_to("/", target_is_directory=True)
    assert "of the system" in refused(site, '[temp]\npaths = ["tmp"]\n')


def test_a_directory_with_code_is_never_a_place_of_debris(site: Path) -> None:
    (site / "backend").mkdir()
    (site / "backend/manage.py").touch()
    assert "manage.py" in refused(site, '[temp]\npaths = ["backend"]\n')


def test_a_directory_outside_is_taken_once_that_is_said(site: Path) -> None:
    result = loaded(site, '[app]\nallow_outside = true\n[logs]\npaths = ["/var/log/app", "../logs"]\n')
    assert result.config.logs.paths == ["/var/log/app", str(site.parent / "logs")]


def test_a_short_grace_is_taken_once_that_is_said(site: Path) -> None:
    config = loaded(site, '[policy]\nmedia_grace = "10m"\nallow_short_grace = true\n').config
    assert config.policy.media_grace == Duration("10m")


def test_passwords_come_from_the_environment_and_stay_out_of_sight(site: Path) -> None:
    text = '[databases.d]\nurl = "postgres://u:${PW}@h/n?sslpassword=zzz1"\n[cache]\nurl = "${REDIS}"\n'
    one, other = (loaded(site, text, PW=pw, REDIS=f"redis://:{pw}@h/1") for pw in ("p@ss/1", "another"))
    assert one.config.databases["d"].url == "postgresql://u:p%40ss%2F1@h/n?sslpassword=zzz1"
    assert one.config.cache.url == "redis://:p@ss/1@h/1"
    assert one.digest == other.digest
    assert "p%40ss" not in repr(one)
    assert "zzz1" not in repr(one)


def test_the_digest_tells_one_configuration_from_another(site: Path) -> None:
    first = loaded(site, '[temp]\nolder_than = "24h"\n').digest
    assert first == loaded(site, "[temp]\n").digest
    assert first != loaded(site, '[temp]\nolder_than = "23h"\n').digest
