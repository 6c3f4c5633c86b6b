# ruff: noqa: S311 - the same sites each time
"""Made-up sites of applications that exist: no needed file goes, from the first upload on."""

from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.unit.applications import forums, libraries, sites
from tests.unit.small_site import SmallSite
from tests.unit.test_families_fuzz import CONFIGURATION, going

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from tests.unit.applications.upload import Row, Upload

    Layout = Callable[[random.Random, int], Upload]

ROUNDS = int(os.environ.get("DVORNIK_FUZZ", "1"))
KINDS = (forums, sites, libraries)
NAMED: list[Layout] = [layout for kind in KINDS for layout in kind.NAMED]
UNNAMED: list[Layout] = [layout for kind in KINDS for layout in kind.UNNAMED]


def uploads_of(layout: Layout, draw: random.Random, count: int) -> list[Upload]:
    """Make several uploads, none twice."""
    made = [layout(draw, number) for number in range(1, count + 1)]
    return list({each.files[0]: each for each in made}.values())


def site_of(path: Path, uploads: Sequence[Upload], orphans: Sequence[Upload] = ()) -> SmallSite:
    """Make a site; of orphans there are only files, and one file is mentioned in a sentence."""
    site = SmallSite(path)
    (path / "dvornik.toml").write_text(CONFIGURATION)
    for upload in (*uploads, *orphans):
        for file in upload.files:
            site.file(f"media/{file}", body=upload.texts.get(file, "x").encode())
    write(site, [row for upload in uploads for row in upload.rows])
    name = uploads[-1].files[0].rpartition("/")[2]
    write(site, [("notice", {"id": 1, "body": f"please look at {name} again, it is not what I sent"})])
    return site


def write(site: SmallSite, rows: Iterable[Row]) -> None:
    """Write rows, and make their tables."""
    with closing(sqlite3.connect(site.database)) as database, database:
        for table, values in rows:
            columns = ", ".join(f'"{name}"' for name in values)
            database.execute(f'CREATE TABLE IF NOT EXISTS "{table}" ({columns})')
            marks = ", ".join("?" * len(values))
            database.execute(f'INSERT INTO "{table}" ({columns}) VALUES ({marks})', [*values.values()])  # noqa: S608


@pytest.mark.parametrize("seed", range(ROUNDS))
@pytest.mark.parametrize("count", [1, 5, 30])
@pytest.mark.parametrize("layout", [*NAMED, *UNNAMED], ids=lambda layout: layout.__name__)
def test_no_file_of_an_application_goes_from_the_first_on(
    layout: Layout, count: int, seed: int, tmp_path: Path
) -> None:
    uploads = uploads_of(layout, random.Random(f"{layout.__name__} {count} {seed}"), count)
    assert not going(site_of(tmp_path, uploads))


@pytest.mark.parametrize("seed", range(ROUNDS))
@pytest.mark.parametrize("layout", UNNAMED, ids=lambda layout: layout.__name__)
def test_no_needed_file_goes_with_orphans_of_its_kind(layout: Layout, seed: int, tmp_path: Path) -> None:
    uploads = uploads_of(layout, random.Random(f"{layout.__name__} {seed}"), 330)
    orphans = uploads[10::11]
    gone = going(site_of(tmp_path, [each for each in uploads if each not in orphans], orphans))
    assert gone <= {file for each in orphans for file in each.files}


@pytest.mark.parametrize("seed", range(ROUNDS))
@pytest.mark.parametrize("layout", NAMED, ids=lambda layout: layout.__name__)
def test_orphans_of_an_application_that_names_its_files_are_found(layout: Layout, seed: int, tmp_path: Path) -> None:
    uploads = uploads_of(layout, random.Random(f"{layout.__name__} {seed}"), 330)
    orphans = uploads[10::11]
    gone = going(site_of(tmp_path, [each for each in uploads if each not in orphans], orphans))
    planted = {file for each in orphans for file in each.files}
    assert gone <= planted
    assert len(gone) >= 0.95 * len(planted), sorted(planted - gone)
