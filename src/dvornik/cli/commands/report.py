"""``dvornik report``: what a run did and how things develop, as lines, JSON, Markdown or one HTML file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click
import msgspec

from dvornik.cli import options, reporting
from dvornik.cli.cleaning import say
from dvornik.cli.commands.history import one_run
from dvornik.languages import _
from dvornik.model import ConfigurationError
from dvornik.reports import document

if TYPE_CHECKING:
    from dvornik.cli.yard import Yard
    from dvornik.reports.document import Report

_RUNS: Final = 30


def report() -> click.Command:
    """Build the verb."""

    @click.command(help=_("Report what a run did (the latest by default) and how sizes and runs developed. Read-only."))
    @click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json", "markdown", "html"]),
        help=_("By default as the name of --output says, else text."),
    )
    @click.option("-o", "--output", metavar="FILE", help=_("Where to; what is there is replaced."))
    @click.option("--run", metavar="RUN", help=_("Which one: its id, or how it begins."))
    @options.common
    @options.opened()
    def command(yard: Yard, *, form: str | None, output: str | None, run: str | None, as_json: bool) -> None:
        name = f".{form}" if form else ".json" if as_json else output or ""
        told = reporting.rendered(reporting.with_trends(yard, _report(yard, run)), name)
        if output is None:
            say(told.removesuffix("\n"))
            return
        reporting.write(output, told)
        say(_("📝 Written: {path}").format(path=output))

    return command  # fmt: skip


def _report(yard: Yard, run: str | None) -> Report:
    runs = [one_run(yard, run)] if run else yard.state.runs(_RUNS)
    kept = next((kept for each in runs if (kept := yard.state.report(each.id))), "")
    try:
        return document.decoded(kept)
    except (ValueError, msgspec.ValidationError) as error:
        raise ConfigurationError(
            _("There is no report of that run.") if runs else _("No run yet."),
            context=run or str(yard.state.directory),
            hint=_("dvornik run writes one; dvornik history lists the runs."),
        ) from error
