"""``dvornik report``: what a run did and how things develop, as lines, JSON, Markdown or one HTML file."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec

from dvornik.cli import options
from dvornik.cli.cleaning import say
from dvornik.cli.commands.history import one_run
from dvornik.languages import _
from dvornik.model import ConfigurationError
from dvornik.reports import document, text

if TYPE_CHECKING:
    from dvornik.cli.yard import Yard
    from dvornik.reports.document import Report

FORMATS: Final = {".html": "html", ".htm": "html", ".json": "json", ".md": "markdown", ".txt": "text"}
"""What a file's name says of its format."""
_RUNS: Final = 30
_YEAR: Final = 366 * 86400


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
        chosen = form or ("json" if as_json else FORMATS.get(Path(output or "").suffix.lower(), "text"))
        told = rendered(with_trends(yard, _report(yard, run)), chosen)
        if output is None:
            say(told.removesuffix("\n"))
            return
        write(output, told)
        say(_("📝 Written: {path}").format(path=output))

    return command  # fmt: skip


def with_trends(yard: Yard, told: Report) -> Report:
    """Add what the record knows of earlier runs and sizes, up to that run."""
    history = [document.past(run) for run in reversed(yard.state.runs(_RUNS))]
    sizes = [weight for weight in yard.state.weights(time.time() - _YEAR) if weight.directory is None]
    return msgspec.structs.replace(told, history=history, sizes=sizes)


def rendered(told: Report, form: str) -> str:
    """Return the report's text in one of the formats."""
    if form == "html":
        from dvornik.reports import html

        return html.page(told)
    if form == "markdown":
        from dvornik.reports import markdown

        return "\n".join(markdown.lines(told)) + "\n"
    if form == "json":
        out = io.StringIO()
        document.write(out, told)
        return out.getvalue()
    return "\n".join(text.report(told)) + "\n"


def write(path: str, told: str) -> None:
    """Write a report to a file; raise ``ConfigurationError`` where that cannot be."""
    try:
        Path(path).write_text(told, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            _("The report cannot be written: {error}").format(error=error.strerror),
            context=path,
            hint=_("Name a file in a directory that you may write to."),
        ) from error


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
