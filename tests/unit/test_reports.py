"""Reports in every form: what they say, what a hostile name cannot do in them, and that the schemas hold for them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from dvornik import languages
from dvornik.model import Reason, Refusal, Trouble
from dvornik.reports import html, markdown, tables, text, words
from dvornik.reports.document import Disk, Kept, Past, Report, decoded, encoded, revived
from dvornik.reports.schemas import FILES
from dvornik.result import Failure, Result, Total
from dvornik.state import State, Weight
from tests.unit.small_site import DAY, SmallSite
from tools import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = 1_790_000_000.0
EVIL = "<script>alert('&\"')</script>|`[x](http://evil)\x1b[31m\u202e\udcff"
SCHEMAS = Path(__file__).resolve().parents[2] / "docs/schema"


@pytest.fixture(autouse=True)
def _language_of_before() -> Iterator[None]:
    before = languages.current()
    languages.use("en")
    yield
    languages.use(before)


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    return SmallSite(tmp_path / "site")


def report(name: str = "x") -> Report:
    """A report with something in every field, each text of it ``name``."""
    return Report(
        dvornik="1", run="20260101T000000Z-abcd", verb="run", dry_run=False, status="unreachable", exit_code=12,
        started=NOW, seconds=12.5, collectors=["temp", "media"], digest="d", roots={f"media/{name}": f"/{name}"},
        totals={"temp/old": Total(5, 50, 4, 40, 0, 0, 0, {"denied": 1}), "media/orphan": Total(2, 9, 2, 0, 9)},
        held=[Kept("media/orphan", Reason.REFERENCED, 50), Kept("temp/old", Reason.YOUNG, 3)], surveys=[],
        refusals=[Refusal(name, "cap-share", {"count": 5, "items": 9, "limit": 0.2}, "media")],  # type: ignore[arg-type]
        troubles=[Trouble(name, name, name, name)],
        failures=[Failure("temp/old", name, name, Reason.DENIED, "EACCES")], failed=1,
        disks=[Disk(f"/{name}", 5, 6, 10)],
        history=[
            Past(f"r{n}", "run", NOW - n * DAY, 2, "done" if n else "partial", 5, n * 10**9, 0, 0, 7) for n in (2, 1, 0)
        ],
        sizes=[Weight(NOW - n * DAY, f"media/{name}", None, 10**9 * (5 - n)) for n in (2, 1, 0)],
    )  # fmt: skip


class Reader(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_page_is_whole_and_needs_nothing_else(language: str) -> None:
    languages.use(language)
    page = html.page(report())
    reader = Reader(page)
    assert reader.open == []
    assert {"html", "style", "svg", "table", "h1"} <= {name for name, _attributes in reader.elements}
    assert {"script", "link", "img", "iframe", "object", "form", "a"} & {name for name, _ in reader.elements} == set()
    assert dict(reader.elements)["html"] == {"lang": language}
    assert "url(" not in page
    assert "@import" not in page


def test_every_chart_says_in_words_what_it_shows_and_has_its_table() -> None:
    page = html.page(report())
    charts = re.findall(r'<svg [^>]*role="img"[^>]*><title>[^<]+</title><desc>[^<]+</desc>', page)
    assert len(charts) == len(re.findall("<svg ", page)) == 2
    assert re.findall(r'<ul class="bars" aria-label="([^"]+)"', page) == [
        "What was kept, and why",
        "Sizes by place now",
    ]
    told = {table.title for table in tables.tables(report())}
    assert {"Sizes by place", "Earlier runs"} <= told


def test_the_page_says_once_what_was_kept_and_why() -> None:
    assert html.page(report()).count(">What was kept, and why<") == 1
    assert "What was kept, and why" in {table.title for table in tables.tables(report())}


def test_runs_that_freed_nothing_make_no_chart() -> None:
    told = report()
    idle = msgspec.structs.replace(told, history=[msgspec.structs.replace(each, freed=0) for each in told.history])
    assert "Freed over time" in html.page(told)
    assert "Freed over time" not in html.page(idle)


def test_a_hostile_name_stays_text_on_the_page() -> None:
    reader = Reader(html.page(report(EVIL)))
    usual = Reader(html.page(report()))
    assert [name for name, _ in reader.elements] == [name for name, _ in usual.elements]
    assert {key for _, attributes in reader.elements for key in attributes} == {
        key for _, attributes in usual.elements for key in attributes
    }
    assert "<script>alert('&\"')</script>" in reader.text
    assert not re.search("[\x1b\u202e\ud800-\udfff]", reader.text)


def test_a_hostile_name_stays_text_in_markdown() -> None:
    text = "\n".join(markdown.lines(report(EVIL)))
    assert "<script" not in text
    assert "[x](" not in text
    assert "://" not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    bars = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
    assert bars == {3, 4, 5, 6, 7, 9}, "a cell broke out of its column"


def test_what_went_wrong_comes_before_what_went_well() -> None:
    page = html.page(report())
    assert page.index("What went wrong") < page.index("Freed over time") < page.index("What was done")


def test_a_report_survives_the_record_and_tells_the_same_again() -> None:
    kept = decoded(encoded(report(EVIL)))
    assert json.loads(encoded(kept)) == json.loads(encoded(report(EVIL)))
    result = revived(kept)
    assert (result.status, result.exit_code, result.failed) == ("unreachable", 12, 1)


def test_the_first_run_has_a_report_though_no_trend(site: SmallSite) -> None:
    site.file("tmp/old", age=3 * DAY)
    assert site.dvornik("report").code == 2
    assert site.dvornik("run").code == 0
    for form in ("text", "markdown", "html", "json"):
        ran = site.dvornik("report", "--format", form)
        assert ran.code == 0, ran.err
        assert ran.out.strip()


def test_the_name_of_the_file_says_the_format(site: SmallSite) -> None:
    site.dvornik("run")
    for name, start in (("r.html", "<!doctype html>"), ("r.md", "# "), ("r.json", "{"), ("r.txt", "Cleanup of")):
        assert site.dvornik("report", "-o", name, "--lang", "en").code == 0
        assert (site.path / name).read_text().startswith(start)
    ran = site.dvornik("report", "-o", "nowhere/r.html")
    assert (ran.code, "nowhere" in ran.err) == (2, True)


@pytest.mark.parametrize("asked", [("report", "-o"), ("run", "--report")])
def test_a_format_that_there_is_not_is_refused_before_anything_is_done(site: SmallSite, asked: tuple[str, str]) -> None:
    assert site.dvornik("run").code == 0
    before = len(site.dvornik("history", "--json").document)
    ran = site.dvornik(*asked, str(site.path / "report.pdf"), "--lang", "en")
    assert (ran.code, ".html" in ran.err, (site.path / "report.pdf").exists()) == (2, True, False)
    assert len(site.dvornik("history", "--json").document) == before


def test_every_rule_has_a_name_of_its_own() -> None:
    rules = {*words._DELETED, *words._PLANNED, *words._CONCERNS}
    assert [rule for rule in sorted(rules) if words.rule(rule) == rule] == []


def test_a_run_writes_its_report_where_it_is_told(site: SmallSite) -> None:
    name = "<b>old & 'odd'"
    site.file(f"tmp/{name}/x", age=3 * DAY)
    refused = site.dvornik("run", "--report", "nowhere/last.html")
    assert (refused.code, site.files("tmp")) == (2, {f"{name}/x"})
    assert site.dvornik("run", "--report", "last.html").code == 0
    assert Reader((site.path / "last.html").read_text()).open == []


def test_an_earlier_run_is_reported_by_its_id(site: SmallSite) -> None:
    for age in (3, 4):
        site.file("tmp/old", age=age * DAY)
        site.dvornik("run")
    state = State(str(site.state))
    first = state.runs()[-1].id
    assert json.loads(site.dvornik("report", "--run", first, "--format", "json").out)["run"] == first
    assert site.dvornik("report", "--run", "nonsense").code == 2


def check(schema: str, file: Path) -> str:
    """Validate a file against a published schema, by a program of others; return its complaint."""
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(SCHEMAS / FILES[schema]), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("name", FILES)
def test_the_published_schemas_are_those_of_the_program(name: str) -> None:
    assert (SCHEMAS / FILES[name]).read_text() == schemas.text(name), "run: make reference"


def test_what_the_command_prints_as_json_fits_its_schema(site: SmallSite) -> None:
    site.photos("a.jpg")
    site.orphans(2)
    site.file("tmp/old", age=3 * DAY)
    for number, asked in enumerate((["run", "--dry-run"], ["run"], ["report"], ["undo"])):
        file = site.path / f"{number}.json"
        file.write_text(site.dvornik(*asked, "--json").out)
        assert check("report", file) == ""


def test_every_line_of_a_plan_fits_its_schema(site: SmallSite) -> None:
    site.photos("a.jpg")
    site.orphans(2)
    assert site.dvornik("plan", "-o", "plan.jsonl").code == 0
    for number, line in enumerate((site.path / "plan.jsonl").read_text().splitlines()):
        file = site.path / f"{number}.json"
        file.write_text(line)
    assert check("plan", site.path / "0.json") == ""
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(SCHEMAS / FILES["plan"])]
    subprocess.run([*command, *map(str, site.path.glob("*.json"))], check=True, stdout=subprocess.DEVNULL)


def test_the_written_configuration_fits_its_schema_and_a_mistake_does_not(site: SmallSite) -> None:
    written = site.path / "new.toml"
    written.write_text(site.dvornik("init", "-o", "-").out)
    assert tomllib.loads(written.read_text())
    assert check("config", written) == ""
    written.write_text('[temp]\nolder_then = "1d"\nolder_than = "a while"\n')
    complaint = check("config", written)
    assert "older_then" in complaint
    assert "older_than" in complaint


def test_the_sample_names_the_schema_where_it_lies_beside_it(site: SmallSite) -> None:
    assert "dvornik schema config" in site.dvornik("init", "-o", "-").out.splitlines()[0]
    (site.path / FILES["config"]).write_text(site.dvornik("schema", "config").out)
    assert site.dvornik("init", "-o", "-").out.splitlines()[0] == "#:schema ./dvornik.schema.json"


def test_a_schema_is_printed_where_there_is_no_application(tmp_path: Path) -> None:
    code = "from dvornik.cli.entry import dvornik; dvornik()"
    done = subprocess.run([sys.executable, "-c", code, "schema", "plan"], cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(done.stdout)["title"] == "a line of a dvornik plan"
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - nothing was made, whatever its name


def test_the_cause_of_a_trouble_comes_before_the_words_of_a_driver() -> None:
    result = Result("20261122T020005Z-1251", "run", ("media",))
    result.troubles.append(Trouble("media", "the database cannot be reached", context="default: connection failed: x"))
    result.troubles.append(Trouble("media", "it cannot be read", context="/srv/a: b"))
    first, second, *_rest = text.trouble(result)
    assert first == "❌ default: the database cannot be reached (connection failed: x)"
    assert second == "❌ /srv/a: b: it cannot be read"
