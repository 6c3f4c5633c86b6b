"""Tells a report as Markdown: for a wiki, a chat, an issue. Names from files cannot become markup in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dvornik.reports import tables, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dvornik.reports.document import Report
    from dvornik.reports.tables import Table

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]#|~$])")


def lines(report: Report) -> Iterator[str]:
    """Yield the lines of it."""
    yield f"# {plain(tables.heading(report))}"
    yield ""
    yield f"{plain(tables.status(report))} · `{words.safe(report.run).replace('`', '')}`"
    yield ""
    for name, figure in tables.summary(report):
        yield f"- {plain(name)}: **{plain(figure)}**"
    for table in tables.tables(report):
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield ""
    yield f"## {plain(table.title)}"
    yield ""
    yield _row(table.head)
    yield "|" + "|".join("---:" if number in table.figures else "---" for number in range(len(table.head))) + "|"
    for row in table.rows:
        yield _row(row)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(plain, cells)) + " |"


def plain(text: str) -> str:
    """Return text that every renderer shows as it is: markup of Markdown, of HTML, mentions and addresses too."""
    harmless = words.safe(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # Renderers link addresses and tell people who are mentioned, escaped or not.
    return _SPECIAL.sub(r"\\\1", harmless).replace("@", "&#64;").replace("://", "&#58;//")
