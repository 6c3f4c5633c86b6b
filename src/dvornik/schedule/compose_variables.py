"""Fills in the variables of a compose file as compose does: ``$NAME``, ``${NAME:-default}`` and the like."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from dvornik.config import dotenv
from dvornik.errors import ConfigurationError
from dvornik.languages import _

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_BEGINNING: Final = re.compile(r"\$(?:(\$)|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(:?[-+?])?)", re.ASCII)


def variables(directory: Path) -> dict[str, str]:
    """Return the variables that compose knows in a project's directory: the environment's before those of ``.env``."""
    return {**dotenv.read(directory, os.environ), **os.environ}


def files(directory: Path) -> list[str]:
    """Return the compose files that ``COMPOSE_FILE`` names, in the environment or in ``.env``."""
    known = variables(directory)
    names = known.get("COMPOSE_FILE", "").split(known.get("COMPOSE_PATH_SEPARATOR") or os.pathsep)
    return [name for name in names if name]


def filled(text: str, known: Mapping[str, str], *, insists: bool = True) -> str:
    """Return ``text`` with its variables filled in; what is no variable to compose stays as it is written.

    Raises ``ConfigurationError`` where a variable that must be set is not, unless ``insists`` is false.
    """
    done, position = "", 0
    while begun := _BEGINNING.search(text, position):
        done += text[position : begun.start()]
        dollar, plain, braced, operator = begun.groups()
        position = begun.end()
        if dollar or plain:
            done += dollar or known.get(plain, "")
            continue
        end = _end(text, position)
        if end < 0 or (not operator and end != position):
            done += begun[0]
            continue
        done += _value(braced, operator or "", text[position:end], known, insists=insists)
        position = end + 1
    return done + text[position:]


def _end(text: str, start: int) -> int:
    """Return where the brace closes that was opened before ``start``; negative: nowhere."""
    depth = 1
    for place in range(start, len(text)):
        depth += text.startswith("${", place) - (text[place] == "}")
        if not depth:
            return place
    return -1


def _value(name: str, operator: str, word: str, known: Mapping[str, str], *, insists: bool) -> str:
    value = known.get(name)
    is_there = bool(value) if operator.startswith(":") else value is not None
    if operator.endswith("+"):
        return filled(word, known, insists=insists) if is_there else ""
    if is_there:
        return value or ""
    if operator.endswith("?") and not insists:
        return ""
    if operator.endswith("?"):
        raise ConfigurationError(
            _("The compose file needs a variable that is not set: {name}").format(name=name),
            context=filled(word, known, insists=False),
            hint=_("Set it in the environment, or in .env beside the compose file."),
        )
    return filled(word, known, insists=insists)
