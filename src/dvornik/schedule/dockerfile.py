"""Reads what a Dockerfile makes of its last stage: who runs it, where, and which directories of the project lie where.

An instruction that is not understood is passed over: what follows from none is asked of the operator.
"""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?\})")


class Stage(msgspec.Struct):
    """One stage, as far as dvornik wants to know it."""

    name: str = ""
    image: str = ""
    """The image that it begins with, in the end."""
    user: str = ""
    """As it is written, variables and all; empty: root, or whoever the image below names."""
    directory: str = ""
    """Where it works; empty or relative: it depends on the image below, which nobody has read."""
    copies: list[tuple[str, str]] = []
    """What is copied from the project: source, relative to the context, and where to."""
    entrypoint: list[str] = []
    command: list[str] = []


def last_stage(text: str, target: str = "") -> tuple[Stage, bool]:
    """Return the stage that is built (``target``, or the last), and whether it is the last of the file."""
    stages: dict[str, Stage] = {}
    made: list[Stage] = []
    variables: dict[str, str] = {}
    for word, rest in _instructions(text):
        if word == "FROM":
            made.append(_begun(rest, stages, variables))
            stages[made[-1].name or str(len(made) - 1)] = made[-1]
        elif word in {"ENV", "ARG"}:
            variables |= _assigned(rest)
        elif made:
            _apply(made[-1], word, rest, variables)
    if not made:
        return Stage(), True
    chosen = stages.get(target, made[-1])
    return chosen, chosen is made[-1]


def _begun(rest: str, stages: Mapping[str, Stage], variables: Mapping[str, str]) -> Stage:
    words = [word for word in rest.split() if not word.startswith("--")]
    below = stages.get(_filled(words[0], variables)) if words else None
    name = words[2] if len(words) > 2 and words[1].lower() == "as" else ""  # noqa: PLR2004 - FROM image AS name
    if below is None:
        return Stage(name=name, image=_filled(words[0], variables) if words else "")
    return msgspec.structs.replace(below, name=name, copies=list(below.copies))


def _apply(stage: Stage, word: str, rest: str, variables: Mapping[str, str]) -> None:
    if word == "USER":
        stage.user = rest.strip()
    elif word == "WORKDIR":
        stage.directory = _joined(stage.directory, _filled(_words(rest)[0], variables))
    elif word in {"COPY", "ADD"}:
        given = _words(rest)
        paths = [_filled(each, variables) for each in given if not each.startswith("--")]
        if not any(each.startswith("--from") for each in given) and len(paths) > 1:
            there = _joined(stage.directory, paths[-1])
            stage.copies += [(posixpath.normpath(path), there) for path in paths[:-1]]
    elif word == "ENTRYPOINT":
        stage.entrypoint, stage.command = _words(rest), []
    elif word == "CMD":
        stage.command = _words(rest)


def _joined(directory: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(directory, path))


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield each instruction and what follows it, lines joined; comments and here-documents are left out."""
    lines = iter(text.splitlines())
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        whole = line.strip()
        while whole.endswith("\\"):
            following = next(lines, "").strip()
            whole = whole[:-1] + ("\\" if following.startswith("#") else f" {following}")
        for mark in re.findall(r"<<-?[\"']?(\w+)", whole):
            next((each for each in lines if each.strip() == mark), None)
        word, _blank, rest = whole.partition(" ")
        yield word.upper(), rest.strip()


def _words(rest: str) -> list[str]:
    """Return the words of an instruction, written as a list or as for a shell."""
    try:
        listed = json.loads(rest)
    except ValueError:
        listed = None
    if isinstance(listed, list) and listed:
        return [str(each) for each in listed]
    try:
        return shlex.split(rest) or [rest]
    except ValueError:
        return rest.split() or [rest]


def _assigned(rest: str) -> dict[str, str]:
    words = _words(rest)
    if "=" not in words[0]:
        return {words[0]: " ".join(words[1:])} if len(words) > 1 else {}
    return dict(word.split("=", 1) for word in words if "=" in word)


def _filled(word: str, variables: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: variables.get(found[1] or found[2], found[3] or found[0]), word)
