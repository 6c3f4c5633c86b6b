"""``dvornik config``: check the configuration and show what is in force."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import msgspec

from dvornik.cli import options
from dvornik.cli.output import answer, say
from dvornik.config.warnings import warnings
from dvornik.errors import UnreachableError
from dvornik.languages import _, ngettext
from dvornik.reports import text, words
from dvornik.state import KEEP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dvornik.cli.yard import Yard
    from dvornik.config.problems import Problem
    from dvornik.state import Decision


def config() -> click.Command:
    """Build the verb."""

    @click.command(
        help=_(
            "Check the configuration and show what is under care. Exit 2 when it has errors, 12 when a place cannot "
            "be used; warnings do not change the exit code."
        )
    )
    @click.argument("action", type=click.Choice(["check"]), default="check", metavar="[check]")
    @options.common
    @options.opened()
    def command(yard: Yard, *, action: str, as_json: bool) -> int:  # noqa: ARG001 - there is but one yet
        yard.must_have_something()
        app = yard.app
        noticed = list(warnings(yard.loaded, app, yard.databases))
        if as_json:
            found = {"source": str(yard.loaded.source or ""), "digest": yard.loaded.digest, "how": yard.loaded.notes}
            troubles = {"troubles": msgspec.to_builtins(app.trouble), "warnings": msgspec.to_builtins(noticed)}
            said = {"families": msgspec.to_builtins(yard.state.decisions())}
            places = said | {"found": msgspec.to_builtins(app.found), "roots": yard.roots}
            answer(json.dumps({**found, **places, **troubles}, indent=1))
        else:
            say(*_lines(yard, noticed))
        return UnreachableError.exit_code if app.trouble else 0

    return command


def _said(each: Decision) -> str:
    """Say what an operator said of a family of files."""
    said = _("{where}: keep ({user}, {moment})") if each.word == KEEP else _("{where}: debris ({user}, {moment})")
    where = words.address(each.place, "", each.shape)
    return said.format(where=where, user=words.safe(each.user), moment=words.moment(each.taken))


def _lines(yard: Yard, noticed: Sequence[Problem]) -> Iterator[str]:
    how, *variables = yard.loaded.notes
    yield _("⚙️ Configuration: {path}").format(path=yard.loaded.source or _("none; found out by itself"))
    yield "   " + words.chosen(how)
    if variables:
        yield "   " + _("Set by the environment: {names}").format(names=", ".join(variables))
    yield from text.found(yard.app)
    for each in yard.state.decisions():
        yield "👪 " + _said(each)
    for warning in noticed:
        yield f"⚠️ {words.safe(warning.place)}: {warning.message}"
        yield f"   {warning.hint}"
    for trouble in yard.app.trouble:
        yield f"❌ {words.safe(trouble.place)}: {words.safe(trouble.message)}"
        yield f"   {trouble.hint}"
    if not yard.app.trouble:
        yield (
            ngettext(
                "✅ The configuration is right, with {n} warning", "✅ The configuration is right, with {n} warnings",
                len(noticed),
            ).format(n=len(noticed))
            if noticed
            else _("✅ The configuration is right")
        )  # fmt: skip
