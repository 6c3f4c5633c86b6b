"""``dvornik report``: what a run did and how things develop, as lines, JSON, Markdown or one HTML file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click
import msgspec

from dvornik import extras, notify
from dvornik.cli import aftermath, options, reporting
from dvornik.cli.commands.history import one_run
from dvornik.cli.output import say
from dvornik.errors import ConfigurationError, UnreachableError
from dvornik.languages import _, ngettext
from dvornik.reports import document, tables

if TYPE_CHECKING:
    from dvornik.cli.yard import Yard
    from dvornik.reports.document import Report

_RUNS: Final = 30


def report() -> click.Command:
    """Build the verb."""

    @click.command(
        help=_("Report what a run did (by default the latest that did something) and how sizes developed. Read-only.")
    )
    @click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json", "markdown", "html"]),
        help=_("By default as the name of --output says, else text."),
    )
    @click.option("-o", "--output", metavar="FILE", help=_("Where to; what is there is replaced."))
    @click.option(
        "--email", is_flag=True, help=_("Send it to the addresses of [notify], the page with charts attached.")
    )
    @click.option("--run", metavar="RUN", help=_("Which one: its id, or how it begins."))
    @options.common
    @options.opened()
    def command(
        yard: Yard, *, form: str | None, output: str | None, email: bool, run: str | None, as_json: bool
    ) -> None:
        if email:
            if form or output or as_json:
                raise click.UsageError(_("--email sends the page: leave out --format, --output and --json."))
            _send(yard, _report(yard, run))
            return
        name = f".{form}" if form else ".json" if as_json else output or ""
        told = reporting.rendered(reporting.with_trends(yard, _report(yard, run)), name)
        if output is None:
            say(told.removesuffix("\n"))
            return
        reporting.write(output, told)
        reporting.tell_exposed(output, yard.public)
        say(_("📝 Written: {path}").format(path=output))

    return command  # fmt: skip


def _send(yard: Yard, told: Report) -> None:
    readers = aftermath.readers(yard)
    if not readers:
        raise ConfigurationError(
            _("Nobody is set to get the report."),
            hint=_("Set [notify] report_to or urls in dvornik.toml, such as mailto://…"),
        )
    try:
        reached = aftermath.send_report(yard, told)
    except ImportError as error:
        raise ConfigurationError(
            _("The library for messages is not installed."),
            hint=_("Install it: {command}").format(command=extras.command("notify")),
        ) from error
    if reached < notify.count(readers):
        raise UnreachableError(
            _("Not everybody could be told."), hint=_("The reason stands above; then: dvornik notify --test")
        )
    said = ngettext("📨 Sent to {n} address", "📨 Sent to {n} addresses", reached)
    say(said.format(n=reached))


def _report(yard: Yard, run: str | None) -> Report:
    runs = [one_run(yard, run)] if run else yard.state.runs(_RUNS)
    kept = [kept for each in runs if (kept := yard.state.report(each.id))]
    try:
        reports = [document.decoded(each) for each in kept or [""]]
        return next(filter(tables.did_something, reports), reports[0])
    except (ValueError, msgspec.ValidationError) as error:
        raise ConfigurationError(
            _("There is no report of that run.") if runs else _("No run yet."),
            context=run or str(yard.state.directory),
            hint=_("dvornik run writes one; dvornik history lists the runs."),
        ) from error
