"""Every rule id that a run can write down has words in both languages, and the docs say how it is undone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dvornik import languages
from dvornik.cli.commands.undo import REVERSIBLE
from dvornik.cli.yard import STEPS
from dvornik.collectors.database import CONCERNS
from dvornik.model import Finding
from dvornik.reports import words
from dvornik.storages.local import LocalStorage
from tests.unit.small_site import DAY, SmallSite

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SPELT = re.compile(rf'"((?:{"|".join(STEPS)})/[a-z-]+)"')
BUILT = re.compile(r'f"\{self\.(_collector|name)\}/([a-z-]+)"')
OWNERS = {"name": ("temp", "logs"), "_collector": ("sessions",)}
"""Who builds an id from its own name: what claims files, and what has directories of entries and can undo."""
RUN = "20260101T000000Z-0001"


@pytest.fixture(params=["en", "ru"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    before = languages.current()
    languages.use(request.param)
    yield request.param
    languages.use(before)


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    """Return a site that has sessions in files."""
    site = SmallSite(tmp_path / "app")
    (site.path / "sessions").mkdir()
    site.configure(more='[sessions.web]\npath = "sessions"\nformat = "php"\nretention = "1d"')
    return site


def emitted() -> set[str]:
    """Return the ids that the source spells, those it builds, and those it makes of what troubles a database."""
    sources = [path.read_text() for path in (ROOT / "src/dvornik").rglob("*.py")]
    built = {(by, what) for text in sources for by, what in BUILT.findall(text)}
    return {
        *(rule for text in sources for rule in SPELT.findall(text)),
        *(f"{owner}/{what}" for by, what in built for owner in OWNERS[by]),
        *(f"database/{kind}" for kind in CONCERNS),
    }


def documented(language: str) -> dict[str, str]:
    """Return what the page of rules says of each one's undo."""
    page = (ROOT / "docs" / language / "rules.md").read_text()
    rows = re.findall(r"^\| (`.*`) \| .* \| ?(.*?) ?\|$", page, re.MULTILINE)
    return {rule: undo for rules, undo in rows for rule in re.findall("`([^`]+)`", rules)}


def set_aside(site: SmallSite, place: str, file: str) -> None:
    """Leave a file as a run does that could neither delete it nor give it back."""
    path = site.file(file, age=9 * DAY)
    storage = LocalStorage(place, str(path.parent))
    batch = storage.examine("", [path.name])
    columns = (batch.names, batch.sizes, batch.times, batch.versions)
    assert storage.discard(Finding("temp/old", place, "", *columns), RUN, keep=True).done == 1
    storage.tidy()  # lets go of the lock


def test_every_rule_has_a_name_and_words_for_what_was_done(language: str) -> None:
    rules = emitted() - {"cache/lasting-session"}  # told, never taken
    assert {"temp/return", "sessions/file-purge", "database/long-rewrite"} < rules
    assert [rule for rule in sorted(rules) if words.did(rule, 2).isascii()] == []
    assert [rule for rule in sorted(rules) if words.rule(rule) == rule] == []
    spoken = {rule for rule in rules if re.search("media|медиа", words.did(rule, 2) + words.rule(rule))}
    assert {rule.partition("/")[0] for rule in spoken} == {"media"}, language


def test_every_rule_is_documented_with_its_undo(language: str) -> None:
    told = documented(language)
    assert emitted() | {"recover"} <= told.keys()
    assert [rule for rule, undo in told.items() if not undo] == []
    undone = {rule.partition("/")[0] for rule, undo in told.items() if "dvornik undo" in undo}
    assert undone <= set(REVERSIBLE)


@pytest.mark.parametrize(
    ("place", "file"), [("tmp", "tmp/old.bin"), ("logs", "logs/old.log"), ("web", "sessions/sess_1a")]
)
@pytest.mark.parametrize(("verb", "said"), [("undo", "Brought back 1 file"), ("purge", "Emptied 1 file from")])
def test_what_undo_or_purge_did_to_a_file_is_told_and_shown(
    site: SmallSite, place: str, file: str, verb: str, said: str
) -> None:
    set_aside(site, place, file)
    for asked in ((verb, RUN, *(["--yes"] if verb == "purge" else [])), ("show",)):
        ran = site.dvornik(*asked, "--lang", "en")
        assert (ran.code, said in ran.out, "media" in ran.out) == (0, True, False), ran


def test_evidence_of_several_words_is_told_whole() -> None:
    detail = "seconds=7200.0 state=idle in transaction (aborted)"
    finding = Finding("database/transaction", "main", "", ["4711"], [0], detail=detail)
    assert "is open for 2 h (idle in transaction (aborted))" in words.concern(finding)
