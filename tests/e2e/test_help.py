"""The help has colours where a terminal shows them, in both languages, and nowhere else."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

ESCAPE = "\x1b["


def on_a_terminal(*words: str, **env: str) -> str:
    """Run ``dvornik`` with a terminal for its output; return what it shows."""
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "TERM", "DVORNIK_LANG"}}
    process = subprocess.Popen(
        [sys.executable, "-m", "dvornik", *words], env={**kept, "TERM": "xterm", **env}, stdout=theirs
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # the other end is closed: that is how a terminal says so
        pass
    os.close(ours)
    assert process.wait() == 0
    return shown.decode()


@pytest.mark.parametrize(("language", "heading"), [("en", "Options"), ("ru", "Параметры")])
@pytest.mark.parametrize("words", [(), ("run",)], ids=["group", "verb"])
def test_headings_and_flags_stand_out_on_a_terminal(words: tuple[str, ...], language: str, heading: str) -> None:
    shown = on_a_terminal(*words, "--help", DVORNIK_LANG=language)
    assert f"{ESCAPE}1m{heading}" in shown
    assert f"{ESCAPE}32m" in shown


@pytest.mark.parametrize("words", [(), ("run",), ("plan",)], ids=["group", "run", "plan"])
def test_help_fits_a_narrow_terminal(words: tuple[str, ...]) -> None:
    shown = on_a_terminal(*words, "--help", NO_COLOR="1", COLUMNS="40")
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 40


@pytest.mark.parametrize(("verb", "near"), [("rnu", "run"), ("hystory", "history"), ("undoo", "undo")])
def test_a_misspelt_verb_is_told_what_it_nearly_is(verb: str, near: str) -> None:
    words = [sys.executable, "-m", "dvornik", verb]
    done = subprocess.run(words, env={**os.environ, "DVORNIK_LANG": "en"}, capture_output=True, text=True, check=False)
    assert (done.returncode, f"Did you mean {near}?" in done.stderr) == (2, True)


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_who_wants_no_colours_gets_none(env: dict[str, str]) -> None:
    assert ESCAPE not in on_a_terminal("--help", **env)


def test_a_pipe_gets_no_colours() -> None:
    done = subprocess.run([sys.executable, "-m", "dvornik", "--help"], capture_output=True, text=True, check=True)
    assert ESCAPE not in done.stdout


def answered(*words: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in {"DVORNIK_LANG", "LC_ALL", "LANG"}}
    return subprocess.run(
        [sys.executable, "-m", "dvornik", *words], env=env, capture_output=True, text=True, check=False
    )


def test_what_every_verb_has_may_stand_before_it_too(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.toml")
    before, after = (
        answered("--config", missing, "--lang", "ru", "run"),
        answered("run", "--config", missing, "--lang=ru"),
    )
    assert (before.returncode, before.stderr) == (after.returncode, after.stderr)
    assert "нет такого файла" in before.stderr
    assert json.loads(answered("--json", "--config", missing, "config").stdout)["exit_code"] == 2


def test_what_stands_after_the_verb_wins(tmp_path: Path) -> None:
    said = answered("--lang", "en", "--config", "nowhere.toml", "config", "--lang", "ru", "--config", str(tmp_path))
    assert str(tmp_path) in said.stderr
    assert "это каталог" in said.stderr
