# ruff: noqa: S311 - the same sites each time
"""Made-up sites of many layouts: no needed file of an unnamed family goes, and planted orphans are found.

``DVORNIK_FUZZ`` sites of each kind are tried; the long version is ``make fuzz``.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from dvornik.model import Finding
from tests.unit import layouts
from tests.unit.small_site import SmallSite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.unit.layouts import Made

pytestmark = pytest.mark.whole  # make fuzz

ROUNDS = int(os.environ.get("DVORNIK_FUZZ", "1"))
CONFIGURATION = """
[app]
kind = "declared"
[log]
path = ""
[policy]
media_grace = "0"
allow_short_grace = true
[databases.default]
url = "sqlite:///site.db"
[media.pub]
root = "media"
url = "/media/"
"""


def site_of(path: Path, uploads: Sequence[Made], orphans: Sequence[Made], sentences: Sequence[str]) -> SmallSite:
    """Make a site; of orphans there are only files."""
    site = SmallSite(path)
    (path / "dvornik.toml").write_text(CONFIGURATION)
    for made in (*uploads, *orphans):
        for file in made.files:
            site.file(f"media/{file}", body=b"x")
    site.sql("INSERT INTO article (body) VALUES (?)", *([value] for made in uploads for value in made.values))
    for sentence in sentences:
        site.sql("INSERT INTO article (body) VALUES (?)", [sentence])
    return site


def going(site: SmallSite) -> set[str]:
    """Return what a run would set aside."""
    lines = site.planned("media")
    found = [line for line in lines if isinstance(line, Finding)]
    return {f"{line.container}/{name}".lstrip("/") for line in found for name in line.names}


def uploads_of(layout: Callable[[random.Random, int], Made], draw: random.Random, count: int) -> list[Made]:
    """Make several uploads, none twice."""
    return list({made.files[0]: made for made in (layout(draw, number) for number in range(1, count + 1))}.values())


def told_of(draw: random.Random, uploads: Sequence[Made]) -> list[str]:
    """Return sentences that mention a file or two."""
    names = [made.files[-1].rpartition("/")[2] for made in draw.sample(uploads, min(2, len(uploads)))]
    forms = ("please look at {} again, it is not what I sent", 'I meant "{}" of course', "(see {}), and answer: {}.")
    return [draw.choice(forms).format(name, name) for name in names]


@pytest.mark.parametrize("seed", range(ROUNDS))
@pytest.mark.parametrize("count", [7, 20, 200])
@pytest.mark.parametrize("layout", layouts.ORDINARY, ids=lambda layout: layout.__name__)
def test_orphans_are_found_in_sites_of_ordinary_layout(
    layout: Callable[[random.Random, int], Made], count: int, seed: int, tmp_path: Path
) -> None:
    draw = random.Random(f"{layout.__name__} {count} {seed}")
    made = uploads_of(layout, draw, count)
    orphans = made[:: 6 if count < 200 else 10][:40]
    kept = [each for each in made if each not in orphans]
    gone = going(site_of(tmp_path, kept, orphans, []))
    assert not gone.intersection(file for each in kept for file in each.files)
    planted = {file for each in orphans for file in each.files}
    assert len(gone & planted) >= 0.95 * len(planted), sorted(planted - gone)


@pytest.mark.parametrize("seed", range(2 * ROUNDS))
@pytest.mark.parametrize("count", [4, 7, 30, 150])
@pytest.mark.parametrize("layout", layouts.UNNAMED, ids=lambda layout: layout.__name__)
def test_no_needed_file_of_an_unnamed_family_goes(
    layout: Callable[[random.Random, int], Made], count: int, seed: int, tmp_path: Path
) -> None:
    draw = random.Random(f"{layout.__name__} {count} {seed}")
    unnamed = uploads_of(layout, draw, count)
    ordinary = layouts.ORDINARY[seed % len(layouts.ORDINARY)]
    beside = uploads_of(ordinary, draw, count)
    site = site_of(tmp_path, [*unnamed, *beside[1:]], [], told_of(draw, unnamed))
    assert not going(site)


@pytest.mark.parametrize("seed", range(4 * ROUNDS))
def test_nothing_needed_goes_where_several_layouts_meet(seed: int, tmp_path: Path) -> None:
    draw = random.Random(f"several {seed}")
    kinds = [*draw.sample(layouts.ORDINARY, 3), *draw.sample(layouts.UNNAMED, 3)]
    uploads = [made for kind in kinds for made in uploads_of(kind, draw, draw.choice([2, 5, 25, 60]))]
    orphans = uploads_of(kinds[0], random.Random(f"orphans {seed}"), 3)
    orphans = [each for each in orphans if not {*each.files} & {file for made in uploads for file in made.files}]
    gone = going(site_of(tmp_path, uploads, orphans, told_of(draw, uploads)))
    assert gone <= {file for each in orphans for file in each.files}
