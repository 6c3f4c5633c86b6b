"""The application's ``.env``: variables beside those of the process, read as other programs read them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dvornik.config.roots import is_shared

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = ".env"
_LINE = re.compile(
    r"""\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(?:'([^']*)'|"((?:[^"\\]|\\.)*)"|(.*?))(?:\s+\#.*|\s*)""", re.ASCII
)
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ESCAPE = re.compile(r"\\(.)")


def read(base: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the file in ``base``; none where it cannot be read.

    None either in a directory that anyone may write to: who puts one there would choose what is cleaned.
    """
    try:
        return {} if is_shared(base) else parse((base / FILE).read_text("utf-8-sig"), env)
    except (OSError, UnicodeDecodeError):
        return {}


def parse(text: str, env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a ``.env`` file: quotes, ``export``, comments, ``${NAME}``; other lines are skipped."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        name, literal, quoted, bare = match.groups()
        if literal is not None:
            values[name] = literal
            continue
        text = _ESCAPE.sub(r"\1", quoted) if quoted is not None else bare
        values[name] = _REFERENCE.sub(lambda ref: env.get(ref[1], values.get(ref[1], ref[0])), text)
    return values
