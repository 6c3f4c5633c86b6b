"""A report as tables of words: what Markdown and HTML both show, in the current language."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from dvornik.languages import _, current
from dvornik.model import Gate
from dvornik.reports import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dvornik.reports.document import Report

_MOST: Final = 50


class Table(msgspec.Struct, frozen=True):
    """A heading, the columns' names, and rows of as many cells; ``figures`` are columns to be set to the right."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    figures: Sequence[int] = ()


def heading(report: Report) -> str:
    """Return the title of the whole."""
    return _("Cleanup of {moment}").format(moment=words.moment(report.started))


def status(report: Report) -> str:
    """Say in a word or two how it ended."""
    return {
        "partial": _("done, some items failed"),
        "refused": _("partly refused"),
        "unreachable": _("partly not possible"),
    }.get(report.status, words.status(report.status))


def verb(name: str) -> str:
    """Name what kind of run it was."""
    return {"run": _("cleanup"), "undo": _("undo"), "purge": _("purge"), "plan": _("dry run")}.get(name, name)


def summary(report: Report) -> list[tuple[str, str]]:
    """Return the figures that come first, each with its name."""
    totals = report.totals.values()
    return [
        (_("Freed"), words.size(sum(total.freed for total in totals))),
        (_("Set aside"), words.size(max(0, sum(total.set_aside for total in totals)))),
        (_("Removed"), words.number(sum(total.done for rule, total in report.totals.items() if _removes(rule)))),
        (_("Kept"), words.number(sum(each.count for each in report.held))),
        (_("Failed"), words.number(report.failed)),
        (_("Took"), words.hours(report.seconds)),
    ]


def tables(report: Report, *, charted: bool = False) -> Iterator[Table]:
    """Yield the tables that have anything to say; ``charted``: a chart has said what was kept, and why."""
    kept = () if charted else (_kept(report),)
    for table in (
        _wrong(report), _steps(report), _caches(report), *kept, _unfamiliar(report), _places(report), _disks(report),
        _history(report),
    ):  # fmt: skip
        if table.rows:
            yield table


def is_troubled(report: Report) -> bool:
    """Tell whether the first table is that of what went wrong."""
    return bool(_wrong(report).rows)


def did_something(report: Report) -> bool:
    """Tell whether the run changed anything, or met something that its operator should know."""
    told = [total.done for rule, total in report.totals.items() if not rule.startswith("database/")]
    return bool(any(told) or report.troubles or report.refusals or report.failed)


def reasons(report: Report) -> list[tuple[str, int]]:
    """Return how many items stay for which reason, the commonest first."""
    counts: Counter[str] = Counter()
    for each in report.held:
        counts[words.kept(each.rule, each.reason)] += each.count
    return counts.most_common()


def sizes(report: Report) -> dict[str, list[tuple[float, int]]]:
    """Return each place's sizes over time, the largest place first."""
    found: dict[str, list[tuple[float, int]]] = {}
    for weight in report.sizes:
        if weight.directory is None:
            found.setdefault(weight.place, []).append((weight.taken, weight.size))
    return dict(sorted(found.items(), key=lambda item: -item[1][-1][1]))


def _removes(rule: str) -> bool:
    """Tell whether a rule takes something away: optimising does not, nor does giving back."""
    return not rule.startswith("database/") and not rule.endswith(("/return", "/file-return"))


def _steps(report: Report) -> Table:
    rows = [
        [
            words.rule(rule), words.number(total.found), words.number(total.done), words.size(total.freed),
            words.size(max(0, total.set_aside)), words.number(sum(total.missed.values())),
        ]
        for rule, total in report.totals.items()
        if total.found or total.done
    ]  # fmt: skip
    head = [_("What"), _("Found"), _("Done"), _("Freed"), _("Set aside"), _("Stayed")]
    return Table(_("What was done"), head, rows, range(1, 6))


def _caches(report: Report) -> Table:
    before = {survey.place: survey.size for survey in report.surveys if survey.kind == "cache"}
    rows = [
        [
            words.safe(place),
            str(total.found),
            str(total.done),
            words.size(before.get(place, 0)),
            words.size(total.freed),
        ]
        for place, total in report.caches.items()
    ]
    return Table(_("Caches"), [_("Cache"), _("Found"), _("Done"), _("Size"), _("Freed")], rows, range(1, 5))


def _unfamiliar(report: Report) -> Table:
    rows = [
        [words.address(each.place, "", each.shape), words.number(each.files), words.size(each.size)]
        for each in report.unfamiliar
    ]
    title = _("Families that wait for your word: dvornik families keep SHAPE, or debris SHAPE")
    return Table(title, [_("Shape"), _("Files"), _("Size")], rows, [1, 2])


def _kept(report: Report) -> Table:
    rows = [[reason, words.number(count)] for reason, count in reasons(report)]
    return Table(_("What was kept, and why"), [_("Reason"), _("Items")], rows, [1])


def _wrong(report: Report) -> Table:
    # A message may quote what a server said.
    rows = [list(map(words.safe, (each.context or each.place, each.message, each.hint))) for each in report.troubles]
    rows += [
        [
            words.safe(each.place or each.collector or ", ".join(each.rules)),
            (_("allowed: {why}") if each.allowed else _("refused: {why}")).format(why=words.gate(each)),
            "" if each.allowed else f"--allow {each.gate}",
        ]
        for each in report.refusals
        if each.gate is not Gate.UNREACHABLE
    ]
    rows += [
        [words.address(each.place, "", each.path), words.reason(each.reason), words.safe(each.detail)]
        for each in report.failures[:_MOST]
    ]
    return Table(_("What went wrong"), [_("Where"), _("What"), _("Remedy or detail")], rows)


def _places(report: Report) -> Table:
    grown = sizes(report)
    rows = []
    for place, points in grown.items():
        change = points[-1][1] - points[0][1]
        sign = "+" if change > 0 else "−" if change < 0 else ""
        root = words.safe(report.roots.get(place, ""))
        rows.append([words.safe(place), root, words.size(points[-1][1]), sign + words.size(abs(change)),
                     words.moment(points[0][0])])  # fmt: skip
    head = [_("Place"), _("Directory"), _("Size"), _("Change"), _("Since")]
    return Table(_("Sizes by place"), head, rows, [2, 3])


def _disks(report: Report) -> Table:
    rows = [
        [words.safe(disk.root), words.size(disk.before), words.size(disk.after), words.size(disk.total)]
        for disk in report.disks
    ]
    return Table(_("Disks"), [_("Disk of"), _("Free before"), _("Free after"), _("Total")], rows, [1, 2, 3])


def _history(report: Report) -> Table:
    rows = [
        [
            words.moment(past.started), verb(past.verb), words.status(past.status), words.number(past.done),
            words.size(past.freed), words.size(max(0, past.set_aside)), words.number(past.failed),
            words.hours(past.seconds),
        ]
        for past in reversed(report.history)
    ]  # fmt: skip
    head = [_("When"), _("What"), _("Ended"), _("Items"), _("Freed"), _("Set aside"), _("Failed"), _("Took")]
    return Table(_("Earlier runs"), head, rows, range(3, 8))


def day(seconds: float) -> str:
    """Say a date briefly."""
    return time.strftime("%d.%m.%y" if current() == "ru" else "%Y-%m-%d", time.localtime(seconds))
