"""``dvornik config``: check the configuration and show what is in force."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import msgspec

from dvornik import diagnosis
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
    from dvornik.diagnosis import Trial
    from dvornik.state import Decision


def config() -> click.Command:
    """Build the verb."""

    @click.command(
        help=_(
            "Check the configuration and show what is under care; with --connect, try it. Exit 2 when it has errors, "
            "12 when a place cannot be used; warnings do not change the exit code."
        )
    )
    @click.argument("action", type=click.Choice(["check"]), default="check", metavar="[check]")
    @click.option("--connect", is_flag=True, help=_("Try each database, cache and media directory once."))
    @options.common
    @options.opened()
    def command(yard: Yard, *, action: str, connect: bool, as_json: bool) -> int:  # noqa: ARG001 - there is but one yet
        yard.must_have_something()
        app = yard.app
        noticed = list(warnings(yard.loaded, app, yard.databases))
        exclude = {name: section.exclude for name, section in yard.config.databases.items()}
        trials = list(diagnosis.tried(app, exclude, yard.public)) if connect else []
        if as_json:
            found = {"source": str(yard.loaded.source or ""), "digest": yard.loaded.digest, "how": yard.loaded.notes}
            troubles = {"troubles": msgspec.to_builtins(app.trouble), "warnings": msgspec.to_builtins(noticed)}
            said = {"families": msgspec.to_builtins(yard.state.decisions())}
            places = said | {"found": msgspec.to_builtins(app.found), "roots": yard.roots}
            tried = {"tried": msgspec.to_builtins(trials)} if connect else {}
            answer(json.dumps({**found, **places, **troubles, **tried}, indent=1))
        else:
            say(*_lines(yard, noticed, trials))
        is_usable = not app.trouble and not any(trial.message for trial in trials)
        return 0 if is_usable else UnreachableError.exit_code

    return command


def _said(each: Decision) -> str:
    """Say what an operator said of a family of files."""
    said = _("{where}: keep ({user}, {moment})") if each.word == KEEP else _("{where}: debris ({user}, {moment})")
    where = words.address(each.place, "", each.shape)
    return said.format(where=where, user=words.safe(each.user), moment=words.moment(each.taken))


def _tried(trial: Trial) -> Iterator[str]:
    """Say how a place answered."""
    name = f"{trial.place} ({words.safe(trial.where)})"
    if trial.message:
        yield f"❌ {name}: {words.safe(trial.message)}"
        yield from (f"   {words.safe(more)}" for more in (trial.context, trial.hint) if more)
        return
    figures = trial.figures
    said = []
    if "tables" in figures:
        count = figures["tables"]
        said.append(ngettext("{n} table can be read", "{n} tables can be read", count).format(n=count))
    if figures.get("rules"):
        said.append(_("expired rows may be deleted"))
    if "bytes" in figures:
        said.append(_("it answers, and holds {size}").format(size=words.size(figures["bytes"])))
    if "entries" in figures:
        count = figures["entries"]
        found = ngettext(
            "it has {n} entry, and files may be moved", "it has {n} entries, and files may be moved", count
        )
        said.append(found.format(n=count))
    yield f"🔌 {name}: {', '.join(said)}"


def _lines(yard: Yard, noticed: Sequence[Problem], trials: Sequence[Trial]) -> Iterator[str]:
    how, *variables = yard.loaded.notes
    yield _("⚙️ Configuration: {path}").format(path=yard.loaded.source or _("none; found out by itself"))
    yield "   " + words.chosen(how)
    if variables:
        yield "   " + _("Set by the environment: {names}").format(names=", ".join(variables))
    yield from text.found(yard.app)
    for each in yard.state.decisions():
        yield "👪 " + _said(each)
    for trial in trials:
        yield from _tried(trial)
    for warning in noticed:
        yield f"⚠️ {words.safe(warning.place)}: {warning.message}"
        yield f"   {warning.hint}"
    for trouble in yard.app.trouble:
        yield f"❌ {words.safe(trouble.place)}: {words.safe(trouble.message)}"
        yield f"   {trouble.hint}"
    if failed := sum(1 for trial in trials if trial.message):
        yield ngettext("❌ {n} place cannot be used", "❌ {n} places cannot be used", failed).format(n=failed)
    elif not yard.app.trouble:
        yield (
            ngettext(
                "✅ The configuration is right, with {n} warning", "✅ The configuration is right, with {n} warnings",
                len(noticed),
            ).format(n=len(noticed))
            if noticed
            else _("✅ The configuration is right")
        )  # fmt: skip
