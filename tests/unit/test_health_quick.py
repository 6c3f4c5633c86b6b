"""The health check's fast path, asked as a process is."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import msgspec
import pytest

from dvornik import health, quick_health
from dvornik.health import Health, LastRun

if TYPE_CHECKING:
    from pathlib import Path

ASK = ["--health-check"]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a project with a configuration and the record of a good run."""
    (tmp_path / "dvornik.toml").write_text('[temp]\nolder_than = "24h"\n')
    (tmp_path / ".dvornik").mkdir()
    record(tmp_path, tmp_path / ".dvornik")
    return tmp_path


def record(site: Path, state: Path, exit_code: int = 0, language: str = "") -> Health:
    """Leave what a run that ended with ``exit_code`` leaves."""
    config = site / "dvornik.toml"
    fresh = Health(
        since=time.time(),
        max_age=7 * 86400,
        temp_limit=10**9,
        logs_limit=10**9,
        temp=[str(site / "tmp")],
        config=str(config) if config.exists() else "",
        sources=health.sources([str(config), str(site / ".env")]),
        language=language,
    )
    left = health.after(fresh, LastRun("a", time.time(), "done", exit_code))
    health.write(state / quick_health.NAME, left)
    return left


def test_a_healthy_site_says_so_in_one_line(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In Russian unless asked otherwise."""
    assert quick_health.main(ASK, {}, str(site)) == 0
    assert capsys.readouterr().out == "✅ Всё в порядке\n"


def test_every_reason_is_a_line(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And the status is 1."""
    (site / "tmp").mkdir()
    (site / "tmp" / "big").write_bytes(b"x" * 5000)
    sick = msgspec.structs.replace(record(site, site / ".dvornik", 1), temp_limit=2000, last_success=1.0)
    health.write(site / ".dvornik" / quick_health.NAME, sick)
    assert quick_health.main([*ASK, "--lang=en"], {}, str(site)) == 1
    said = capsys.readouterr().out.splitlines()
    assert [line.split(" ", 1)[1][:15] for line in said] == ["No successful c", "Temporary files", "The last cleanu"]
    assert "more than 7 days" in said[0]
    assert said[1].endswith("more than 2 kB")


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        (([], {}, ""), "✅ Всё"),
        (([], {}, "en"), "✅ Healthy"),
        (([], {"DVORNIK_LANG": "en"}, "ru"), "✅ Healthy"),
        ((["--lang", "ru"], {"DVORNIK_LANG": "en"}, "en"), "✅ Всё"),
    ],
)
def test_the_flag_goes_before_the_environment_before_the_configuration(
    site: Path, capsys: pytest.CaptureFixture[str], wishes: tuple[list[str], dict[str, str], str], said: str
) -> None:
    """The language of the answer is the most recent wish."""
    argv, environ, configured = wishes
    record(site, site / ".dvornik", language=configured)
    assert quick_health.main([*ASK, *argv], environ, str(site)) == 0
    assert capsys.readouterr().out.startswith(said)


@pytest.mark.parametrize(
    "argv", [[], ["--dry-run"], [*ASK, "--json"], [*ASK, "--lang"], [*ASK, "--lang", "fr"], ["--help"], [*ASK, "x"]]
)
def test_any_other_question_is_left_to_the_whole_program(site: Path, argv: list[str]) -> None:
    """Nothing is guessed."""
    assert quick_health.main(argv, {}, str(site)) is None


def test_an_edited_configuration_makes_the_record_void(site: Path) -> None:
    """As does a file that appears where the configuration would be read from."""
    (site / "dvornik.toml").write_text("[temp]\n")
    assert quick_health.main(ASK, {}, str(site)) is None
    record(site, site / ".dvornik")
    assert quick_health.main(ASK, {}, str(site)) == 0
    (site / ".env").write_text("X=1\n")
    assert quick_health.main(ASK, {}, str(site)) is None


def test_another_setting_in_the_environment_makes_the_record_void(site: Path) -> None:
    """A variable that is no setting does not."""
    assert quick_health.main(ASK, {"DVORNIK_HEALTH_TEMP": "1 MB"}, str(site)) is None
    assert quick_health.main(ASK, {"PATH": "/bin"}, str(site)) == 0


@pytest.mark.parametrize("wreck", ["", "{", '{"version": 1}', '{"version": 2}'])
def test_a_broken_record_is_left_to_the_whole_program(site: Path, wreck: str) -> None:
    """It never answers from half a file."""
    (site / ".dvornik" / quick_health.NAME).write_text(wreck)
    assert quick_health.main(ASK, {}, str(site)) is None


@pytest.mark.parametrize("setting", ['state = "var/state"', "state='var/state' # a volume", 'state="var/state"'])
def test_the_state_is_found_where_the_configuration_says(site: Path, setting: str) -> None:
    """Whatever the quotes."""
    (site / "dvornik.toml").write_text(f"[app]\n{setting}\n")
    (site / "var" / "state").mkdir(parents=True)
    record(site, site / "var" / "state")
    assert quick_health.main(ASK, {}, str(site)) == 0


@pytest.mark.parametrize("setting", ['state = """x"""', r'state = "a\u0062"', "state = 5", 'state = "x" y'])
def test_a_state_that_takes_a_parser_is_left_to_the_whole_program(site: Path, setting: str) -> None:
    """Even though a record lies in the usual place."""
    (site / "dvornik.toml").write_text(f"[app]\n{setting}\n")
    record(site, site / ".dvornik")
    assert quick_health.main(ASK, {}, str(site)) is None


def test_a_named_configuration_must_be_the_one_of_the_record(site: Path) -> None:
    """Two configurations beside each other are two questions."""
    (site / "other.toml").touch()
    assert quick_health.main([*ASK, "--config", "dvornik.toml"], {}, str(site)) == 0
    assert quick_health.main([*ASK, "--config=other.toml"], {}, str(site)) is None
    assert quick_health.main(ASK, {"DVORNIK_CONFIG": "other.toml"}, str(site)) is None


def test_a_project_reached_through_a_link_is_the_same_project(site: Path) -> None:
    """Deployments switch a link called current."""
    (site / "current").symlink_to(site)
    assert quick_health.main(ASK, {}, str(site / "current")) == 0


def test_without_any_configuration_the_record_beside_the_work_answers(tmp_path: Path) -> None:
    """Until a configuration appears."""
    (tmp_path / ".dvornik").mkdir()
    record(tmp_path, tmp_path / ".dvornik")
    assert quick_health.main(ASK, {}, str(tmp_path)) == 0
    (tmp_path / "dvornik.toml").touch()
    assert quick_health.main(ASK, {}, str(tmp_path)) is None


@pytest.mark.parametrize(
    ("seconds", "ru", "en"),
    [(604800, "7 дней", "7 days"), (86400, "1 дня", "1 day"), (21 * 86400, "21 дня", "21 days"),
     (11 * 86400, "11 дней", "11 days"), (5400, "90 минут", "90 minutes"), (3600, "1 часа", "1 hour")],
)  # fmt: skip
def test_durations_are_said_in_the_right_form(seconds: float, ru: str, en: str) -> None:
    """Russian counts decline after «больше»."""
    facts = {"max_age": seconds, "last": 0.0}
    assert quick_health.describe(quick_health.STALE, facts, "ru").endswith(f"больше {ru}")
    assert quick_health.describe(quick_health.STALE, facts, "en").endswith(f"more than {en}")


def test_sizes_are_said_in_decimal_units() -> None:
    """With a comma in Russian."""
    facts = {"limit": 1_500_000_000}
    assert quick_health.describe(quick_health.TEMP, facts, "ru").endswith("1,5 ГБ")
    assert quick_health.describe(quick_health.LOGS, {"limit": 500_000_000}, "en").endswith("500 MB")


def test_nothing_heavy_is_imported(site: Path) -> None:
    """The modules that would cost more than the check itself."""
    heavy = ["re", "typing", "json", "enum", "pathlib", "datetime", "gettext", "msgspec", "click", "tomllib"]
    code = (
        "import sys; from dvornik import quick_health\n"
        f"status = quick_health.main({ASK!r}, {{}}, {str(site)!r})\n"
        f"print(status, [name for name in {heavy!r} if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-X", "utf8", "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "0 []"


def test_a_terminal_without_the_letters_gets_question_marks(site: Path) -> None:
    """Rather than a traceback."""
    code = f"from dvornik import quick_health; quick_health.main({ASK!r}, {{}}, {str(site)!r})"
    said = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONIOENCODING": "ascii"}, capture_output=True, check=True
    )
    assert said.stdout.startswith(b"? ")


def test_another_interpreter_falls_back_to_the_library(monkeypatch: pytest.MonkeyPatch, site: Path) -> None:
    """Without the C scanner the answer is the same, only later."""
    monkeypatch.setitem(sys.modules, "_json", None)
    assert quick_health.main(ASK, {}, str(site)) == 0


def test_a_log_with_a_hole_counts_what_it_takes_and_not_what_it_says(tmp_path: Path) -> None:
    """The blocks after the hole are a few thousand bytes."""
    with (tmp_path / "app.log").open("wb") as log:
        log.seek(3 * 10**9)
        log.write(b"a line\n")
    if (tmp_path / "app.log").stat().st_blocks > 1000:
        pytest.skip("no holes on this file system")
    size, unreadable = quick_health.measure([str(tmp_path)], 10**9)
    assert (0 < size < 100_000, unreadable) == (True, 0)


@pytest.mark.parametrize("status", ["partial", "refused", "unreachable", "interrupted", "failed", "unrecorded"])
def test_a_failure_is_told_in_russian_without_an_english_word_or_date(status: str) -> None:
    said = quick_health.describe(quick_health.FAILED, {"finished": 1_750_000_000.0, "status": status}, "ru")
    assert re.search(r"\(\d\d\.06\.2025 \d\d:\d\d, [а-я]", said)
    assert not re.search("[A-Za-z]", said)


def test_why_a_record_is_unreadable_is_told_in_russian() -> None:
    said = quick_health.describe(quick_health.UNREAD, {"why": os.strerror(errno.EACCES)}, "ru")
    assert said.endswith("нет прав доступа")


@pytest.mark.parametrize("words", [["health"], ["health", "--lang", "ru"], ["--version"]])
def test_the_command_answers_at_once_as_cleanup_py_does(site: Path, words: list[str]) -> None:
    """Nothing heavy is imported for it."""
    code = (
        "import sys; from dvornik.cli.entry import dvornik\n"
        "try: dvornik()\n"
        "finally: assert not {'click', 'msgspec', 'typing', 'pathlib'} & set(sys.modules), sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}", *words],
        cwd=site, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(("✅ ", "dvornik "))


def test_a_question_for_more_than_the_alerts_is_left_to_the_whole_command(site: Path) -> None:
    """A document is no line."""
    (site / "tmp").mkdir()
    words = [sys.executable, "-m", "dvornik", "health", "--json"]
    done = subprocess.run(words, cwd=site, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]"
