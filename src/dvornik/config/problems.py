"""What is wrong with a configuration, gathered so that all of it is told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from dvornik.errors import ConfigurationError
from dvornik.languages import _, ngettext

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_LONGEST_VALUE = 120


class Problem(msgspec.Struct, frozen=True):
    """One mistake: the key (or variable), its value as it may be shown, what is wrong, what to do."""

    key: str
    value: str
    message: str
    hint: str

    def __str__(self) -> str:
        """Put it in one line."""
        return f"{self.place}: {self.message}. {self.hint}"

    @property
    def place(self) -> str:
        """The key, with its value where there is one to show."""
        return f"{self.key} = {self.value}" if self.value else self.key


def shown(value: object) -> str:
    """Return ``value`` as it is written in TOML, shortened: only for values that hold no secret."""
    text = {True: "true", False: "false"}.get(value, repr(value)) if isinstance(value, bool) else repr(value)
    if isinstance(value, str):
        text = msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


def dotted(path: Iterable[str]) -> str:
    """Return a key's path as TOML writes it."""
    return ".".join(path)


def raise_for(problems: Sequence[Problem], source: Path | None) -> None:
    """Raise one ``ConfigurationError`` for all ``problems``; return when there are none."""
    if not problems:
        return
    where = str(source) if source else _("environment")
    if len(problems) == 1:
        problem = problems[0]
        raise ConfigurationError(problem.message, context=f"{where}: {problem.place}", hint=problem.hint)
    message = ngettext("{count} setting cannot be used", "{count} settings cannot be used", len(problems))
    lines = [f"{where}:", *(f"  {problem}" for problem in problems)]
    raise ConfigurationError(message.format(count=len(problems)), context="\n".join(lines))
