"""Colours of the help: on a terminal, unless ``NO_COLOR`` (https://no-color.org) or a plain terminal asks for none."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterable


_NARROWEST: Final = 30
"""Columns: in fewer, words would stand one below the other."""


class _Formatter(click.HelpFormatter):
    """Headings, and the names of verbs and flags, stand out; click itself takes colours away where no terminal is."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(click.style(prog, fg="cyan"), args, prefix)

    def write_heading(self, heading: str) -> None:
        super().write_heading(click.style(heading, fg="yellow", bold=True))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        super().write_dl([(click.style(name, fg="green"), text) for name, text in rows], col_max, col_spacing)


class Context(click.Context):
    """A context whose help is coloured, and fits a terminal narrower than click thinks there are."""

    formatter_class = (
        click.HelpFormatter if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else _Formatter
    )

    def make_formatter(self) -> click.HelpFormatter:
        """Return a formatter as wide as the terminal, at least ``_NARROWEST``."""
        formatter = super().make_formatter()
        formatter.width = min(formatter.width, max(_NARROWEST, shutil.get_terminal_size().columns - 2))
        return formatter
