"""``dvornik references``: what the search sees, column by column, and what the rows name that is not there."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click
import msgspec

from dvornik.cli import options
from dvornik.cli.inventory import gather
from dvornik.cli.output import answer, say
from dvornik.errors import ConfigurationError
from dvornik.languages import _, ngettext
from dvornik.reports import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dvornik.cli.yard import Yard
    from dvornik.references.search import Counted, Missing

_SHOWN = 5
"""Rows that are shown of a column; ``--json`` has more."""


def references() -> click.Command:
    """Build the verb."""

    @click.command(help=_("Show what refers to media, column by column, or what rows name that is not there."))
    @click.option("--missing", is_flag=True, help=_("Rows of file columns whose file is not there."))
    @options.common
    @options.opened()
    def command(yard: Yard, *, missing: bool, as_json: bool) -> None:
        inventory = gather(yard)
        if not inventory.places:
            raise ConfigurationError(
                _("There is no media whose references could be looked for."),
                context=str(yard.loaded.source or yard.loaded.base),
                hint=next((trouble.message for trouble in yard.app.trouble), _("Declare it: [media.NAME].")),
            )
        if missing:
            _tell_missing(list(inventory.missing()), as_json=as_json)
        else:
            _tell_counted(_watched(inventory.count(), quiet=as_json), as_json=as_json)

    return command


def _watched(counted: Iterable[Counted], *, quiet: bool) -> list[Counted]:
    """Gather the columns, and show on a terminal which one was read last: a large one takes its time."""
    found = []
    shows = not quiet and sys.stderr.isatty()
    for each in counted:
        found.append(each)
        if shows:
            click.echo(f"\r\x1b[K{words.safe(each.source)[:70]}", nl=False, err=True)
    if shows:
        click.echo("\r\x1b[K", nl=False, err=True)
    return found


def _tell_counted(counted: Sequence[Counted], *, as_json: bool) -> None:
    ordered = sorted(counted, key=lambda each: (each.excluded, -each.files, -each.size, each.source))
    if as_json:
        answer(json.dumps(msgspec.to_builtins(ordered), indent=1))
        return
    heads = (_("files"), _("values"), _("bytes"), _("seconds"), _("column"))
    rows = [_cells(each) for each in ordered]
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(4)]
    for row in (heads, *rows):
        numbers = (cell.rjust(width) for cell, width in zip(row[:4], widths, strict=True))
        say("  ".join((*numbers, row[4])))
    if any(not (each.excluded or each.exact or each.files) for each in ordered):
        say(_("A column that names no file and takes long may be left out: [databases.NAME] exclude."))


def _cells(each: Counted) -> tuple[str, str, str, str, str]:
    source = words.safe(each.source)
    if each.excluded:
        return "-", "-", "-", "-", _("{column} (excluded)").format(column=source)
    if each.exact:
        source = _("{column} (exact)").format(column=source)
    return str(each.files), str(each.values), words.size(each.size), words.decimal(each.seconds), source


def _tell_missing(found: Sequence[Missing], *, as_json: bool) -> None:
    if as_json:
        answer(json.dumps(msgspec.to_builtins(found), indent=1))
        return
    if not found:
        say(_("No column is known whose values are paths: declare one, [media.NAME] exact."))
    for each in sorted(found, key=lambda each: -each.missing):
        lost = ngettext("{n} file is not there", "{n} files are not there", each.missing).format(n=each.missing)
        say(_("{column}: {lost}, of {values} named").format(
            column=words.safe(each.source), lost=lost, values=each.values))  # fmt: skip
        for key, value in each.rows[:_SHOWN]:
            say(f"   {words.safe(key)}: {words.safe(value)}")
        if each.missing > len(each.rows[:_SHOWN]):
            say("   " + _("and {n} more").format(n=each.missing - len(each.rows[:_SHOWN])))
