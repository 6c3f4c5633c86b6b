"""``dvornik history`` and ``dvornik show``: what was done, and what one run did or would do."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import click
import msgspec

from dvornik import plans
from dvornik.cli import options
from dvornik.cli.commands.undo import REVERSIBLE
from dvornik.cli.output import answer, say
from dvornik.errors import ConfigurationError, DvornikError
from dvornik.languages import _, ngettext
from dvornik.model import Finding, Refusal
from dvornik.reports import document, tables, words
from dvornik.result import Result
from dvornik.state import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dvornik.cli.yard import Yard
    from dvornik.state import Run


_RUNS: Final = 30


def history() -> click.Command:
    """Build the verb."""

    @click.command(help=_("List the latest runs."))
    @click.option(
        "-n", "limit", metavar="N", type=click.IntRange(1), default=20, help=_("How many."), show_default=True
    )
    @options.common
    @options.opened()
    def command(yard: Yard, *, limit: int, as_json: bool) -> None:
        runs = yard.state.runs(limit)
        if as_json:
            answer(json.dumps([msgspec.structs.asdict(run) for run in runs], indent=1))
            return
        if not runs:
            say(_("No run yet."))
        aside = _aside(yard, runs)
        rows = [_row(run, aside) for run in runs]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    return command


def _aside(yard: Yard, runs: Sequence[Run]) -> Mapping[str, tuple[int, int]]:
    """Return files and bytes in quarantine by run, where a run was cut short and its record does not tell."""
    if not any(_is_cut_short(run) for run in runs):
        return {}
    with suppress(DvornikError):  # a place that cannot be reached: then it is not known
        found = yard.engine(REVERSIBLE).set_aside()
        return {run.id: found[run.id] for run in runs if _is_cut_short(run) and run.id in found}
    return {}


def _is_cut_short(run: Run) -> bool:
    return run.status == INTERRUPTED and not run.summary


def _in_quarantine(count: int, size: int) -> str:
    said = ngettext("{n} file ({size}) is in quarantine.", "{n} files ({size}) are in quarantine.", count)
    return said.format(n=count, size=words.size(size))


def _row(run: Run, aside: Mapping[str, tuple[int, int]]) -> tuple[str, ...]:
    """Return the cells; what a run came to that was cut short is not known, which is not nothing."""
    if run.id in aside:
        figures = _in_quarantine(*aside[run.id]).removesuffix(".")
        return run.id, words.moment(run.started), tables.verb(run.verb), words.status(run.status), figures
    known = words.figures(*(run.summary.get(name, 0) for name in ("done", "freed", "set_aside")))
    figures = known if run.summary else "—"
    return run.id, words.moment(run.started), tables.verb(run.verb), words.status(run.status), figures


def show() -> click.Command:
    """Build the verb."""

    @click.command(help=_("Show what a run planned and what became of it (by default the latest that did something)."))
    @click.argument("run", required=False)
    @options.common
    @options.opened()
    def command(yard: Yard, *, run: str | None, as_json: bool) -> None:
        chosen = one_run(yard, run)
        path = yard.state.plan_path(chosen.id)
        if as_json:
            batches = [list(row) for row in yard.state.batches(chosen.id)]
            answer(json.dumps({"run": msgspec.structs.asdict(chosen), "plan": str(path), "batches": batches}))
            return
        ended = f"{tables.verb(chosen.verb)}  {words.status(chosen.status)}"
        say(f"{chosen.id}  {ended}  {words.moment(chosen.started)}")
        if path.exists():
            _show_plan(str(path))
        _show_outcomes(yard, chosen)
        if aside := _aside(yard, [chosen]).get(chosen.id):
            say("  " + _in_quarantine(*aside))

    return command


def one_run(yard: Yard, begins: str | None) -> Run:
    """Return the one run whose id begins so; ``None``: the latest that did something, else the latest."""
    if begins is None:
        runs = yard.state.runs(_RUNS)
        chosen = [next((each for each in runs if _did_something(yard, each)), runs[0])] if runs else []
        message = _("No run yet.")
    else:
        chosen = [each for each in yard.state.runs(100000) if each.id.startswith(begins)]
        message = _("More than one run begins so.") if chosen else _("No such run.")
    if len(chosen) != 1:
        raise ConfigurationError(
            message,
            context=begins or str(yard.state.directory),
            hint=_("dvornik history lists them."),
        )
    return chosen[0]


def _did_something(yard: Yard, run: Run) -> bool:
    """Tell whether a run changed anything or met trouble; what left no report is an undo or a purge, or broke off."""
    kept = yard.state.report(run.id)
    return not kept or tables.did_something(document.decoded(kept))


def _show_plan(path: str) -> None:
    with open(path, "rb") as file:  # noqa: PTH123 - a plan is read as a stream
        for line in plans.read(file, path, only=[Finding, Refusal]):
            if isinstance(line, Finding):
                for name in line.names:
                    say(f"  {line.rule}  {words.address(line.place, line.container, name)}")
                if not line.names:
                    say(f"  {line.rule}  {words.safe(f'{line.place}:{line.container}')} × {line.amount}")
            elif isinstance(line, Refusal):
                say("  " + _("⛔ Refused: {place}: {why}").format(place=line.place, why=words.gate(line)))


def _show_outcomes(yard: Yard, run: Run) -> None:
    total = Result(run.id, "show", ())
    for rule, place, container, _planned, done, outcome in yard.state.batches(run.id):
        figures = json.loads(outcome)
        total.total(rule).done += done or 0
        for name, reason, detail in figures.get("missed", ()):
            path = words.address(place, container, name)
            say(
                "  "
                + _("stayed: {path}: {reason}").format(path=path, reason=f"{words.reason(reason)} {detail}".strip())
            )
    for rule, amount in total.totals.items():
        say("  " + (words.undid if run.verb == "undo" else words.did)(rule, amount.done))
