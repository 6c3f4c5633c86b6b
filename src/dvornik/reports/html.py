"""Tells a report as one HTML file that needs nothing else: charts, then the tables they stand for.

It is read in a browser, printed, sent by e-mail. No script, nothing from the network: the page forbids both to itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from dvornik import __version__
from dvornik.languages import _, current
from dvornik.reports import charts, tables, words
from dvornik.reports.charts import Mark, Series
from dvornik.reports.markup import Markup, element, join

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dvornik.reports.document import Report
    from dvornik.reports.tables import Table

_STYLE: Final = Path(__file__).with_name("report.css")
_NOTHING: Final = "default-src 'none'; style-src 'unsafe-inline'"
_GOOD: Final = frozenset({"done", "running"})
_FEW: Final = 2
"""Runs or measurements from which a development over time can be drawn."""
_SHORT: Final = 16
"""Characters up to which a cell is not broken: a moment, a word or two."""
_LONG: Final = 30
"""Characters from which a cell may be broken anywhere: such are paths, not words."""


def page(report: Report) -> str:
    """Return the file's text."""
    title = tables.heading(report)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_NOTHING),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"dvornik · {title}"),
        element("style", Markup(_STYLE.read_text("utf-8"))),
    )
    charted = [section for section in (_freed(report), _kept(report), _sizes(report), _now(report)) if section]
    told = [_table(table) for table in tables.tables(report, charted=True)]
    urgent = 1 if tables.is_troubled(report) else 0  # before any chart: that is what somebody has to do something about
    main = element("main", *told[:urgent], *charted, *told[urgent:])
    body = element("body", _banner(report, title), main, _footer(report))
    return "<!doctype html>\n" + element("html", head, body, lang=current()) + "\n"


def _banner(report: Report, title: str) -> Markup:
    tone = "good" if report.status in _GOOD else "bad"
    tiles = [
        element("div", element("dt", name), element("dd", figure), class_="tile")
        for name, figure in tables.summary(report)
    ]
    badge = element("p", element("span", tables.status(report), class_=f"badge {tone}"), class_="status")
    return element("header", element("h1", title), badge, element("dl", *tiles, class_="tiles"))


def _footer(report: Report) -> Markup:
    return element("footer", _("Run {run}, dvornik {version}").format(run=report.run, version=__version__))


def _section(title: str, note: str, *children: Markup) -> Markup:
    return element("section", element("h2", title), element("p", note, class_="note"), *children)


def _freed(report: Report) -> Markup | None:
    past = [each for each in report.history if each.verb in {"run", "purge"}]
    if len(past) < _FEW or not any(each.freed for each in past):
        return None
    title = _("Freed over time")
    marks = [
        Mark(f"{words.moment(each.started)}, {words.status(each.status)}", each.freed,
             "series-1" if each.status in _GOOD else "trouble")
        for each in past
    ]  # fmt: skip
    labelled = [Mark(tables.day(each.started), mark.value, mark.tone) for each, mark in zip(past, marks, strict=True)]
    note = _("One column is one run; the other colour marks runs with errors.")
    return _section(title, note, charts.columns(title, labelled, _size))


def _kept(report: Report) -> Markup | None:
    reasons = tables.reasons(report)
    if not reasons:
        return None
    title = _("What was kept, and why")
    marks = [Mark(reason, count, "series-2") for reason, count in reasons]
    return _section(
        title, _("Items that were seen and stay."), charts.bars(title, marks, lambda n: words.number(round(n)))
    )


def _sizes(report: Report) -> Markup | None:
    series = [Series(words.safe(place), points) for place, points in tables.sizes(report).items()]
    if not series or max(len(each.points) for each in series) < _FEW:
        return None
    title = _("Sizes over time")
    return _section(title, _("The largest places, as runs measured them."), charts.lines(
        title, series, _size, tables.day))  # fmt: skip


def _now(report: Report) -> Markup | None:
    places = tables.sizes(report)
    if not places:
        return None
    title = _("Sizes by place now")
    marks = [Mark(words.safe(place), points[-1][1], "series-3") for place, points in places.items()]
    return _section(title, _("What the files of each place take on the disk."), charts.bars(title, marks, _size))


def _size(value: float) -> str:
    return words.size(round(value))


def _table(table: Table) -> Markup:
    head = element("tr", *_cells("th", table.head, table, scope="col"))
    rows = [element("tr", *_cells("td", row, table)) for row in table.rows]
    whole = element("table", element("thead", head), element("tbody", *rows))
    # A table wider than a telephone scrolls by itself; the keyboard must reach it then.
    frame = element("div", whole, class_="frame", tabindex=0, role="region", aria_label=table.title)
    return element("section", element("h2", table.title), frame)


def _cells(name: str, cells: Sequence[str], table: Table, **attributes: object) -> Iterator[Markup]:
    for number, cell in enumerate(cells):
        kind = "figure" if number in table.figures else "long" if len(cell) > _LONG else None
        if kind is None and len(cell) <= _SHORT:
            kind = "short"
        yield element(name, join(cell), class_=kind, **attributes)
