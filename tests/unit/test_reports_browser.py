"""The page of a report in a real browser: a hostile name does nothing there, and it prints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dvornik.reports import html
from tests.unit.test_reports import report

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.browser import Browser
    from tests.servers.web import Web

HOSTILE = (
    "</title></style></td><script>document.title='owned'</script>"
    "<img src='{url}/leak' onerror=\"document.title='owned'\">"
)


@pytest.mark.parametrize("guard", ["words", "policy"])
def test_a_hostile_name_runs_nothing_and_asks_nobody(browser: Browser, web: Web, tmp_path: Path, guard: str) -> None:
    """Two guards, each enough by itself: names are text, and the page forbids itself scripts and the network."""
    name = HOSTILE.replace("{url}", web.url)
    page = html.page(report(name if guard == "words" else "x"))
    if guard == "words":
        assert "Content-Security-Policy" in page
        page = page.replace("Content-Security-Policy", "X-Nothing")
    else:
        page = page.replace("<h1>", f"<h1>{name}")
    (tmp_path / "page.html").write_text(page, "utf-8")
    dom = browser.dom(tmp_path / "page.html")
    assert "<title>dvornik · " in dom
    assert "owned</title>" not in dom
    assert web.asked == []


def test_the_browser_would_run_it_if_it_were_let(browser: Browser, web: Web, tmp_path: Path) -> None:
    """Else the test above would show nothing."""
    (tmp_path / "page.html").write_text(f"<title>well</title><p>{HOSTILE.replace('{url}', web.url)}")
    assert "<title>owned</title>" in browser.dom(tmp_path / "page.html")
    assert [asked.path for asked in web.asked] == ["/leak"]


def test_every_chart_fits_a_telephone(browser: Browser, tmp_path: Path) -> None:
    measure = (
        "<script>document.title = [innerWidth, ...[...document.querySelectorAll('.plot, .bars')]"
        ".map(each => each.getBoundingClientRect().right)].map(Math.round).join(' ')</script>"
    )
    page = html.page(report()).replace("Content-Security-Policy", "X-Nothing").replace("</body>", f"{measure}</body>")
    (tmp_path / "page.html").write_text(page, "utf-8")
    found = re.search("<title>([0-9 ]+)</title>", browser.dom(tmp_path / "page.html", width=390))
    assert found
    width, *ends = map(int, found[1].split())
    assert (width <= 500, len(ends)) == (True, 4)
    assert max(ends) <= width


def test_the_page_prints(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(html.page(report()), "utf-8")
    printed = browser.print(tmp_path / "page.html", tmp_path / "page.pdf")
    assert printed.startswith(b"%PDF-")
    assert len(printed) > 10_000
