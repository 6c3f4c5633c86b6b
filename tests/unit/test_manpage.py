"""The manual pages: in step with the commands, and roff that a strict reader takes without a word."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import click
import pytest

from dvornik import languages
from dvornik.cli.group import VERBS, group
from tests.servers.debian import program
from tools import manpage

if TYPE_CHECKING:
    from collections.abc import Iterator

LANGUAGES = ("en", "ru")


@pytest.fixture(autouse=True)
def _language_of_before() -> Iterator[None]:
    before = languages.current()
    yield
    languages.use(before)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_manual_page_is_in_step_with_the_commands(language: str) -> None:
    assert manpage.PAGES[language].read_text() == manpage.page(language), "run: make reference"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_manual_page_tells_of_every_verb(language: str) -> None:
    page = manpage.page(language)
    assert [verb for verb in VERBS if f"\n.SS dvornik {verb}\n" not in page] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_option_of_every_verb_is_told_and_the_common_ones_once(language: str) -> None:
    page = manpage.page(language)
    assert page.count(f"\\fB{manpage.roff('--config FILE')}\\fR") == 1
    for verb in VERBS:
        command = group().get_command(click.Context(group()), verb)
        assert command
        flags = [flag for option in command.params if isinstance(option, click.Option) for flag in option.opts]
        assert [flag for flag in flags if manpage.roff(flag) not in page] == []


def test_a_verb_of_verbs_is_told_with_all_of_them() -> None:
    above = click.Group("config", commands=[click.Command("check", help="Look."), click.Command("show", help="Tell.")])
    page = "\n".join(manpage.verb(click.Context(click.Group("dvornik"), info_name="dvornik"), "config", above))
    assert ".SS dvornik config\n" in page
    assert ".SS dvornik config check\n" in page
    assert "Tell." in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_mandoc_has_nothing_to_say(language: str) -> None:
    mandoc = program("mandoc", "mandoc")
    command = [mandoc.path, "-T", "lint", "-W", "warning", "-K", "utf-8", str(manpage.PAGES[language])]
    done = subprocess.run(command, env=mandoc.env, capture_output=True, text=True, check=False)
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_reads_well(language: str) -> None:
    mandoc = program("mandoc", "mandoc")
    command = [mandoc.path, "-T", "utf8", "-K", "utf-8", "-O", "width=100", str(manpage.PAGES[language])]
    env = {**mandoc.env, "LC_ALL": "C.UTF-8"}
    text = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    plain = "".join(part[1:] if position else part for position, part in enumerate(text.split("\b")))
    assert "--dry-run" in plain
    assert os.linesep


def test_a_leading_dot_is_no_order_to_roff() -> None:
    assert manpage.roff(".env and\n'x\\y-z") == "\\&.env and\n\\&'x\\ey\\-z"
