"""Where a TOML file is wrong, in words: line, column, the line itself, and what the parser says in our language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dvornik.config.addresses import SECRET_KEY
from dvornik.errors import ConfigurationError
from dvornik.languages import _

if TYPE_CHECKING:
    import tomllib
    from collections.abc import Callable, Mapping
    from pathlib import Path

_PLACE = re.compile(r"(?P<said>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL)
_LONGEST: Final = 100
"""Letters of a line that are shown."""


def mistake(error: tomllib.TOMLDecodeError, text: str, path: Path) -> ConfigurationError:
    """Return the error that names the place; a line that may hold a secret is shown without its value."""
    found = _PLACE.fullmatch(str(error))
    said = _in_words(found["said"] if found else str(error))
    lines = text.split("\n")
    line, column = (int(found["line"]), int(found["column"])) if found and found["line"] else _end(lines)
    shown = _shown(lines[line - 1]) if line <= len(lines) else ""
    return ConfigurationError(
        _("this is not valid TOML: line {line}, column {column}: {error}").format(line=line, column=column, error=said),
        context=f"{path}:{line}: {shown}".rstrip(": "),
        hint=_("Mend that line."),
    )


def _end(lines: list[str]) -> tuple[int, int]:
    """Return line and column after the last letter."""
    last = max((number for number, line in enumerate(lines, 1) if line.strip()), default=1)
    return last, len(lines[last - 1].rstrip()) + 1


def _shown(line: str) -> str:
    """Return a line as it may be seen by others; addresses and keys that sound like a secret lose what follows."""
    line = line.strip()
    key, mark, _value = line.partition("=")
    if "://" in line or SECRET_KEY.search(key):
        return f"{key.rstrip()} = …" if mark and "://" not in key else "…"
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "…"


def _in_words(said: str) -> str:
    """Return what the parser says in the language of this run; what it may say in later versions stays as it is."""
    return next((words() for start, words in _SAID.items() if said.startswith(start)), said)


def _unclosed_text() -> str:
    return _("a text is not closed by its quotation mark")


def _twice() -> str:
    return _("this table or key stands there twice")


_SAID: Final[Mapping[str, Callable[[], str]]] = {
    "Invalid statement": lambda: _("this is neither a key with a value nor a [table]"),
    "Expected newline or end of document": lambda: _("something follows the value: one setting a line"),
    "Expected '=' after a key": lambda: _("an = is missing after the key"),
    "Expected ']' at the end of a table": lambda: _("a ] is missing at the end of the table's name"),
    "Expected ']]' at the end of an array": lambda: _("]] is missing at the end of the table's name"),
    "Illegal character '\\n'": _unclosed_text,
    "Illegal character '\\r'": _unclosed_text,
    "Illegal character": lambda: _("this character may not stand in a text"),
    "Unterminated string": _unclosed_text,
    "Expected ": _unclosed_text,
    "Found invalid character": lambda: _("this character may not stand here"),
    "Cannot declare": _twice,
    "Cannot overwrite": _twice,
    "Cannot mutate": _twice,
    "Cannot redefine": _twice,
    "Duplicate inline table key": _twice,
    "Invalid initial character for a key": lambda: _("a key may hold letters, digits, - and _; else put it in quotes"),
    "Unclosed array": lambda: _("a list is not closed by ], or a comma is missing in it"),
    "Unclosed inline table": lambda: _("a table in braces is not closed, or a comma is missing in it"),
    "Unescaped '\\'": lambda: _(r"in a text \ stands before a special character: write \\, or put it in single quotes"),
    "Invalid hex value": lambda: _(r"four or eight hexadecimal digits are to follow \u or \U"),
    "Escaped character is not": lambda: _("there is no character of this number"),
    "Invalid date or datetime": lambda: _("there is no such date or time"),
    "Invalid value": lambda: _("this is no value: a text stands in quotes, true and false are in small letters"),
}
"""How the sentences of Python's parser begin; the first that fits counts."""
