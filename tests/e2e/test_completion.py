"""The shells complete verbs, flags and values, by the script that `dvornik completion` prints."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dvornik.cli.group import VERBS
from tests.servers.debian import Program, program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """An environment with ``dvornik`` on the path."""
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "dvornik"
    tool.write_text(f'#!/bin/sh\nexec {sys.executable} -m dvornik "$@"\n')
    tool.chmod(0o755)
    path = f"{tool.parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "LANG": "C.UTF-8", "HOME": str(tmp_path)}


def said(shell: str | Program, script: str, env: dict[str, str]) -> list[str]:
    path = shell if isinstance(shell, str) else shell.path
    libraries = {} if isinstance(shell, str) else {"LD_LIBRARY_PATH": shell.env.get("LD_LIBRARY_PATH", "")}
    flags = [] if path.endswith("fish") else ["-f"] if path.endswith("zsh") else ["--norc"]
    done = subprocess.run(
        [path, *flags, "-c", script], env={**env, **libraries}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["sched"], ["schedule"]),
        (["schedule", ""], ["cron", "systemd", "compose", "kubernetes"]),
        (["run", "--dry"], ["--dry-run"]),
    ],
)
def test_bash_completes(env: dict[str, str], words: list[str], expected: list[str]) -> None:
    array = " ".join(f"'{word}'" for word in ("dvornik", *words))
    script = (
        'eval "$(dvornik completion bash)"\n'
        f"COMP_WORDS=({array}); COMP_CWORD={len(words)}\n"
        '_dvornik_completion dvornik\nprintf "%s\\n" "${COMPREPLY[@]}"\ncomplete -p dvornik >/dev/null'
    )
    assert said("bash", script, env) == expected


def test_bash_completes_every_verb(env: dict[str, str]) -> None:
    script = 'eval "$(dvornik completion bash)"\nCOMP_WORDS=(dvornik ""); COMP_CWORD=1\n'
    found = said("bash", script + '_dvornik_completion dvornik\necho "${COMPREPLY[@]}"', env)
    assert found == list(VERBS)


def test_fish_completes(env: dict[str, str]) -> None:
    fish = program("fish", "fish", "fish-common")
    script = "dvornik completion fish | source\ncomplete --do-complete 'dvornik sched'"
    assert said(fish, script, env)[0] == "schedule"


def test_zsh_takes_the_script_and_asks_for_what_fits(env: dict[str, str]) -> None:
    zsh = program("zsh", "zsh", "zsh-common")
    functions = [f"fpath=({zsh.root}/usr/share/zsh/functions/*(/))"] if zsh.root.name else []
    modules = [f"module_path=({each.parent})" for each in zsh.root.glob("usr/lib/*/zsh/*/zsh") if zsh.root.name]
    script = [
        *modules, *functions, "autoload -Uz compinit && compinit -u", 'eval "$(dvornik completion zsh)"',
        "_describe() { print -l -- $completions_with_descriptions }", "compadd() { : }",
        "words=(dvornik sched); CURRENT=2", "_dvornik_completion",
    ]  # fmt: skip
    assert "schedule" in " ".join(said(zsh, "\n".join(script), env))


def test_a_shell_that_is_not_known_is_refused(env: dict[str, str]) -> None:
    done = subprocess.run(["dvornik", "completion", "cmd"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "bash" in done.stderr
