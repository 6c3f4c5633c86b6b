"""``dvornik families``: the media by families, and what the operator says of those that nothing is known to name."""

from __future__ import annotations

import getpass
import json
import shlex
from typing import TYPE_CHECKING

import click
import msgspec

from dvornik.cli import options
from dvornik.cli.inventory import gather
from dvornik.cli.output import answer, say
from dvornik.collectors.media import Media
from dvornik.errors import ConfigurationError, DvornikError
from dvornik.languages import _, ngettext
from dvornik.references.shapes import read
from dvornik.reports import words
from dvornik.state import DEBRIS, KEEP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dvornik.cli.yard import Yard
    from dvornik.collectors.families import Described
    from dvornik.collectors.inventory import Inventory

_WORDS = {"keep": KEEP, "debris": DEBRIS, "forget": ""}
_MOST = 20
"""Families, or members of one, that are shown; ``--json`` has all."""


def families() -> click.Command:
    """Build the verb."""

    @click.command(
        help=_(
            "Show media by families: the same shape of directory and name. Unnamed files go only where their family is "
            "known to be named; say keep or debris of others once, and forget to take that back."
        )
    )
    @click.argument("words_", nargs=-1, metavar=_("[keep|debris|forget] [SHAPE]"))
    @click.option("--place", help=_("Only this media place, by its name."))
    @options.common
    @options.opened()
    def command(yard: Yard, *, words_: Sequence[str], place: str | None, as_json: bool) -> None:
        inventory = gather(yard)
        places = [name for name in inventory.places if place in {None, name}]
        if not places:
            raise ConfigurationError(
                _("There is no such media place."), context=place or str(yard.loaded.source or yard.loaded.base),
                hint=", ".join(inventory.places) or _("Declare it: [media.NAME]."),
            )  # fmt: skip
        word, shape = _asked(words_)
        if word is None:
            _show(Media(inventory, quarantine=yard.config.policy.quarantine), places, shape, as_json=as_json)
        else:
            _decide(yard, inventory, places, word, shape)

    return command


def _asked(said: Sequence[str]) -> tuple[str | None, str]:
    """Return what was said of which shape; ``None``: it is only to be shown."""
    if said and said[0] in _WORDS and len(said) == 2:  # noqa: PLR2004 - a word and a shape
        return _WORDS[said[0]], said[1]
    if len(said) > 1 or (said and said[0] in _WORDS):
        raise click.UsageError(_("Say keep, debris or forget, and one shape."))
    return None, said[0] if said else ""


def _decide(yard: Yard, inventory: Inventory, places: Sequence[str], word: str, text: str) -> None:
    shape = read(text)
    if shape is None:
        raise ConfigurationError(_("This is no shape."), context=text, hint=_("Take one from dvornik families."))
    if word:
        counts = {place: inventory.count_of(place, shape) for place in places}
        places = [place for place, count in counts.items() if count]
        if not places:
            raise ConfigurationError(
                _("No file has this shape."), context=text, hint=_("Take one from dvornik families.")
            )
    else:
        places = [each.place for each in yard.state.decisions() if each.shape == text and each.place in places]
    if len(places) != 1:
        raise ConfigurationError(
            _("Several places have files of this shape.") if places else _("Nothing was said of this shape."),
            context=", ".join(places) or text, hint=_("Name the place: --place NAME.") if places else "",
        )  # fmt: skip
    yard.state.lock()
    yard.state.decide(places[0], text, word, _user())
    if yard.state.degraded:
        raise DvornikError(_("This cannot be recorded: {error}").format(error=yard.state.degraded))
    say(_told(word, words.address(places[0], "", text), counts[places[0]] if word else 0))


def _told(word: str, where: str, count: int) -> str:
    if word == KEEP:
        return ngettext(
            "🔒 {where}: {n} file stays from now on, and all of this shape",
            "🔒 {where}: {n} files stay from now on, and all of this shape", count,
        ).format(where=where, n=count)  # fmt: skip
    if word == DEBRIS:
        return ngettext(
            "🗑️ {where}: of {n} file whatever nothing names may go from now on",
            "🗑️ {where}: of {n} files whatever nothing names may go from now on", count,
        ).format(where=where, n=count)  # fmt: skip
    return _("↩️ {where}: what was said of it is taken back").format(where=where)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _show(media: Media, places: Sequence[str], shape: str, *, as_json: bool) -> None:
    found = [each for place in places for each in media.families(place, shape)]
    found.sort(key=lambda each: (-each.size, -each.files, each.shape))
    if as_json:
        answer(json.dumps(msgspec.to_builtins(found), indent=1))
        return
    if not found:
        say(_("No file has this shape.") if shape else _("There is no media."))
    heads = (_("bytes"), _("files"), _("named"), _("unnamed"), _("held"), _("shape, and an example"))
    rows = [_cells(each) for each in found[:_MOST]]
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(5)]
    for row in (heads, *rows) if rows else ():
        numbers = (cell.rjust(width) for cell, width in zip(row[:5], widths, strict=True))
        say("  ".join((*numbers, row[5])))
    if len(found) > _MOST:
        say(_("and {n} more; --json names all").format(n=len(found) - _MOST))
    for name in found[0].members[:_MOST] if shape and found else ():
        say("   " + words.safe(name))
    held = next((each for each in found if each.held), None)
    if held:
        said = words.safe(shlex.quote(held.shape))
        say(_("What is held waits for your word: dvornik families keep {shape} (or debris)").format(shape=said))


def _cells(each: Described) -> tuple[str, str, str, str, str, str]:
    said = f" [{each.word}]" if each.word else ""
    shape = f"{words.address(each.place, '', each.shape)}{said}  ({words.safe(each.example)})"
    return words.size(each.size), str(each.files), str(each.named), str(each.unnamed), str(each.held), shape
