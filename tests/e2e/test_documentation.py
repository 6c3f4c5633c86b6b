"""The pages: they name everything there is, both languages say the same, and what they tell to run runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import click
import msgspec
import pytest

from dvornik import languages, quick_health
from dvornik.cli import cleanup
from dvornik.cli.group import VERBS
from dvornik.cli.yard import STEPS
from dvornik.collectors.cache import CacheCollector
from dvornik.collectors.database import DatabaseBloat
from dvornik.collectors.logs import Logs
from dvornik.collectors.media import Media
from dvornik.collectors.sessions import Sessions
from dvornik.collectors.temp import Temp
from dvornik.config import load
from dvornik.config.overrides import table_type
from dvornik.config.sections import Config
from dvornik.model import Gate, Reason
from dvornik.quantities import Duration
from tests.site.site import BACKEND
from tools import reference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOT = BACKEND.parent
READMES = {"en": ROOT / "README.md", "ru": ROOT / "README.ru.md"}
OPERATORS = {
    "en": BACKEND / "scripts/maintenance/README.en.md",
    "ru": BACKEND / "scripts/maintenance/README.md",
}
COLLECTORS = (Temp, Logs, Media, Sessions, DatabaseBloat, CacheCollector)
LANGUAGES = ("en", "ru")
PAGES = [*READMES.values(), *OPERATORS.values()]
EXIT_CODES = (0, 1, 2, 3, 10, 11, 12, 130)
VARYING = ("💾", "♻️", "📊")
"""How the lines begin whose figures hang on the machine."""


@pytest.fixture(autouse=True)
def _language_of_before() -> Iterator[None]:
    before = languages.current()
    yield
    languages.use(before)


def doc(language: str, name: str) -> str:
    return (ROOT / "docs" / language / f"{name}.md").read_text()


def blocks(page: Path, label: str) -> list[str]:
    """Return the fenced blocks of a page that carry ``label``."""
    return re.findall(rf"^```{label}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def coded(text: str) -> set[str]:
    """Return what stands between backticks."""
    return set(re.findall(r"`([^`\n]+)`", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_is_documented(language: str) -> None:
    rules = {rule for collector in COLLECTORS for rule in collector.rules}
    assert rules <= coded(doc(language, "rules"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_gate_and_exit_code_is_documented(language: str) -> None:
    page = doc(language, "safety")
    assert {str(code) for code in (*Reason, *Gate)} <= coded(page)
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)} == set(EXIT_CODES)
    for text in (READMES[language].read_text(), OPERATORS[language].read_text()):
        told = re.search(r"(?:Exit codes|Коды возврата): (.*?)\.\n\n", text, re.DOTALL)
        assert told
        assert {int(code) for code in re.findall(r"\b\d+\b", told[1])} == set(EXIT_CODES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_alert_is_documented(language: str) -> None:
    assert set(quick_health.ALERTS) <= coded(OPERATORS[language].read_text())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_setting_is_documented_as_the_program_has_it(language: str) -> None:
    page = doc(language, "configuration")
    assert page == reference.page(language), "run: make reference"
    for section in msgspec.structs.fields(Config):
        named = table_type(section.type)
        assert f"`[{section.name}{'.NAME' if named else ''}]`" in page
        assert {item.name for item in msgspec.structs.fields(named or section.type)} <= coded(page)


def test_every_description_of_a_setting_is_in_russian() -> None:
    rows = [line for line in reference.page("ru").split("\n") if line.startswith("| `")]
    assert [row for row in rows if not re.search("[а-я]", row.split("|")[-2])] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_flag_of_cleanup_is_on_the_operators_page(language: str) -> None:
    command = cleanup.command(str(BACKEND))
    options = command.get_params(click.Context(command, help_option_names=["--help"]))
    flags = {flag for option in options for flag in option.opts if flag.startswith("--")}
    assert flags <= coded(OPERATORS[language].read_text())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_verb_and_step_is_in_the_readme(language: str) -> None:
    text = READMES[language].read_text()
    assert {f"dvornik {verb}" for verb in VERBS} <= coded(text)
    assert " ".join(STEPS) in coded(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_configuration_in_the_readme_is_right(language: str, tmp_path: Path) -> None:
    (text,) = blocks(READMES[language], "toml")
    assert tomllib.loads(text)
    (tmp_path / "dvornik.toml").write_text(text)
    assert load(None, {"DATABASE_URL": "sqlite:///db.sqlite3"}, tmp_path).config.temp.older_than == Duration("48h")


@pytest.mark.parametrize("pages", [READMES, OPERATORS], ids=["readme", "operator"])
def test_both_languages_tell_the_same_commands_and_settings(pages: dict[str, Path]) -> None:
    for label in ("sh", "toml", "cron", "yaml"):
        assert blocks(pages["en"], label) == blocks(pages["ru"], label)
    headings = {name: re.findall(r"^#+(?= )", page.read_text(), re.MULTILINE) for name, page in pages.items()}
    assert headings["en"] == headings["ru"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name + " in " + page.parent.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", page.read_text())]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_readme_and_the_page_of_installation_give_the_same_five_commands(language: str) -> None:
    page = ROOT / "docs" / language / "installation.md"
    given = [block for block in blocks(READMES[language], "text") if "venv/bin/dvornik init\n" in block]
    given += [block for block in blocks(READMES[language], "text") if "init --docker" in block]
    plain = [re.sub(r" +# .*", "", block) for block in given]
    assert [len(block.splitlines()) for block in plain] == [5, 5]
    assert [block in blocks(page, "text") for block in plain] == [True, True]


def test_no_page_advises_a_name_on_the_index_that_is_nobodys() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("docs/man/*"), *BACKEND.rglob("scripts/**/*.*")]
    assert len(pages) > 30
    assert [page for page in pages if "pip install " + "dvornik" in page.read_text(errors="replace")] == []


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the backend with a populated site in it, which no test changes."""
    directory = tmp_path_factory.mktemp("filled")
    left = shutil.ignore_patterns("media", "logs", "tmp", ".dvornik*", ".demo", "db.sqlite3*", "__pycache__")
    shutil.copytree(BACKEND, directory / "backend", ignore=left)
    run(directory, "cd backend\npython manage.py populate --scale 1")
    return directory


@pytest.fixture
def yard(filled: Path, tmp_path: Path) -> Path:
    """A copy of this test's own."""
    shutil.copytree(filled, tmp_path, symlinks=True, dirs_exist_ok=True)
    return tmp_path


def run(directory: Path, script: str) -> str:
    """Run a script as a person would type it, with this interpreter as ``python``; its failure is the test's."""
    tools = directory / "bin"
    if not tools.exists():
        tools.mkdir()
        (tools / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (tools / "dvornik").write_text(
            f'#!/bin/sh\nexec "{sys.executable}" -c "from dvornik.cli.entry import dvornik; dvornik()" "$@"\n'
        )
        for tool in tools.iterdir():
            tool.chmod(0o755)
    ours = ("DVORNIK_", "DJANGO_", "DATABASE_URL", "REDIS_URL", "CACHE_URL", "MEDIA_", "LANG", "LC_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    env |= {"PATH": f"{tools}{os.pathsep}{env['PATH']}", "LANG": "C.UTF-8"}
    done = subprocess.run(
        ["sh", "-eu", "-c", script], cwd=directory, env=env, capture_output=True, check=False, text=True, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("page", [READMES["en"], OPERATORS["ru"]], ids=["readme", "operator"])
def test_every_command_that_a_page_tells_to_run_runs(page: Path, yard: Path) -> None:
    """One language is enough: the other has the same commands."""
    run(yard, "\n".join(blocks(page, "sh")))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_run_that_the_readme_shows_is_a_real_one(language: str, yard: Path) -> None:
    (shown,) = blocks(READMES[language], "console")
    command, *lines = shown.rstrip("\n").split("\n")
    said = run(yard, f"cd backend\n{command.removeprefix('$ ')}").rstrip("\n").split("\n")
    assert list(map(shape, said)) == list(map(shape, lines))


def shape(line: str) -> str:
    """Return a line without the figures that hang on the machine."""
    start = next((mark for mark in VARYING if line.startswith(mark)), "")
    return start or line
